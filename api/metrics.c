/* GET /metrics: Prometheus text format 0.0.4. */
#include "live.h"
#include "router.h"

#include <string.h>

struct sheet { struct buf out; struct api *api; struct catalog *cat; bool ready; };

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Camera ids are plain (conf/), but a label is quoted text all the same. */
static void label(struct buf *b, const char *name, const char *key, const char *value)
{
	buf_printf(b, "%s{%s=\"", name, key);
	for (; *value; value++)
		if (*value == '"' || *value == '\\' || *value == '\n')
			buf_add_text(b, "_");
		else
			buf_add(b, value, 1);
	buf_add_text(b, "\"} ");
}

static int on_up(void *arg, const struct catalog_camera *row)
{
	struct sheet *s = arg;
	struct live live;

	live_of(s->api, row, &live);
	label(&s->out, "holdfast_camera_recording", "camera", row->id);
	buf_printf(&s->out, "%d\n", live_is_recording(&live));
	return 0;
}

static int on_bytes(void *arg, const struct catalog_camera *row)
{
	struct sheet *s = arg;

	label(&s->out, "holdfast_camera_bytes", "camera", row->id);
	buf_printf(&s->out, "%llu\n", (unsigned long long)row->bytes);
	return 0;
}

static int on_stored_bytes(void *arg, const struct catalog_camera *row)
{
	struct sheet *s = arg;

	label(&s->out, "holdfast_camera_stored_bytes", "camera", row->id);
	buf_printf(&s->out, "%llu\n", (unsigned long long)row->stored_bytes);
	return 0;
}

static int on_oldest(void *arg, const struct catalog_camera *row)
{
	struct sheet *s = arg;

	if (!row->has_footage)
		return 0;
	label(&s->out, "holdfast_camera_oldest_seconds", "camera", row->id);
	buf_printf(&s->out, "%.3f\n", (double)row->oldest.us / (double)US_PER_S);
	return 0;
}

static int on_newest(void *arg, const struct catalog_camera *row)
{
	struct sheet *s = arg;

	if (!row->has_footage)
		return 0;
	label(&s->out, "holdfast_camera_newest_seconds", "camera", row->id);
	buf_printf(&s->out, "%.3f\n", (double)row->newest.us / (double)US_PER_S);
	return 0;
}

static int count_gap(void *arg, const struct catalog_gap *row)
{
	(void)row;
	++*(unsigned *)arg;
	return 0;
}

/* A figure that cannot be read is left out: 0 would be one. */
static void per_camera(struct sheet *s, const char *name, const char *help, catalog_camera_fn *fn)
{
	size_t before = s->out.len;

	head(&s->out, name, "gauge", help);
	if (catalog_cameras(s->cat, NULL, fn, s) < 0)
		s->out.len = before;
}

static void scrub(struct sheet *s)
{
	struct catalog_scrub x;

	if (catalog_scrub(s->cat, &x) < 0)
		return;
	head(&s->out, "holdfast_scrub_round_bytes", "gauge", "Bytes of the archive read and checked in this round.");
	buf_printf(&s->out, "holdfast_scrub_round_bytes %lld\n", (long long)x.round_bytes);
	head(&s->out, "holdfast_scrub_round_began_seconds", "gauge", "When this round began, Unix time.");
	buf_printf(&s->out, "holdfast_scrub_round_began_seconds %lld\n", (long long)(x.round_began.us / US_PER_S));
	head(&s->out, "holdfast_scrub_rounds_total", "counter", "Rounds that were finished.");
	buf_printf(&s->out, "holdfast_scrub_rounds_total %lld\n", (long long)x.rounds);
	head(&s->out, "holdfast_scrub_damaged_fragments_total", "counter", "Fragments that were found to be damaged.");
	buf_printf(&s->out, "holdfast_scrub_damaged_fragments_total %lld\n", (long long)x.damaged);
	head(&s->out, "holdfast_scrub_missing_files_total", "counter", "Files that were found to be gone.");
	buf_printf(&s->out, "holdfast_scrub_missing_files_total %lld\n", (long long)x.missing);
}

static void gaps(struct sheet *s)
{
	struct gap_query open = {.only_open = true, .to.us = INT64_MAX, .limit = 10000};
	unsigned count = 0;

	if (catalog_gaps(s->cat, &open, count_gap, &count) < 0)
		return;
	head(&s->out, "holdfast_gaps_open", "gauge", "Gaps that have not ended.");
	buf_printf(&s->out, "holdfast_gaps_open %u\n", count);
}

static void ledger(struct sheet *s)
{
	uint8_t hash[SHA256_BYTES];
	int64_t seq;

	if (catalog_ledger_head(s->cat, &seq, hash) < 0)
		return;
	head(&s->out, "holdfast_ledger_seq", "counter", "Entries in the ledger.");
	buf_printf(&s->out, "holdfast_ledger_seq %lld\n", (long long)seq);
}

