/* The journal: what was synced is read, once and in order, whatever failed. */
#include "base/buf.h"
#include "base/fault.h"
#include "media/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];
static struct clock_fake fake;

static void empty_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

static int fresh(void **state)
{
	(void)state;
	empty_dir();
	rmdir(dir);
	clock_fake_init(&fake, (struct wall){INT64_C(1795478400) * US_PER_S});
	return 0;
}

static char *file_path(unsigned number)
{
	return xasprintf("%s/%010u.jnl", dir, number);
}

static off_t file_bytes(unsigned number)
{
	char *path = file_path(number);
	struct stat st = {.st_size = -1};

	if (stat(path, &st) < 0)
		st.st_size = -1;
	free(path);
	return st.st_size;
}

static void spoil(unsigned number, off_t at, const char *text, size_t len)
{
	char *path = file_path(number);
	int fd = open(path, O_WRONLY);

	assert_int_equal(pwrite(fd, text, len, at), len);
	close(fd);
	free(path);
}

static struct journal *open_it(struct fs *fs)
{
	struct journal *j;
	struct err e = {0};

	if (journal_open(fs, &fake.base, dir, &j, &e) < 0)
		return NULL;
	return j;
}

static int add(struct journal *j, int n)
{
	clock_fake_advance(&fake, 1000);
	return journal_add(j, "note", json_pack("{s:i}", "n", n));
}

/* What was read, as the numbers of the notes. */
struct seen { int n[4096]; unsigned count; int stop_at; };

static int on_record(void *arg, const json_t *record)
{
	struct seen *s = arg;
	int n = (int)json_integer_value(json_object_get(record, "n"));

	if (s->stop_at && n == s->stop_at)
		return -EBADMSG;
	s->n[s->count++] = n;
	return 0;
}

static void assert_seen(const struct seen *s, int first, unsigned count)
{
	assert_int_equal(s->count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(s->n[i], first + (int)i);
}

static int read_all(struct journal_pos *pos, struct seen *s)
{
	s->count = 0;
	return journal_read(fs_real(), dir, pos, UINT_MAX, on_record, s);
}

static void what_is_written_is_read_once(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.count = 0};

	(void)state;
	assert_int_equal(read_all(&pos, &seen), -ENOENT);
	struct journal *j = open_it(fs_real());
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 0, 0);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(add(j, i), 0);
	assert_int_equal(journal_sync(j), 0);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 1, 3);
	assert_string_equal(pos.file, "0000000001.jnl");
	assert_int_equal(pos.offset, file_bytes(1));
	assert_int_equal(add(j, 4), 0);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 4, 1);
	journal_close(j);
	j = open_it(fs_real());
	assert_int_equal(add(j, 5), 0);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 5, 1);
	assert_int_equal(file_bytes(2), -1); /* continued, not begun anew */
	journal_close(j);
}

static void a_line_is_as_documented(void **state)
{
	char *path = file_path(1), *text;
	size_t len;

	(void)state;
	struct journal *j = open_it(fs_real());
	assert_int_equal(journal_add(j, "up", json_pack("{s:s}", "camera", "front")), 0);
	journal_close(j);
	assert_int_equal(fs_read_all(fs_real(), path, 4096, &text, &len), 0);
	assert_string_equal(text + 8, " {\"at\":1795478400000000,\"camera\":\"front\",\"k\":\"up\",\"up\":1000000}\n");
	free(text);
	free(path);
}

static void max_and_a_refusal_hold_the_place(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.stop_at = 4};

	(void)state;
	struct journal *j = open_it(fs_real());
	for (int i = 1; i <= 5; i++)
		assert_int_equal(add(j, i), 0);
	assert_int_equal(journal_read(fs_real(), dir, &pos, 2, on_record, &seen), 0);
	assert_seen(&seen, 1, 2);
	assert_int_equal(read_all(&pos, &seen), -EBADMSG);
	assert_seen(&seen, 3, 1);
	seen.stop_at = 0;
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 4, 2);
	journal_close(j);
}

