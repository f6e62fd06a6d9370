/* The disks as the cameras see them: segments in, sealed files out, and what happens when a root is
 * full, failing, slow, hung, or somebody else's. Real files, real threads, a clock that we move. */
#include "recorder/storage_inner.h"
#include "tests/unit/storage_fixture.h"

#include <pthread.h>

static const struct wall T0 = {FIXTURE_START};

/* --- a disk that misbehaves when told --------------------------------------------------- */

#define SLOW_SYNC_US (60 * US_PER_MS)

struct bad_fs { struct fs base; const char *below, *only; /* sync_error: of such names */ struct fixture_clock *slow; atomic_int sync_error, write_error, rename_error, whole_error, open_error; atomic_bool whole; atomic_uint syncs; atomic_bool gate, waiting; atomic_ullong free_bytes; };

static void path_of(int fd, char path[512])
{
	char link[64];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, 511);
	path[n < 0 ? 0 : n] = '\0';
}

static bool is_below(struct fs *fs, int fd)
{
	struct bad_fs *b = (struct bad_fs *)fs;
	char path[512];

	path_of(fd, path);
	return strncmp(path, b->below, strlen(b->below)) == 0;
}

static bool is_meant(struct fs *fs, int fd)
{
	struct bad_fs *b = (struct bad_fs *)fs;
	char path[512];

	path_of(fd, path);
	return is_below(fs, fd) && (!b->only || strstr(path, b->only));
}

static int bad_write(struct fs *fs, int fd, const void *data, size_t len)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	if (is_below(fs, fd)) {
		while (atomic_load(&b->gate)) {
			atomic_store(&b->waiting, true);
			sched_yield();
		}
		if (atomic_load(&b->write_error))
			return -atomic_load(&b->write_error);
	}
	return fs_real()->write(fs_real(), fd, data, len);
}

static int bad_sync(struct fs *fs, int fd)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	if (is_below(fs, fd))
		atomic_fetch_add(&b->syncs, 1);
	if (atomic_load(&b->sync_error) && is_meant(fs, fd))
		return -atomic_load(&b->sync_error);
	if (b->slow && is_below(fs, fd))
		atomic_fetch_add(&b->slow->us, SLOW_SYNC_US);
	return fs_real()->datasync(fs_real(), fd);
}

static int bad_sync_dir(struct fs *fs, const char *path)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	if (strncmp(path, b->below, strlen(b->below)) == 0)
		atomic_fetch_add(&b->syncs, 1);
	return fs_real()->sync_dir(fs_real(), path);
}

static int bad_sync_all(struct fs *fs, int fd)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	if (!atomic_load(&b->whole))
		return -EOPNOTSUPP;
	if (is_below(fs, fd))
		atomic_fetch_add(&b->syncs, 1);
	return is_below(fs, fd) && atomic_load(&b->whole_error) ? -atomic_load(&b->whole_error) : 0;
}

static int bad_rename(struct fs *fs, const char *from, const char *to)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	if (atomic_load(&b->rename_error) && strncmp(to, b->below, strlen(b->below)) == 0)
		return -atomic_load(&b->rename_error);
	return fs_real()->rename(fs_real(), from, to);
}

static int bad_free(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	*total = UINT64_MAX;
	*free_bytes = strncmp(path, b->below, strlen(b->below)) == 0 ? atomic_load(&b->free_bytes) : 1u << 30;
	return 0;
}

static int bad_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	struct bad_fs *b = (struct bad_fs *)fs;

	if (atomic_load(&b->open_error) && strncmp(path, b->below, strlen(b->below)) == 0)
		return -atomic_load(&b->open_error);
	return fs_real()->open(fs_real(), path, flags, mode);
}

