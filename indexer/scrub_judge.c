/* The judging half of scrub.h: what was found becomes rows, gaps and entries of the ledger. */
#include "scrub.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "gap.h"
#include "garbage.h"
#include "media/segment.h"
#include "object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct judge {
	struct scrub *s;
	struct scrub_job *j;
	struct catalog *c;
	char stem[256];         /* by which people and the table `damaged` name the file */
	struct wall now;
};

static int tell(struct judge *g, const char *kind, struct wall start, struct wall end, unsigned fragments, const char *why)
{
	log_error(kind, "camera=%s file=%s fragments=%u why=\"%s\"", g->j->camera, g->stem, fragments, why);
	return ledger_append(g->c, g->now, kind, g->j->camera,
			     json_pack("{ss ss so so sI}", "file", g->stem, "why", why, "start", wall_json(start.us), "end",
				       wall_json(end.us), "fragments", (json_int_t)fragments), NULL);
}

static int note_damage(struct judge *g, struct wall start, struct wall end)
{
	return db_run(g->c->db, "INSERT OR IGNORE INTO damaged VALUES (?, ?, ?, ?)", "ttii", g->stem, g->j->camera, start.us,
		      end.us);
}

/* --- fragments ------------------------------------------------------------------------------- */

/* Whether the row is still there; with the marks that it has by now. */
static int load_again(struct judge *g, struct fragment_index *x)
{
	struct db_query q;
	size_t len;
	int rc = db_query(g->c->db, &q, "SELECT fragments FROM segment WHERE id = ?", "i", g->j->segment);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		const uint8_t *packed = db_blob(&q, 0, &len);
		rc = fragment_index_unpack(packed, len, g->j->start, g->j->init_bytes, x);
	} else if (rc == 0) {
		rc = -ENOENT;
	}
	db_done(&q);
	return rc;
}

static int store(struct judge *g, const struct fragment_index *x)
{
	struct buf packed = {0};

	fragment_index_pack(x, &packed);
	int rc = db_run(g->c->db, "UPDATE segment SET fragments = ? WHERE id = ?", "bi", packed.data, packed.len, g->j->segment);
	buf_finish(&packed);
	return rc;
}

/* Marks what is bad; *count: how many were not marked before. */
static void mark(const struct scrub_job *j, struct fragment_index *x, bool *fresh, unsigned *count)
{
	*count = 0;
	for (unsigned i = j->from; i < j->to && i < x->count; i++) {
		fresh[i] = j->bad[i - j->from] && x->items[i].frames > 0;
		*count += fresh[i];
		if (fresh[i])
			x->items[i].frames = 0;
	}
}

/* Neighbours are one entry and one gap. */
static int tell_runs(struct judge *g, const struct fragment_index *x, const bool *fresh)
{
	const char *why = g->j->bad_init ? "the beginning of the file cannot be read" : "its bytes are not those that were published";
	int rc = 0;

	for (unsigned i = 0, end; rc == 0 && i < x->count; i = end) {
		for (end = i + 1; fresh[i] && end < x->count && fresh[end];)
			end++;
		if (!fresh[i])
			continue;
		struct wall from = x->items[i].start, to = {x->items[end - 1].start.us + x->items[end - 1].duration_us};
		rc = note_damage(g, from, to);
		if (rc == 0)
			rc = span_look_again(g->c, g->j->camera, from, to);
		if (rc == 0)
			rc = tell(g, "footage.damaged", from, to, end - i, why);
	}
	return rc;
}

/* 1: something was found, 0, or negative. */
static int judge_fragments(struct judge *g, struct fragment_index *x)
{
	bool *fresh = xcalloc(x->count + 1, sizeof *fresh);
	unsigned count;

	mark(g->j, x, fresh, &count);
	int rc = count > 0 ? store(g, x) : 0;
	if (rc == 0)
		rc = tell_runs(g, x, fresh);
	g->s->now.damaged += count;
	free(fresh);
	return rc < 0 ? rc : count > 0;
}