static void a_torn_tail_is_no_line(void **state)
{
	(void)state;
	static const char *const tails[] = {"0", "deadbeef {\"k\":1", "garbage\n", "a\nb\nc",
					    "\0\0\0\0\0\0\0\0"};
	for (unsigned i = 0; i < sizeof tails / sizeof *tails; i++) {
		struct journal_pos pos = {.offset = 0};
		struct seen seen = {.count = 0};
		fresh(NULL);
		struct journal *j = open_it(fs_real());
		add(j, 1);
		add(j, 2);
		journal_close(j);
		off_t whole = file_bytes(1);
		spoil(1, whole, tails[i], i == 4 ? 8 : strlen(tails[i]));
		assert_int_equal(read_all(&pos, &seen), 0);
		assert_seen(&seen, 1, 2);
		assert_int_equal(pos.offset, whole);
		j = open_it(fs_real());
		assert_int_equal(file_bytes(1), whole);
		add(j, 3);
		assert_int_equal(read_all(&pos, &seen), 0);
		assert_seen(&seen, 3, 1);
		journal_close(j);
	}
}

static int64_t last_note(void)
{
	json_t *record;

	assert_int_equal(journal_last(fs_real(), dir, &record), 0);
	int64_t n = record ? json_integer_value(json_object_get(record, "n")) : -1;
	json_decref(record);
	return n;
}

static void the_last_record_is_found_from_the_end(void **state)
{
	json_t *record;

	(void)state;
	assert_int_equal(journal_last(fs_real(), dir, &record), -ENOENT);
	struct journal *j = open_it(fs_real());
	assert_int_equal(last_note(), -1);
	for (int i = 1; i <= 5000; i++) {
		add(j, i);
		if (i < 3 || i == 5000)
			assert_int_equal(last_note(), i);
	}
	spoil(1, file_bytes(1), "torn\nand torn", 13);
	assert_int_equal(last_note(), 5000);
	assert_int_equal(journal_rotate(j), 0);
	assert_int_equal(last_note(), -1);
	add(j, 7);
	assert_int_equal(last_note(), 7);
	journal_close(j);
}

static void a_broken_line_inside_is_skipped(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.count = 0};

	(void)state;
	struct journal *j = open_it(fs_real());
	add(j, 9);
	off_t at = file_bytes(1);
	add(j, 1);
	add(j, 2);
	spoil(1, at / 2, "#", 1);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 1, 2);
	journal_close(j);
}

static void files_follow_each_other(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.count = 0};

	(void)state;
	struct journal *j = open_it(fs_real());
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(add(j, i), 0);
		if (i < 5)
			assert_int_equal(journal_rotate(j), 0);
	}
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 1, 5);
	assert_string_equal(pos.file, "0000000005.jnl");
	journal_prune(j, "0000000003.jnl");
	assert_int_equal(file_bytes(2), -1);
	assert_true(file_bytes(3) > 0);
	journal_prune(j, "0000000005.jnl");
	assert_int_equal(file_bytes(3), -1);
	assert_true(file_bytes(4) > 0); /* the two newest stay */
	pos = (struct journal_pos){.file = "0000000002.jnl", .offset = 12345};
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 4, 2);
	journal_close(j);
}

/* A power cut may take what a reader has seen: the next boot writes elsewhere. */
static void another_boot_begins_another_file(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.count = 0};

	(void)state;
	struct journal *j = open_it(fs_real());
	assert_int_equal(journal_add(j, "start", json_pack("{s:s,s:i}", "boot", "another", "n", 1)), 0);
	off_t durable = file_bytes(1);
	add(j, 2);
	journal_close(j);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 1, 2);
	char *path = file_path(1);
	assert_int_equal(truncate(path, durable), 0);
	free(path);
	j = open_it(fs_real());
	add(j, 3);
	add(j, 4);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 3, 2);
	assert_string_equal(pos.file, "0000000002.jnl");
	journal_close(j);
}

static void what_is_no_record_is_refused(void **state)
{
	(void)state;
	struct journal *j = open_it(fs_real());
	char *big = xcalloc(1, JOURNAL_LINE_MAX + 1);
	memset(big, 'x', JOURNAL_LINE_MAX);
	assert_int_equal(journal_add(j, "note", json_pack("{s:s}", "big", big)), -EMSGSIZE);
	assert_int_equal(journal_add(j, "note", json_array()), -EINVAL);
	assert_int_equal(journal_add(j, "note", NULL), -EINVAL);
	assert_int_equal(file_bytes(1), 0);
	assert_false(journal_is_long(j));
	free(big);
	journal_close(j);
}

/* Returns how many notes were acknowledged by a sync. */
static int write_under_fault(struct fs *fs, int *added)
{
	struct journal *j = open_it(fs);
	int durable = 0;

	*added = 0;
	for (int i = 0; j && i < 3; i++) {
		for (int k = 0; k < 2; k++)
			*added += add(j, *added + 1) == 0;
		if (journal_sync(j) == 0)
			durable = *added;
		if (i == 1 && journal_rotate(j) == 0)
			durable = *added;
	}
	journal_close(j);
	return durable;
}

