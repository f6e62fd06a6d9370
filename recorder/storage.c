#include "recorder/storage_inner.h"

#include "base/log.h"
#include "base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS		 200
#define TRY_EVERY_US	 (5 * US_PER_S)
#define LEFT_EVERY_US	 (60 * US_PER_S) /* a disk that is well again may hold what recovery could not deal with */
#define BEAT_EVERY_US	 ((STORAGE_SYNC_EVERY_MS - 2 * TICK_MS) * US_PER_MS)
#define JOURNAL_JOBS_MAX 20000

/*   NEW ──▶ OK ◀──▶ STALLED, FULL, FAILED, ABSENT: each may follow each, but none itself. */
#define ANY_BUT(s)                                                                                          \
	((SM_TO(ROOT_OK) | SM_TO(ROOT_STALLED) | SM_TO(ROOT_FULL) | SM_TO(ROOT_FAILED) | SM_TO(ROOT_ABSENT)) & \
	 ~SM_TO(s))
static const struct sm_state root_states[] = {
    [ROOT_NEW] = {"new", ANY_BUT(ROOT_NEW)},	      [ROOT_OK] = {"ok", ANY_BUT(ROOT_OK)},
    [ROOT_STALLED] = {"stalled", ANY_BUT(ROOT_STALLED)}, [ROOT_FULL] = {"full", ANY_BUT(ROOT_FULL)},	      [ROOT_FAILED] = {"failed", ANY_BUT(ROOT_FAILED)},
    [ROOT_ABSENT] = {"absent", ANY_BUT(ROOT_ABSENT)},
};

/* --- facts for the journal --------------------------------------------------------------- */

struct fact {
	struct worker_job job;
	struct storage *storage;
	struct chain *chain;
	const char *kind;
	json_t *body;
};

static void run_fact(struct worker_job *j)
{
	struct fact *f = (struct fact *)j;

	chain_fact(f->chain, f->kind, f->body);
}

static void run_beat(struct worker_job *j) { chain_beat(((struct fact *)j)->chain, NULL, NULL); }

static void run_prune(struct worker_job *j)
{
	struct fact *f = (struct fact *)j;

	chain_prune(f->chain, json_string_value(f->body));
	json_decref(f->body);
}

static void sync_facts(void *chain) { chain_sync(chain); }

static void on_fact(struct worker_job *j)
{
	struct storage *s = ((struct fact *)j)->storage;

	free(j);
	storage_journaled(s);
}

static void post_fact(struct storage *s, const char *kind, json_t *body, void (*run)(struct worker_job *))
{
	struct fact *f = xcalloc(1, sizeof *f);

	*f = (struct fact){.job = {.run = run, .done = on_fact},
			   .storage = s,
			   .chain = s->chain,
			   .kind = kind,
			   .body = body};
	worker_post(s->journal, &f->job);
}

static void fatal(struct storage *s, const char *text)
{
	if (s->fatal)
		return;
	s->fatal = true;
	log_error("storage", "fatal=\"%s\"", text);
	if (s->events->fatal)
		s->events->fatal(s->owner, text);
}

/* The kinds are few and constant; what outlives the call is one of these. */
static const char *constant_kind(const char *kind)
{
	static const char *const kinds[] = {"up", "down", "lost", "clock", "storage", "ready", "stop"};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i], kind) == 0)
			found = kinds[i];
	REQUIRE(found != NULL);
	return found;
}

void storage_journal(struct storage *s, const char *kind, json_t *body)
{
	if (worker_pending(s->journal) >= JOURNAL_JOBS_MAX)
		fatal(s, "the journal's disk does not answer");
	if (s->fatal || s->phase >= 2) { /* nobody will read it */
		json_decref(body);
		return;
	}
	post_fact(s, constant_kind(kind), body, run_fact);
}

void storage_journal_prune(struct storage *s, const char *file)
{
	if (!s->fatal && !s->closing)
		post_fact(s, "prune", json_string(file), run_prune);
}

