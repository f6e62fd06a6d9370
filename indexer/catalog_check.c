#include "catalog_internal.h"

#include <errno.h>

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

/* An open gap reaches to where the keeper has the recorder's word. */
#define END_OF(g)                                                                                            \
	"coalesce(" #g ".end, (SELECT CAST(value AS INTEGER) FROM state WHERE key = 'settled_at'), 0)"

/* Overlaps that the tiles would hide: two spans, a gap over footage, two gaps. */
static int check_overlap(struct catalog *c, const char *camera, struct err *e)
{
	static const char *const sql[] = {
	    "SELECT a.start FROM span a JOIN span b ON b.camera = a.camera AND b.start > a.start AND "
	    "b.start < a.end WHERE a.camera = ? LIMIT 1",
	    "SELECT g.start FROM gap g JOIN span s ON s.camera = g.camera AND s.start < " END_OF(
		g) " AND s.end > g.start WHERE g.camera = ? AND g.start < " END_OF(g) " LIMIT 1",
	    "SELECT a.start FROM gap a JOIN gap b ON b.camera = a.camera AND b.id <> a.id AND b.start >= "
	    "a.start "
	    "AND b.start < " END_OF(a) " AND b.start < " END_OF(b) " WHERE a.camera = ? LIMIT 1"};
	static const char *const what[] = {"two spans", "a gap and footage", "two gaps"};

	for (unsigned i = 0; i < sizeof sql / sizeof *sql; i++) {
		char text[WALL_TEXT_MAX];
		struct wall at;
		int rc = db_int(c->db, &at.us, sql[i], "t", camera);
		if (rc == 0)
			return err_set(e, -EBADMSG, "camera %s: %s overlap at %s", camera, what[i],
				       wall_format(at, text));
		if (rc != -ENOENT)
			return rc;
	}
	return 0;
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
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = check_obligation(c, camera, db_i64(&q, 0), db_i64(&q, 1), e)) < 0)
			break;
	db_done(&q);
	return rc;
}

/* --- claims -------------------------------------------------------------------------------- */

/* The seal of a segment and its fragments may differ by so much (publish.c). */
#define CLAIM_SEAM_US US_PER_MS

struct extent { int64_t start, end; };

/* Goes on to the next stretch: rows that touch count as one. Returns 1, 0 at the end, or negative. */
static int next_stretch(struct db_query *q, struct extent *row, bool *has_row, struct extent *out)
{
	int rc = 1;

	if (!*has_row)
		return 0;
	*out = *row;
	while ((rc = db_step(q)) > 0) {
		*row = (struct extent){db_i64(q, 0), db_i64(q, 1)};
		if (row->start > out->end + CLAIM_SEAM_US)
			return 1;
		out->end = row->end > out->end ? row->end : out->end;
	}
	*has_row = false;
	return rc < 0 ? rc : 1;
}

struct stretches { struct db_query q; struct extent row; bool has_row; };

static int stretches_begin(struct stretches *s, struct catalog *c, const char *camera, const char *sql)
{
	int rc = db_query(c->db, &s->q, sql, "t", camera);

	if (rc < 0)
		return rc;
	rc = db_step(&s->q);
	s->has_row = rc > 0;
	if (s->has_row)
		s->row = (struct extent){db_i64(&s->q, 0), db_i64(&s->q, 1)};
	return rc < 0 ? rc : 0;
}

static int claim_fault(struct err *e, const char *camera, const struct extent *claim)
{
	char text[WALL_TEXT_MAX];

	return err_set(e, -EBADMSG, "camera %s: in the coverage from %s on there is time that no file holds", camera,
		       wall_format((struct wall){claim->start}, text));
}

/* Each claim lies within one stretch of files. */
static int compare_stretches(struct stretches *claims, struct stretches *holds, const char *camera, struct err *e)
{
	struct extent claim, hold = {INT64_MAX, INT64_MIN};
	int claimed, held = 1;

	while ((claimed = next_stretch(&claims->q, &claims->row, &claims->has_row, &claim)) > 0) {
		while (held > 0 && hold.end < claim.end - CLAIM_SEAM_US)
			held = next_stretch(&holds->q, &holds->row, &holds->has_row, &hold);
		if (held < 0)
			return held;
		if (held == 0 || hold.start > claim.start + CLAIM_SEAM_US)
			return claim_fault(e, camera, &claim);
	}
	return claimed;
}

int catalog_check_claims(struct catalog *c, const char *camera, struct err *e)
{
	struct stretches claims = {0}, holds = {0};
	int rc = stretches_begin(&claims, c, camera,
				 "SELECT start, end FROM span WHERE camera = ? AND state = 'recorded' ORDER BY start");

	if (rc == 0)
		rc = stretches_begin(&holds, c, camera,
				     "SELECT start, end FROM segment WHERE camera = ?1 AND start < end UNION ALL "
				     "SELECT start, end FROM open_segment WHERE camera = ?1 AND start < end ORDER BY start");
	if (rc == 0)
		rc = compare_stretches(&claims, &holds, camera, e);
	db_done(&claims.q);
	db_done(&holds.q);
	return rc;
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
	return rc;
}
