#include "life.h"

#include <errno.h>
#include <stdlib.h>

static int state_us(struct catalog *c, const char *key, int64_t *out)
{
	char text[32];
	int rc = catalog_state(c, key, text, sizeof text);

	*out = strtoll(text, NULL, 10);
	return rc;
}

int life_before(struct catalog *c, const char *camera, int64_t start, int64_t sequence, int64_t *before)
{
	int rc = db_int(c->db, before,
			"SELECT min(id) FROM life WHERE camera = ?1 AND (sequence >= ?3 OR id >= "
			"(SELECT before FROM past_file WHERE camera = ?1 AND start = ?2))", "tii", camera, start, sequence);

	if (rc == -ENOENT)
		*before = LIFE_NONE;
	return rc == -ENOENT ? 0 : rc;
}

/* --- what counts -------------------------------------------------------------------------- */

/* Keeps what of [*from, end) lies before the hole, and goes on behind it. */
static void cut(struct layer *out, int64_t *from, int64_t end, int64_t hole_start, int64_t hole_end)
{
	layer_add(out, *from, hole_start < end ? hole_start : end, 0, "");
	if (hole_end > *from)
		*from = hole_end;
}

static int64_t settled_now(struct catalog *c)
{
	int64_t at = 0;

	return state_us(c, "settled_at", &at) < 0 ? INT64_MAX : at;
}

/* Lives that came after it, and gaps that were there before it. */
#define HOLES                                                                                                         \
	"SELECT start, coalesce(end, ?5) FROM life WHERE camera = ?1 AND id >= ?2 AND start < ?4 AND coalesce(end, ?5) > ?3 " \
	"UNION ALL SELECT start, end FROM gap WHERE camera = ?1 AND start < ?4 AND end > ?3 AND start < end AND id <= "      \
	"(SELECT gap FROM life WHERE camera = ?1 AND id < ?2 ORDER BY id DESC LIMIT 1) ORDER BY 1"

/* now: how far the present life has come. */
static int pieces(struct catalog *c, const char *camera, int64_t before, struct wall_range r, int64_t now, struct layer *out)
{
	int64_t start = r.start.us, end = r.end.us;
	int64_t lives = 0, from = start;
	struct db_query q;
	int rc = db_int(c->db, &lives, "SELECT count(*) FROM life WHERE camera = ?", "t", camera);

	if (rc < 0)
		return rc;
	if (lives > 0) {
		rc = db_query(c->db, &q, HOLES, "tiiii", camera, before, start, end, now);
		if (rc < 0)
			return rc;
		while ((rc = db_step(&q)) > 0)
			cut(out, &from, end, db_i64(&q, 0), db_i64(&q, 1));
		db_done(&q);
	}
	layer_add(out, from, end, 0, "");
	return rc;
}

int life_pieces(struct catalog *c, const char *camera, int64_t before, int64_t start, int64_t end, struct layer *out)
{
	return pieces(c, camera, before, (struct wall_range){{start}, {end}}, settled_now(c), out);
}

int life_pieces_shown(struct catalog *c, const char *camera, int64_t before, int64_t start, int64_t end, struct layer *out)
{
	return pieces(c, camera, before, (struct wall_range){{start}, {end}}, INT64_MAX, out);
}

int life_is_superseded(struct catalog *c, const char *camera, int64_t before, int64_t start, int64_t end, bool *yes)
{
	int64_t count = 0;
	int rc = db_int(c->db, &count,
			"SELECT count(*) FROM life WHERE camera = ? AND id >= ? AND start < ? AND (end IS NULL OR end > ?)", "tiii",
			camera, before, end, start);

	*yes = count > 0;
	return rc;
}

int life_horizon(struct catalog *c, int64_t *at)
{
	int64_t ahead, now;
	int rc = state_us(c, "lived_until", &ahead);

	if (rc == 0)
		rc = state_us(c, "settled_at", &now);
	if (rc == 0)
		*at = now < ahead ? now : INT64_MAX;
	return rc;
}