static void run_key(struct worker_job *j)
{
	struct fact *f = (struct fact *)j;

	chain_set_key(f->chain, json_string_value(f->body));
	json_decref(f->body);
}

void storage_key_changed(struct storage *s)
{
	uint8_t public[PUBKEY_BYTES];
	char hex[2 * PUBKEY_BYTES + 1];

	key_public(seal_keys_signer(s->keys), public);
	hex_encode(public, sizeof public, hex);
	if (!s->fatal && s->phase < 2)
		post_fact(s, "key", json_string(hex), run_key);
}

void storage_journaled(struct storage *s)
{
	if (!chain_error(s->chain) && s->events->journaled)
		s->events->journaled(s->owner);
}

/* --- roots ----------------------------------------------------------------------------------- */

static void set_state(struct storage_root *r, enum root_state state, const char *error)
{
	struct storage *s = r->storage;
	const char *name = root_states[state].name;

	if (r->sm.now == (int)state)
		return;
	sm_move(&r->sm, (int)state);
	storage_journal(s, "storage",
			json_pack("{s:s,s:s,s:s?}", "root", r->disk->path, "state", name, "error", error));
	if (s->events->root_state)
		s->events->root_state(s->owner, r->disk->path, name, error);
}

void storage_root_trouble(struct storage_root *r, enum root_state state, const char *error)
{
	r->tried = clock_mono(r->storage->clock); /* not again at once */
	set_state(r, state, error);
}

struct book_job {
	struct worker_job job;
	struct fs *fs;
	char *state;
	json_t *book;
};

static void run_book(struct worker_job *j)
{
	struct book_job *b = (struct book_job *)j;
	int rc = root_book_save(b->fs, b->state, b->book);

	if (rc < 0)
		log_error("root", "file=%s/roots.json error=\"%s\"", b->state, strerror(-rc));
}

static void on_book(struct worker_job *j)
{
	struct book_job *b = (struct book_job *)j;

	json_decref(b->book);
	free(b->state);
	free(b);
}

static void remember_root(struct storage_root *r, const char *uuid)
{
	struct storage *s = r->storage;
	const char *known = json_string_value(json_object_get(s->book, r->disk->path));

	if (!*uuid || (known && strcmp(known, uuid) == 0))
		return;
	json_object_set_new(s->book, r->disk->path, json_string(uuid));
	struct book_job *b = xcalloc(1, sizeof *b);
	*b = (struct book_job){.job = {.run = run_book, .done = on_book},
			       .fs = s->fs,
			       .state = xstrdup(s->state),
			       .book = json_deep_copy(s->book)};
	worker_post(s->journal, &b->job);
}

/* One disk at two places is one root: at the second one, what is open at the first would look left over. */
static void refuse_twin(struct storage_root *r, struct disk_try *t)
{
	struct storage *s = r->storage;

	for (unsigned i = 0; i < s->root_count; i++) {
		const struct storage_root *o = &s->roots[i];
		const char *uuid = json_string_value(json_object_get(s->book, o->disk->path));
		if (o == r || o->sm.now == ROOT_ABSENT || !*t->root || !uuid || strcmp(uuid, t->root) != 0)
			continue;
		t->state = ROOT_ABSENT;
		err_set(&t->err, -ENODEV, "%s is the same disk as %s: mount each disk once", r->disk->path, o->disk->path);
		json_decref(t->left);
		t->left = NULL;
		return;
	}
}

/* A root that nobody could look at for want of descriptors stays what it was, and is tried again. */
static void on_tried(struct worker_job *j)
{
	struct disk_try *t = (struct disk_try *)j;
	struct storage_root *r = t->base.owner;

	r->try_out = false;
	r->free_bytes = t->free_bytes;
	if (r->storage->phase == 0 && !t->unknown) {
		refuse_twin(r, t);
		remember_root(r, t->root);
		set_state(r, t->state, t->state == ROOT_OK ? NULL : t->err.text);
		if (t->state == ROOT_FULL)
			storage_segments_end(r, CAUSE_STORAGE_FULL, t->err.text);
		storage_recover(r, t->left);
	} else {
		json_decref(t->left);
	}
	free(t);
	storage_check_closing(r->storage);
}

