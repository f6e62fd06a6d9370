#include "cli/discover.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "base/text.h"
#include "cli/camera_id.h"

#include <stdlib.h>
#include <string.h>

/* A double-quoted scalar: what comes from a camera is never plain text in a configuration. What cannot be shown is escaped, as YAML
 * reads it. */
static void put_quoted(const char *text, FILE *to)
{
	const char *end = text + strlen(text);
	char shown[TEXT_SHOWN_MAX];

	fputc('"', to);
	while (text < end) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fwrite(shown, 1, text_show(&text, end, shown), to);
	}
	fputc('"', to);
}

static void put_text(const char *key, const char *text, FILE *to)
{
	show(to, "    %s: ", key);
	put_quoted(text, to);
	fputc('\n', to);
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	return a[0] ? a : b[0] ? b : c;
}

static void put_name(const struct onvif_device *d, unsigned lens, FILE *to)
{
	char name[NAME_MAX_CHARS + 1], number[12] = "";

	if (lens > 1)
		snprintf(number, sizeof number, " %u", lens);
	snprintf(name, sizeof name, "%s", first_of(d->name.text, d->hardware.text, first_of(d->model.text, "camera", "")));
	text_cut(name, sizeof name - strlen(number));
	strcat(name, number);
	put_text("name", name, to);
}

static void put_camera(const struct onvif_device *d, const struct onvif_profile *p, unsigned lens, const char *id,
		       const struct discover_entry *e, FILE *to)
{
	show(to, "  - id: %s\n", id);
	put_name(d, lens, to);
	show(to, "    area: %s", e->area ? e->area : "choose-an-area");
	if (!e->area)
		show(to, "   # %s", lang("请改为 areas 中的编号；私密区域禁止安装", "an id of areas; never a private one"));
	fputc('\n', to);
	put_text("url", p->uri, to);
	if (e->username) {
		put_text("username", e->username, to);
		put_text("password_file", e->password_file ? e->password_file : "camera.password", to);
	}
	show(to, "    transport: tcp\n");
}

struct ids { char (*all)[ID_MAX_CHARS + 1]; unsigned count; };

static void put_device(const struct onvif_device *d, struct ids *ids, const struct discover_entry *e, FILE *to)
{
	const char *const names[] = {d->name.text, d->hardware.text, d->model.text};
	unsigned lens = 0;

	for (unsigned i = 0; i < d->profile_count; i++) {
		if (!onvif_device_is_best(d, i))
			continue;
		camera_id_make(names, 3, ids->all, ids->count, ids->all[ids->count]);
		put_camera(d, &d->profiles[i], ++lens, ids->all[ids->count], e, to);
		ids->count++;
	}
}

void discover_yaml(const struct onvif_device *all, unsigned count, const struct discover_entry *e, FILE *to)
{
	unsigned most = 1;

	for (unsigned i = 0; i < count; i++)
		most += all[i].profile_count;
	struct ids ids = {xcalloc(most, sizeof *ids.all), 0};
	show(to, "cameras:\n");
	for (unsigned i = 0; i < count; i++) {
		discover_print(&all[i], to);
		put_device(&all[i], &ids, e, to);
	}
	if (ids.count == 0)
		show(to, "  []\n");
	free(ids.all);
}