static void bad_init(struct bad_fs *b, const char *below)
{
	memset(b, 0, sizeof *b);
	b->base = *fs_real();
	b->base.open = bad_open;
	b->base.write = bad_write;
	b->base.datasync = bad_sync;
	b->base.sync_dir = bad_sync_dir;
	b->base.sync_all = bad_sync_all;
	b->base.rename = bad_rename;
	b->base.free_bytes = bad_free;
	b->below = below;
	atomic_store(&b->free_bytes, 2u << 30);
}

static void start(struct fixture *x, struct fs *fs)
{
	assert_int_equal(fixture_start(x, fs), 0);
	fixture_run_until(x, x->recovered && x->states >= x->conf.root_count);
}

static void restart(struct fixture *x, struct fs *fs)
{
	x->recovered = x->states = x->sealed = x->lost = 0;
	start(x, fs);
}

/* --- the ordinary ------------------------------------------------------------------------- */

static void segments_are_sealed_in_one_chain_over_restarts(void **state)
{
	struct fixture x;
	struct fixture_footage found;

	fixture_init(&x, *state, 1);
	start(&x, fs_real());
	for (int run = 0; run < 2; run++) {
		struct outlet *o = fixture_outlet(&x, "cam");
		for (unsigned i = 0; i < 3; i++)
			fixture_record(o, fixture_end(T0, 10 * i + 100 * (unsigned)run), 3 + i);
		fixture_advance_until(&x, x.sealed == 3);
		storage_outlet_destroy(o);
		fixture_stop(&x);
		if (run == 0)
			restart(&x, fs_real());
	}
	assert_int_equal(x.lost + x.fatal, 0);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 6);
	assert_int_equal(found.fragments, 2 * (3 + 4 + 5));
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
}

static void two_roots_share_the_cameras_and_one_chain(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;

	fixture_init(&x, *state, 2);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *a = fixture_outlet(&x, "cam"), *b = fixture_outlet(&x, "two");
	fixture_record(a, T0, 2);
	fixture_record(b, T0, 2);
	fixture_advance_until(&x, x.sealed == 2);
	for (int r = 0; r < 2; r++) {
		char *dir = fixture_path(x.root_paths[r], "incoming");
		assert_int_equal(fixture_count(dir, ".mp4"), 1);
		free(dir);
	}
	atomic_store(&fs.free_bytes, 0); /* root0 is full: its camera goes to the other */
	fixture_advance_until(&x, strcmp(x.root_state[0], "full") == 0);
	fixture_record(a, fixture_end(T0, 10), 2);
	fixture_record(b, fixture_end(T0, 10), 2);
	fixture_advance_until(&x, x.sealed == 4);
	storage_outlet_destroy(a);
	storage_outlet_destroy(b);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 2);
	fixture_check(&x, "two", &found);
	assert_int_equal(found.count, 2);
	fixture_finish(&x);
}

/* --- the journal ---------------------------------------------------------------------------- */

struct log { char kinds[64][16]; unsigned count; int64_t durable; int64_t sealed_bytes; char root[256]; };

static int collect(void *arg, const json_t *record)
{
	struct log *l = arg;
	const char *root;
	json_t *files, *bytes;
	const char *file;

	if (l->count < 64)
		snprintf(l->kinds[l->count++], 16, "%s", json_string_value(json_object_get(record, "k")));
	json_object_foreach(json_object_get(record, "durable"), root, files) {
		snprintf(l->root, sizeof l->root, "%s", root);
		json_object_foreach(files, file, bytes)
			l->durable = json_integer_value(bytes);
	}
	if (json_object_get(record, "bytes"))
		l->sealed_bytes = json_integer_value(json_object_get(record, "bytes"));
	return 0;
}

static void read_log(struct fixture *x, struct log *l)
{
	struct journal_pos pos = {.offset = 0};
	char *dir = fixture_path(x->conf.state, "journal");

	*l = (struct log){0};
	assert_int_equal(journal_read(fs_real(), dir, &pos, UINT32_MAX, collect, l), 0);
	free(dir);
}

