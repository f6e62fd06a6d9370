/* SIGKILL at fifty random moments: a child records until it is killed, the next one recovers first and
 * goes on. At the end every whole fragment that was written is there, nothing else, in one chain. */
#include "tests/unit/storage_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#define KILLS 50
#define KILL_AFTER_MAX_US 60000

/* Records for ever: segments of a few fragments, one after another, from `start` on. Says on `ready`
 * when it has begun. */
static void record_for_ever(const char *dir, struct wall start, int ready)
{
	struct fixture x;

	fixture_init(&x, dir, 1);
	if (fixture_start(&x, fs_real()) < 0)
		_exit(1);
	struct outlet *o = fixture_outlet(&x, "cam");
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (unsigned i = 0;; i++) {
		fixture_record(o, fixture_end(start, 8 * i), 1 + i % 5);
		atomic_fetch_add(&x.clock.us, US_PER_S);
		uv_run(&x.loop, UV_RUN_NOWAIT);
		if (x.sealed + 3 < i + 1)
			fixture_advance_until(&x, x.sealed + 3 >= i + 1);
	}
}

/* early: at any moment of its start; else of its recording. */
static void kill_one(const char *dir, struct wall start, unsigned after_us, bool early)
{
	int pair[2], status;
	char c;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0)
		record_for_ever(dir, start, pair[1]);
	close(pair[1]);
	if (!early)
		assert_int_equal(read(pair[0], &c, 1), 1);
	struct timespec t = {.tv_nsec = (long)after_us * 1000};
	nanosleep(&t, NULL); /* the moment is what is random here; nothing waits for it */
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(pair[0]);
}

/* Whole fragments in what lies there now, whatever its name. */
static unsigned count_fragments(struct fixture *x)
{
	char *incoming = fixture_path(x->root_paths[0], "incoming");
	DIR *d = opendir(incoming);
	unsigned n = 0;

	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		char *path = fixture_path(incoming, e->d_name);
		struct segment_scan scan;
		struct stat st;
		int fd = e->d_name[0] == '.' ? -1 : open(path, O_RDONLY);
		segment_scan_init(&scan, false);
		if (fd >= 0 && fstat(fd, &st) == 0)
			segment_scan(&scan, fs_real(), fd, st.st_size, x->keys);
		n += scan.index.count;
		segment_scan_finish(&scan);
		if (fd >= 0)
			close(fd);
		free(path);
	}
	if (d)
		closedir(d);
	free(incoming);
	return n;
}

/* The keeper's part, so that the folder stays small: away with what was checked. */
static void take_away(struct fixture *x)
{
	char *incoming = fixture_path(x->root_paths[0], "incoming");
	char *line = xasprintf("find %s -name '*.mp4' -delete", incoming);

	assert_int_equal(system(line), 0);
	free(line);
	free(incoming);
}

static void killed_at_any_moment(void **state)
{
	unsigned seed = 20261123, total = 0, first = 1;
	uint8_t previous[SHA256_BYTES] = {0};

	for (unsigned i = 0; i < KILLS; i++) {
		struct fixture x;
		struct fixture_footage *found = xcalloc(1, sizeof *found);

		seed = seed * 1103515245 + 12345;
		kill_one(*state, fixture_end((struct wall){FIXTURE_START}, 100000 * i), seed / 65536 % KILL_AFTER_MAX_US,
			 i % 5 == 0);
		fixture_init(&x, *state, 1);
		unsigned before = count_fragments(&x);
		assert_int_equal(fixture_start(&x, fs_real()), 0);
		fixture_run_until(&x, x.recovered);
		fixture_stop(&x);
		assert_int_equal(fixture_left_open(&x), 0);
		fixture_check_from(&x, "cam", first, previous, found);
		assert_int_equal(found->fragments, before);
		total += found->fragments;
		if (found->count)
			memcpy(previous, found->items[found->count - 1].digest, SHA256_BYTES);
		first += found->count;
		take_away(&x);
		fixture_finish(&x);
		free(found);
	}
	assert_true(total > KILLS); /* it was no idle exercise */
	print_message("%u fragments in %u segments over %d kills\n", total, first - 1, KILLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(killed_at_any_moment)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
