#include "offload/offload_inner.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_US (600 * US_PER_S)
#define ASK_EVERY_US (5 * US_PER_S)             /* a batch: the disks are to delete it, too */
#define FIND_AGAIN_US (60 * US_PER_S)           /* after trouble: copying is not to wait for it */
#define FIND_LATER_US (5 * US_PER_S)            /* while the keeper takes up what is on the disks */
#define ASK_AGAIN_US (25 * US_PER_DAY)          /* what is nowhere else is asked for once in 30 days, however busy */

/* --- choosing ----------------------------------------------------------------------------------- */

/* What was passed over in this round is asked for again in the next. */
void offload_begin_round(struct offload *o)
{
	o->copy = o->removal = (struct place_in_queue){.start = {INT64_MIN}};
	o->round_began = clock_mono(o->deps.clock);
}

static void begin_job(struct offload *o)
{
	o->work = WORK_COPY;
	o->job = (struct copy_job){.store = &o->store, .fs = o->deps.fs, .site = o->deps.conf->site.id,
				   .floor_days = o->deps.conf->rule.floor_days, .bucket_known = o->bucket_known};
}

static int take_object(void *arg, const struct catalog_object *row)
{
	struct offload *o = arg;

	begin_job(o);
	copy_job_init(&o->job, row);
	return NEXT_JOB;
}

static int take_removal(void *arg, const struct object_kept *row)
{
	struct offload *o = arg;

	begin_job(o);
	copy_job_init_removal(&o->job, row);
	return NEXT_JOB;
}

static int take_question(void *arg, const struct object_kept *row)
{
	return ask_job_add(arg, row) ? 0 : 1;
}

/* What is nowhere else and was not asked for for long; then what may go here. */
static int choose_questions(struct offload *o)
{
	const struct conf_offload *to = &o->deps.conf->offload;
	struct mono now = clock_mono(o->deps.clock);
	struct wall wall = clock_wall(o->deps.clock), before = {wall.us - (int64_t)to->local_days * US_PER_DAY};

	if (now.us < o->ask_due.us)
		return NEXT_NOTHING;
	o->ask_due.us = now.us + ASK_EVERY_US;
	o->ask = (struct ask_job){.store = &o->store, .now = wall, .bucket_known = o->bucket_known};
	int rc = catalog_objects_unasked(o->catalog, o->place, (struct wall){wall.us - ASK_AGAIN_US}, ASK_MAX, take_question, &o->ask);
	o->release_before = o->release;
	if (rc == 0 && to->releases)
		rc = catalog_objects_releasable(o->catalog, o->place, before, &o->release, ASK_MAX - o->ask.count, take_question,
						&o->ask);
	if (rc == 0)
		o->release = (struct catalog_release_at){.end = {INT64_MIN}};
	if (rc < 0)
		ask_job_finish(&o->ask);
	o->work = WORK_ASK;
	return rc < 0 ? rc : o->ask.count > 0 ? NEXT_JOB : NEXT_NOTHING;
}

/* Whether the bucket is still to be looked through for what this catalogue does not know. */
static int finds(struct offload *o, bool *yes)
{
	char listed[1024], rebuilding[8];
	int rc = catalog_state(o->catalog, "offload_listed", listed, sizeof listed);

	if (rc == 0)
		rc = catalog_state(o->catalog, "rebuilding", rebuilding, sizeof rebuilding);
	*yes = rc == 0 && strcmp(listed, o->place) != 0 && (rebuilding[0] == '\0' || rebuilding[0] == '0');
	return rc;
}

static int choose_find(struct offload *o, const char **verb, json_t **args)
{
	bool yes = false;
	int rc = clock_mono(o->deps.clock).us < o->find_due.us ? 0 : finds(o, &yes);

	if (rc < 0 || !yes)
		return rc;
	o->find.store = &o->store;
	o->find.site = o->deps.conf->site.id;
	o->find.place = o->place;
	o->find.floor_days = o->deps.conf->rule.floor_days;
	o->work = WORK_READ;
	rc = find_next(&o->find, o->catalog);
	if (rc != 0)
		return rc;
	if (!o->find.ended) {
		o->work = WORK_LIST;
		return NEXT_JOB;
	}
	*verb = "object.listed";
	*args = json_pack("{ss}", "place", o->place);
	return NEXT_COMMAND;
}

static int choose_copy(struct offload *o)
{
	return catalog_objects_waiting(o->catalog, o->copy.start, o->copy.camera, 1, take_object, o);
}

/* Neither keeps the other waiting. */
static int choose_in_turn(struct offload *o, const char **verb, json_t **args)
{
	int rc = o->copied_last ? choose_find(o, verb, args) : choose_copy(o);

	if (rc == 0)
		rc = o->copied_last ? choose_copy(o) : choose_find(o, verb, args);
	o->copied_last = rc == NEXT_JOB && o->work == WORK_COPY;
	return rc;
}

