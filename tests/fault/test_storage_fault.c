/* Every file call of a whole life of the storage fails once, with EIO and with ENOSPC: open, three
 * fragments, sync, close, two cameras. Whatever failed, no file claims what is not there, the chain is
 * whole, what the run was told to be kept is kept, and the next start brings everything in order. */
#include "tests/unit/storage_fixture.h"

#include <pthread.h>

static const struct wall T0 = {FIXTURE_START};

/* Several threads share the one count. */
struct locked_fault { struct fs base; pthread_mutex_t lock; struct fault *fault; int err; bool whole; };

static bool fails(struct fs *fs)
{
	struct locked_fault *l = (struct locked_fault *)fs;

	pthread_mutex_lock(&l->lock);
	bool now = fault_here(l->fault);
	pthread_mutex_unlock(&l->lock);
	return now;
}

#define PASS(call) return fails(fs) ? -((struct locked_fault *)fs)->err : fs_real()->call
static int f_open(struct fs *fs, const char *p, int fl, mode_t m) { PASS(open(fs_real(), p, fl, m)); }
static int f_write(struct fs *fs, int fd, const void *d, size_t n) { PASS(write(fs_real(), fd, d, n)); }
static ssize_t f_pread(struct fs *fs, int fd, void *d, size_t n, int64_t at) { PASS(pread(fs_real(), fd, d, n, at)); }
static int f_datasync(struct fs *fs, int fd) { PASS(datasync(fs_real(), fd)); }
static int f_truncate(struct fs *fs, int fd, int64_t n) { PASS(truncate(fs_real(), fd, n)); }
static int f_rename(struct fs *fs, const char *a, const char *b) { PASS(rename(fs_real(), a, b)); }
static int f_unlink(struct fs *fs, const char *p) { PASS(unlink(fs_real(), p)); }
static int f_mkdir(struct fs *fs, const char *p, mode_t m) { PASS(mkdir(fs_real(), p, m)); }
static int f_sync_dir(struct fs *fs, const char *p) { PASS(sync_dir(fs_real(), p)); }
static int f_stat(struct fs *fs, const char *p, struct stat *st) { PASS(stat(fs_real(), p, st)); }
static int f_files(struct fs *fs, const char *p, uint64_t *n) { PASS(free_files(fs_real(), p, n)); }
static int f_sync_all(struct fs *fs, int fd)
{
	if (!((struct locked_fault *)fs)->whole)
		return -EOPNOTSUPP;
	PASS(datasync(fs_real(), fd)); /* whatever the disk of the test is */
}
static int f_free(struct fs *fs, const char *p, uint64_t *a, uint64_t *b) { PASS(free_bytes(fs_real(), p, a, b)); }

static void locked_init(struct locked_fault *l, struct fault *fault, int err, bool whole)
{
	*l = (struct locked_fault){.fault = fault, .err = err, .whole = whole};
	l->base = (struct fs){f_open, fs_real()->close, f_write, f_pread, f_datasync, f_truncate, f_rename,
			      f_unlink, f_mkdir, f_sync_dir, f_stat, f_free, f_files, f_sync_all};
	pthread_mutex_init(&l->lock, NULL);
}

/* Lets the storage work until nothing new has happened for a while of its own clock. */
static void let_work(struct fixture *x, int turns)
{
	for (int i = 0; i < turns; i++) {
		atomic_fetch_add(&x->clock.us, 5 * US_PER_S / 2);
		uv_run(&x->loop, UV_RUN_ONCE);
	}
}

/* One segment with a sync in the middle; the fragments that the storage is bound to have kept. */
static unsigned live(struct fixture *x)
{
	struct outlet *o = fixture_outlet(x, "cam");
	enum gap_cause cause;
	struct outlet_segment *s = fixture_begin(o, T0, &cause);
	unsigned added = 0;

	for (unsigned i = 0; s && i < 3 && x->lost == 0; i++) {
		added += fixture_add(o, s, T0, i) == 0;
		if (i == 1)
			let_work(x, 4);
	}
	if (s && x->lost == 0)
		o->ops->close(s, fixture_end(T0, added));
	let_work(x, 4);
	unsigned promised = x->lost ? (unsigned)((x->good_end.us - T0.us) / FIXTURE_FRAGMENT_US) : 0;
	storage_close(x->storage);
	fixture_run_until(x, x->closed);
	uv_run(&x->loop, UV_RUN_DEFAULT);
	storage_outlet_destroy(o);
	storage_destroy(x->storage);
	x->closed = 0;
	return promised;
}

static void one_fault(void *state, struct fault *fault, int err, bool whole, int run)
{
	char *dir = xasprintf("%s/%d-%d", (const char *)state, err, run);
	struct fixture x;
	struct fixture_footage found;
	struct locked_fault fs;
	unsigned promised = 0;

	fixture_init(&x, dir, 1);
	locked_init(&fs, fault, err, whole);
	if (fixture_start(&x, &fs.base) == 0)
		promised = live(&x);
	fixture_check(&x, "cam", &found); /* true even before anything is mended */
	bool untouched = !fault->hit;
	x.recovered = x.lost = x.sealed = x.fatal = x.states = 0;
	assert_int_equal(fixture_start(&x, fs_real()), 0);
	fixture_run_until(&x, x.recovered && x.states);
	assert_string_equal(x.root_state[0], "ok");
	fixture_stop(&x);
	fixture_check(&x, "cam", &found);
	assert_true(found.fragments <= 3 && found.fragments >= promised);
	assert_true(!untouched || (found.count == 1 && found.fragments == 3));
	assert_int_equal(fixture_left_open(&x), 0);
	fixture_finish(&x);
	free(dir);
}

static void sweep(void *state, int err, bool whole)
{
	struct fault fault = {0};
	int runs = 0;

	FAULT_EACH(&fault)
		one_fault(state, &fault, err, whole, runs++);
	assert_true(runs > 30);
}

static void whatever_call_fails_with_eio(void **state) { sweep(*state, EIO, false); }
static void whatever_call_fails_with_enospc(void **state) { sweep(*state, ENOSPC, false); }
static void whatever_call_fails_where_rounds_are_whole(void **state) { sweep(*state, EIO, true); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(whatever_call_fails_with_eio),
		fixture_test(whatever_call_fails_with_enospc),
		fixture_test(whatever_call_fails_where_rounds_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
