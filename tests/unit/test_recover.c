/* What a crash left: every kind of leftover in incoming/ and what becomes of it. One thread. */
#include "recorder/recover.h"
#include "recorder/root.h"
#include "tests/unit/storage_fixture.h"

static const struct wall T0 = {FIXTURE_START};

struct bench { struct fixture x; struct chain *chain; struct recover_env env; char *incoming; };

static void bench_init(struct bench *b, void *state)
{
	struct err e;
	struct root_identity id;

	fixture_init(&b->x, state, 1);
	b->chain = chain_open(fs_real(), &b->x.clock.base, &b->x.conf, b->x.key);
	struct root_want w = {.path = b->x.root_paths[0], .site = "site-1"};
	assert_int_equal(root_check(fs_real(), &w, &id, &e), 0);
	b->env = (struct recover_env){.fs = fs_real(), .chain = b->chain, .keys = b->x.keys, .root = w.path,
				      .site = "site-1"};
	b->incoming = fixture_path(w.path, "incoming");
}

static void bench_finish(struct bench *b)
{
	chain_close(b->chain);
	free(b->incoming);
	fixture_finish(&b->x);
}

/* A file with so many fragments, still open. */
static struct segment_file *make_file(struct bench *b, const char *camera, struct wall start, unsigned fragments)
{
	struct segment_file *f = segment_file_make(fs_real(), b->env.root, camera, start, (uint8_t[UUID_BYTES]){9}, 0);
	struct buf init = fixture_init_bytes();
	char name[256];

	segment_incoming_name(name, camera, start, ".open");
	assert_int_equal(segment_file_open(f, init.data, init.len), 0);
	assert_int_equal(chain_fact(b->chain, "open", json_pack("{s:s,s:s,s:s,s:s,s:i}", "camera", camera, "root", b->env.root,
								"file", name, "run", "", "flags", 0)), 0);
	buf_finish(&init);
	for (unsigned i = 0; i < fragments; i++) {
		struct fragment ignored;
		struct buf bytes = fixture_fragment_bytes(start, i, 2000, &ignored);
		assert_int_equal(segment_file_add(f, bytes.data, bytes.len), 0);
		buf_finish(&bytes);
	}
	return f;
}

static void leave_file(struct bench *b, const char *camera, struct wall start, unsigned fragments)
{
	segment_file_destroy(make_file(b, camera, start, fragments));
}

/* All the steps of an end, with a round of its own. */
static enum segment_fate seal_whole(struct bench *b, struct segment_file *f, struct segment_seal *s)
{
	enum segment_fate fate = segment_file_seal(f, b->chain, s);

	if (fate == SEGMENT_WAITS && segment_file_sync(f) == 0)
		segment_file_confirm(f);
	if (fate == SEGMENT_WAITS)
		fate = segment_file_journal(f, b->chain, s);
	if (fate == SEGMENT_WAITS)
		assert_int_equal(chain_sync(b->chain), 0);
	return fate == SEGMENT_WAITS ? segment_file_publish(f) : fate;
}

static void seal_file(struct bench *b, const char *camera, struct wall start, unsigned fragments)
{
	struct segment_file *f = make_file(b, camera, start, fragments);
	struct segment_seal s = {.site = "site-1", .key = b->x.key};

	chain_head(b->chain, camera, &s.head);
	assert_int_equal(seal_whole(b, f, &s), SEGMENT_SEALED);
	segment_file_destroy(f);
}

static void rename_in(struct bench *b, const char *from, const char *to)
{
	char *a = fixture_path(b->incoming, from), *c = fixture_path(b->incoming, to);

	assert_int_equal(rename(a, c), 0);
	free(a);
	free(c);
}

/* Recovers all that lies there, as the loop would: in the order of the survey, each after the head. */
static unsigned recover_all(struct bench *b, enum segment_fate *last)
{
	json_t *names = json_array();
	unsigned n = 0;
	DIR *d = opendir(b->incoming);

	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			json_array_append_new(names, json_string(e->d_name));
	closedir(d);
	for (struct recover_item *x = recover_survey(&b->env, names), *next; x; x = next, n++) {
		next = x->next;
		chain_head(b->chain, x->camera, &x->head);
		recover_file(x);
		*last = x->fate;
		free(x);
	}
	json_decref(names);
	return n;
}

