/* The judging half of presence.h: what is gone becomes a gap and one entry of the ledger. */
#include "presence.h"

#include "catalog_internal.h"
#include "file_batch.h"
#include "garbage.h"
#include "object.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

struct judge {
	struct presence *p;
	const struct presence_job *j;
	struct catalog *c;
	struct wall now;
	struct file_sums gone;
	struct wall_range run;          /* of neighbours that are gone: one hole */
};

static int end_run(struct judge *g)
{
	struct wall_range r = g->run;

	g->run = (struct wall_range){0};
	return r.start.us < r.end.us ? span_look_again(g->c, g->j->camera, r.start, r.end) : 0;
}

static int lose(struct judge *g, const struct presence_item *i)
{
	int rc = garbage_lose(g->c, i->segment);

	if (rc == 0 && g->run.end.us != i->start.us)
		rc = end_run(g);
	if (g->run.start.us == g->run.end.us)
		g->run.start = i->start;
	g->run.end = i->end;
	file_sums_add(&g->gone, i->start, i->end, i->bytes, i->seal_digest);
	return rc;
}

/* Retention took it meanwhile, or it moved; or there is another file of it. */
static int judge_one(struct judge *g, const struct presence_item *i)
{
	struct segment_place place = {.segment = i->segment, .root = g->j->root, .bytes = i->bytes, .start = i->start,
				      .root_path = g->j->root_path};
	int64_t there = 0;
	int rc = db_int(g->c->db, &there, "SELECT count(*) FROM segment WHERE id = ? AND root = ?", "ii", i->segment, g->j->root);

	if (rc < 0 || there == 0)
		return rc;
	snprintf(place.camera, sizeof place.camera, "%s", g->j->camera);
	memcpy(place.seal_digest, i->seal_digest, sizeof place.seal_digest);
	rc = object_promote(g->p->fs, g->c, g->p->conf->site.id, g->now, &place, "the file is gone");
	return rc < 0 ? rc : rc > 0 ? 0 : lose(g, i);
}

static int tell(struct judge *g)
{
	if (g->gone.files == 0)
		return 0;
	log_error("footage.missing", "camera=%s root=%s files=%lld why=\"gone, or no file any more\"", g->j->camera, g->j->root_path,
		  (long long)g->gone.files);
	json_t *body = file_sums_json(&g->gone);
	json_object_set_new(body, "why", json_string("the files are gone, or are no files any more"));
	int rc = ledger_append(g->c, g->now, "footage.missing", g->j->camera, body, NULL);
	return rc < 0 ? rc : object_look_again(g->c); /* a catalogue that was put back may not know of a copy */
}

int presence_judge(struct presence *p, struct presence_job *j, unsigned *count)
{
	struct judge g = {.p = p, .j = j, .c = p->catalog, .now = clock_wall(p->clock)};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < j->count; i++)
		if (j->items[i].found == PRESENCE_GONE || j->items[i].found == PRESENCE_NO_FILE)
			rc = judge_one(&g, &j->items[i]);
	if (rc == 0)
		rc = end_run(&g);
	*count = (unsigned)g.gone.files;
	if (rc == 0)
		rc = tell(&g);
	p->scrub->now.missing += *count;
	if (rc == 0 && *count > 0)
		rc = scrub_save(p->scrub);
	file_sums_finish(&g.gone);
	return rc;
}
