#include "life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is wrong was said where it was seen; here what kept us from seeing. */
static int said(int rc, struct err *e)
{
	return rc < 0 && rc != -EBADMSG ? err_set(e, rc, "the catalogue cannot be read: %s", strerror(-rc)) : rc;
}

/* --- tiling -------------------------------------------------------------------------------- */

struct tiling {
	struct err *e;
	const char *camera;
	int64_t at;
};

static int check_tile(void *arg, const struct tile *t)
{
	struct tiling *x = arg;
	char text[WALL_TEXT_MAX];

	if (t->start.us != x->at || t->end.us <= t->start.us)
		return err_set(x->e, -EBADMSG, "camera %s: tiles do not join at %s", x->camera,
			       wall_format((struct wall){x->at}, text));
	x->at = t->end.us;
	if (t->state == TILE_PENDING || t->state == TILE_NOT_OBLIGED)
		return err_set(x->e, -EBADMSG, "camera %s: at %s there is neither footage nor a gap",
			       x->camera, wall_format(t->start, text));
	return 0;
}

static int check_obligation(struct catalog *c, const char *camera, int64_t start, int64_t end, struct err *e)
{
	struct tiling x = {.e = e, .camera = camera, .at = start};
	int rc = start < end
		     ? catalog_tiles(c, camera, (struct wall){start}, (struct wall){end}, check_tile, &x)
		     : 0;

	if (rc == 0 && start < end && x.at != end)
		return err_set(e, -EBADMSG, "camera %s: the tiles end too early", camera);
	return rc;
}

/* Of each camera's spans (those that overlap are told of by their starts) and of its gaps. */
static int load_claims(struct catalog *c, const char *camera, struct layer *spans, struct layer *gaps)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT start, end FROM span WHERE camera = ? ORDER BY start", "t", camera);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(spans, db_i64(&q, 0), db_i64(&q, 1), 0, "");
	db_done(&q);
	/* An open gap reaches to where the keeper has the recorder's word. */
	if (rc == 0)
		rc = db_query(c->db, &q, "SELECT start, coalesce(end, (SELECT CAST(value AS INTEGER) FROM state WHERE key = "
			      "'settled_at'), 0) FROM gap WHERE camera = ? ORDER BY start", "t", camera);
	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		layer_add(gaps, db_i64(&q, 0), db_i64(&q, 1), 0, "");
	db_done(&q);
	return rc;
}

/* The first item that begins before the one before it ends. */
static const struct layer_item *overlap_within(const struct layer *l)
{
	for (unsigned i = 1; i < l->count; i++)
		if (l->items[i].start < l->items[i - 1].end)
			return &l->items[i];
	return NULL;
}

/* Each layer is without overlap in itself. */
static const struct layer_item *overlap_between(const struct layer *l, const struct layer *other)
{
	for (unsigned i = 0, at = 0; i < l->count; i++) {
		while (at < other->count && other->items[at].end <= l->items[i].start)
			at++;
		if (at < other->count && other->items[at].start < l->items[i].end)
			return &l->items[i];
	}
	return NULL;
}

/* Overlaps that the tiles would hide: two spans, two gaps, a gap over footage. */
static int check_overlap(struct catalog *c, const char *camera, struct err *e)
{
	struct layer spans = {0}, gaps = {0};
	const struct layer_item *found = NULL;
	const char *what = "two spans";
	char text[WALL_TEXT_MAX];
	int rc = load_claims(c, camera, &spans, &gaps);

	if (rc == 0)
		found = overlap_within(&spans);
	if (rc == 0 && !found && (found = overlap_within(&gaps)))
		what = "two gaps";
	else if (rc == 0 && !found && (found = overlap_between(&gaps, &spans)))
		what = "a gap and footage";
	if (found)
		rc = err_set(e, -EBADMSG, "camera %s: %s overlap at %s", camera, what,
			     wall_format((struct wall){found->start}, text));
	layer_finish(&spans);
	layer_finish(&gaps);
	return rc;
}

int catalog_check_tiling(struct catalog *c, const char *camera, struct err *e)
{
	struct db_query q;
	int rc = check_overlap(c, camera, e);

	if (rc == 0)
		rc =
		    db_query(c->db, &q,
			     "SELECT o.start, min(coalesce(o.end, a.frontier), a.frontier) FROM obligation o "
			     "JOIN account a ON a.camera = o.camera WHERE o.camera = ? ORDER BY o.start",
			     "t", camera);
	if (rc < 0)
		return said(rc, e);
	while ((rc = db_step(&q)) > 0)
		if ((rc = check_obligation(c, camera, db_i64(&q, 0), db_i64(&q, 1), e)) < 0)
			break;
	db_done(&q);
	return said(rc, e);
}

/* --- claims -------------------------------------------------------------------------------- */

/* The seal of a segment and its fragments may differ by so much (publish.c). */
#define CLAIM_SEAM_US US_PER_MS

static int by_start(const void *x, const void *y)
{
	const struct layer_item *a = x, *b = y;

	return (a->start > b->start) - (a->start < b->start);
}

