/* The seal: what is written is read, what is altered is seen. */
#include "segment_fixture.h"

#include "base/fs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct key *make_key(void)
{
	char dir[] = "/tmp/holdfast-seal-XXXXXX", path[64];
	struct key *k = NULL;
	struct err e = {0};
	bool made;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/seal.key", dir);
	assert_int_equal(key_load_or_make(fs_real(), path, &k, &made, &e), 0);
	unlink(path);
	snprintf(path, sizeof path, "%s/seal.pub", dir);
	unlink(path);
	rmdir(dir);
	return k;
}

static struct seal sample(void)
{
	struct seal s = fixture_seal_of(3);

	s.flags = SEAL_RECOVERED;
	s.sequence = 42;
	memset(s.run, 0x11, sizeof s.run);
	memset(s.previous, 0x22, sizeof s.previous);
	memset(s.content, 0x33, sizeof s.content);
	return s;
}

static void what_is_written_is_read(void **state)
{
	uint8_t box[SEAL_MAX_BYTES];
	struct seal s = sample(), out;
	size_t n = seal_encode(&s, *state, box);

	assert_int_equal(seal_parse(box, n, &out), 0);
	assert_int_equal(out.flags, SEAL_RECOVERED);
	assert_string_equal(out.site, s.site);
	assert_string_equal(out.camera, s.camera);
	assert_memory_equal(out.run, s.run, UUID_BYTES);
	assert_int_equal(out.sequence, 42);
	assert_int_equal(out.start.us, s.start.us);
	assert_int_equal(out.end.us, s.end.us);
	assert_int_equal(out.frames, 150);
	assert_int_equal(out.fragments, 3);
	assert_memory_equal(out.previous, s.previous, SHA256_BYTES);
	assert_memory_equal(out.content, s.content, SHA256_BYTES);
	assert_memory_equal(out.key_id, s.key_id, 8);
	assert_memory_equal(out.signature, s.signature, SIG_BYTES);
	assert_true(seal_verify(box, n, &out, *state));
}

static void longest_names_fit(void **state)
{
	uint8_t box[SEAL_MAX_BYTES];
	struct seal s = sample(), out;

	memset(s.site, 'a', 64);
	memset(s.camera, 'b', 64);
	s.site[64] = s.camera[64] = '\0';
	size_t n = seal_encode(&s, *state, box);
	assert_in_range(n, 1, SEAL_MAX_BYTES);
	assert_int_equal(seal_parse(box, n, &out), 0);
	assert_string_equal(out.camera, s.camera);
}

static void every_altered_byte_is_seen(void **state)
{
	uint8_t box[SEAL_MAX_BYTES];
	struct seal s = sample(), out;
	size_t n = seal_encode(&s, *state, box);

	for (size_t i = 0; i < n; i++) {
		box[i] ^= 1;
		assert_false(seal_parse(box, n, &out) == 0 && seal_verify(box, n, &out, *state));
		box[i] ^= 1;
		assert_int_equal(seal_parse(box, i, &out), -EBADMSG);
	}
}

static void another_key_does_not_verify(void **state)
{
	uint8_t box[SEAL_MAX_BYTES];
	struct key *other = make_key();
	struct seal s = sample(), out;
	size_t n = seal_encode(&s, *state, box);

	assert_int_equal(seal_parse(box, n, &out), 0);
	assert_false(seal_verify(box, n, &out, other));
	key_destroy(other);
}

static void a_name_cannot_leave_its_folder(void **state)
{
	uint8_t box[SEAL_MAX_BYTES];
	struct seal s = sample(), out;
	size_t n = seal_encode(&s, *state, box);
	size_t site_at = 8 + UUID_BYTES + 3;

	box[site_at + 3] = '/';
	assert_int_equal(seal_parse(box, n, &out), -EBADMSG);
	box[site_at + 3] = '\0';
	assert_int_equal(seal_parse(box, n, &out), -EBADMSG);
	assert_true(seal_name_ok("playroom-east"));
	assert_false(seal_name_ok(""));
	assert_false(seal_name_ok(".."));
	assert_false(seal_name_ok("a/b"));
	assert_false(seal_name_ok("a b"));
}

static int setup(void **state)
{
	*state = make_key();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	key_destroy(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(longest_names_fit),
		cmocka_unit_test(every_altered_byte_is_seen),
		cmocka_unit_test(another_key_does_not_verify),
		cmocka_unit_test(a_name_cannot_leave_its_folder),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