static void name_of(const char *camera, struct wall start, const char *suffix, char out[256])
{
	segment_incoming_name(out, camera, start, suffix);
}

static void a_cut_file_is_sealed_at_its_last_whole_fragment(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char name[256];

	bench_init(&b, *state);
	seal_file(&b, "cam", T0, 2);
	leave_file(&b, "cam", fixture_end(T0, 10), 3);
	name_of("cam", fixture_end(T0, 10), ".open", name);
	char *path = fixture_path(b.incoming, name);
	assert_int_equal(truncate(path, fixture_size(b.incoming, name) - 100), 0);
	free(path);
	assert_int_equal(recover_all(&b, &fate), 1);
	assert_int_equal(fate, SEGMENT_SEALED);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.fragments, 2 + 2);
	assert_int_equal(found.items[1].seal.flags, SEAL_RECOVERED);
	assert_int_equal(found.items[1].seal.end.us, fixture_end(T0, 12).us);
	assert_int_equal(fixture_left_open(&b.x), 0);
	bench_finish(&b);
}

/* What the clock was worth when the file was begun is known from its `open` record. */
static void a_recovered_file_keeps_its_flags(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char name[256];

	bench_init(&b, *state);
	leave_file(&b, "cam", T0, 3);
	name_of("cam", T0, ".open", name);
	assert_int_equal(chain_fact(b.chain, "open", json_pack("{s:s,s:s,s:s,s:s,s:i}", "camera", "cam", "root", b.env.root,
							       "file", name, "run", "", "flags", SEAL_CLOCK_UNTRUSTED)), 0);
	assert_int_equal(recover_all(&b, &fate), 1);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.items[0].seal.flags, SEAL_RECOVERED | SEAL_CLOCK_UNTRUSTED);
	bench_finish(&b);
}

static void garbage_at_the_end_is_cut_off(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char name[256], zeros[5000] = {0};

	bench_init(&b, *state);
	leave_file(&b, "cam", T0, 2);
	name_of("cam", T0, ".open", name);
	char *path = fixture_path(b.incoming, name);
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
	close(fd);
	free(path);
	recover_all(&b, &fate);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.fragments, 2);
	bench_finish(&b);
}

static void a_file_without_a_fragment_is_dropped(void **state)
{
	struct bench b;
	enum segment_fate fate;

	bench_init(&b, *state);
	leave_file(&b, "cam", T0, 0);
	char name[256];
	name_of("cam", fixture_end(T0, 1), ".open", name);
	fixture_write(b.incoming, name, "", 0);
	assert_int_equal(recover_all(&b, &fate), 2);
	assert_int_equal(fate, SEGMENT_DROPPED);
	assert_int_equal(fixture_count(b.incoming, ""), 0);
	bench_finish(&b);
}

/* The journal says sealed, the name says open: the crash came before the rename. */
static void a_journaled_seal_is_only_renamed(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char a[256], c[256];

	bench_init(&b, *state);
	seal_file(&b, "cam", T0, 2);
	seal_file(&b, "cam", fixture_end(T0, 10), 2);
	for (int i = 0; i < 2; i++) { /* the newest, and one that a failed rename left long ago */
		name_of("cam", fixture_end(T0, i ? 0 : 10), ".mp4", a);
		name_of("cam", fixture_end(T0, i ? 0 : 10), ".open", c);
		rename_in(&b, a, c);
		assert_int_equal(recover_all(&b, &fate), 1);
		assert_int_equal(fate, SEGMENT_SEALED);
		fixture_check(&b.x, "cam", &found);
		assert_int_equal(found.count, 2);
		assert_int_equal(found.items[0].seal.flags | found.items[1].seal.flags, 0);
	}
	bench_finish(&b);
}