static bool has(const struct log *l, const char *kind)
{
	for (unsigned i = 0; i < l->count; i++)
		if (strcmp(l->kinds[i], kind) == 0)
			return true;
	return false;
}

static void the_journal_tells_it_all(void **state)
{
	struct fixture x;
	struct log l = {0};
	enum gap_cause cause;

	fixture_init(&x, *state, 1);
	start(&x, fs_real());
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = fixture_begin(o, T0, &cause);
	assert_int_equal(fixture_add(o, s, T0, 0), 0);
	storage_journal(x.storage, "up", json_pack("{s:s}", "camera", "cam"));
	while (l.durable == 0) { /* whichever tick comes first after five seconds */
		atomic_fetch_add(&x.clock.us, 5 * US_PER_S);
		uv_run(&x.loop, UV_RUN_ONCE);
		read_log(&x, &l);
	}
	struct root_identity id;
	char uuid[UUID_TEXT_MAX];
	assert_int_equal(root_identity_load(fs_real(), x.root_paths[0], &id), 0);
	uuid_format(id.root, uuid);
	assert_string_equal(l.root, uuid);
	char *dir = fixture_path(x.root_paths[0], "incoming");
	char name[256];
	segment_incoming_name(name, "cam", T0, ".open");
	assert_int_equal(l.durable, fixture_size(dir, name));
	o->ops->close(s, fixture_end(T0, 1));
	fixture_advance_until(&x, x.sealed == 1);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	read_log(&x, &l);
	assert_string_equal(l.kinds[0], "start");
	assert_string_equal(l.kinds[l.count - 1], "stop");
	assert_true(has(&l, "storage") && has(&l, "ready") && has(&l, "open") && has(&l, "up") && has(&l, "beat") &&
		    has(&l, "sealed"));
	segment_incoming_name(name, "cam", T0, ".mp4");
	assert_int_equal(l.sealed_bytes, fixture_size(dir, name));
	free(dir);
	fixture_finish(&x);
}

/* --- trouble ------------------------------------------------------------------------------------ */

/* An open segment with one fragment, of which the loop knows that fdatasync confirmed it. */
static struct outlet_segment *half_confirmed(struct fixture *x, struct outlet *o)
{
	enum gap_cause cause;
	struct outlet_segment *s = fixture_begin(o, T0, &cause);

	assert_int_equal(fixture_add(o, s, T0, 0), 0);
	fixture_advance_until(x, s->confirmed == 1);
	return s;
}

#define SLOW_CAMERAS 5

static unsigned confirmed(struct outlet_segment *const *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SLOW_CAMERAS; i++)
		n += s[i]->confirmed > 0;
	return n;
}

/* Between the pieces, what waits is written: a round over many files on a slow disk must not fill the queue. */
static void a_slow_disk_is_synced_in_pieces(void **state)
{
	static const char *const names[SLOW_CAMERAS] = {"a", "b", "c", "d", "e"};
	struct outlet *o[SLOW_CAMERAS];
	struct outlet_segment *s[SLOW_CAMERAS];
	enum gap_cause cause;
	struct fixture x;
	struct bad_fs fs;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	fs.slow = &x.clock;
	for (unsigned i = 0; i < SLOW_CAMERAS; i++) {
		o[i] = fixture_outlet(&x, names[i]);
		s[i] = fixture_begin(o[i], T0, &cause);
		assert_int_equal(fixture_add(o[i], s[i], T0, 0), 0);
	}
	fixture_advance_until(&x, confirmed(s) > 0);
	assert_in_range(confirmed(s), 1, 2);
	fixture_advance_until(&x, confirmed(s) == SLOW_CAMERAS);
	for (unsigned i = 0; i < SLOW_CAMERAS; i++)
		o[i]->ops->close(s[i], fixture_end(T0, 1));
	fixture_advance_until(&x, x.sealed == SLOW_CAMERAS);
	for (unsigned i = 0; i < SLOW_CAMERAS; i++)
		storage_outlet_destroy(o[i]);
	fixture_stop(&x);
	fixture_finish(&x);
}

