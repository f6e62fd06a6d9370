#include "presence.h"

#include "catalog_internal.h"
#include "copy.h"
#include "garbage.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_US (60 * US_PER_S)
#define HINT_US (US_PER_S / 2) /* who removes one file removes more */
#define HINTS_MAX 1024

void presence_init(struct presence *p, const struct presence *setup)
{
	*p = *setup;
	p->due = p->began = clock_mono(p->clock);
}

void presence_finish(struct presence *p)
{
	free(p->hints);
	p->hints = NULL;
	p->hint_count = 0;
}

void presence_job_finish(struct presence_job *j)
{
	free(j->items);
	free(j->strangers);
	free(j->root_path);
	*j = (struct presence_job){0};
}

/* --- when ------------------------------------------------------------------------------------------- */

static struct presence_hint *hint_of(struct presence *p, int64_t root, const char *camera)
{
	for (unsigned i = 0; i < p->hint_count; i++)
		if (p->hints[i].at.root == root && strcmp(p->hints[i].at.camera, camera) == 0)
			return &p->hints[i];
	return NULL;
}

static void add_open(struct presence_hint *h, struct wall start)
{
	if (h->open_count == PRESENCE_OPENS)
		h->all = true;
	else
		h->opens[h->open_count++] = start;
}

static struct presence_hint *hint_in(struct presence *p, int64_t root, const char *camera, int64_t us, unsigned tries)
{
	struct presence_hint *h = hint_of(p, root, camera);

	if (!h && (p->hint_count == HINTS_MAX || strlen(camera) >= CATALOG_ID_MAX))
		return NULL;
	if (!h) {
		p->hints = xrealloc(p->hints, (p->hint_count + 1) * sizeof *p->hints);
		h = &p->hints[p->hint_count++];
		*h = (struct presence_hint){.at.root = root, .due.us = clock_mono(p->clock).us + us};
		snprintf(h->at.camera, sizeof h->at.camera, "%s", camera);
	}
	h->tries = tries > h->tries ? tries : h->tries;
	return h;
}

void presence_hint(struct presence *p, int64_t root, const char *camera, const struct wall *start)
{
	struct presence_hint *h = hint_in(p, root, camera, HINT_US, 0);

	if (h && start)
		add_open(h, *start);
}

void presence_sweep_now(struct presence *p)
{
	p->now = (struct presence_place){0};
	p->due = clock_mono(p->clock);
}

int64_t presence_wait_us(const struct presence *p)
{
	int64_t due = p->due.us;

	for (unsigned i = 0; i < p->hint_count; i++)
		due = p->hints[i].due.us < due ? p->hints[i].due.us : due;
	due -= clock_mono(p->clock).us;
	return due < 0 ? 0 : due;
}

/* --- what ------------------------------------------------------------------------------------------- */

static bool is_to_be_opened(const struct presence *p, const struct presence_hint *h, const struct presence_item *i)
{
	if (!h)
		return i->segment % PRESENCE_PARTS == p->sweep % PRESENCE_PARTS;
	for (unsigned n = 0; n < h->open_count; n++)
		if (h->opens[n].us == i->start.us)
			return true;
	return h->all;
}

static int add_item(struct presence_job *j, unsigned *room, const struct db_query *q)
{
	if (j->count == *room) {
		*room = *room ? *room * 2 : 256;
		j->items = xrealloc(j->items, *room * sizeof *j->items);
	}
	struct presence_item *i = &j->items[j->count++];
	*i = (struct presence_item){.segment = db_i64(q, 0), .start = {db_i64(q, 1)}, .end = {db_i64(q, 2)}, .bytes = db_i64(q, 3)};
	return db_blob_copy(q, 4, i->seal_digest, sizeof i->seal_digest);
}

static int load_items(struct presence *p, struct presence_job *j, const struct presence_hint *h)
{
	struct db_query q;
	unsigned room = 0;
	int rc = db_query(p->catalog->db, &q, "SELECT id, start, end, bytes, seal_digest FROM segment WHERE camera = ? AND root = ? "
			  "ORDER BY start", "ti", j->camera, j->root);

	if (rc < 0)
		return rc;
	while ((rc = db_step(&q)) > 0)
		if ((rc = add_item(j, &room, &q)) < 0)
			break;
	db_done(&q);
	for (unsigned i = 0; i < j->count; i++)
		j->items[i].open = is_to_be_opened(p, h, &j->items[i]);
	return rc;
}

/* 1, 0: that disk is not to be asked now, or negative. */
static int make_job(struct presence *p, const struct presence_place *at, const struct presence_hint *h, struct presence_job *j)
{
	struct db_query q;
	int rc = db_query(p->catalog->db, &q, "SELECT path, uuid FROM root WHERE id = ?", "i", at->root);

	*j = (struct presence_job){.fs = p->fs, .site = p->conf->site.id, .root = at->root};
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		j->root_path = xstrdup(db_text(&q, 0));
		snprintf(j->uuid, sizeof j->uuid, "%s", db_text(&q, 1));
		snprintf(j->camera, sizeof j->camera, "%s", at->camera);
	}
	db_done(&q);
	if (rc > 0 && !copy_root_is_usable(p->fs, p->catalog, p->conf->site.id, at->root, j->root_path))
		rc = 0;
	if (rc > 0)
		rc = load_items(p, j, h) < 0 ? -EIO : 1;
	if (rc <= 0)
		presence_job_finish(j);
	return rc;
}

