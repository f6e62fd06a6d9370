#include "conf/rule.h"

#include "base/buf.h"
#include "conf/raw.h"
#include "conf/units.h"

#include <errno.h>
#include <stdlib.h>

#define FLOOR_MAX_DAYS 3650

static const char *const kinds[] = {
	[AREA_LIVING] = "living",     [AREA_ACTIVITY] = "activity", [AREA_ENTRANCE] = "entrance",
	[AREA_CORRIDOR] = "corridor", [AREA_OUTDOOR] = "outdoor",   [AREA_PRIVATE] = "private",
};

const char *area_kind_name(enum area_kind k)
{
	return kinds[k];
}

int area_kind_parse(const char *name, enum area_kind *out)
{
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i], name) == 0) {
			*out = (enum area_kind)i;
			return 0;
		}
	return -EINVAL;
}

size_t rule_ids(const char *ids[RULE_PACKS_MAX])
{
	size_t count = 0;

	for (; count < rule_pack_count && count < RULE_PACKS_MAX; count++)
		ids[count] = rule_packs[count].id;
	return count;
}

static void check_floor(const struct raw_rule *raw, const struct shape *shape,
                        struct conf_rule *out, struct conf_report *report)
{
	int rc = units_count(raw->floor_days, &out->floor_days);

	if (shape_is_bad(shape, "floor_days"))
		return;
	if (rc < 0 || out->floor_days < 1 || out->floor_days > FLOOR_MAX_DAYS)
		report_add(report, false, shape_line(shape, "floor_days"), "floor_days",
		           "应为 1 至 %d 之间的天数", "must be a number of days from 1 to %d",
		           FLOOR_MAX_DAYS);
}

static void check_kinds(const struct raw_rule *raw, const struct shape *shape,
                        struct conf_rule *out, struct conf_report *report)
{
	out->must_cover = xcalloc(raw->must_cover_count, sizeof *out->must_cover);
	out->must_cover_count = raw->must_cover_count;
	for (unsigned i = 0; i < raw->must_cover_count; i++) {
		char key[32];
		snprintf(key, sizeof key, "must_cover[%u]", i);
		bool known = area_kind_parse(raw->must_cover[i], &out->must_cover[i]) == 0;
		if ((!known || out->must_cover[i] == AREA_PRIVATE) && !shape_is_bad(shape, key))
			report_add(report, false, shape_line(shape, key), key,
			           "不是可覆盖的区域类型：请写 %s 之一（private 除外）",
			           "is no kind of area to be covered: write one of %s, but not "
			           "private",
			           AREA_KINDS_TEXT);
	}
}

int rule_parse(const char *yaml, size_t len, struct conf_rule *out, struct conf_report *report)
{
	struct shape shape = {0};
	void *data;

	*out = (struct conf_rule){0};
	if (raw_load(yaml, len, &schema_rule, &data, &shape, report) == 0) {
		const struct raw_rule *raw = data;
		check_floor(raw, &shape, out, report);
		check_kinds(raw, &shape, out, report);
		out->id = xstrdup(raw->id);
		out->title = xstrdup(raw->title);
		out->article = xstrdup(raw->article);
		out->private_article = xstrdup(raw->private_article);
		out->source = xstrdup(raw->source);
		raw_free(&schema_rule, data);
	}
	shape_finish(&shape);
	if (!report_has_error(report))
		return 0;
	rule_finish(out);
	return -EINVAL;
}

int rule_load(const char *id, struct conf_rule *out, struct conf_report *report)
{
	*out = (struct conf_rule){0};
	for (unsigned i = 0; i < rule_pack_count; i++) {
		if (strcmp(rule_packs[i].id, id) != 0)
			continue;
		return rule_parse(rule_packs[i].text, strlen(rule_packs[i].text), out, report);
	}
	return -ENOENT;
}

bool rule_must_cover(const struct conf_rule *r, enum area_kind kind)
{
	for (unsigned i = 0; i < r->must_cover_count; i++)
		if (r->must_cover[i] == kind)
			return true;
	return false;
}

void rule_finish(struct conf_rule *r)
{
	free(r->id);
	free(r->title);
	free(r->article);
	free(r->private_article);
	free(r->source);
	free(r->must_cover);
	*r = (struct conf_rule){0};
}