/* States and open gaps of one moment. */
static void from_catalog(struct sheet *s)
{
	if (!s->cat || catalog_begin_read(s->cat) < 0)
		return;
	per_camera(s, "holdfast_camera_recording", "1 while footage comes in and no gap is open.", on_up);
	per_camera(s, "holdfast_camera_bytes", "Bytes of published footage on the disks.", on_bytes);
	per_camera(s, "holdfast_camera_stored_bytes", "Bytes of published footage that is in the object store only.", on_stored_bytes);
	per_camera(s, "holdfast_camera_oldest_seconds", "Start of the oldest footage, Unix time.", on_oldest);
	per_camera(s, "holdfast_camera_newest_seconds", "End of the newest footage, Unix time.", on_newest);
	gaps(s);
	ledger(s);
	scrub(s);
	s->ready = catalog_end_read(s->cat) == 0;
}

static void from_roots(struct sheet *s)
{
	const struct conf *conf = s->api->deps.conf;

	head(&s->out, "holdfast_root_free_bytes", "gauge", "Bytes that may still be written below a storage root.");
	for (unsigned i = 0; i < conf->root_count; i++) {
		uint64_t free_bytes, total;
		if (s->api->deps.fs->free_bytes(s->api->deps.fs, conf->roots[i].path, &free_bytes, &total) < 0)
			continue;
		label(&s->out, "holdfast_root_free_bytes", "root", conf->roots[i].path);
		buf_printf(&s->out, "%llu\n", (unsigned long long)free_bytes);
	}
}

static void from_offloader(struct sheet *s)
{
	static const struct { const char *name, *type, *key, *help; } gauges[] = {
		{"holdfast_offload_waiting_segments", "gauge", "waiting", "Segments that are not in the object store yet."},
		{"holdfast_offload_copied_total", "counter", "copied", "Segments uploaded and read back since the offloader began."},
		{"holdfast_offload_copied_bytes_total", "counter", "copied_bytes", "Bytes of these."}};
	const json_t *o = s->api->offload;
	const char *state = json_string_value(json_object_get(o, "state"));

	if (!state)
		return;
	head(&s->out, "holdfast_offload_up", "gauge", "1 while the object store takes what it is given.");
	buf_printf(&s->out, "holdfast_offload_up %d\n", strcmp(state, "trouble") != 0);
	for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
		if (!json_is_integer(json_object_get(o, gauges[i].key)))
			continue;
		head(&s->out, gauges[i].name, gauges[i].type, gauges[i].help);
		buf_printf(&s->out, "%s %lld\n", gauges[i].name,
			   (long long)json_integer_value(json_object_get(o, gauges[i].key)));
	}
}

static void from_process(struct sheet *s)
{
	const struct api *a = s->api;

	head(&s->out, "holdfast_keeper_up", "gauge", "1 while the keeper is connected.");
	buf_printf(&s->out, "holdfast_keeper_up %d\n", a->keeper_up);
	head(&s->out, "holdfast_catalog_ready", "gauge", "1 when the catalogue can be read.");
	buf_printf(&s->out, "holdfast_catalog_ready %d\n", s->ready);
	head(&s->out, "holdfast_http_requests_total", "counter", "Requests.");
	buf_printf(&s->out, "holdfast_http_requests_total %llu\n", (unsigned long long)a->requests);
	head(&s->out, "holdfast_http_refused_total", "counter", "Requests refused for want of permission.");
	buf_printf(&s->out, "holdfast_http_refused_total %llu\n", (unsigned long long)a->refused);
	head(&s->out, "holdfast_footage_bytes_total", "counter", "Bytes of footage served.");
	buf_printf(&s->out, "holdfast_footage_bytes_total %llu\n", (unsigned long long)a->footage_bytes);
	head(&s->out, "holdfast_footage_damaged_total", "counter", "Fragments whose checksum did not hold when asked for.");
	buf_printf(&s->out, "holdfast_footage_damaged_total %llu\n", (unsigned long long)a->footage_damaged);
	head(&s->out, "holdfast_footage_store_bytes_total", "counter", "Bytes of footage that were read from the object store.");
	buf_printf(&s->out, "holdfast_footage_store_bytes_total %llu\n", (unsigned long long)a->footage_store_bytes);
}

int metrics_get(struct call *c)
{
	struct sheet s = {.api = c->api, .cat = call_catalog(c)};

	from_catalog(&s);
	from_process(&s);
	from_roots(&s);
	from_offloader(&s);
	call_bytes(c, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, s.out.data, s.out.len);
	buf_finish(&s.out);
	return 0;
}
