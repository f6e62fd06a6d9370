/* The chain's heads: from the journal, by compare and add, over rotation and restart. */
#include "recorder/chain.h"
#include "tests/unit/storage_fixture.h"

#include <errno.h>
#include <limits.h>

static const char *boot = "boot-1";

void __wrap_clock_boot_id(char out[BOOT_ID_MAX]);
void __wrap_clock_boot_id(char out[BOOT_ID_MAX]) { snprintf(out, BOOT_ID_MAX, "%s", boot); }

static struct chain *open_chain(struct fixture *x)
{
	return chain_open(fs_real(), &x->clock.base, &x->conf, x->key);
}

static int seal_next(struct chain *c, const char *camera, const struct chain_head *after, uint8_t mark,
		     struct chain_head *head)
{
	struct seal s = {.sequence = after->sequence + 1, .start = {1}, .end = {2}};
	struct chain_entry x = {.root = "/r", .file = "f.mp4", .seal = &s, .digest = {mark}, .bytes = 9};

	snprintf(s.camera, sizeof s.camera, "%s", camera);
	memcpy(s.previous, after->digest, SHA256_BYTES);
	return chain_sealed(c, &x, head);
}

static void heads_survive_a_restart(void **state)
{
	struct fixture x;
	struct chain_head head = {0}, again;

	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(seal_next(c, "cam", &head, i, &head), 0);
	assert_int_equal(head.sequence, 3);
	chain_close(c);
	for (int i = 0; i < 3; i++) { /* each restart begins with a `start` that holds the heads */
		c = open_chain(&x);
		chain_head(c, "cam", &again);
		assert_memory_equal(&again, &head, sizeof head);
		chain_close(c);
	}
	fixture_finish(&x);
}

static void only_one_of_two_seals_follows(void **state)
{
	struct fixture x;
	struct chain_head none = {0}, a, b;

	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	assert_int_equal(seal_next(c, "cam", &none, 1, &a), 0);
	assert_int_equal(seal_next(c, "cam", &none, 2, &b), -ESTALE);
	assert_memory_equal(&a, &b, sizeof a);
	assert_int_equal(seal_next(c, "other", &none, 3, &b), 0);
	assert_int_equal(seal_next(c, "cam", &a, 4, &b), 0);
	assert_true(chain_knows(c, (uint8_t[SHA256_BYTES]){4}));
	assert_false(chain_knows(c, (uint8_t[SHA256_BYTES]){2}));
	chain_close(c);
	fixture_finish(&x);
}

static void heads_survive_rotation(void **state)
{
	struct fixture x;
	struct chain_head head = {0}, again;
	char *filler = xcalloc(200000, 1), *dir;

	memset(filler, 'x', 199999);
	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	assert_int_equal(seal_next(c, "cam", &head, 1, &head), 0);
	assert_int_equal(chain_fact(c, "open", json_pack("{s:s,s:s,s:s,s:s,s:i}", "camera", "cam", "root", "/r", "file",
							 "g.open", "run", "01020304-0506-0708-090a-0b0c0d0e0f10",
							 "flags", SEAL_CLOCK_UNTRUSTED)), 0);
	for (int i = 0; i < 90; i++)
		assert_int_equal(chain_fact(c, "down", json_pack("{s:s}", "detail", filler)), 0);
	chain_close(c);
	dir = fixture_path(x.conf.state, "journal");
	assert_int_equal(fixture_count(dir, ".jnl"), 2);
	c = open_chain(&x);
	chain_head(c, "cam", &again);
	assert_memory_equal(&again, &head, sizeof head);
	uint8_t run[UUID_BYTES], flags;
	assert_true(chain_run_of(c, "/r", "g.open", run, &flags)); /* though it stands in the file before */
	assert_int_equal(run[15], 16);
	assert_int_equal(flags, SEAL_CLOCK_UNTRUSTED);
	chain_close(c);
	free(dir);
	free(filler);
	fixture_finish(&x);
}

