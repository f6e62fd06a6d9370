#include "recorder/disk.h"

#include "base/lang.h"
#include "base/log.h"
#include "recorder/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_US US_PER_S
#define FILES_MIN 16
#define BLAMELESS_MAX 2 /* failed rounds, one after another: then what is open ends */
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
	if (!d->files && d->root_fd >= 0) {
		d->fs->close(d->fs, d->root_fd); /* else nobody could unmount an idle disk */
		d->root_fd = -1;
	}
}

static void list_add(struct disk *d, struct segment_file *f)
{
	f->next = d->files;
	d->files = f;
	if (d->in_round)
		f->round = d->round; /* which began without it */
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

struct look_up { const struct disk *disk; const json_t *left; };

static bool is_there(void *arg, const char *name)
{
	const struct look_up *l = arg;
	const json_t *x;
	size_t i;

	json_array_foreach(l->left, i, x)
		if (strcmp(json_string_value(x), name) == 0)
			return true;
	return list_has(l->disk, name);
}

static int look(struct disk *d, uint64_t *free_bytes, bool *full)
{
	uint64_t total;
	int rc = d->fs->free_bytes(d->fs, d->path, free_bytes, &total);

	*full = rc == 0 && *free_bytes <= d->reserve_bytes;
	return rc;
}

/* ext4 has room for so many files and no more, whatever their size. */
static bool is_nameless(struct disk *d)
{
	uint64_t files;

	return d->fs->free_files(d->fs, d->path, &files) == 0 && files < FILES_MIN;
}

const char *disk_nameless_text(void)
{
	return lang("磁盘还有空间，但文件数（inode）已用尽：不能再建立文件。请删去别的小文件，或以更多 inode 重新格式化",
		    "the disk has room, but no inode left for another file: remove other small files, or make its file system with more");
}

/* Descriptors and memory are the process's: what they are short of says nothing of a disk. */
bool disk_is_blameless(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static enum root_state refuse(struct disk *d, struct disk_try *t, int rc, const char *what)
{
	t->unknown |= disk_is_blameless(rc);
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
	t->unknown = disk_is_blameless(rc);
	if (rc < 0)
		return rc == -ENODEV ? ROOT_ABSENT : ROOT_FAILED;
	uuid_format(id.root, t->root);
	chain_name_root(d->chain, d->path, t->root);
	if ((rc = list_left(d, &t->left)) < 0)
		return refuse(d, t, rc, "read incoming/");
	if (!d->heads_read)
		recover_heads(d->env);
	d->heads_read = true;
	chain_forget_unmade(d->chain, d->path, is_there, &(struct look_up){d, t->left});
	if ((rc = look(d, &t->free_bytes, &full)) < 0)
		return refuse(d, t, rc, "ask for free space");
	if (full) {
		err_set(&t->err, -ENOSPC, "%s: only the reserve is left", d->path);
		return ROOT_FULL;
	}
	if (is_nameless(d)) {
		err_set(&t->err, -ENOSPC, "%s: %s", d->path, disk_nameless_text());
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

/* Without one, each file is synced by itself. */
static void hold_root(struct disk *d)
{
	if (d->root_fd < 0)
		d->root_fd = d->fs->open(d->fs, d->path, O_RDONLY | O_DIRECTORY, 0);
}

static void run_open(struct worker_job *j)
{
	struct disk_write *w = (struct disk_write *)j;
	struct disk *d = w->base.disk;

	if (segment_file_is_condemned(w->file)) { /* it is missed already: nobody needs an empty file */
		buf_finish(&w->bytes);
		return;
	}
	hold_root(d);
	if (!chain_error(d->chain))
		d->boot_kept = false;
	else if (!d->boot_kept)
		d->boot_kept = segment_boot_keep(d->fs, d->path) == 0;
	w->error = d->usable ? segment_file_open(w->file, w->bytes.data, w->bytes.len) : -ENODEV;
	w->file->error = w->error;
	w->file->nameless = w->error == -ENOSPC && is_nameless(d);
	buf_finish(&w->bytes);
	if (w->file->fd >= 0)
		list_add(d, w->file);
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
	struct disk_seal *s = (struct disk_seal *)j, **at = &s->base.disk->closings;

	s->fate = segment_file_seal(s->file, s->base.disk->chain, &s->seal);
	s->waits = s->fate == SEGMENT_WAITS;
	while (s->waits && *at)
		at = &(*at)->next;
	if (s->waits)
		*at = s;
	if (s->file->fd < 0)
		list_remove(s->base.disk, s->file);
}

/* --- a round: what was written becomes durable ---------------------------------------------- */

static void tell_progress(struct disk_tick *t, struct segment_file *f)
{
	t->progress = xrealloc(t->progress, (t->progress_count + 1) * sizeof *t->progress);
	t->progress[t->progress_count++] = (struct disk_progress){
	    .file = f,
	    .confirmed = f->confirmed,
	    .error = f->error,
	};
}

static bool is_asked(const struct disk *d, struct segment_file *f)
{
	return f->round != d->round && segment_file_is_dirty(f);
}

static void confirm(struct disk_tick *t, struct segment_file *f)
{
	segment_file_confirm(f);
	if (!f->sealing)
		tell_progress(t, f);
}

/* Of files without a durable name nothing is; if the folder errs, those are cut: how many. */
static unsigned sync_names(struct disk *d)
{
	char *dir = xasprintf("%s/incoming", d->path);
	unsigned guilty = 0;
	int rc = -EAGAIN;

	for (struct segment_file *f = d->files; f; f = f->next) {
		if (f->named || !is_asked(d, f))
			continue;
		if (rc == -EAGAIN)
			rc = d->fs->sync_dir(d->fs, dir);
		f->named = rc == 0;
		if (rc == 0)
			continue;
		f->round = d->round;
		f->error = f->sync_error = rc;
		guilty++;
	}
	free(dir);
	return guilty;
}

static void tell_round(struct disk *d, struct disk_tick *t, bool confirmed)
{
	for (struct segment_file *f = d->files; f; f = f->next) {
		if (f->round != d->round)
			continue;
		if (f->sync_error && !f->sealing)
			tell_progress(t, f);
		else if (!f->sync_error && confirmed)
			confirm(t, f);
	}
}

static void sync_one(struct disk *d, struct disk_tick *t, struct segment_file *f)
{
	f->round = d->round;
	if (segment_file_sync(f) == 0)
		confirm(t, f);
	else if (!f->sealing)
		tell_progress(t, f);
}

/* A piece of the round; all of it when the disk is full. */
static void sync_piece(struct disk *d, struct disk_tick *t)
{
	int64_t until_us = clock_mono(d->clock).us + SYNC_PIECE_US;
	struct segment_file *f = d->files;

	if (sync_names(d))
		tell_round(d, t, false);
	for (; f && (t->full || clock_mono(d->clock).us < until_us); f = f->next)
		if (is_asked(d, f))
			sync_one(d, t, f);
	d->in_round = f != NULL;
}

/* Nobody's fault, and again: what is open on such a disk would wait for ever. */
static void blame_all(struct disk *d, int error)
{
	for (struct segment_file *f = d->files; f; f = f->next)
		if (f->round == d->round)
			f->error = f->sync_error = error;
}

/* The disk as a whole has erred. If files did, the others are what they say of themselves. */
static void ask_each(struct disk *d, struct disk_tick *t, int error)
{
	unsigned guilty = sync_names(d);

	for (struct segment_file *f = d->files; f; f = f->next) {
		if (!is_asked(d, f))
			continue;
		f->round = d->round;
		guilty += segment_file_sync(f) < 0;
	}
	d->blameless = guilty ? 0 : d->blameless + 1;
	if (d->blameless >= BLAMELESS_MAX)
		blame_all(d, error);
	tell_round(d, t, guilty > 0);
	t->sync_error = guilty ? 0 : error;
	log_error("root", "path=%s sync=\"%s\" files=%u", d->path, strerror(-error), guilty);
}

static bool has_something(const struct disk *d)
{
	struct segment_file *f = d->files;

	while (f && !is_asked(d, f))
		f = f->next;
	return f != NULL;
}

/* False: there is no such call here. */
static bool sync_whole(struct disk *d, struct disk_tick *t)
{
	int rc = d->root_fd < 0 ? -EOPNOTSUPP : has_something(d) ? d->fs->sync_all(d->fs, d->root_fd) : 0;

	if (rc == -EOPNOTSUPP)
		return false;
	d->in_round = false;
	if (rc < 0) {
		ask_each(d, t, rc);
		return true;
	}
	d->blameless = 0;
	for (struct segment_file *f = d->files; f; f = f->next) {
		if (!is_asked(d, f))
			continue;
		f->round = d->round;
		confirm(t, f);
	}
	return true;
}

/* What the beat may say: all that is durable, unless it was condemned while the disk was busy. */
static json_t *promise(struct disk *d)
{
	json_t *durable = json_object();
	char name[256];

	for (struct segment_file *f = d->files; f; f = f->next) {
		if (f->sealing || f->confirmed <= f->promise.fragments || !segment_file_promise(f, f->confirmed))
			continue;
		segment_file_name(f, ".open", name);
		json_object_set_new(durable, name, json_integer(f->confirmed_bytes));
	}
	return durable;
}

static bool beat(struct disk *d)
{
	json_t *durable = promise(d);

	if (json_object_size(durable) > 0)
		return chain_beat(d->chain, d->path, durable) == 0;
	json_decref(durable);
	return false;
}

/* --- what ended with it ------------------------------------------------------------------------ */

static bool has_ended(const struct disk *d, const struct disk_seal *s)
{
	return s->file->sealed || (s->file->sync_error && s->file->round == d->round);
}

/* Fates of those that are over; in order, so that of one camera's two the first comes first. */
static void take_fates(struct disk *d, struct disk_tick *t)
{
	struct disk_seal **at = &d->closings, **last = &t->closed;

	while (*last)
		last = &(*last)->next;
	while (*at) {
		struct disk_seal *s = *at;
		if (s->fate == SEGMENT_WAITS) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = NULL;
		*last = s;
		last = &s->next;
		if (s->file->fd < 0)
			list_remove(d, s->file);
	}
}

static unsigned journal_closings(struct disk *d)
{
	unsigned sealed = 0;

	for (struct disk_seal *s = d->closings; s; s = s->next) {
		if (!has_ended(d, s))
			continue;
		s->fate = segment_file_journal(s->file, d->chain, &s->seal);
		sealed += s->fate == SEGMENT_WAITS && s->file->sealed;
	}
	return sealed;
}

/* The head of a chain is durable before the keeper may take the file that says so out of our sight. */
static enum segment_fate publish_one(struct disk *d, struct disk_seal *s, bool journaled)
{
	int rc = journaled ? 0 : segment_head_keep(d->fs, d->path, s->file->camera, s->seal.box, s->seal.box_bytes);

	if (rc == 0)
		return segment_file_publish(s->file);
	segment_file_leave(s->file);
	return SEGMENT_LEFT;
}

static void publish_closings(struct disk *d, bool journaled)
{
	for (struct disk_seal *s = d->closings; s; s = s->next)
		if (s->fate == SEGMENT_WAITS && s->file->sealed)
			s->fate = publish_one(d, s, journaled);
}

/* --- when ---------------------------------------------------------------------------------------- */

static bool closing_is_due(const struct disk *d, const struct disk_tick *t, int64_t since_us)
{
	for (const struct disk_seal *s = d->closings; s; s = s->next)
		if (since_us >= t->patience_us || s->file->error)
			return true;
	return false;
}

static bool round_is_due(const struct disk *d, const struct disk_tick *t, struct mono now)
{
	int64_t since_us = now.us - d->synced.us;

	if (t->full)
		return true;
	return !d->in_round && (since_us >= STORAGE_SYNC_EVERY_MS * US_PER_MS || closing_is_due(d, t, since_us));
}

/* The disk, then the journal, with one sync for all that is to be told, then the names. */
static void go_round(struct disk *d, struct disk_tick *t)
{
	if (!sync_whole(d, t))
		sync_piece(d, t);
	bool beats = beat(d);
	unsigned sealed = journal_closings(d);
	bool journaled = (beats || sealed) && chain_sync(d->chain) == 0;
	t->journaled = beats && journaled;
	publish_closings(d, journaled);
	take_fates(d, t);
}

static void run_tick(struct worker_job *j)
{
	struct disk_tick *t = (struct disk_tick *)j;
	struct disk *d = t->base.disk;
	struct mono now = clock_mono(d->clock);

	if (d->usable && (d->looked.us == 0 || now.us - d->looked.us >= LOOK_EVERY_US)) {
		d->looked = now;
		t->error = look(d, &t->free_bytes, &t->full);
		t->nameless = is_nameless(d);
		t->looked = true;
	}
	if (round_is_due(d, t, now)) {
		d->round++;
		d->in_round = true;
		d->synced = now;
	}
	if (d->in_round)
		go_round(d, t);
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
	d->root_fd = -1;
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
	if (d->root_fd >= 0)
		d->fs->close(d->fs, d->root_fd);
	free(d->path);
	free(d->site);
	free(d);
}