/* The next pair of disk and camera behind *at; 0: none is left. */
static int next_place(struct catalog *c, struct presence_place *at)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT r.id, (SELECT min(camera) FROM segment INDEXED BY segment_by_age WHERE root = r.id AND "
			  "(r.id > ?1 OR camera > ?2)) AS next FROM root r WHERE r.id > 0 AND r.id >= ?1 AND next IS NOT NULL "
			  "ORDER BY r.id LIMIT 1", "it", at->root, at->camera);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		at->root = db_i64(&q, 0);
		snprintf(at->camera, sizeof at->camera, "%s", db_text(&q, 1));
	}
	db_done(&q);
	return rc;
}

/* All places in an hour, the next sweep an hour after this one began. */
static int pace(struct presence *p)
{
	int64_t places = 0, now = clock_mono(p->clock).us;
	int rc = db_int(p->catalog->db, &places, "SELECT (SELECT count(*) FROM camera) * (SELECT count(*) FROM root WHERE id > 0)", "");

	p->due.us = now + PRESENCE_SWEEP_US / 2 / (places > 0 ? places : 1);
	return rc;
}

static void end_sweep(struct presence *p)
{
	int64_t next = p->began.us + PRESENCE_SWEEP_US, now = clock_mono(p->clock).us;

	p->now = (struct presence_place){0};
	p->sweep++;
	p->began.us = next > now ? next : now;
	p->due.us = next > now ? next : now + IDLE_US;
}

static int take_hint(struct presence *p, struct presence_job *j)
{
	int64_t now = clock_mono(p->clock).us;

	for (unsigned i = 0; i < p->hint_count; i++) {
		struct presence_hint h = p->hints[i];
		if (h.due.us > now)
			continue;
		p->hints[i] = p->hints[--p->hint_count];
		int rc = make_job(p, &h.at, &h, j); /* 0: when the disk is well, the sweep sees it */
		j->tries = rc > 0 ? h.tries : 0;
		j->hinted = rc > 0;
		return rc;
	}
	return 0;
}

int presence_next(struct presence *p, struct presence_job *j)
{
	*j = (struct presence_job){0};
	if (!indexer_knows_archive(p->indexer)) {
		p->due.us = clock_mono(p->clock).us + IDLE_US;
		return 0;
	}
	int rc = take_hint(p, j);
	if (rc != 0 || clock_mono(p->clock).us < p->due.us)
		return rc;
	rc = next_place(p->catalog, &p->now);
	if (rc == 0)
		end_sweep(p);
	if (rc <= 0)
		return rc;
	rc = pace(p);
	return rc < 0 ? rc : make_job(p, &p->now, NULL, j);
}

/* --- what was found ----------------------------------------------------------------------------------- */

static int take_strangers(struct presence *p, const struct presence_job *j)
{
	char stems[PRESENCE_STRANGERS][256];
	const char *list[PRESENCE_STRANGERS];

	for (unsigned i = 0; i < j->stranger_count; i++) {
		segment_incoming_name(stems[i], j->camera, j->strangers[i], "");
		list[i] = stems[i];
	}
	return indexer_take_archived(p->indexer, j->root_path, list, j->stranger_count);
}

/* Three times in a row is gone. */
static void try_again(struct presence *p, struct presence_job *j)
{
	unsigned tries = j->tries + 1;

	for (unsigned i = 0; i < j->count; i++) {
		struct presence_item *x = &j->items[i];
		if (x->found != PRESENCE_UNREADABLE)
			continue;
		struct presence_hint *h = tries < PRESENCE_TRIES ? hint_in(p, j->root, j->camera, PRESENCE_RETRY_US, tries) : NULL;
		if (h)
			add_open(h, x->start);
		if (tries >= PRESENCE_TRIES)
			x->found = PRESENCE_GONE;
	}
}

int presence_apply(struct presence *p, struct presence_job *j)
{
	unsigned lost = 0;
	int rc = 0;

	if (j->rc < 0 || !copy_root_is_usable(p->fs, p->catalog, p->conf->site.id, j->root, j->root_path)) {
		log_warn("presence", "root=%s camera=%s text=\"not judged: %s\"", j->root_path, j->camera, strerror(j->rc < 0 ? -j->rc : ENODEV));
		presence_job_finish(j);
		return 0;
	}
	try_again(p, j);
	for (unsigned i = 0; i < j->count; i++)
		if (j->items[i].found == PRESENCE_RESIZED || (j->items[i].found == PRESENCE_THERE && j->hinted && j->items[i].open))
			scrub_suspect(p->scrub, j->camera, j->items[i].start);
	rc = catalog_begin(p->catalog);
	if (rc == 0)
		rc = catalog_end(p->catalog, presence_judge(p, j, &lost));
	if (rc < 0)
		p->scrub->now.missing -= lost;
	if (rc == 0)
		rc = take_strangers(p, j);
	if (lost > 0)
		indexer_hint(p->indexer); /* its time is judged */
	presence_job_finish(j);
	return rc;
}