static void try_root(struct storage_root *r)
{
	struct disk_try *t = xcalloc(1, sizeof *t);
	const char *known = json_string_value(json_object_get(r->storage->book, r->disk->path));

	t->base.owner = r;
	t->base.job.done = on_tried;
	snprintf(t->known, sizeof t->known, "%s", known ? known : "");
	r->try_out = true;
	r->tried = clock_mono(r->storage->clock);
	disk_try(r->disk, t);
}

/* A root that cannot keep its word is no place for what comes next. */
static void look_at_round(struct storage_root *r, const struct disk_tick *t)
{
	if (t->sync_error && (r->sm.now == ROOT_OK || r->sm.now == ROOT_STALLED))
		storage_root_trouble(r, ROOT_FAILED, strerror(-t->sync_error));
}

static void look_at_space(struct storage_root *r, const struct disk_tick *t)
{
	if (!t->looked || r->sm.now != ROOT_OK)
		return;
	r->free_bytes = t->free_bytes;
	if (t->error)
		storage_root_trouble(r, ROOT_FAILED, strerror(-t->error));
	if (t->nameless) /* what is open can still be written */
		storage_root_trouble(r, ROOT_FULL, disk_nameless_text());
	if (t->full) {
		storage_root_trouble(r, ROOT_FULL, "only the reserve is left");
		if (!storage_has_better(r)) /* else they leave at their next key frame */
			storage_segments_end(r, CAUSE_STORAGE_FULL, "only the reserve is left");
	}
}

static void on_ticked(struct worker_job *j)
{
	struct disk_tick *t = (struct disk_tick *)j;
	struct storage_root *r = t->base.owner;

	r->tick_out = false;
	for (unsigned i = 0; i < t->progress_count; i++)
		storage_segment_progress(t->progress[i].file->owner, &t->progress[i]);
	for (struct disk_seal *c = t->closed, *next; c; c = next) {
		next = c->next;
		storage_segment_closed(c);
	}
	look_at_round(r, t);
	look_at_space(r, t);
	if (t->journaled)
		storage_journaled(r->storage);
	free(t->progress);
	free(t);
	storage_check_closing(r->storage);
}

static int64_t try_every_us(const struct storage_root *r)
{
	if (r->sm.now == ROOT_OK)
		return storage_has_left(r) ? LEFT_EVERY_US : INT64_MAX;
	return r->sm.now == ROOT_STALLED ? INT64_MAX : TRY_EVERY_US;
}

#define CLOSE_SOON_US US_PER_S

/* Closings of one camera are serial: who makes others wait gets a round soon. */
static int64_t patience_us(const struct storage *s)
{
	if (s->closing)
		return 0;
	return turns_are_queued(&s->turns) ? CLOSE_SOON_US : STORAGE_SYNC_EVERY_MS * US_PER_MS;
}

static void tick_root(struct storage_root *r)
{
	struct mono now = clock_mono(r->storage->clock);

	if (r->sm.now != ROOT_NEW && !r->tick_out) {
		struct disk_tick *t = xcalloc(1, sizeof *t);
		t->base.owner = r;
		t->base.job.done = on_ticked;
		t->patience_us = patience_us(r->storage);
		r->tick_out = true;
		disk_tick(r->disk, t);
	}
	storage_watch_stall(r);
	if (!r->try_out && now.us - r->tried.us >= try_every_us(r) && !r->storage->closing)
		try_root(r);
}

static void on_tick(uv_timer_t *timer)
{
	struct storage *s = timer->data;
	struct mono now = clock_mono(s->clock);

	if (s->phase > 0)
		return;
	for (unsigned i = 0; i < s->root_count; i++)
		tick_root(&s->roots[i]);
	if (now.us - s->beat.us >= BEAT_EVERY_US) {
		s->beat = now;
		post_fact(s, "beat", NULL, run_beat);
	}
	turns_pass_stuck(&s->turns);
	storage_recovery_check(s);
	storage_check_closing(s);
}