/* Two journals: what the first has seen, the second has not; so the crash came before the record. */
static void a_seal_that_follows_the_chain_is_adopted(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char a[256], c[256];

	bench_init(&b, *state);
	seal_file(&b, "cam", T0, 2);
	chain_close(b.chain);
	char *save = fixture_path(*state, "save"), *journal = fixture_path(b.x.conf.state, "journal");
	char *copy = xasprintf("cp -r %s %s", journal, save), *back = xasprintf("rm -r %s; mv %s %s", journal, save, journal);
	assert_int_equal(system(copy), 0);
	b.chain = chain_open(fs_real(), &b.x.clock.base, &b.x.conf, b.x.key);
	seal_file(&b, "cam", fixture_end(T0, 10), 2);
	chain_close(b.chain);
	assert_int_equal(system(back), 0);
	b.chain = chain_open(fs_real(), &b.x.clock.base, &b.x.conf, b.x.key);
	b.env.chain = b.chain;
	leave_file(&b, "cam", fixture_end(T0, 20), 1);
	name_of("cam", fixture_end(T0, 10), ".mp4", a);
	name_of("cam", fixture_end(T0, 10), ".open", c);
	rename_in(&b, a, c);
	assert_int_equal(recover_all(&b, &fate), 2);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 3);
	assert_int_equal(found.items[1].seal.flags, 0);
	assert_int_equal(found.items[2].seal.flags, SEAL_RECOVERED);
	free(copy);
	free(back);
	free(save);
	free(journal);
	bench_finish(&b);
}

static void lose_journal(struct bench *b)
{

	chain_close(b->chain);
	char *gone = xasprintf("rm -r %s/journal", b->x.conf.state);
	assert_int_equal(system(gone), 0);
	free(gone);
	b->chain = chain_open(fs_real(), &b->x.clock.base, &b->x.conf, b->x.key);
	b->env.chain = b->chain;
}

/* Its end may never have been synced, and nobody knows whether the machine went down. */
static void a_file_that_the_journal_does_not_know_is_believed_as_far_as_it_is_old(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;

	bench_init(&b, *state);
	leave_file(&b, "cam", T0, 10);
	leave_file(&b, "new", T0, 10 * US_PER_S / FIXTURE_FRAGMENT_US);
	lose_journal(&b);
	assert_int_equal(recover_all(&b, &fate), 2);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.fragments, 10 - 10 * US_PER_S / FIXTURE_FRAGMENT_US);
	fixture_check(&b.x, "new", &found);
	assert_int_equal(found.count, 0);
	bench_finish(&b);
}

static void a_lost_journal_is_mended_from_finished_files(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	struct chain_head head;

	bench_init(&b, *state);
	seal_file(&b, "cam", T0, 2);
	seal_file(&b, "cam", fixture_end(T0, 10), 2);
	lose_journal(&b);
	leave_file(&b, "cam", fixture_end(T0, 20), 1);
	assert_int_equal(recover_all(&b, &fate), 1);
	chain_head(b.chain, "cam", &head);
	assert_int_equal(head.sequence, 3);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 3);
	bench_finish(&b);
}

static void a_seal_that_lost_the_race_is_made_anew(void **state)
{
	struct bench b;
	struct fixture_footage found;
	struct segment_seal s = {.site = "site-1"};

	bench_init(&b, *state);
	s.key = b.x.key;
	struct segment_file *f = make_file(&b, "cam", T0, 2); /* its turn came, its disk hung */
	seal_file(&b, "cam", fixture_end(T0, 10), 2);          /* another one was faster */
	assert_int_equal(seal_whole(&b, f, &s), SEGMENT_STALE);
	assert_int_equal(s.head.sequence, 1);
	assert_int_equal(seal_whole(&b, f, &s), SEGMENT_SEALED);
	segment_file_destroy(f);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 2);
	bench_finish(&b);
}

static void a_stale_seal_of_a_crash_is_replaced(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char name[256];
	uint8_t box[SEAL_MAX_BYTES];

	bench_init(&b, *state);
	struct segment_file *f = make_file(&b, "cam", T0, 1);
	struct seal s = {.sequence = 1, .start = T0, .end = fixture_end(T0, 1), .frames = 2, .fragments = 1};
	snprintf(s.site, sizeof s.site, "site-1");
	snprintf(s.camera, sizeof s.camera, "cam");
	memcpy(s.content, f->digests[0], SHA256_BYTES);
	size_t len = seal_encode(&s, b.x.key, box);
	assert_int_equal(fs_real()->write(fs_real(), f->fd, box, len), 0);
	segment_file_destroy(f);
	seal_file(&b, "cam", fixture_end(T0, 10), 1); /* also the first */
	assert_int_equal(recover_all(&b, &fate), 1);
	assert_int_equal(fate, SEGMENT_SEALED);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.items[1].seal.start.us, T0.us);
	(void)name;
	bench_finish(&b);
}