int offload_choose(struct offload *o, const char **verb, json_t **args)
{
	struct err e;
	int rc = o->catalog ? 0 : catalog_open(o->catalog_path, &o->catalog, &e);

	if (rc == 0)
		rc = catalog_objects_doomed(o->catalog, o->place, clock_wall(o->deps.clock), o->removal.start, o->removal.camera, 1,
					    take_removal, o);
	if (rc == 0)
		rc = choose_questions(o);
	if (rc == 0)
		rc = choose_in_turn(o, verb, args);
	if (rc == 0 && clock_mono(o->deps.clock).us - o->round_began.us > ROUND_US)
		offload_begin_round(o);
	return rc;
}

/* --- doing ---------------------------------------------------------------------------------------- */

void offload_do(struct offload *o)
{
	switch (o->work) {
	case WORK_COPY: copy_run(&o->job); break;
	case WORK_ASK:  ask_run(&o->ask); break;
	case WORK_LIST: find_list(&o->find); break;
	case WORK_READ: find_read(&o->find); break;
	}
}

/* --- what came of it ---------------------------------------------------------------------------------- */

static void pass_over(struct offload *o, const char *why)
{
	if (!json_object_get(o->told, o->job.key))
		log_warn("offload", "camera=%s key=%s text=\"passed over: %s\"", o->job.camera, o->job.key, why);
	json_object_set_new(o->told, o->job.key, json_true());
	struct place_in_queue *p = o->job.remove ? &o->removal : &o->copy;

	p->start = o->job.start;
	memcpy(p->camera, o->job.camera, sizeof p->camera);
}

static void copied(struct offload *o, const char **verb, json_t **args)
{
	const struct object_kept k = copy_job_object(&o->job, o->place);

	if (o->job.sent) {
		o->copied++;
		o->copied_bytes += o->job.bytes;
	}
	json_object_del(o->told, o->job.key);
	*verb = o->job.remove ? "object.drop" : "object.keep";
	*args = object_kept_json(&k);
}

static enum store_trouble done_copy(struct offload *o, const char **verb, json_t **args)
{
	struct copy_job *j = &o->job;

	copy_job_finish(j);
	o->bucket_known = j->bucket_known && j->trouble == STORE_FINE;
	if (j->remove && j->bucket_known && j->trouble != STORE_FINE && j->trouble != STORE_AWAY) {
		pass_over(o, "the store does not delete it yet");
		return STORE_FINE;
	}
	if (j->trouble == STORE_FINE && j->local < 0)
		pass_over(o, "the file here cannot be read, or is not what the catalogue says");
	else if (j->trouble == STORE_FINE)
		copied(o, verb, args);
	return j->trouble;
}

/* What trouble came between is asked for again. */
static enum store_trouble done_ask(struct offload *o, const char **verb, json_t **args)
{
	o->bucket_known = o->ask.bucket_known && o->ask.trouble == STORE_FINE;
	if (o->ask.trouble == STORE_FINE) {
		*verb = "object.asked";
		*args = ask_job_args(&o->ask);
	} else {
		o->release = o->release_before;
		o->ask_due = clock_mono(o->deps.clock);
	}
	ask_job_finish(&o->ask);
	return o->ask.trouble;
}

static enum store_trouble find_again(struct offload *o)
{
	o->find_due.us = clock_mono(o->deps.clock).us + FIND_AGAIN_US;
	return o->find.trouble;
}

static enum store_trouble done_read(struct offload *o, const char **verb, json_t **args)
{
	struct find_job *f = &o->find;

	if (f->trouble != STORE_FINE) {
		f->at--;
		return find_again(o);
	}
	if (f->args) {
		*verb = "object.found";
		*args = json_incref(f->args);
	} else {
		log_warn("offload", "camera=%s key=%s text=\"not taken back: %s\"", f->camera, f->item->key, f->wrong ? f->wrong : "");
	}
	return STORE_FINE;
}

enum store_trouble offload_done(struct offload *o, const char **verb, json_t **args)
{
	switch (o->work) {
	case WORK_COPY: return done_copy(o, verb, args);
	case WORK_ASK:  return done_ask(o, verb, args);
	case WORK_LIST: return o->find.trouble == STORE_FINE ? STORE_FINE : find_again(o);
	case WORK_READ: return done_read(o, verb, args);
	}
	return STORE_FINE;
}

/* Also to object.listed, which is what is told when nothing more was found. */
static void answered_find(struct offload *o, int status)
{
	struct find_job *f = &o->find;

	if (status < 300 && !f->args) {
		find_finish(f);
	} else if (status >= 500 || !f->args) {
		f->at -= f->args ? 1 : 0;
		o->find_due.us = clock_mono(o->deps.clock).us + FIND_LATER_US;
	}
}

bool offload_answered(struct offload *o, int status)
{
	if (o->work == WORK_READ) {
		answered_find(o, status);
		return false;
	}
	if (o->work == WORK_COPY && status >= 300 && status < 500)
		pass_over(o, "the keeper does not take it");
	return status >= 500;
}
