/* Changing a key: whatever call fails, one key is in force and all that it follows can be followed. */
#include "base/buf.h"
#include "base/fault.h"
#include "folder_fault.h"
#include "media/key_change.h"
#include "media/key_handover.h"
#include "media/key_overlap.h"
#include "media/seal_keys.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define T0 (INT64_C(1795478400) * US_PER_S)
#define SITE "cn-150625-0007"

static char *state;

static char *path_of(const char *name) { return xasprintf("%s/%s", state, name); }

static void remove_all(const char *what)
{
	char *line = xasprintf("rm -rf %s%s", state, what);

	assert_int_equal(system(line), 0);
	free(line);
}

/* A new box with both keys; the public half of `name`'s is returned. */
static void new_state(const char *name, uint8_t first[PUBKEY_BYTES])
{
	static const char *const names[] = {"seal", "site"};
	struct err e;

	remove_all("/*");
	char *keys = path_of("keys");
	assert_int_equal(fs_mkdirs(fs_real(), keys, 0700), 0);
	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s/%s.key", keys, names[i]);
		struct key *k;
		bool made;
		assert_int_equal(key_load_or_make(fs_real(), path, &k, &made, &e), 0);
		if (strcmp(names[i], name) == 0)
			key_public(k, first);
		key_destroy(k);
		free(path);
	}
	free(keys);
}

static int change(struct fs *fs, const char *name, int64_t at_us)
{
	struct err e = {0};
	struct key_change c = {.fs = fs, .state = state, .name = name, .site = SITE, .by = "uid:7", .at = {at_us}};

	return key_change(&c, &e);
}

/* As a role does at its start. */
static void in_force(const char *name, uint8_t raw[PUBKEY_BYTES])
{
	char *path = xasprintf("%s/keys/%s.key", state, name), *pub = xasprintf("%s/keys/%s.pub", state, name);
	uint8_t public[PUBKEY_BYTES];
	struct key *k, *p;
	struct err e;
	bool made;

	assert_int_equal(key_load_or_make(fs_real(), path, &k, &made, &e), 0);
	assert_false(made);
	key_public(k, raw);
	assert_int_equal(key_load_public(fs_real(), pub, &p, &e), 0);
	key_public(p, public);
	assert_memory_equal(public, raw, PUBKEY_BYTES);
	key_destroy(k);
	key_destroy(p);
	free(path);
	free(pub);
}

static unsigned steps_between(const char *name, const uint8_t from[PUBKEY_BYTES], const uint8_t to[PUBKEY_BYTES])
{
	json_t *all, *path;

	assert_int_equal(key_handovers_load(fs_real(), state, name, &all), 0);
	path = key_handovers_path(all, name, from, to);
	assert_non_null(path);
	unsigned n = (unsigned)json_array_size(path);
	json_decref(path);
	json_decref(all);
	return n;
}

/* What was sealed by a key of then, holds now. */
static void assert_known(const uint8_t raw[PUBKEY_BYTES])
{
	struct seal_keys *s = seal_keys_create();
	struct key *k = key_from_public(raw);
	uint8_t id[8];

	seal_key_id(k, id);
	seal_keys_load(s, fs_real(), state);
	assert_non_null(seal_keys_find(s, id));
	key_destroy(k);
	seal_keys_destroy(s);
}

static void older_keys_stay_known_and_can_be_followed(void **unused)
{
	uint8_t first[PUBKEY_BYTES], now[PUBKEY_BYTES];

	(void)unused;
	new_state("seal", first);
	in_force("seal", now);
	assert_memory_equal(now, first, PUBKEY_BYTES);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(change(fs_real(), "seal", T0 + i), 0);
		in_force("seal", now);
		assert_int_equal(steps_between("seal", first, now), i);
		assert_known(first);
		assert_known(now);
	}
}