#define MANY_CAMERAS 40

/* Opening, writing and closing, of all in the same moment: what the disk is asked does not grow with the cameras. */
static void many_cameras_share_each_round(void **state)
{
	struct outlet *o[MANY_CAMERAS];
	struct outlet_segment *s[MANY_CAMERAS];
	enum gap_cause cause;
	char name[16];
	struct fixture x;
	struct bad_fs fs;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	atomic_store(&fs.whole, true);
	start(&x, &fs.base);
	atomic_store(&fs.syncs, 0);
	for (unsigned i = 0; i < MANY_CAMERAS; i++) {
		snprintf(name, sizeof name, "cam%u", i);
		o[i] = fixture_outlet(&x, name);
		s[i] = fixture_begin(o[i], T0, &cause);
		assert_int_equal(fixture_add(o[i], s[i], T0, 0), 0);
	}
	for (unsigned i = 0; i < MANY_CAMERAS; i++)
		fixture_advance_until(&x, s[i]->confirmed == 1);
	for (unsigned i = 0; i < MANY_CAMERAS; i++)
		o[i]->ops->close(s[i], fixture_end(T0, 1));
	fixture_advance_until(&x, x.sealed == MANY_CAMERAS);
	assert_in_range(atomic_load(&fs.syncs), 2, 4);
	for (unsigned i = 0; i < MANY_CAMERAS; i++)
		storage_outlet_destroy(o[i]);
	fixture_stop(&x);
	fixture_finish(&x);
}

/* Whatever erred, perhaps another's file: this round made nothing durable that we know of. */
static void a_round_that_fails_without_a_culprit_confirms_nothing(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	atomic_store(&fs.whole, true);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	atomic_store(&fs.whole_error, EIO);
	assert_int_equal(fixture_add(o, s, T0, 1), 0);
	fixture_advance_until(&x, strcmp(x.root_state[0], "failed") == 0);
	assert_int_equal(s->confirmed, 1);
	assert_int_equal(x.lost, 0);
	atomic_store(&fs.whole_error, 0);
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	fixture_advance_until(&x, s->confirmed == 2);
	o->ops->close(s, fixture_end(T0, 2));
	fixture_advance_until(&x, x.sealed == 1);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.fragments, 2);
	fixture_finish(&x);
}

/* A disk that errs on, whoever is asked: no segment waits for it for ever. */
static void a_disk_that_errs_again_without_a_culprit_is_left(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	atomic_store(&fs.whole, true);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	atomic_store(&fs.whole_error, EIO);
	assert_int_equal(fixture_add(o, s, T0, 1), 0);
	fixture_advance_until(&x, x.lost == 1);
	assert_int_equal(x.cause, CAUSE_STORAGE_FAILED);
	assert_int_equal(x.good_end.us, fixture_end(T0, 1).us);
	atomic_store(&fs.whole_error, 0);
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	fixture_record(o, fixture_end(T0, 10), 2);
	fixture_advance_until(&x, x.sealed == 2);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.fragments, 1 + 2);
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
}

/* The others are what they say of themselves: theirs is confirmed. */
static void who_errs_in_a_round_is_cut_and_no_other(void **state)
{
	struct fixture x;
	struct bad_fs fs;
	enum gap_cause cause;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	atomic_store(&fs.whole, true);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam"), *other = fixture_outlet(&x, "other");
	struct outlet_segment *s = half_confirmed(&x, o), *t = fixture_begin(other, T0, &cause);
	assert_int_equal(fixture_add(other, t, T0, 0), 0);
	assert_int_equal(fixture_add(o, s, T0, 1), 0);
	fs.only = "/cam-";
	atomic_store(&fs.sync_error, EIO);
	atomic_store(&fs.whole_error, EIO);
	fixture_advance_until(&x, x.lost == 1 && t->confirmed == 1);
	assert_int_equal(x.good_end.us, fixture_end(T0, 1).us);
	atomic_store(&fs.sync_error, 0);
	atomic_store(&fs.whole_error, 0);
	other->ops->close(t, fixture_end(T0, 1));
	fixture_advance_until(&x, x.sealed == 2);
	storage_outlet_destroy(o);
	storage_outlet_destroy(other);
	fixture_stop(&x);
	fixture_finish(&x);
}