static void after_a_change_of_the_key_both_count(void **state)
{
	struct bench b;
	struct fixture_footage found;
	enum segment_fate fate;
	char open[256], mp4[256];
	uint8_t id[8];

	bench_init(&b, *state);
	seal_file(&b, "cam", T0, 2); /* by the old key, and not renamed before the crash */
	name_of("cam", T0, ".open", open);
	name_of("cam", T0, ".mp4", mp4);
	rename_in(&b, mp4, open);
	leave_file(&b, "cam", fixture_end(T0, 10), 2);
	struct key *fresh = key_make();
	seal_keys_sign_with(b.x.keys, fresh);
	assert_int_equal(recover_all(&b, &fate), 2);
	fixture_check(&b.x, "cam", &found);
	assert_int_equal(found.count, 2);
	seal_key_id(b.x.key, id);
	assert_memory_equal(found.items[0].seal.key_id, id, sizeof id);
	assert_int_equal(found.items[0].seal.flags, 0);
	seal_key_id(fresh, id);
	assert_memory_equal(found.items[1].seal.key_id, id, sizeof id);
	assert_int_equal(found.items[1].seal.flags, SEAL_RECOVERED);
	bench_finish(&b);
}

static void nothing_else_is_touched(void **state)
{
	struct bench b;
	enum segment_fate fate;

	bench_init(&b, *state);
	fixture_write(b.incoming, "notes.txt", "abc", 3);
	fixture_write(b.incoming, "x.open", "abc", 3);
	assert_int_equal(recover_all(&b, &fate), 0);
	assert_int_equal(fixture_size(b.incoming, "notes.txt") + fixture_size(b.incoming, "x.open"), 6);
	bench_finish(&b);
}

static void any_failure_of_recovery_is_healed_by_the_next(void **state)
{
	struct fault fault = {0};
	int errors[] = {EIO, ENOSPC}, runs = 0;

	for (int k = 0; k < 2; k++) {
		fault = (struct fault){0};
		FAULT_EACH(&fault) {
			struct bench b;
			struct fixture_footage found;
			struct fs_fault fs;
			enum segment_fate fate;
			char *dir = xasprintf("%s/%d", (const char *)*state, runs++);

			bench_init(&b, dir);
			leave_file(&b, "cam", T0, 2);
			leave_file(&b, "cam", fixture_end(T0, 10), 1);
			leave_file(&b, "cam", fixture_end(T0, 20), 0);
			fs_fault_init(&fs, fs_real(), &fault, errors[k]);
			b.env.fs = &fs.base;
			recover_all(&b, &fate);
			fixture_collect(&b.x, "cam", &found); /* what is there is true even now */
			b.env.fs = fs_real();
			recover_all(&b, &fate);
			fixture_check(&b.x, "cam", &found);
			assert_int_equal(found.count, 2);
			assert_int_equal(found.fragments, 3);
			assert_int_equal(fixture_left_open(&b.x), 0);
			bench_finish(&b);
			free(dir);
		}
	}
	assert_true(runs > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(a_cut_file_is_sealed_at_its_last_whole_fragment),
		fixture_test(a_recovered_file_keeps_its_flags), fixture_test(garbage_at_the_end_is_cut_off),
		fixture_test(a_file_without_a_fragment_is_dropped),
		fixture_test(a_journaled_seal_is_only_renamed),
		fixture_test(a_seal_that_follows_the_chain_is_adopted),
		fixture_test(a_file_that_the_journal_does_not_know_is_believed_as_far_as_it_is_old),
		fixture_test(a_lost_journal_is_mended_from_finished_files),
		fixture_test(a_seal_that_lost_the_race_is_made_anew),
		fixture_test(a_stale_seal_of_a_crash_is_replaced),
		fixture_test(after_a_change_of_the_key_both_count),
		fixture_test(nothing_else_is_touched),
		fixture_test(any_failure_of_recovery_is_healed_by_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