/* Its footage is what it was, and nobody can prove it any more: told once. */
static int judge_seal(struct judge *g)
{
	int64_t known = 0;
	int rc = db_int(g->c->db, &known, "SELECT count(*) FROM damaged WHERE camera = ? AND file = ?", "tt", g->j->camera, g->stem);

	if (rc < 0 || known > 0)
		return rc;
	rc = note_damage(g, g->j->start, g->j->start);
	if (rc == 0)
		rc = tell(g, "footage.damaged", g->j->start, g->j->end, 0, "its seal cannot be read");
	return rc < 0 ? rc : 1;
}

static int judge_damage(struct judge *g)
{
	struct fragment_index x = {0};
	int rc = load_again(g, &x);

	if (rc == 0)
		rc = judge_fragments(g, &x);
	if (rc == 0 && g->j->bad_seal)
		rc = judge_seal(g);
	fragment_index_finish(&x);
	return rc == -ENOENT ? 0 : rc; /* retention took it meanwhile */
}

/* --- a file that is gone -------------------------------------------------------------------------- */

static int judge_missing(struct judge *g)
{
	int rc = garbage_lose(g->c, g->j->segment);

	if (rc < 0 || db_changes(g->c->db) == 0)
		return rc;
	rc = span_look_again(g->c, g->j->camera, g->j->start, g->j->end);
	if (rc == 0)
		rc = tell(g, "footage.missing", g->j->start, g->j->end, g->j->index.count, "the file is gone");
	if (rc == 0) /* a catalogue that was put back may not know of its copy */
		rc = object_look_again(g->c);
	g->s->now.missing++;
	return rc < 0 ? rc : 1;
}

/* --- a second copy ---------------------------------------------------------------------------------- */

static int judge_copy(struct judge *g, const char *why)
{
	int rc = db_run(g->c->db, "UPDATE copy SET state = 'surplus' WHERE camera = ? AND start = ? AND root = ? AND state = 'kept'",
			"tii", g->j->camera, g->j->start.us, g->j->root);

	if (rc < 0 || db_changes(g->c->db) == 0)
		return rc;
	log_error("storage.copy_lost", "camera=%s file=%s root=%s why=\"%s\"", g->j->camera, g->stem, g->j->root_path, why);
	rc = ledger_append(g->c, g->now, "storage.copy_lost", g->j->camera,
			   json_pack("{ss ss ss}", "file", g->stem, "root", g->j->root_path, "why", why), NULL);
	return rc < 0 ? rc : 1;
}

/* --- all -------------------------------------------------------------------------------------------- */

static bool found_any(const struct scrub_job *j)
{
	for (unsigned i = 0; j->bad && i < j->to - j->from; i++)
		if (j->bad[i])
			return true;
	return j->bad_seal;
}

/* Held footage has a second file, and some a copy in the object store: 1 if that one serves from now on. */
static int try_copy(struct judge *g, const char *why)
{
	struct segment_place p = {.segment = g->j->segment, .root = g->j->root, .bytes = g->j->bytes, .start = g->j->start,
				  .root_path = g->j->root_path};
	int64_t there = 0;
	int rc = db_int(g->c->db, &there, "SELECT count(*) FROM segment WHERE id = ? AND root = ?", "ii", p.segment, p.root);

	if (rc < 0 || there == 0)
		return rc < 0 ? rc : 1; /* retention took it meanwhile, or it moved */
	snprintf(p.camera, sizeof p.camera, "%s", g->j->camera);
	memcpy(p.seal_digest, g->j->seal_digest, sizeof p.seal_digest);
	return object_promote(g->s->fs, g->c, g->s->conf->site.id, g->now, &p, why);
}

int scrub_judge(struct scrub *s, struct scrub_job *j)
{
	struct judge g = {.s = s, .j = j, .c = s->catalog, .now = clock_wall(s->clock)};
	bool gone = j->rc == -ENOENT || j->rc == FS_NO_FILE;

	if (!gone && (j->rc < 0 || !found_any(j)))
		return 0;
	if (!garbage_root_is_ours(s->fs, s->catalog, s->conf->site.id, j->root, j->root_path))
		return 0; /* the disk is away: that is another matter */
	segment_incoming_name(g.stem, j->camera, j->start, "");
	const char *why = gone ? "the file is gone" : "the file is damaged";
	int rc = j->copy ? judge_copy(&g, why) : try_copy(&g, why);
	if (rc != 0 || j->copy)
		return rc;
	return gone ? judge_missing(&g) : judge_damage(&g);
}