static void what_was_not_synced_is_not_believed(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	atomic_store(&fs.sync_error, EIO);
	assert_int_equal(fixture_add(o, s, T0, 1), 0);
	fixture_advance_until(&x, x.lost == 1);
	assert_int_equal(x.cause, CAUSE_STORAGE_FAILED);
	assert_int_equal(x.good_end.us, fixture_end(T0, 1).us);
	assert_string_equal(x.root_state[0], "failed");
	enum gap_cause cause;
	assert_null(fixture_begin(o, fixture_end(T0, 5), &cause));
	assert_int_equal(cause, CAUSE_STORAGE_FAILED);
	atomic_store(&fs.sync_error, 0); /* the disk comes back: what it left is recovered, it records again */
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	fixture_record(o, fixture_end(T0, 10), 2);
	fixture_advance_until(&x, x.sealed == 2);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.fragments, 1 + 2);
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
}

/* As if the box had died before the segments' last names. */
static void take_back_names(const struct fixture *x)
{
	char dir[600], from[900], to[900];

	snprintf(dir, sizeof dir, "%s/incoming", x->root_paths[0]);
	DIR *dp = opendir(dir);
	assert_non_null(dp);
	for (struct dirent *d; (d = readdir(dp)) != NULL;) {
		const char *dot = strstr(d->d_name, ".mp4");
		if (!dot)
			continue;
		snprintf(from, sizeof from, "%s/%s", dir, d->d_name);
		snprintf(to, sizeof to, "%s/%.*s.open", dir, (int)(dot - d->d_name), d->d_name);
		assert_int_equal(rename(from, to), 0);
	}
	closedir(dp);
}

/* The disk is well again before anybody met its fault: nothing but time makes recovery look once more. */
static void what_recovery_could_not_deal_with_is_tried_again(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	fixture_record(o, T0, 3);
	fixture_advance_until(&x, x.sealed == 1);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	take_back_names(&x);
	atomic_store(&fs.rename_error, EIO);
	restart(&x, &fs.base);
	assert_string_equal(x.root_state[0], "ok");
	assert_int_equal(fixture_left_open(&x), 1);
	atomic_store(&fs.rename_error, 0);
	fixture_advance_until(&x, x.sealed == 1);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 1);
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
}

static void the_reserve_ends_an_open_segment_whole(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;
	enum gap_cause cause;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	x.roots[0].reserve_bytes = 1u << 30;
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = fixture_begin(o, T0, &cause);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fixture_add(o, s, T0, i), 0);
	atomic_store(&fs.free_bytes, 1u << 30);
	fixture_advance_until(&x, x.lost == 1);
	assert_int_equal(x.cause, CAUSE_STORAGE_FULL);
	assert_int_equal(x.good_end.us, fixture_end(T0, 3).us);
	assert_null(fixture_begin(o, fixture_end(T0, 5), &cause));
	assert_int_equal(cause, CAUSE_STORAGE_FULL);
	fixture_advance_until(&x, x.sealed == 1);
	atomic_store(&fs.free_bytes, 2u << 30);
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.fragments, 3);
	fixture_finish(&x);
}

static int add_big(struct outlet *o, struct outlet_segment *s, struct wall begin, unsigned n)
{
	struct fragment f;
	struct buf b = fixture_fragment_bytes(begin, n, 4u << 20, &f);

	return o->ops->add(s, &b, &f);
}

