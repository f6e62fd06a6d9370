/* The half of object.h for segments whose row is the store's. */
#include "object.h"

#include "base/log.h"
#include "catalog_internal.h"
#include "gap.h"
#include "media/segment.h"

#include <errno.h>
#include <stdlib.h>

/* --- the row changes hands ---------------------------------------------------------------------------- */

int object_release(struct catalog *c, const struct segment_place *p, struct wall asked)
{
	int rc = copy_switch(c, p, CATALOG_STORE_ROOT);

	return rc < 0 ? rc : db_run(c->db, "INSERT OR REPLACE INTO stored VALUES (?, ?, ?)", "tii", p->camera, p->start.us, asked.us);
}

int object_seen(struct catalog *c, const char *camera, struct wall start, struct wall now)
{
	return db_run(c->db, "UPDATE stored SET asked_at = ? WHERE camera = ? AND start = ?", "iti", now.us, camera, start.us);
}

/* When the store that is configured was last asked for the copy that it keeps of this footage, so that it
 * can be played. -ENOENT: it keeps none. */
static int asked_at(struct catalog *c, const struct segment_place *p, int64_t *at)
{
	return db_int(c->db, at,
		      "SELECT coalesce(t.asked_at, 0) FROM object o LEFT JOIN stored t ON t.camera = o.camera AND t.start = o.start WHERE "
		      "o.camera = ? AND o.start = ? AND o.state = 'kept' AND o.seal_digest = ? AND o.place = (SELECT value FROM state "
		      "WHERE key = 'offload') AND EXISTS (SELECT 1 FROM segment s WHERE s.camera = o.camera AND s.start = o.start AND "
		      "s.init_crc IS NOT NULL)", "tib", p->camera, p->start.us, p->seal_digest, sizeof p->seal_digest);
}

int object_plays(struct catalog *c, const struct segment_place *p)
{
	int64_t at;
	int rc = asked_at(c, p, &at);

	return rc == -ENOENT ? 0 : rc < 0 ? rc : 1;
}

int object_covers(struct catalog *c, const struct segment_place *p)
{
	int64_t at;
	int rc = asked_at(c, p, &at);

	return rc < 0 ? rc : at > 0;
}

int object_promote(struct fs *fs, struct catalog *c, const char *site, struct wall now, const struct segment_place *p,
		   const char *why)
{
	char place[1024];
	int64_t at;
	int rc = copy_promote(fs, c, site, now, p, why);

	if (rc != 0 || p->root == CATALOG_STORE_ROOT)
		return rc;
	rc = asked_at(c, p, &at);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = object_release(c, p, (struct wall){0});
	if (rc == 0)
		rc = catalog_state(c, "offload", place, sizeof place);
	rc = rc < 0 ? rc : copy_tell_used(c, now, p, place, why);
	return rc < 0 ? rc : 1;
}

/* --- the store lost it ------------------------------------------------------------------------------------ */

struct loss {
	struct catalog *c;
	struct wall now;
	const struct object_kept *k;
	const char *why;
	char stem[256];
};

static int tell(const struct loss *l, const char *kind)
{
	log_error(kind, "camera=%s file=%s place=%s why=\"%s\"", l->k->camera, l->stem, l->k->place, l->why);
	return ledger_append(l->c, l->now, kind, l->k->camera,
			     json_pack("{ss ss ss ss ss so so}", "file", l->stem, "why", l->why, "place", l->k->place, "key", l->k->key,
				       "version", l->k->version, "start", wall_json(l->k->start.us), "end", wall_json(l->k->end.us)),
			     NULL);
}

/* A file is here: another copy is made of it. */
static int copy_again(const struct loss *l)
{
	int rc = db_run(l->c->db,
			"UPDATE object SET state = 'waiting', place = NULL, key = NULL, version = NULL, seal_digest = NULL WHERE camera = ? "
			"AND start = ?", "ti", l->k->camera, l->k->start.us);

	return rc < 0 ? rc : tell(l, "offload.copy_lost");
}

/* What is there in spite of it (altered) is deleted when its time is over. */
static int miss(const struct loss *l, const struct segment_place *p, enum object_loss how)
{
	struct catalog *c = l->c;
	int rc = db_run(c->db, "DELETE FROM segment WHERE id = ?", "i", p->segment);

	if (rc == 0)
		rc = db_run(c->db, "DELETE FROM stored WHERE camera = ? AND start = ?", "ti", p->camera, p->start.us);
	if (rc == 0 && how == OBJECT_GONE)
		rc = db_run(c->db, "DELETE FROM object WHERE camera = ? AND start = ?", "ti", p->camera, p->start.us);
	if (rc == 0)
		rc = span_look_again(c, p->camera, l->k->start, l->k->end);
	return rc < 0 ? rc : tell(l, "footage.missing");
}

/* A file of it that was about to go, or is kept for a hold: 1, 0 or negative. */
static int take_back(struct fs *fs, const struct loss *l, const char *site, const struct segment_place *p)
{
	int rc = db_run(l->c->db, "UPDATE copy SET state = 'kept' WHERE camera = ? AND start = ? AND state = 'surplus'", "ti",
			p->camera, p->start.us);

	return rc < 0 ? rc : copy_promote(fs, l->c, site, l->now, p, l->why);
}

/* There, but nothing holds it there. */
static int stay(const struct loss *l)
{
	int rc = object_seen(l->c, l->k->camera, l->k->start, l->now);

	return rc < 0 ? rc : tell(l, "offload.unlocked");
}

static int lose(const struct loss *l, const struct segment_place *p, enum object_loss how)
{
	return how == OBJECT_UNLOCKED ? stay(l) : miss(l, p, how);
}

int object_lost(struct fs *fs, struct catalog *c, const char *site, struct wall now, const struct object_kept *k,
		enum object_loss how)
{
	static const char *const why[] = {
		[OBJECT_GONE] = "the object store does not have it any more", [OBJECT_ALTERED] = "the object store has it altered",
		[OBJECT_UNLOCKED] = "the object store has it, but does not lock it any more"};
	struct loss l = {c, now, k, why[how], ""};
	struct segment_place p;
	int rc = object_is_kept(c, k);

	if (rc <= 0)
		return rc; /* that is known already */
	segment_incoming_name(l.stem, k->camera, k->start, "");
	rc = copy_find_segment(c, k->camera, k->start, &p);
	if (rc > 0 && p.root == CATALOG_STORE_ROOT)
		rc = take_back(fs, &l, site, &p);
	if (rc >= 0)
		rc = rc > 0 ? copy_again(&l) : lose(&l, &p, how);
	free(p.root_path);
	return rc;
}
