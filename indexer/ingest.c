/* One record of the journal: facts on cameras and their files. What cannot be understood is logged and
 * passed over, so that one bad record never stops all that follow. */
#include "indexer_inner.h"

#include "base/log.h"
#include "catalog_internal.h"
#include "object_take.h"

#include <errno.h>
#include <inttypes.h>

static const char *text(const json_t *o, const char *key)
{
	const char *t = json_string_value(json_object_get(o, key));

	return t ? t : "";
}

static bool get_wall(const json_t *o, const char *key, struct wall *out)
{
	const json_t *v = json_object_get(o, key);

	out->us = json_integer_value(v);
	return json_is_integer(v) && out->us >= 0 && out->us < INT64_MAX / 2;
}

static int skip(const json_t *record, const char *why)
{
	log_error("journal", "kind=%s note=\"%s\"", text(record, "k"), why);
	return 0;
}

/* "CAMERA-START.open" or ".mp4", without its suffix, and what it says; no path in it. */
struct named { char stem[STEM_MAX], camera[SEAL_NAME_MAX]; struct wall start; };

static bool get_named(const json_t *record, const char *file, struct named *out)
{
	const char *dot = strrchr(file, '.'), *camera = text(record, "camera");
	char name[STEM_MAX + 8];
	struct wall start;

	if (!dot || strchr(file, '/') || dot - file >= STEM_MAX)
		return false;
	snprintf(out->stem, STEM_MAX, "%.*s", (int)(dot - file), file);
	snprintf(name, sizeof name, "%s.mp4", out->stem);
	if (segment_parse_incoming(name, ".mp4", out->camera, &out->start) < 0 || (*camera && strcmp(camera, out->camera) != 0))
		return false;
	return !get_wall(record, "start", &start) || start.us == out->start.us;
}

/* --- files -------------------------------------------------------------------------------- */

static int on_open(struct indexer *ix, const json_t *record)
{
	struct named n;
	struct root *r = root_named(ix, text(record, "root"));

	if (!get_named(record, text(record, "file"), &n))
		return skip(record, "file is missing, or is not that of its camera and start");
	if (!r || !r->id)
		return 0; /* not ours so far */
	int rc = open_row_begin(ix->catalog, n.stem, n.camera, r->id, n.start.us, text(record, "run"));
	if (rc < 0 || !is_of_past_run(ix, n.camera, text(record, "run")))
		return rc;
	return past_file_add(ix->catalog, n.camera, n.start.us);
}

static int absorb(struct indexer *ix, const char *file, int64_t bytes)
{
	char root[INDEXER_PATH_MAX];
	struct file_facts f;
	struct named n;

	if (!get_named(NULL, file, &n))
		return 0;
	int rc = open_row_get(ix->catalog, n.stem, &f, root, sizeof root);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	struct root *r = root_present(ix, root);
	rc = r ? open_file_absorb(ix, r, n.stem, bytes) : 0;
	if (rc < 0)
		ix->scan_due = true; /* what the disk does not give now comes with `sealed` or a scan */
	return 0;
}

static int on_beat(struct indexer *ix, const json_t *record)
{
	const char *key, *file;
	json_t *value, *bytes;
	int rc = 0;

	json_object_foreach(json_object_get(record, "durable"), key, value) {
		const char *slash = strrchr(key, '/');
		if (json_is_integer(value)) /* "root/file": bytes */
			rc = absorb(ix, slash ? slash + 1 : key, json_integer_value(value));
		json_object_foreach(value, file, bytes) { /* root: {file: bytes} */
			if (rc == 0)
				rc = absorb(ix, file, json_integer_value(bytes));
		}
		if (rc < 0)
			break;
	}
	return rc;
}

/* It is sealed but not renamed yet, or cannot be published now: what it holds counts, the scan does the rest. */
static int sealed_not_moved(struct indexer *ix, const struct root *r, const char *stem, const json_t *record,
			    const struct file_facts *f, bool nowhere)
{
	int rc = open_file_absorb(ix, r, stem, json_integer_value(json_object_get(record, "bytes")));

	ix->scan_due = true;
	if (rc == -ENOENT && nowhere && object_take_is_awaited(ix))
		return open_row_drop(ix->catalog, stem); /* the object store may have it; if not, its time is a hole */
	if (rc == -ENOENT && nowhere)
		return file_lost(ix, "footage.missing", stem, f, "the recorder sealed it, and it is not there");
	return rc < 0 ? 0 : open_row_complete(ix->catalog, stem);
}