static void a_slow_disk_loses_what_does_not_fit(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;
	enum gap_cause cause;
	unsigned n = 0;
	int rc;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = fixture_begin(o, T0, &cause);
	atomic_store(&fs.gate, true);
	while ((rc = add_big(o, s, T0, n)) == 0)
		n++;
	assert_int_equal(rc, -ENOBUFS);
	assert_in_range(n, 4, 32);
	assert_int_equal(add_big(o, s, T0, n), -EIO);
	fixture_run_until(&x, x.lost == 1);
	assert_int_equal(x.cause, CAUSE_STORAGE_FAILED);
	assert_int_equal(x.good_end.us, T0.us);
	assert_string_equal(x.root_state[0], "failed");
	atomic_store(&fs.gate, false);
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 0); /* the run was told that nothing of it was kept: so nothing is */
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
}

static void a_hung_disk_stops_nobody_else(void **state)
{
	static struct fixture x; /* the stuck thread outlives the test */
	static struct bad_fs fs;
	struct fixture_footage found;
	enum gap_cause cause;

	fixture_init(&x, *state, 2);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *a = fixture_outlet(&x, "cam"), *b = fixture_outlet(&x, "two");
	struct outlet_segment *stuck = fixture_begin(a, T0, &cause);
	atomic_store(&fs.gate, true);
	assert_int_equal(fixture_add(a, stuck, T0, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		fixture_record(b, fixture_end(T0, 10 * i), 2);
	fixture_advance_until(&x, x.sealed == 3);
	a->ops->close(stuck, fixture_end(T0, 1));
	storage_outlet_destroy(a);
	storage_outlet_destroy(b);
	storage_close(x.storage);
	fixture_run_until(&x, x.closed == 1); /* after ten seconds */
	uv_run(&x.loop, UV_RUN_DEFAULT);
	storage_destroy(x.storage);
	fixture_check(&x, "two", &found);
	assert_int_equal(found.count, 3);
	assert_int_equal(fixture_left_open(&x), 1);
	struct log l;
	read_log(&x, &l);
	assert_string_not_equal(l.kinds[l.count - 1], "stop");
	assert_int_equal(uv_loop_close(&x.loop), 0);
}

/* The stuck seal is passed over; when its disk comes back, it takes its place behind the others. */
static void a_stuck_seal_does_not_hold_up_its_camera(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;
	unsigned n = 1;

	fixture_init(&x, *state, 2);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	atomic_store(&fs.gate, true);
	while (add_big(o, s, T0, n) == 0)
		n++;
	fixture_run_until(&x, x.lost == 1);
	assert_int_equal(x.good_end.us, fixture_end(T0, 1).us);
	fixture_record(o, fixture_end(T0, 100), 2); /* on the other root */
	fixture_advance_until(&x, x.sealed == 1);
	atomic_store(&fs.gate, false);
	fixture_advance_until(&x, x.sealed == 2);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.items[0].seal.start.us, fixture_end(T0, 100).us);
	assert_int_equal(found.items[1].seal.fragments, 1);
	fixture_finish(&x);
}

static unsigned lost_facts(struct fixture *x, struct log *l)
{
	unsigned n = 0;

	read_log(x, l);
	for (unsigned i = 0; i < l->count; i++)
		n += strcmp(l->kinds[i], "lost") == 0;
	return n;
}

/* Fragment 1 hangs in root0. In real time, without a jump of the storage's clock. */
static void stall(struct fixture *x, struct bad_fs *fs, struct outlet *o, struct outlet_segment *s)
{
	atomic_store(&fs->gate, true);
	assert_int_equal(fixture_add(o, s, T0, 1), 0);
	fixture_run_until(x, strcmp(x->root_state[0], "stalled") == 0);
}

/* Nothing is missing of a disk that goes on in time: what was queued is written, the seal says all. */
static void a_stall_moves_the_camera_and_loses_nothing(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;
	struct log l;
	enum gap_cause cause;

	fixture_init(&x, *state, 2);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	assert_false(o->ops->leaves(s));
	stall(&x, &fs, o, s);
	assert_true(o->ops->leaves(s));
	assert_int_equal(fixture_add(o, s, T0, 2), 0);
	o->ops->close(s, fixture_end(T0, 3));
	assert_non_null(s = fixture_begin(o, fixture_end(T0, 3), &cause));
	assert_string_equal(s->root->disk->path, x.root_paths[1]);
	assert_false(o->ops->leaves(s));
	assert_int_equal(fixture_add(o, s, fixture_end(T0, 3), 0), 0);
	o->ops->close(s, fixture_end(T0, 4));
	atomic_store(&fs.gate, false);
	fixture_advance_until(&x, x.sealed == 2);
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	assert_int_equal(x.lost + lost_facts(&x, &l), 0);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.items[0].seal.end.us, found.items[1].seal.start.us);
	assert_int_equal(found.fragments, 4);
	fixture_finish(&x);
}