static void a_failed_root_is_believed_no_further_than_its_beats(void **state)
{
	struct fixture x;

	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	chain_fact(c, "open", json_pack("{s:s,s:s,s:s}", "root", "/r", "file", "a.open", "run", ""));
	chain_fact(c, "open", json_pack("{s:s,s:s,s:s}", "root", "/r", "file", "b.open", "run", ""));
	chain_beat(c, "/r", json_pack("{s:i}", "a.open", 1000));
	assert_true(chain_limit_of(c, "/r", "a.open") == INT64_MAX);
	chain_fact(c, "storage", json_pack("{s:s,s:s}", "root", "/r", "state", "failed"));
	chain_close(c);
	c = open_chain(&x);
	assert_int_equal(chain_limit_of(c, "/r", "a.open"), 1000);
	assert_int_equal(chain_limit_of(c, "/r", "b.open"), 0);
	assert_true(chain_limit_of(c, "/q", "a.open") == -ENOENT);
	chain_fact(c, "open", json_pack("{s:s,s:s,s:s}", "root", "/r", "file", "c.open", "run", ""));
	assert_true(chain_limit_of(c, "/r", "c.open") == INT64_MAX); /* opened after it was well again */
	chain_close(c);
	fixture_finish(&x);
}

/* First as version 0.1 wrote it, then by uuid. */
static void a_file_is_known_wherever_its_disk_is_mounted(void **state)
{
	for (int old = 1; old >= 0; old--) {
		uint8_t run[UUID_BYTES], flags;
		struct fixture x;
		fixture_init(&x, *state, 1);
		struct chain *c = open_chain(&x);
		if (!old)
			chain_name_root(c, "/r", "11111111-1111-4111-8111-111111111111");
		chain_fact(c, "open", json_pack("{s:s,s:s,s:s,s:i}", "root", "/r", "file", "a.open", "run",
						"00112233445566778899aabbccddeeff", "flags", 2));
		chain_beat(c, "/r", json_pack("{s:i}", "a.open", 1000));
		chain_fact(c, "storage", json_pack("{s:s,s:s}", "root", "/r", "state", "failed"));
		chain_close(c);
		c = open_chain(&x);
		chain_name_root(c, "/elsewhere", "11111111-1111-4111-8111-111111111111");
		assert_int_equal(chain_limit_of(c, "/elsewhere", "a.open"), 1000);
		assert_true(chain_run_of(c, "/elsewhere", "a.open", run, &flags));
		assert_int_equal(flags, 2);
		chain_name_root(c, "/r", "22222222-2222-4222-8222-222222222222"); /* another one is there now */
		if (!old)
			assert_true(chain_limit_of(c, "/r", "a.open") == -ENOENT);
		chain_fact(c, "dropped", json_pack("{s:s,s:s}", "root", "/elsewhere", "file", "a.open"));
		chain_close(c);
		c = open_chain(&x);
		chain_name_root(c, "/elsewhere", "11111111-1111-4111-8111-111111111111");
		assert_true(chain_limit_of(c, "/elsewhere", "a.open") == -ENOENT);
		chain_close(c);
		fixture_finish(&x);
	}
}

static void after_another_boot_no_file_is_believed_further_than_its_beats(void **state)
{
	struct fixture x;

	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	chain_fact(c, "open", json_pack("{s:s,s:s,s:s}", "root", "/r", "file", "a.open", "run", ""));
	chain_beat(c, "/r", json_pack("{s:i}", "a.open", 1000));
	chain_close(c);
	c = open_chain(&x);
	assert_true(chain_limit_of(c, "/r", "a.open") == INT64_MAX); /* killed, on a machine that goes on */
	chain_close(c);
	for (int i = 2; i < 6; i++) { /* and so it stays, when the journal's files of then are read no more */
		boot = (const char *[]){"boot-2", "boot-3", "boot-4", "boot-5"}[i - 2];
		c = open_chain(&x);
		assert_int_equal(chain_limit_of(c, "/r", "a.open"), 1000);
		chain_close(c);
	}
	boot = "boot-1";
	fixture_finish(&x);
}

