#include "recorder/disk.h"

#include "base/log.h"
#include "recorder/storage.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_US US_PER_S
#define SYNC_PIECE_US (100 * US_PER_MS) /* then what waits is written, and the round goes on with the next tick */

/* --- the open files ------------------------------------------------------------------ */

static void list_remove(struct disk *d, struct segment_file *f)
{
	struct segment_file **at = &d->files;

	while (*at && *at != f)
		at = &(*at)->next;
	if (*at)
		*at = f->next;
	f->next = NULL;
}

static bool list_has(const struct disk *d, const char *name)
{
	char mine[256];

	for (const struct segment_file *f = d->files; f; f = f->next) {
		segment_file_name(f, ".open", mine);
		if (strcmp(mine, name) == 0)
			return true;
	}
	return false;
}

/* --- trying a root --------------------------------------------------------------------- */

static int list_left(struct disk *d, json_t **out)
{
	char *dir = xasprintf("%s/incoming", d->path);
	DIR *dp = opendir(dir);
	int rc = dp ? 0 : -errno;

	free(dir);
	if (rc < 0)
		return rc;
	*out = json_array();
	errno = 0;
	for (struct dirent *x; (x = readdir(dp)) != NULL; errno = 0)
		if (x->d_name[0] != '.' && !list_has(d, x->d_name))
			json_array_append_new(*out, json_string(x->d_name));
	rc = -errno;
	closedir(dp);
	return rc;
}

static int look(struct disk *d, uint64_t *free_bytes, bool *full)
{
	uint64_t total;
	int rc = d->fs->free_bytes(d->fs, d->path, free_bytes, &total);

	*full = rc == 0 && *free_bytes <= d->reserve_bytes;
	return rc;
}

static enum root_state refuse(struct disk *d, struct disk_try *t, int rc, const char *what)
{
	err_set(&t->err, rc, "%s: %s: %s", d->path, what, strerror(-rc));
	return rc == -ENOSPC || rc == -EDQUOT ? ROOT_FULL : ROOT_FAILED;
}

static enum root_state try_root(struct disk *d, struct disk_try *t)
{
	struct root_want want = {.path = d->path, .site = d->site, .known = *t->known ? t->known : NULL};
	struct root_identity id;
	bool full = false;

	memcpy(want.box, d->box, UUID_BYTES);
	int rc = root_check(d->fs, &want, &id, &t->err);
	d->usable = rc == 0;
	if (rc < 0)
		return rc == -ENODEV ? ROOT_ABSENT : ROOT_FAILED;
	uuid_format(id.root, t->root);
	if ((rc = list_left(d, &t->left)) < 0)
		return refuse(d, t, rc, "read incoming/");
	if ((rc = look(d, &t->free_bytes, &full)) < 0)
		return refuse(d, t, rc, "ask for free space");
	if (full) {
		err_set(&t->err, -ENOSPC, "%s: only the reserve is left", d->path);
		return ROOT_FULL;
	}
	if ((rc = root_probe(d->fs, d->path)) < 0)
		return refuse(d, t, rc, "write");
	return ROOT_OK;
}

static void run_try(struct worker_job *j)
{
	struct disk_try *t = (struct disk_try *)j;

	t->state = try_root(t->base.disk, t);
}

/* --- writing ------------------------------------------------------------------------------ */

static void journal_open_file(struct disk *d, const struct segment_file *f)
{
	char name[256], run[UUID_TEXT_MAX];

	segment_file_name(f, ".open", name);
	uuid_format(f->run, run);
	chain_fact(d->chain, "open",
		   json_pack("{s:s,s:s,s:s,s:I,s:s,s:i}", "camera", f->camera, "root", d->path, "file", name,
			     "start", (json_int_t)f->start.us, "run", run, "flags", f->flags));
}

static void run_open(struct worker_job *j)
{
	struct disk_write *w = (struct disk_write *)j;
	struct disk *d = w->base.disk;

	if (segment_file_is_condemned(w->file)) { /* it is missed already: nobody needs an empty file */
		buf_finish(&w->bytes);
		return;
	}
	w->error = d->usable ? segment_file_open(w->file, w->bytes.data, w->bytes.len) : -ENODEV;
	w->file->error = w->error;
	buf_finish(&w->bytes);
	if (w->file->fd >= 0) {
		w->file->next = d->files;
		d->files = w->file;
	}
	if (w->error == 0)
		journal_open_file(d, w->file);
}

