#include "base/cause.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <stdio.h>

static void print_line(const json_t *c, const char *name)
{
	show(stdout, "%-24s %12s  %s / %s  %s %lld  %s %s\n", name,
	     text_percent(json_number_value(json_object_get(c, "completeness"))),
	     text_duration(json_number_value(json_object_get(c, "covered_s"))),
	     text_duration(json_number_value(json_object_get(c, "obliged_s"))), lang("缺失", "gaps"),
	     (long long)json_integer_value(json_object_get(c, "gaps")), lang("最长", "longest"),
	     text_duration(json_number_value(json_object_get(c, "longest_gap_s"))));
}

static void print_coverage(const json_t *answer)
{
	json_t *row;
	size_t i;

	show(stdout, "%s – %s\n", text_time(answer, "from"), text_time(answer, "to"));
	json_array_foreach(json_object_get(answer, "cameras"), i, row)
		print_line(row, text_of(row, "id"));
	json_array_foreach(json_object_get(answer, "areas"), i, row)
		print_line(row, text_of(row, "id"));
	print_line(answer, lang("合计", "all"));
}

int command_coverage(const struct options *o)
{
	json_t *query = text_window(o), *answer = NULL;

	if (o->area)
		json_object_set_new(query, "area", json_string(o->area));
	int rc = client_call(o, "GET", "/coverage", query, NULL, &answer);
	if (rc == CLI_YES) {
		if (o->json)
			text_json(answer);
		else
			print_coverage(answer);
		rc = json_integer_value(json_object_get(answer, "gaps")) > 0 ? CLI_NO : CLI_YES;
	}
	json_decref(query);
	json_decref(answer);
	return rc;
}

static void print_gap(const json_t *gap)
{
	enum gap_cause cause;
	const char *name = text_of(gap, "cause"), *end = text_of(gap, "end");

	show(stdout, "%6lld  %-20s %s – %-29s  %s%s%s\n", (long long)json_integer_value(json_object_get(gap, "id")),
	     text_of(gap, "camera"), text_time(gap, "start"),
	     *end ? text_time(gap, "end") : lang("仍在继续", "still open"),
	     gap_cause_parse(name, &cause) == 0 ? gap_cause_text(cause) : name,
	     *text_of(gap, "explanation") ? " · " : "", text_of(gap, "explanation"));
}

int command_gaps(const struct options *o)
{
	json_t *query = text_window(o), *gaps = NULL, *gap;
	size_t i;

	if (o->open)
		json_object_set_new(query, "open", json_string("true"));
	int rc = client_list(o, "/gaps", query, "gaps", &gaps);
	if (rc == CLI_YES && o->json)
		text_json(gaps);
	if (rc == CLI_YES && !o->json)
		json_array_foreach(gaps, i, gap)
			print_gap(gap);
	if (rc == CLI_YES)
		rc = json_array_size(gaps) > 0 ? CLI_NO : CLI_YES;
	json_decref(query);
	json_decref(gaps);
	return rc;
}