static bool is_kept(void *arg, const char *name) { return strcmp(name, arg) == 0; }

/* A name is durable with the first round: a power cut before it leaves the journal's word alone. */
static void names_that_never_came_to_be_are_forgotten(void **state)
{
	struct fixture x;
	static const char *const files[] = {"cam-20261123T031500.000000Z.open", "cam-20261123T032000.000000Z.open",
					    "cam-20261123T032500.000000Z.open"};
	static char there[] = "cam-20261123T032500.000000Z.open";

	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	for (int i = 0; i < 3; i++)
		chain_fact(c, "open", json_pack("{s:s,s:s,s:s,s:s,s:i}", "camera", "cam", "root", "/r", "file", files[i],
						"run", "00000000-0000-0000-0000-000000000000", "flags", 0));
	chain_beat(c, "/r", json_pack("{s:i}", files[0], 1000));
	chain_forget_unmade(c, "/other", is_kept, there);
	assert_true(chain_limit_of(c, "/r", files[1]) == INT64_MAX);
	chain_forget_unmade(c, "/r", is_kept, there);
	assert_true(chain_limit_of(c, "/r", files[0]) == INT64_MAX); /* something of it was durable: it is missed */
	assert_int_equal(chain_limit_of(c, "/r", files[1]), -ENOENT);
	assert_true(chain_limit_of(c, "/r", files[2]) == INT64_MAX);
	chain_close(c);
	fixture_finish(&x);
}

struct read_back { char kinds[32][16]; unsigned count; int64_t at; };

static int note_kind(void *arg, const json_t *record)
{
	struct read_back *r = arg;

	if (r->count < 32)
		snprintf(r->kinds[r->count++], 16, "%s", json_string_value(json_object_get(record, "k")));
	if (strcmp(json_string_value(json_object_get(record, "k")), "down") == 0)
		r->at = json_integer_value(json_object_get(record, "at"));
	return 0;
}

static unsigned kinds(const struct read_back *r, const char *kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->count; i++)
		n += strcmp(r->kinds[i], kind) == 0;
	return n;
}

static struct read_back read_journal(struct fixture *x)
{
	struct read_back r = {0};
	struct journal_pos pos = {0};
	char *dir = fixture_path(x->conf.state, "journal");

	assert_int_equal(journal_read(fs_real(), dir, &pos, UINT_MAX, note_kind, &r), 0);
	free(dir);
	return r;
}

static int full_write(struct fs *fs, int fd, const void *data, size_t len)
{
	(void)fs, (void)fd, (void)data, (void)len;
	return -ENOSPC;
}

/* An hour of a full disk: what only the journal tells is told afterwards, with its time, and the chain went on. */
static void a_journal_that_was_full_tells_later_what_happened(void **state)
{
	struct fixture x;
	struct fs fs = *fs_real();
	struct chain_head head = {0};

	fixture_init(&x, *state, 1);
	struct chain *c = chain_open(&fs, &x.clock.base, &x.conf, x.key);
	assert_int_equal(chain_fact(c, "up", json_pack("{s:s}", "camera", "cam")), 0);
	assert_int_equal(chain_sync(c), 0);
	fs.write = full_write;
	int64_t at = clock_wall(&x.clock.base).us;
	assert_int_equal(chain_fact(c, "down", json_pack("{s:s}", "camera", "cam")), 0);
	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(seal_next(c, "cam", &head, i, &head), 0);
	chain_fact(c, "open", json_pack("{s:s,s:s,s:s,s:i}", "camera", "cam", "root", "/r", "file",
					"cam-20261123T031500.000000Z.open", "flags", 0));
	for (int i = 0; i < 3600; i++) {
		atomic_fetch_add(&x.clock.us, US_PER_S);
		assert_int_equal(chain_sync(c), -ENOSPC);
	}
	fs.write = fs_real()->write;
	atomic_fetch_add(&x.clock.us, 2 * US_PER_S);
	assert_int_equal(chain_sync(c), 0);
	struct read_back r = read_journal(&x);
	assert_int_equal(kinds(&r, "down"), 1);
	assert_int_equal(r.at, at);
	assert_int_equal(kinds(&r, "open"), 1);
	assert_int_equal(kinds(&r, "start"), 2);
	chain_close(c);
	c = open_chain(&x);
	struct chain_head again;
	chain_head(c, "cam", &again);
	assert_memory_equal(&again, &head, sizeof head);
	chain_close(c);
	fixture_finish(&x);
}