static void on_soon(uv_async_t *h) { storage_tell_lost(h->data); }

/* --- birth -------------------------------------------------------------------------------------- */

static void make_root(struct storage *s, struct storage_root *r, const struct conf_root *conf)
{
	struct disk d = {.fs = s->fs,
			 .clock = s->clock,
			 .chain = s->chain,
			 .path = conf->path,
			 .site = s->conf->site.id,
			 .reserve_bytes = conf->reserve_bytes};

	memcpy(d.box, s->box, UUID_BYTES);
	r->storage = s;
	r->drain = conf->drain;
	REQUIRE(disk_create(s->loop, &d, s->conf->buffer_bytes / s->conf->root_count, &r->disk) == 0);
	storage_count_worker(s);
	sm_init(&r->sm, root_states, r->disk->path, ROOT_NEW);
	r->seen = json_object();
	r->env = (struct recover_env){
	    .fs = s->fs, .chain = s->chain, .keys = s->keys, .root = r->disk->path, .site = r->disk->site};
	r->disk->env = &r->env;
}

/* A process that cannot make a thread at start does not live: the supervisor starts it again. */
static void make_threads(struct storage *s)
{
	REQUIRE(worker_create(s->loop, "journal", SIZE_MAX, sync_facts, s->chain, &s->journal) == 0);
	s->roots = xcalloc(s->conf->root_count, sizeof *s->roots);
	s->root_count = s->conf->root_count;
	for (unsigned i = 0; i < s->root_count; i++)
		make_root(s, &s->roots[i], &s->conf->roots[i]);
}

/* What only the recorder keeps: the box's uuid and the roots it has recorded to. */
static int read_state(struct storage *s, struct err *e)
{
	int rc = fs_mkdirs(s->fs, s->state, 0700);

	if (rc < 0)
		return err_set(e, rc, "make %s: %s", s->state, strerror(-rc));
	if ((rc = root_box_uuid(s->fs, s->state, s->box, e)) < 0)
		return rc;
	s->book = root_book_load(s->fs, s->state, e);
	if (!s->book)
		return e->code;
	s->chain = chain_open(s->fs, s->clock, s->conf, seal_keys_signer(s->keys));
	return 0;
}

static void start_handles(struct storage *s)
{
	REQUIRE(uv_timer_init(s->loop, &s->timer) == 0 && uv_timer_init(s->loop, &s->deadline) == 0 &&
		uv_async_init(s->loop, &s->soon, on_soon) == 0);
	s->timer.data = s->deadline.data = s->soon.data = s;
	s->open_handles = 3;
	uv_timer_start(&s->timer, on_tick, TICK_MS, TICK_MS);
}

int storage_create(uv_loop_t *loop, struct fs *fs, struct clock *clock, const struct conf *conf,
		   struct seal_keys *keys, const struct storage_events *events, void *owner,
		   struct storage **out, struct err *e)
{
	struct storage *s = xcalloc(1, sizeof *s);

	*s = (struct storage){.loop = loop,
			      .fs = fs,
			      .clock = clock,
			      .conf = conf,
			      .keys = keys,
			      .events = events,
			      .owner = owner,
			      .stall_ms = STORAGE_STALL_MS,
			      .give_up_ms = STORAGE_GIVE_UP_MS,
			      .state = xasprintf("%s/recorder", conf->state)};
	*out = NULL;
	int rc = read_state(s, e);
	if (rc < 0) {
		json_decref(s->book);
		free(s->state);
		free(s);
		return err_wrap(e, "storage");
	}
	s->began = s->beat = s->recovery_moved = clock_mono(clock);
	turns_init(&s->turns, clock, chain_heads(s->chain));
	make_threads(s);
	start_handles(s);
	for (unsigned i = 0; i < s->root_count; i++)
		try_root(&s->roots[i]);
	*out = s;
	return 0;
}