static void whatever_fails_nothing_acknowledged_is_lost(void **state)
{
	struct fault fault = {0};
	struct fs_fault fs;
	int runs = 0;

	(void)state;
	fs_fault_init(&fs, fs_real(), &fault, EIO);
	FAULT_EACH(&fault) {
		struct journal_pos pos = {.offset = 0};
		struct seen seen = {.count = 0};
		int added, more;
		fresh(NULL);
		int durable = write_under_fault(&fs.base, &added);
		struct journal *j = open_it(fs_real());
		assert_non_null(j);
		more = add(j, added + 1);
		assert_int_equal(more, 0);
		journal_close(j);
		assert_int_equal(read_all(&pos, &seen), 0);
		assert_seen(&seen, 1, (unsigned)added + 1);
		assert_true(durable <= added);
		runs++;
	}
	assert_true(runs > 10);
}

static void a_failed_sync_is_never_believed(void **state)
{
	struct fault fault = {.nth = -1};
	struct fs_fault fs;

	(void)state;
	fs_fault_init(&fs, fs_real(), &fault, EIO);
	struct journal *j = open_it(&fs.base);
	assert_int_equal(add(j, 1), 0);
	fault.nth = fault.seen; /* the next call */
	assert_int_equal(journal_sync(j), -EIO);
	assert_int_equal(journal_sync(j), -EIO);
	assert_int_equal(add(j, 2), -EIO);
	assert_int_equal(journal_rotate(j), -EIO);
	journal_close(j);
}

/* A disk that fills in the middle of a line. */
static int write_half(struct fs *fs, int fd, const void *data, size_t len)
{
	(void)fs;
	int rc = fs_real()->write(fs_real(), fd, data, len / 2);

	return rc < 0 ? rc : -ENOSPC;
}

static void half_a_line_is_taken_back(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.count = 0};
	struct fs fs = *fs_real();

	(void)state;
	struct journal *j = open_it(&fs);
	assert_int_equal(add(j, 1), 0);
	off_t whole = file_bytes(1);
	fs.write = write_half;
	assert_int_equal(add(j, 9), -ENOSPC);
	assert_int_equal(file_bytes(1), whole);
	fs.write = fs_real()->write;
	assert_int_equal(add(j, 2), 0);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_seen(&seen, 1, 2);
	journal_close(j);
}

/* --- several threads -------------------------------------------------------------- */

#define THREADS 4
#define EACH 200

static void *add_many(void *arg)
{
	for (int i = 0; i < EACH; i++) {
		if (journal_add(arg, "note", json_pack("{s:i}", "n", i)) < 0)
			return arg;
		if (i % 50 == 0 && journal_sync(arg) < 0)
			return arg;
		if (i % 90 == 0 && journal_rotate(arg) < 0)
			return arg;
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	struct journal_pos pos = {.offset = 0};
	struct seen seen = {.count = 0};
	pthread_t t[THREADS];
	void *failed;

	(void)state;
	struct journal *j = open_it(fs_real());
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, add_many, j), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &failed);
		assert_null(failed);
	}
	journal_close(j);
	assert_int_equal(read_all(&pos, &seen), 0);
	assert_int_equal(seen.count, THREADS * EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_written_is_read_once, fresh),
		cmocka_unit_test_setup(a_line_is_as_documented, fresh),
		cmocka_unit_test_setup(max_and_a_refusal_hold_the_place, fresh),
		cmocka_unit_test_setup(a_torn_tail_is_no_line, fresh),
		cmocka_unit_test_setup(the_last_record_is_found_from_the_end, fresh),
		cmocka_unit_test_setup(a_broken_line_inside_is_skipped, fresh),
		cmocka_unit_test_setup(files_follow_each_other, fresh),
		cmocka_unit_test_setup(another_boot_begins_another_file, fresh),
		cmocka_unit_test_setup(what_is_no_record_is_refused, fresh),
		cmocka_unit_test_setup(whatever_fails_nothing_acknowledged_is_lost, fresh),
		cmocka_unit_test_setup(a_failed_sync_is_never_believed, fresh),
		cmocka_unit_test_setup(half_a_line_is_taken_back, fresh),
		cmocka_unit_test_setup(threads_share_it, fresh),
	};
	char base[] = "/tmp/holdfast-journal-XXXXXX";

	if (!mkdtemp(base))
		return 1;
	snprintf(dir, sizeof dir, "%s/journal", base);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	fresh(NULL);
	rmdir(base);
	return rc;
}
