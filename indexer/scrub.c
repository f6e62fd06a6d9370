#include "scrub.h"

#include "catalog_internal.h"

#include "base/buf.h"
#include "media/segment.h"

#include <errno.h>
#include <stdlib.h>

#define SAVE_EVERY_US (60 * US_PER_S)
#define FASTEST 8 /* times the usual pace, after time was lost */

/* --- the position ------------------------------------------------------------------------ */

int scrub_init(struct scrub *s, struct fs *fs, struct clock *clock, const struct conf *conf, struct catalog *c)
{
	struct mono now = clock_mono(clock);

	*s = (struct scrub){.fs = fs, .clock = clock, .conf = conf, .catalog = c, .due = now, .saved = now};
	return catalog_scrub(c, &s->now);
}

int scrub_save(struct scrub *s)
{
	const struct catalog_scrub *n = &s->now;
	json_t *o = json_pack("{ss sb sI sI sI sI sI sI sI sI}", "camera", n->camera, "copies", (int)n->copies, "start", (json_int_t)n->start.us, "fragment",
			      (json_int_t)n->fragment, "round_began", (json_int_t)n->round_began.us, "round_before",
			      (json_int_t)n->round_before.us, "round_bytes", (json_int_t)n->round_bytes, "rounds",
			      (json_int_t)n->rounds, "damaged", (json_int_t)n->damaged, "missing", (json_int_t)n->missing);
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	int rc = catalog_set_state(s->catalog, "scrub", text);

	free(text);
	json_decref(o);
	if (rc == 0)
		s->saved = clock_mono(s->clock);
	return rc;
}

static int save_if_due(struct scrub *s)
{
	return clock_mono(s->clock).us - s->saved.us < SAVE_EVERY_US ? 0 : scrub_save(s);
}

/* --- pace -------------------------------------------------------------------------------------- */

static int64_t aim_us(const struct scrub *s)
{
	return s->conf->scrub_us / 6 * 5;
}

/* Bytes a second that finish the round in time. */
static double pace(const struct scrub *s, int64_t total)
{
	double usual = (double)total / ((double)aim_us(s) / US_PER_S);
	int64_t left_us = s->now.round_began.us + aim_us(s) - clock_wall(s->clock).us, left = total - s->now.round_bytes;
	double needed = left_us > 0 && left > 0 ? (double)left / ((double)left_us / US_PER_S) : left > 0 ? usual * FASTEST : usual;

	return needed < usual ? usual : needed > usual * FASTEST ? usual * FASTEST : needed;
}

static int wait_for(struct scrub *s, int64_t bytes)
{
	int64_t total = 0;
	int rc = db_int(s->catalog->db, &total, "SELECT sum(bytes) - (SELECT coalesce(sum(bytes), 0) FROM stored_volume) FROM volume", "");

	if (rc < 0 && rc != -ENOENT)
		return rc;
	double per_s = pace(s, total > bytes ? total : bytes);
	s->due.us = clock_mono(s->clock).us + (int64_t)((double)bytes / per_s * (double)US_PER_S);
	return 0;
}

int64_t scrub_wait_us(const struct scrub *s)
{
	int64_t us = s->due.us - clock_mono(s->clock).us;

	return s->suspect_count > 0 || us < 0 ? 0 : us;
}

/* --- choosing -------------------------------------------------------------------------------------- */

#define JOB_COLUMNS                                                                                                      \
	"SELECT s.id, r.id, s.bytes, s.init_bytes, s.camera, r.path, s.start, s.end, i.digest, s.seal_digest, s.fragments "
#define FROM_SEGMENTS "FROM segment s JOIN root r ON r.id = s.root JOIN init i ON i.id = s.init "
#define FROM_COPIES                                                                             \
	"FROM copy k CROSS JOIN segment s ON s.camera = k.camera AND s.start = k.start " \
	"JOIN root r ON r.id = k.root JOIN init i ON i.id = s.init "

static int job_from_row(struct scrub *s, const struct db_query *q, struct scrub_job *j)
{
	char name[256];
	size_t len;
	const uint8_t *packed = db_blob(q, 10, &len);

	*j = (struct scrub_job){.fs = s->fs, .segment = db_i64(q, 0), .root = db_i64(q, 1), .bytes = db_i64(q, 2),
				.init_bytes = db_i64(q, 3), .start.us = db_i64(q, 6), .end.us = db_i64(q, 7)};
	snprintf(j->camera, sizeof j->camera, "%s", db_text(q, 4));
	j->root_path = xstrdup(db_text(q, 5));
	segment_archive_name(name, j->camera, j->start);
	j->path = xasprintf("%s/archive/%s", j->root_path, name);
	int rc = db_blob_copy(q, 8, j->init_digest, SHA256_BYTES);
	if (rc == 0)
		rc = db_blob_copy(q, 9, j->seal_digest, SHA256_BYTES);
	if (rc == 0)
		rc = fragment_index_unpack(packed, len, j->start, j->init_bytes, &j->index);
	j->to = j->index.count;
	return rc;
}

/* Takes the row of q, which is done with; 1, 0 or negative. */
static int take(struct scrub *s, struct db_query *q, struct scrub_job *j)
{
	int rc = db_step(q);

	if (rc > 0) {
		int failed = job_from_row(s, q, j);
		rc = failed < 0 ? failed : 1;
		if (failed < 0)
			scrub_job_finish(j);
	}
	db_done(q);
	return rc;
}