/* What counts of the camera's files. */
static int load_pieces(struct catalog *c, const char *camera, const struct lives *l, int64_t now, struct layer *out)
{
	struct db_query q;
	/* Without lives the sequence, which stands behind the index of fragments in the row, need not be read. */
	int rc = db_query(c->db, &q,
			  "SELECT start, end, iif(?3, sequence, 0) FROM segment WHERE camera = ?1 UNION ALL SELECT start, end, ?2 "
			  "FROM open_segment WHERE camera = ?1", "tii", camera, INT64_MAX, (int64_t)l->count);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		int64_t start = db_i64(&q, 0), end = db_i64(&q, 1);
		lives_pieces(l, start, lives_before(l, start, db_i64(&q, 2)), start, end, now, out);
	}
	db_done(&q);
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, by_start);
	return rc;
}

/* Pieces that touch are one stretch. */
static void join(const struct layer *pieces, struct layer *out)
{
	for (unsigned i = 0; i < pieces->count; i++) {
		struct layer_item *p = &pieces->items[i], *last = out->count ? &out->items[out->count - 1] : NULL;
		if (!last || p->start > last->end + CLAIM_SEAM_US)
			layer_add(out, p->start, p->end, 0, "");
		else if (p->end > last->end)
			last->end = p->end;
	}
}

static int load_holds(struct catalog *c, const char *camera, struct layer *out)
{
	struct layer pieces = {0};
	struct lives l;
	int64_t now = 0;
	int rc = lives_load(c, camera, (struct wall_range){{INT64_MIN}, {INT64_MAX}}, &l);

	if (rc == 0)
		rc = db_int(c->db, &now, "SELECT CAST(value AS INTEGER) FROM state WHERE key = 'settled_at'", "");
	if (rc == 0 || rc == -ENOENT)
		rc = load_pieces(c, camera, &l, now, &pieces);
	if (rc == 0)
		join(&pieces, out);
	layer_finish(&pieces);
	lives_finish(&l);
	return rc;
}

static int claim_fault(struct err *e, const char *camera, int64_t start)
{
	char text[WALL_TEXT_MAX];

	return err_set(e, -EBADMSG, "camera %s: in the coverage from %s on there is time that no file holds", camera,
		       wall_format((struct wall){start}, text));
}

/* Each claim lies within one stretch of files. */
static int compare_claims(struct catalog *c, const struct layer *holds, const char *camera, struct err *e)
{
	struct db_query q;
	unsigned at = 0;
	int rc = db_query(c->db, &q, "SELECT start, end FROM span WHERE camera = ? AND state = 'recorded' ORDER BY start", "t",
			  camera);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0) {
		int64_t start = db_i64(&q, 0), end = db_i64(&q, 1);
		while (at < holds->count && holds->items[at].end < end - CLAIM_SEAM_US)
			at++;
		if (at == holds->count || holds->items[at].start > start + CLAIM_SEAM_US) {
			rc = claim_fault(e, camera, start);
			break;
		}
	}
	db_done(&q);
	return rc;
}

int catalog_check_claims(struct catalog *c, const char *camera, struct err *e)
{
	struct layer holds = {0};
	int rc = load_holds(c, camera, &holds);

	if (rc == 0)
		rc = compare_claims(c, &holds, camera, e);
	layer_finish(&holds);
	return said(rc, e);
}

/* --- ledger ------------------------------------------------------------------------------------ */

struct chain {
	struct err *e;
	int64_t seq, entries;
	uint8_t hash[SHA256_BYTES];
};

/* After a catalogue was put back, the numbers go on behind those that are lost; the entry says so itself. */
static bool jumps_rightly(const struct ledger_entry *entry, int64_t before)
{
	if (strcmp(entry->kind, "ledger.restored") != 0)
		return false;
	json_t *body = json_loads(entry->body, 0, NULL);
	bool yes = json_integer_value(json_object_get(body, "found_seq")) == before &&
		   json_integer_value(json_object_get(body, "known_seq")) == entry->seq - 1;
	json_decref(body);
	return yes;
}

static int check_entry(void *arg, const struct ledger_entry *entry)
{
	struct chain *x = arg;
	uint8_t expected[SHA256_BYTES];

	if (entry->seq != x->seq + 1 && !jumps_rightly(entry, x->seq))
		return err_set(x->e, -EBADMSG, "ledger entry %lld is missing", (long long)x->seq + 1);
	ledger_hash(x->hash, entry, expected);
	if (memcmp(expected, entry->hash, SHA256_BYTES) != 0)
		return err_set(x->e, -EBADMSG, "ledger entry %lld was altered", (long long)entry->seq);
	x->seq = entry->seq;
	x->entries++;
	memcpy(x->hash, entry->hash, SHA256_BYTES);
	return 0;
}

int catalog_check_ledger(struct catalog *c, int64_t *entries, struct err *e)
{
	struct chain x = {.e = e};
	int rc = catalog_ledger(c, 0, UINT32_MAX, check_entry, &x);

	*entries = x.entries;
	return said(rc, e);
}