/* Given up is given up: when the stuck write comes back, the file is cut to what had been promised. */
static void a_stall_without_end_is_a_loss_that_stays_one(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;
	struct log l;

	fixture_init(&x, *state, 2);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	x.storage->give_up_ms = 1500;
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	stall(&x, &fs, o, s);
	o->ops->close(s, fixture_end(T0, 2));
	fixture_run_until(&x, strcmp(x.root_state[0], "failed") == 0);
	atomic_store(&fs.gate, false);
	fixture_advance_until(&x, x.sealed == 1);
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	assert_int_equal(lost_facts(&x, &l), 1);
	assert_int_equal(x.lost, 0); /* the run had closed it: the journal is told */
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.fragments, 1);
	fixture_finish(&x);
}

static void without_another_disk_a_stall_is_waited_for(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	struct bad_fs fs;
	enum gap_cause cause;

	fixture_init(&x, *state, 1);
	bad_init(&fs, x.root_paths[0]);
	start(&x, &fs.base);
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	stall(&x, &fs, o, s);
	assert_false(o->ops->leaves(s));
	o->ops->close(s, fixture_end(T0, 2));
	assert_non_null(s = fixture_begin(o, fixture_end(T0, 2), &cause));
	assert_int_equal(fixture_add(o, s, fixture_end(T0, 2), 0), 0);
	o->ops->close(s, fixture_end(T0, 3));
	atomic_store(&fs.gate, false);
	fixture_advance_until(&x, x.sealed == 2);
	assert_int_equal(x.lost, 0);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.fragments, 3);
	fixture_finish(&x);
}

static void a_known_root_that_is_not_mounted_is_not_written(void **state)
{
	struct fixture x;
	enum gap_cause cause;

	fixture_init(&x, *state, 1);
	start(&x, fs_real());
	fixture_stop(&x);
	char *away = fixture_path(*state, "away");
	rename(x.root_paths[0], away);
	mkdir(x.root_paths[0], 0755);
	restart(&x, fs_real());
	assert_string_equal(x.root_state[0], "absent");
	struct outlet *o = fixture_outlet(&x, "cam");
	assert_null(fixture_begin(o, T0, &cause));
	assert_false(fixture_exists(x.root_paths[0], ".holdfast") || fixture_exists(x.root_paths[0], "incoming"));
	rmdir(x.root_paths[0]);
	rename(away, x.root_paths[0]); /* mounted at last */
	fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0);
	fixture_record(o, T0, 1);
	fixture_advance_until(&x, x.sealed == 1);
	storage_outlet_destroy(o);
	fixture_stop(&x);
	free(away);
	fixture_finish(&x);
}