/* It starts with a disk that is full already. */
static void a_journal_that_is_full_at_the_start_is_begun_later(void **state)
{
	struct fixture x;
	struct fs fs = *fs_real();

	fixture_init(&x, *state, 1);
	struct chain *c = open_chain(&x);
	chain_close(c);
	fs.write = full_write;
	c = chain_open(&fs, &x.clock.base, &x.conf, x.key);
	assert_int_equal(chain_fact(c, "up", json_pack("{s:s}", "camera", "cam")), 0);
	assert_true(chain_sync(c) < 0);
	fs.write = fs_real()->write;
	atomic_fetch_add(&x.clock.us, 2 * US_PER_S);
	assert_int_equal(chain_sync(c), 0);
	struct read_back r = read_journal(&x);
	assert_int_equal(kinds(&r, "start"), 3);
	assert_int_equal(kinds(&r, "up"), 1);
	chain_close(c);
	fixture_finish(&x);
}

/* Each call fails once: afterwards all is told, once. */
static void a_journal_that_failed_once_is_whole_afterwards(void **state)
{
	struct fault fault = {0};
	int runs = 0;

	FAULT_EACH(&fault) {
		struct fixture x;
		struct fs_fault fs;
		char *dir = xasprintf("%s/%d", (const char *)*state, runs++);
		struct chain_head head = {0}, now = {0};

		fixture_init(&x, dir, 1);
		fs_fault_init(&fs, fs_real(), &fault, EIO);
		struct chain *c = chain_open(&fs.base, &x.clock.base, &x.conf, x.key);
		assert_int_equal(chain_fact(c, "down", json_object()), 0);
		assert_int_equal(seal_next(c, "cam", &head, 1, &now), 0);
		int rc = chain_sync(c);
		assert_true(rc == 0 || chain_error(c) == rc);
		for (int i = 0; i < 3 || (rc < 0 && i < 4); i++) { /* the last may have been the one that failed */
			atomic_fetch_add(&x.clock.us, 2 * US_PER_S);
			rc = chain_sync(c);
		}
		assert_int_equal(rc, 0);
		struct read_back r = read_journal(&x);
		assert_int_equal(kinds(&r, "down"), 1);
		chain_close(c);
		c = open_chain(&x);
		chain_head(c, "cam", &head);
		assert_int_equal(head.sequence, 1);
		chain_close(c);
		fixture_finish(&x);
		free(dir);
	}
	assert_true(runs > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(heads_survive_a_restart),
		fixture_test(only_one_of_two_seals_follows),
		fixture_test(heads_survive_rotation),
		fixture_test(a_failed_root_is_believed_no_further_than_its_beats),
		fixture_test(a_file_is_known_wherever_its_disk_is_mounted),
		fixture_test(after_another_boot_no_file_is_believed_further_than_its_beats),
		fixture_test(names_that_never_came_to_be_are_forgotten),
		fixture_test(a_journal_that_was_full_tells_later_what_happened),
		fixture_test(a_journal_that_is_full_at_the_start_is_begun_later),
		fixture_test(a_journal_that_failed_once_is_whole_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