/* One call fails, or all from one on, as when the process is killed there. */
static void one_key_is_in_force_whatever_call_fails(void **unused)
{
	static const struct { const char *name; bool seals, killed; } kinds[] = {
		{"seal", true, false}, {"site", false, false}, {"seal", true, true}, {"site", false, true}};
	unsigned before = 0, after = 0;

	(void)unused;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const char *name = kinds[i].name;
		struct fault fault = {.stays = kinds[i].killed};
		unsigned passed = 0;
		FAULT_EACH(&fault) {
			uint8_t first[PUBKEY_BYTES], now[PUBKEY_BYTES], next[PUBKEY_BYTES];
			struct fs_fault fs;
			new_state(name, first);
			fs_fault_init(&fs, fs_real(), &fault, EIO);
			int rc = change(&fs.base, name, T0);
			assert_true(rc == 0 || fault.hit);
			passed += rc == 0 && fault.hit;
			in_force(name, now);
			unsigned n = steps_between(name, first, now);
			before += n == 0;
			after += n == 1 && rc < 0;
			assert_true(rc < 0 || n == 1);
			if (kinds[i].seals)
				assert_known(now);
			/* what was left does not stand in the way of the next */
			assert_int_equal(change(fs_real(), name, T0 + US_PER_S), 0);
			in_force(name, next);
			assert_int_equal(steps_between(name, first, next), n + 1);
			if (kinds[i].seals)
				assert_known(first);
		}
		assert_int_equal(passed, kinds[i].killed ? 0 : 1); /* closing what was only read */
	}
	assert_true(before > 40 && after > 4); /* both sides of the change were met */
}

static unsigned signers(int64_t at_us)
{
	struct key *k[4];
	unsigned n;

	assert_int_equal(key_overlap_load(fs_real(), state, (struct wall){at_us}, k, 4, &n), 0);
	for (unsigned i = 0; i < n; i++)
		key_destroy(k[i]);
	return n;
}