static void bytes_that_are_no_fragment_are_refused(void **state)
{
	struct fixture x;
	struct fixture_footage found;
	enum gap_cause cause;
	struct fragment f;

	fixture_init(&x, *state, 1);
	start(&x, fs_real());
	struct outlet *o = fixture_outlet(&x, "cam");
	struct outlet_segment *s = half_confirmed(&x, o);
	struct buf b = fixture_fragment_bytes(T0, 5, 100, &f); /* not where the one before ended */
	assert_int_equal(o->ops->add(s, &b, &f), 0);
	fixture_run_until(&x, x.lost == 1);
	assert_int_equal(x.cause, CAUSE_STREAM_UNUSABLE);
	assert_string_equal(x.root_state[0], "ok");
	fixture_advance_until(&x, x.sealed == 1);
	assert_non_null(s = fixture_begin(o, fixture_end(T0, 9), &cause));
	o->ops->close(s, fixture_end(T0, 9)); /* empty: leaves nothing */
	storage_outlet_destroy(o);
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.fragments, 1);
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
}

/* Descriptors and memory are short in the process: the disk is well, and is used as soon as there are some. */
static void what_the_process_is_short_of_blames_no_disk(void **state)
{
	static const int errors[] = {EMFILE, ENFILE, ENOMEM, EIO};

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		struct fixture x;
		struct bad_fs fs;
		enum gap_cause cause;
		char *dir = xasprintf("%s/%zu", (char *)*state, i);
		bool blamed = errors[i] == EIO;

		mkdir(dir, 0755);
		fixture_init(&x, dir, 1);
		bad_init(&fs, x.root_paths[0]);
		start(&x, &fs.base);
		struct outlet *o = fixture_outlet(&x, "cam");
		atomic_store(&fs.open_error, errors[i]);
		struct outlet_segment *s = fixture_begin(o, T0, &cause);
		fixture_add(o, s, T0, 0);
		fixture_advance_until(&x, x.lost == 1);
		if (blamed)
			fixture_advance_until(&x, strcmp(x.root_state[0], "failed") == 0);
		assert_string_equal(x.root_state[0], blamed ? "failed" : "ok");
		atomic_store(&fs.open_error, 0);
		fixture_advance_until(&x, strcmp(x.root_state[0], "ok") == 0 && (s = fixture_begin(o, fixture_end(T0, 9), &cause)));
		assert_int_equal(fixture_add(o, s, fixture_end(T0, 9), 0), 0);
		o->ops->close(s, fixture_end(fixture_end(T0, 9), 1));
		fixture_advance_until(&x, x.sealed == 1);
		storage_outlet_destroy(o);
		fixture_stop(&x);
		fixture_finish(&x);
		free(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(segments_are_sealed_in_one_chain_over_restarts),
		fixture_test(two_roots_share_the_cameras_and_one_chain),
		fixture_test(the_journal_tells_it_all),
		fixture_test(a_slow_disk_is_synced_in_pieces),
		fixture_test(many_cameras_share_each_round),
		fixture_test(a_round_that_fails_without_a_culprit_confirms_nothing),
		fixture_test(a_disk_that_errs_again_without_a_culprit_is_left),
		fixture_test(who_errs_in_a_round_is_cut_and_no_other),
		fixture_test(what_was_not_synced_is_not_believed),
		fixture_test(what_recovery_could_not_deal_with_is_tried_again),
		fixture_test(the_reserve_ends_an_open_segment_whole),
		fixture_test(a_slow_disk_loses_what_does_not_fit),
		fixture_test(a_stall_moves_the_camera_and_loses_nothing),
		fixture_test(a_stall_without_end_is_a_loss_that_stays_one),
		fixture_test(without_another_disk_a_stall_is_waited_for),
		fixture_test(a_stuck_seal_does_not_hold_up_its_camera),
		fixture_test(a_known_root_that_is_not_mounted_is_not_written),
		fixture_test(bytes_that_are_no_fragment_are_refused),
		fixture_test(a_hung_disk_stops_nobody_else),
		fixture_test(what_the_process_is_short_of_blames_no_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