static void run_add(struct worker_job *j)
{
	struct disk_write *w = (struct disk_write *)j;

	if (!segment_file_is_condemned(w->file))
		w->error = segment_file_add(w->file, w->bytes.data, w->bytes.len);
	buf_finish(&w->bytes);
}

static void run_seal(struct worker_job *j)
{
	struct disk_seal *s = (struct disk_seal *)j;

	s->fate = segment_file_seal(s->file, s->base.disk->chain, &s->seal);
	if (s->file->fd < 0)
		list_remove(s->base.disk, s->file);
}

/* --- syncing ------------------------------------------------------------------------------ */

static void tell_progress(struct disk_tick *t, struct segment_file *f)
{
	t->progress = xrealloc(t->progress, (t->progress_count + 1) * sizeof *t->progress);
	t->progress[t->progress_count++] = (struct disk_progress){
	    .file = f,
	    .confirmed = f->confirmed,
	    .error = f->error,
	};
}

/* What the beat may say: all that is durable, unless it was condemned while the disk was busy. */
static json_t *promise(struct disk *d)
{
	json_t *durable = json_object();
	char name[256];

	for (struct segment_file *f = d->files; f; f = f->next) {
		if (f->confirmed <= f->promise.fragments || !segment_file_promise(f, f->confirmed))
			continue;
		segment_file_name(f, ".open", name);
		json_object_set_new(durable, name, json_integer(f->confirmed_bytes));
	}
	return durable;
}

/* A piece of the round over the open files; all of it when the disk is full. */
static void sync_piece(struct disk *d, struct disk_tick *t)
{
	int64_t until_us = clock_mono(d->clock).us + SYNC_PIECE_US;
	struct segment_file *f = d->files;

	for (; f && (t->full || clock_mono(d->clock).us < until_us); f = f->next) {
		if (f->round == d->round || !segment_file_is_dirty(f) || segment_file_is_condemned(f))
			continue;
		f->round = d->round;
		segment_file_sync(f);
		tell_progress(t, f);
	}
	d->in_round = f != NULL;
}

static void sync_files(struct disk *d, struct disk_tick *t)
{
	sync_piece(d, t);
	json_t *durable = promise(d);
	if (json_object_size(durable) == 0) {
		json_decref(durable);
		return;
	}
	t->journaled = chain_beat(d->chain, d->path, durable) == 0 && chain_sync(d->chain) == 0;
}

static void run_tick(struct worker_job *j)
{
	struct disk_tick *t = (struct disk_tick *)j;
	struct disk *d = t->base.disk;
	struct mono now = clock_mono(d->clock);

	if (d->usable && (d->looked.us == 0 || now.us - d->looked.us >= LOOK_EVERY_US)) {
		d->looked = now;
		t->error = look(d, &t->free_bytes, &t->full);
		t->looked = true;
	}
	if (t->full || (!d->in_round && now.us - d->synced.us >= STORAGE_SYNC_EVERY_MS * US_PER_MS)) {
		d->round++;
		d->in_round = true;
		d->synced = now;
	}
	if (d->in_round)
		sync_files(d, t);
}

/* --- the loop's side ------------------------------------------------------------------------ */

static void post(struct disk *d, struct disk_job *j, void (*run)(struct worker_job *))
{
	j->disk = d;
	j->job.run = run;
	worker_post(d->worker, &j->job);
}

void disk_try(struct disk *d, struct disk_try *t) { post(d, &t->base, run_try); }
void disk_tick(struct disk *d, struct disk_tick *t) { post(d, &t->base, run_tick); }
void disk_seal(struct disk *d, struct disk_seal *s) { post(d, &s->base, run_seal); }

void disk_open(struct disk *d, struct disk_write *w)
{
	w->base.job.bytes = w->bytes.room;
	post(d, &w->base, run_open);
}

void disk_add(struct disk *d, struct disk_write *w)
{
	w->base.job.bytes = w->bytes.room;
	post(d, &w->base, run_add);
}

int disk_create(uv_loop_t *loop, const struct disk *conf, size_t queue_max_bytes, struct disk **out)
{
	struct disk *d = xcalloc(1, sizeof *d);

	*d = *conf;
	d->path = xstrdup(conf->path);
	d->site = xstrdup(conf->site);
	d->synced = clock_mono(d->clock);
	int rc = worker_create(loop, d->path, queue_max_bytes, NULL, NULL, &d->worker);
	if (rc < 0) {
		disk_destroy(d);
		d = NULL;
	}
	*out = d;
	return rc;
}

void disk_destroy(struct disk *d)
{
	if (!d)
		return;
	free(d->path);
	free(d->site);
	free(d);
}
