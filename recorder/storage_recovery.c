#include "recorder/storage_inner.h"

#include "base/log.h"

#include <stdlib.h>

#define FIRST_LOOK_MAX_US	 (10 * US_PER_S)
#define STUCK_US		 (60 * US_PER_S)
#define RECOVERY_QUEUE_MAX_BYTES 1 /* its jobs carry no media */

struct survey {
	struct worker_job job;
	struct storage_root *root;
	const struct recover_env *env;
	json_t *names;
	struct recover_item *items;
};

/* --- one file ---------------------------------------------------------------------------- */

static void on_recovered(struct worker_job *j)
{
	struct recover_item *x = (struct recover_item *)j;
	struct storage_root *r = x->owner;
	struct storage *s = r->storage;

	if (x->fate == SEGMENT_STALE) {
		struct chain_head head = x->head;
		turn_again(&s->turns, &x->turn, &head);
		return;
	}
	if (x->fate == SEGMENT_SEALED && s->events->sealed)
		s->events->sealed(s->owner, x->camera);
	storage_journaled(s);
	r->items--;
	s->recovery_moved = clock_mono(s->clock);
	turn_done(&s->turns, &x->turn, &x->head);
	if (x->fate != SEGMENT_LEFT)
		json_object_del(r->seen, x->name);
	else
		json_object_set_new(r->seen, x->name, json_false());
	free(x);
	storage_recovery_check(s);
	storage_check_closing(s);
}

static void run_file(struct worker_job *j) { recover_file((struct recover_item *)j); }

static void on_turn(struct turn *t, const struct chain_head *head)
{
	struct recover_item *x = (struct recover_item *)((char *)t - offsetof(struct recover_item, turn));
	struct storage_root *r = x->owner;

	x->head = *head;
	x->job.run = run_file;
	x->job.done = on_recovered;
	worker_post(r->recovery, &x->job);
}

/* --- what a root has ----------------------------------------------------------------------- */

static void run_survey(struct worker_job *j)
{
	struct survey *v = (struct survey *)j;

	v->items = recover_survey(v->env, v->names);
}

static void on_surveyed(struct worker_job *j)
{
	struct survey *v = (struct survey *)j;
	struct storage_root *r = v->root;

	r->surveys--;
	for (struct recover_item *x = v->items, *next; x; x = next) {
		next = x->next;
		x->next = NULL;
		x->owner = r;
		x->turn.go = on_turn;
		x->turn.recovery = true;
		r->items++;
		turn_ask(&r->storage->turns, x->camera, &x->turn);
	}
	r->surveyed = true;
	json_decref(v->names);
	free(v);
	storage_recovery_check(r->storage);
	storage_check_closing(r->storage);
}

/* Names that recovery has not met yet; those it could not deal with are met again when their disk is well. */
static json_t *only_new(struct storage_root *r, json_t *left)
{
	json_t *fresh = json_array(), *name;
	size_t i;

	json_array_foreach(left, i, name)
	{
		const char *text = json_string_value(name);
		if (json_object_get(r->seen, text))
			continue;
		json_object_set_new(r->seen, text, json_true());
		json_array_append(fresh, name);
	}
	json_decref(left);
	return fresh;
}

static void start_survey(struct storage_root *r, json_t *names)
{
	struct survey *v = xcalloc(1, sizeof *v);

	*v = (struct survey){
	    .job = {.run = run_survey, .done = on_surveyed}, .root = r, .names = names, .env = &r->env};
	r->surveys++;
	worker_post(r->recovery, &v->job);
}

static bool has_recovery_thread(struct storage_root *r)
{
	if (!r->recovery && worker_create(r->storage->loop, r->disk->path, RECOVERY_QUEUE_MAX_BYTES, NULL,
					  NULL, &r->recovery) == 0)
		storage_count_worker(r->storage);
	return r->recovery != NULL;
}

static void forget_left(struct storage_root *r)
{
	const char *name;
	json_t *busy;
	void *next;

	json_object_foreach_safe(r->seen, next, name, busy)
		if (json_is_false(busy))
			json_object_del(r->seen, name);
}

bool storage_has_left(const struct storage_root *r)
{
	const char *name;
	json_t *busy;

	json_object_foreach(r->seen, name, busy)
		if (json_is_false(busy))
			return true;
	return false;
}

void storage_recover(struct storage_root *r, json_t *left)
{
	if (r->sm.now == ROOT_OK)
		forget_left(r);
	json_t *names = left ? only_new(r, left) : NULL;

	if (names && json_array_size(names) > 0 && has_recovery_thread(r)) {
		start_survey(r, names);
	} else {
		json_decref(names);
		r->surveyed = true;
	}
	storage_recovery_check(r->storage);
}

/* --- the end of it --------------------------------------------------------------------------- */

static void done(struct storage *s)
{
	s->ready = true;
	storage_journal(s, "ready", json_object());
	log_info("recover", "ready=true");
	if (s->events->recovered)
		s->events->recovered(s->owner);
}

static bool is_surveyed(const struct storage_root *r)
{
	return r->surveyed || clock_mono(r->storage->clock).us - r->storage->began.us >= FIRST_LOOK_MAX_US;
}

/* A root that does not answer for 10 s is not waited for, nor are files that do not move for a minute:
 * what lies there is dealt with when the disk comes back. */
void storage_recovery_check(struct storage *s)
{
	unsigned items = 0;

	if (s->ready || s->phase > 0)
		return;
	for (unsigned i = 0; i < s->root_count; i++) {
		if (!is_surveyed(&s->roots[i]))
			return;
		items += s->roots[i].items;
	}
	turns_release(&s->turns);
	if (!s->ready && (items == 0 || clock_mono(s->clock).us - s->recovery_moved.us >= STUCK_US))
		done(s);
}
