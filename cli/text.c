#include "cli/text.h"

#include "base/clock.h"
#include "cli/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS 4

static char *slot(void)
{
	static char slots[SLOTS][WALL_TEXT_MAX];
	static unsigned next;

	return slots[next++ % SLOTS];
}

const char *text_of(const json_t *object, const char *key)
{
	const char *v = json_string_value(json_object_get(object, key));

	return v ? v : "";
}

const char *text_time(const json_t *object, const char *key)
{
	struct wall at;

	if (wall_parse(text_of(object, key), &at, NULL) < 0)
		return "-";
	return wall_format_local(at, slot());
}

const char *text_duration(double seconds)
{
	char *out = slot();

	if (seconds < 60)
		snprintf(out, WALL_TEXT_MAX, "%.1f s", seconds);
	else if (seconds < 3600)
		snprintf(out, WALL_TEXT_MAX, "%d min %02d s", (int)seconds / 60, (int)seconds % 60);
	else
		snprintf(out, WALL_TEXT_MAX, "%d h %02d min", (int)(seconds / 3600), (int)seconds / 60 % 60);
	return out;
}

const char *text_percent(double part)
{
	char *out = slot();

	if (part >= 1)
		snprintf(out, WALL_TEXT_MAX, "100 %%");
	else
		snprintf(out, WALL_TEXT_MAX, "%.4f %%", floor(part * 1e6) / 1e4);
	return out;
}

void text_json(const json_t *answer)
{
	char *text = json_dumps(answer, JSON_INDENT(2) | JSON_ENCODE_ANY);

	puts(text);
	free(text);
}

json_t *text_window(const struct options *o)
{
	struct wall now = clock_wall(clock_real()), day_ago = {now.us - US_PER_DAY};
	char a[WALL_TEXT_MAX], b[WALL_TEXT_MAX];
	json_t *q = json_pack("{s:s, s:s}", "from", o->from ? o->from : wall_format(day_ago, a), "to",
			      o->to ? o->to : wall_format(now, b));

	if (o->camera)
		json_object_set_new(q, "camera", json_string(o->camera));
	return q;
}