static unsigned private_keys(void)
{
	char *line = xasprintf("ls %s/keys/site*.key | wc -l", state);
	unsigned n = 0;
	FILE *f = popen(line, "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	free(line);
	return n;
}

static void the_key_before_signs_for_thirty_days_and_is_destroyed(void **unused)
{
	const int64_t day = US_PER_DAY;
	uint8_t first[PUBKEY_BYTES];
	unsigned gone;

	(void)unused;
	new_state("site", first);
	assert_int_equal(signers(T0), 0);
	assert_int_equal(change(fs_real(), "site", T0), 0);
	assert_int_equal(change(fs_real(), "site", T0 + 10 * day), 0);
	assert_int_equal(signers(T0 + 10 * day), 2);
	assert_int_equal(signers(T0 + 30 * day - 1), 2);
	assert_int_equal(signers(T0 + 30 * day), 1);
	assert_int_equal(signers(T0 + 40 * day), 0);
	assert_int_equal(key_overlap_end(fs_real(), state, (struct wall){T0 + 30 * day - 1}, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(private_keys(), 3);
	assert_int_equal(key_overlap_end(fs_real(), state, (struct wall){T0 + 30 * day}, &gone), 0);
	assert_int_equal(gone, 1);
	assert_int_equal(key_overlap_end(fs_real(), state, (struct wall){T0 + 41 * day}, &gone), 0);
	assert_int_equal(private_keys(), 1);
}

/* What cannot be read is not what is not there: no key is made beside one, none is destroyed, none is forgotten. */
static void nothing_is_judged_by_what_cannot_be_read(void **unused)
{
	uint8_t first[PUBKEY_BYTES], now[PUBKEY_BYTES];
	const struct wall at = {T0 + 40 * US_PER_DAY};
	struct fault fault = {0};
	unsigned failed = 0;

	(void)unused;
	new_state("site", first);
	assert_int_equal(change(fs_real(), "site", T0 + 20 * US_PER_DAY), 0);
	in_force("site", now);
	FAULT_EACH(&fault) {
		struct key *k[4], *made_of = NULL;
		char *path = path_of("keys/site.key");
		struct fs_fault fs;
		struct err e;
		unsigned n = 0;
		bool made;
		fs_fault_init(&fs, fs_real(), &fault, EIO);
		folder_fault = &fault;
		int loaded = key_load_or_make(&fs.base, path, &made_of, &made, &e);
		int listed = loaded < 0 ? 0 : key_overlap_load(&fs.base, state, at, k, 4, &n);
		int ended = loaded < 0 || listed < 0 ? 0 : key_overlap_end(&fs.base, state, at, &(unsigned){0});
		folder_fault = NULL;
		assert_true(loaded < 0 || !made);
		assert_true(loaded < 0 || listed < 0 || n == 1 || fault.hit); /* one that cannot be read signs nothing, and is told in the log */
		failed += loaded < 0 || listed < 0 || ended < 0;
		key_destroy(made_of);
		while (n > 0)
			key_destroy(k[--n]);
		free(path);
		assert_int_equal(private_keys(), 2);
		in_force("site", first);
		assert_memory_equal(first, now, PUBKEY_BYTES);
	}
	assert_true(failed > 10);
	assert_int_equal(signers(at.us), 1);
}

/* A copy of the key in force, which a change that was broken off left, is no second key. */
static void what_a_broken_change_left_is_cleaned_up(void **unused)
{
	struct fault fault = {0};
	unsigned left = 0, gone;

	(void)unused;
	FAULT_EACH(&fault) {
		uint8_t first[PUBKEY_BYTES], now[PUBKEY_BYTES];
		struct fs_fault fs;
		new_state("site", first);
		fs_fault_init(&fs, fs_real(), &fault, EIO);
		change(&fs.base, "site", T0);
		in_force("site", now);
		bool changed = memcmp(first, now, sizeof now) != 0;
		left += private_keys() == 2 && !changed;
		assert_int_equal(signers(T0), changed);
		assert_int_equal(key_overlap_end(fs_real(), state, (struct wall){T0}, &gone), 0);
		assert_int_equal(private_keys(), changed ? 2 : 1);
	}
	assert_true(left > 0);
}

static void a_forged_handover_is_not_followed(void **unused)
{
	static const char *const fields[] = {"name", "site", "at", "by", "public", "fingerprint", "previous",
					     "previous_fingerprint", "signature"};
	uint8_t first[PUBKEY_BYTES], now[PUBKEY_BYTES];
	struct key_handover h;

	(void)unused;
	new_state("seal", first);
	assert_int_equal(change(fs_real(), "seal", T0), 0);
	in_force("seal", now);
	json_t *all, *one;
	assert_int_equal(key_handovers_load(fs_real(), state, "seal", &all), 0);
	one = json_array_get(all, 0);
	assert_true(key_handover_read(one, &h));
	assert_string_equal(h.by, "uid:7");
	assert_memory_equal(h.fresh, now, PUBKEY_BYTES);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		json_t *copy = json_deep_copy(one);
		char *text = xstrdup(json_string_value(json_object_get(copy, fields[i])));
		text[0] = text[0] == '1' ? '2' : '1';
		json_object_set_new(copy, fields[i], json_string(text));
		assert_false(key_handover_read(copy, &h));
		json_object_del(copy, fields[i]);
		assert_false(key_handover_read(copy, &h));
		json_decref(copy);
		free(text);
	}
	assert_null(key_handovers_path(all, "seal", now, first)); /* backwards */
	assert_null(key_handovers_path(all, "site", first, now));
	json_decref(all);
}

static int setup(void **unused)
{
	static char memory[] = "/dev/shm/holdfast-key-XXXXXX", dir[] = "/tmp/holdfast-key-XXXXXX";

	(void)unused;
	state = mkdtemp(memory); /* a hundred changes, and each syncs */
	state = state ? state : mkdtemp(dir);
	return state ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	remove_all("");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(older_keys_stay_known_and_can_be_followed),
		cmocka_unit_test(one_key_is_in_force_whatever_call_fails),
		cmocka_unit_test(the_key_before_signs_for_thirty_days_and_is_destroyed),
		cmocka_unit_test(nothing_is_judged_by_what_cannot_be_read),
		cmocka_unit_test(what_a_broken_change_left_is_cleaned_up),
		cmocka_unit_test(a_forged_handover_is_not_followed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