static int on_sealed(struct indexer *ix, const json_t *record)
{
	struct root *r = root_present(ix, text(record, "root"));
	struct file_facts f;
	struct named n;

	if (!get_named(record, text(record, "file"), &n) || !get_wall(record, "end", &f.end) ||
	    f.end.us > n.start.us + SEGMENT_LONGEST_US)
		return skip(record, "file or end is missing, or it is not that of its camera and start");
	if (!r)
		return 0; /* a scan finds it when the disk is back */
	f.start = n.start;
	snprintf(f.camera, sizeof f.camera, "%s", n.camera);
	int rc = open_row_begin(ix->catalog, n.stem, f.camera, r->id, f.start.us, text(record, "run"));
	if (rc < 0)
		return rc;
	rc = publish(ix, r, n.stem);
	if (rc == 0 || rc == -EBADMSG)
		return 0;
	return sealed_not_moved(ix, r, n.stem, record, &f, rc == -ENOENT);
}

static int on_dropped(struct indexer *ix, const json_t *record)
{
	char root[INDEXER_PATH_MAX];
	struct file_facts believed;
	struct named n;

	if (!get_named(record, text(record, "file"), &n))
		return skip(record, "file is missing");
	open_file_forget(ix, n.stem);
	int rc = open_row_get(ix->catalog, n.stem, &believed, root, sizeof root);
	if (rc == 0)
		rc = open_row_drop(ix->catalog, n.stem);
	else if (rc == -ENOENT)
		return 0;
	return rc < 0 ? rc : account_take_back(&ix->acc, believed.camera, believed.start, believed.end);
}

/* --- cameras --------------------------------------------------------------------------------- */

static int on_up(struct indexer *ix, const json_t *record)
{
	struct wall start;

	if (!get_wall(record, "start", &start))
		return skip(record, "start is missing");
	int rc = watch_run(ix, text(record, "camera"), text(record, "run"));
	if (rc == 0)
		rc = watch_stream(ix, text(record, "camera"), text(record, "stream"), start);
	return rc < 0 ? rc : account_up(&ix->acc, text(record, "camera"), start);
}

static int on_down(struct indexer *ix, const json_t *record)
{
	struct wall since;
	enum gap_cause cause;
	char detail[200];

	if (!get_wall(record, "since", &since) || gap_cause_parse(text(record, "cause"), &cause) < 0)
		return skip(record, "since or cause is missing");
	int64_t at = json_integer_value(json_object_get(record, "at")); /* nobody knows since when a camera will be away */
	since.us = since.us < at ? since.us : at;
	log_quote(detail, sizeof detail, text(record, "detail"));
	return account_down(&ix->acc, text(record, "camera"), since, gap_cause_name(cause), detail);
}

static int on_lost(struct indexer *ix, const json_t *record)
{
	struct wall start, end;
	enum gap_cause cause;
	char detail[200];

	if (!get_wall(record, "start", &start) || !get_wall(record, "end", &end) ||
	    gap_cause_parse(text(record, "cause"), &cause) < 0)
		return skip(record, "start, end or cause is missing");
	log_quote(detail, sizeof detail, text(record, "detail"));
	return account_lost(&ix->acc, text(record, "camera"), start, end, gap_cause_name(cause), detail);
}

/* Recovery is finished: what it renamed is looked at before holes are judged. */
static int on_ready(struct indexer *ix, const json_t *record)
{
	(void)record;
	ix->scan_due = true;
	return catalog_set_state_int(ix->catalog, "recovering", 0);
}

int ingest(void *arg, const json_t *record)
{
	static const struct { const char *kind; int (*fn)(struct indexer *ix, const json_t *record); } facts[] = {
		{"open", on_open}, {"beat", on_beat}, {"sealed", on_sealed}, {"dropped", on_dropped},
		{"up", on_up},     {"down", on_down}, {"lost", on_lost}, {"ready", on_ready}};
	struct indexer *ix = arg;
	const char *kind = text(record, "k");
	int rc = watch_time(ix, kind, record);

	for (unsigned i = 0; rc == 0 && i < sizeof facts / sizeof *facts; i++)
		if (strcmp(facts[i].kind, kind) == 0)
			rc = facts[i].fn(ix, record);
	if (rc == 0)
		rc = watch_record(ix, kind, record);
	return rc < 0 ? rc : own_clock_record(ix, kind, record);
}
