#include "api/live.h"

#include <string.h>

static const char *text(const json_t *told, const char *key)
{
	return json_string_value(json_object_get(told, key));
}

static void of_gap(const struct catalog_camera *row, struct live *out)
{
	out->state = "down";
	out->cause = row->gap_cause;
	out->gap = row->gap;
	out->since = row->gap_start;
	out->has_since = true;
}

bool live_is_heard(const struct api *a)
{
	return a->live_heard.us > 0 && clock_mono(a->deps.clock).us - a->live_heard.us <= LIVE_AGE_US;
}

void live_of(const struct api *a, const struct catalog_camera *row, struct live *out)
{
	const json_t *told = live_is_heard(a) ? json_object_get(a->live, row->id) : NULL;
	const char *why, *since = text(told, "since");

	*out = (struct live){.state = row->retired ? "retired" : "unknown", .told = row->retired ? NULL : told};
	if (row->gap) {
		of_gap(row, out);
	} else if (out->told && text(told, "state")) {
		out->state = text(told, "state");
		out->cause = text(told, "cause");
		out->has_since = since && wall_parse(since, &out->since, &why) == 0;
	}
}

bool live_is_recording(const struct live *l)
{
	return strcmp(l->state, "recording") == 0;
}

/* What only a camera that is recorded has. */
static const char *const of_recording[] = {"fps", "bitrate_bps"};

void live_add(const struct live *l, json_t *o)
{
	json_object_set_new(o, "state", json_string(l->state));
	if (l->has_since)
		json_object_set_new(o, "since", json_time(l->since));
	if (l->cause)
		json_object_set_new(o, "cause", json_string(l->cause));
	if (l->gap)
		json_object_set_new(o, "gap", json_integer(l->gap));
	if (l->told)
		json_object_update_missing(o, (json_t *)l->told);
	for (size_t i = 0; !live_is_recording(l) && i < sizeof of_recording / sizeof *of_recording; i++)
		json_object_del(o, of_recording[i]);
}