static int take_suspect(struct scrub *s, struct scrub_job *j)
{
	struct scrub_suspect *p = &s->suspects[--s->suspect_count];
	struct db_query q;
	int rc = db_query(s->catalog->db, &q, JOB_COLUMNS FROM_SEGMENTS "WHERE s.camera = ?1 AND s.start <= ?2 AND s.start > ?3 "
			  "AND s.root > 0 ORDER BY s.start DESC LIMIT 1", "tii", p->camera, p->at.us, p->at.us - SEGMENT_LONGEST_US);

	rc = rc < 0 ? rc : take(s, &q, j);
	if (rc > 0)
		j->suspect = true;
	return rc;
}

static void begin_pass(struct scrub *s, bool copies)
{
	s->now.copies = copies;
	s->now.camera[0] = '\0';
	s->now.start.us = 0;
	s->now.fragment = 0;
}

/* As many fragments as a slice holds, and one at least. */
static void cut_slice(struct scrub *s, struct scrub_job *j)
{
	bool resumed = strcmp(j->camera, s->now.camera) == 0 && j->start.us == s->now.start.us;
	uint64_t bytes = 0;

	j->from = resumed && s->now.fragment < j->index.count ? s->now.fragment : 0;
	for (j->to = j->from; j->to < j->index.count; j->to++) {
		bytes += j->index.items[j->to].bytes;
		if (bytes > SCRUB_SLICE_BYTES && j->to > j->from)
			return;
	}
}

static int take_in_order(struct scrub *s, struct scrub_job *j, const char *query)
{
	struct db_query q;
	int rc = db_query(s->catalog->db, &q, query, "ti", s->now.camera, s->now.start.us);

	rc = rc < 0 ? rc : take(s, &q, j);
	if (rc > 0)
		cut_slice(s, j);
	return rc;
}

static int take_next(struct scrub *s, struct scrub_job *j)
{
	int rc = s->now.copies ? 0 : take_in_order(s, j, JOB_COLUMNS FROM_SEGMENTS
						   "WHERE (s.camera, s.start) >= (?1, ?2) AND s.root > 0 ORDER BY s.camera, s.start LIMIT 1");

	if (rc != 0)
		return rc;
	if (!s->now.copies)
		begin_pass(s, true);
	rc = take_in_order(s, j, JOB_COLUMNS FROM_COPIES "WHERE k.state = 'kept' AND k.root <> s.root AND "
			   "(k.camera, k.start) >= (?1, ?2) ORDER BY k.camera, k.start LIMIT 1");
	j->copy = rc > 0;
	return rc;
}

/* The next one begins when this one's time is over. */
static int end_round(struct scrub *s)
{
	int64_t now = clock_wall(s->clock).us, next = s->now.round_began.us + aim_us(s);

	if (s->now.round_bytes > 0) {
		s->now.rounds++;
		s->now.round_before = s->now.round_began;
	}
	begin_pass(s, false);
	s->now.round_bytes = 0;
	bool waits = s->now.round_began.us <= now && next > now && s->now.rounds > 0;
	int64_t pause = waits && next - now <= aim_us(s) ? next - now : 0;
	s->now.round_began.us = pause > 0 ? next : now;
	s->due.us = clock_mono(s->clock).us + (pause > SCRUB_IDLE_US || pause == 0 ? SCRUB_IDLE_US : pause);
	return scrub_save(s);
}

int scrub_next(struct scrub *s, struct scrub_job *j)
{
	int64_t now = clock_wall(s->clock).us;

	*j = (struct scrub_job){0};
	if (s->suspect_count > 0)
		return take_suspect(s, j);
	if (s->now.round_began.us > now && s->now.round_began.us - now <= aim_us(s)) { /* between two rounds */
		s->due.us = clock_mono(s->clock).us + (s->now.round_began.us - now < SCRUB_IDLE_US ? s->now.round_began.us - now : SCRUB_IDLE_US);
		return 0;
	}
	if (s->now.round_began.us == 0 || s->now.round_began.us > now)
		s->now.round_began.us = now;
	int rc = take_next(s, j);
	return rc == 0 ? end_round(s) : rc;
}

void scrub_suspect(struct scrub *s, const char *camera, struct wall at)
{
	struct scrub_suspect *p = &s->suspects[s->suspect_count];

	if (s->suspect_count == SCRUB_SUSPECTS_MAX || strlen(camera) >= sizeof p->camera)
		return;
	p->at = at;
	snprintf(p->camera, sizeof p->camera, "%s", camera);
	s->suspect_count++;
}

void scrub_job_finish(struct scrub_job *j)
{
	fragment_index_finish(&j->index);
	free(j->bad);
	free(j->path);
	free(j->root_path);
	*j = (struct scrub_job){0};
}

/* --- what was read -------------------------------------------------------------------------------------- */

static void move_on(struct scrub *s, const struct scrub_job *j)
{
	s->now.round_bytes += j->read_bytes;
	snprintf(s->now.camera, sizeof s->now.camera, "%s", j->camera);
	s->now.start.us = j->start.us + (j->to == j->index.count);
	s->now.fragment = j->to == j->index.count ? 0 : j->to;
}

int scrub_apply(struct scrub *s, struct scrub_job *j)
{
	struct scrub before = *s;
	int rc = catalog_begin(s->catalog);

	if (rc < 0) {
		scrub_job_finish(j);
		return rc;
	}
	rc = scrub_judge(s, j);
	bool found = rc > 0;
	if (rc >= 0 && !j->suspect)
		move_on(s, j);
	if (rc >= 0 && !j->suspect)
		rc = wait_for(s, j->read_bytes > 0 ? j->read_bytes : 1);
	if (rc >= 0)
		rc = found ? scrub_save(s) : save_if_due(s);
	if (rc == 0)
		rc = catalog_commit(s->catalog);
	if (rc < 0) {
		catalog_rollback(s->catalog);
		before.due.us = clock_mono(s->clock).us + SCRUB_IDLE_US;
		*s = before;
	}
	scrub_job_finish(j);
	return rc;
}
