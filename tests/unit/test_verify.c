/* Every way to tamper with footage or ledger is named, and shown to hold before. */
#include "base/buf.h"
#include "media/ledger.h"
#include "media/segment.h"
#include "segment_fixture.h"
#include "verify/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define CAMERA "front"
#define SITE "cn-150625-0007"
#define SEGMENTS 5
#define LENGTH_US (2 * INT64_C(2000000))

/* A copy of a camera's footage: five segments of two fragments, and the public keys. */
struct copy {
	char dir[64];
	struct key *key, *other;
	char *pub, *other_pub;
	struct seal seals[SEGMENTS];
	uint8_t digests[SEGMENTS][SHA256_BYTES];
	char *paths[SEGMENTS];
	/* what a run of verify found */
	const char *head, *also; /* given as well; NULL: not */
	char codes[4096];
	struct verify_result result;
};

static struct key *make_key(const char *dir, const char *name, char **pub)
{
	char *path = xasprintf("%s/%s.key", dir, name);
	struct key *k = NULL;
	struct err e = {0};
	bool made;

	assert_int_equal(key_load_or_make(fs_real(), path, &k, &made, &e), 0);
	free(path);
	*pub = xasprintf("%s/%s.pub", dir, name);
	return k;
}

static struct wall start_of(int i)
{
	return (struct wall){FIXTURE_START_US + i * LENGTH_US};
}

static char *path_of(struct copy *c, const char *camera, int i)
{
	char name[256];

	segment_archive_name(name, camera, start_of(i));
	return xasprintf("%s/archive/%s", c->dir, name);
}

static void put(const char *path, const struct buf *b)
{
	char *dir = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(fs_mkdirs(fs_real(), dir, 0755), 0);
	assert_int_equal(fs_replace(fs_real(), path, b->data, b->len, 0644), 0);
	free(dir);
}

/* Segment i after `previous`; the seal is changed by what the caller put into it. */
static void write_segment(struct copy *c, const char *path, int i, struct seal *s, const struct key *key)
{
	struct buf b = {0};

	fixture_init(&b);
	for (uint32_t f = 0; f < 2; f++)
		fixture_fragment(&b, &(struct fixture_fragment){
			.start = {start_of(i).us + f * INT64_C(2000000)}, .tfdt = f * UINT64_C(2000000), .sequence = f + 1,
			.frames = 50, .frame_us = 40000, .fill = (uint8_t)(i * 16 + (int)f)});
	size_t at = b.len;
	fixture_seal(&b, s, key);
	seal_digest(b.data + at, b.len - at, c->digests[i]);
	put(path, &b);
	buf_finish(&b);
}

static struct seal seal_of(struct copy *c, int i)
{
	struct seal s = {.site = SITE, .camera = CAMERA, .sequence = (uint64_t)i + 1, .start = start_of(i),
			 .end = start_of(i + 1), .frames = 100, .fragments = 2};

	if (i > 0)
		memcpy(s.previous, c->digests[i - 1], SHA256_BYTES);
	return s;
}

static int setup(void **state)
{
	struct copy *c = xcalloc(1, sizeof *c);

	snprintf(c->dir, sizeof c->dir, "/tmp/holdfast-verify-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	c->key = make_key(c->dir, "seal", &c->pub);
	c->other = make_key(c->dir, "other", &c->other_pub);
	for (int i = 0; i < SEGMENTS; i++) {
		c->seals[i] = seal_of(c, i);
		c->paths[i] = path_of(c, CAMERA, i);
		write_segment(c, c->paths[i], i, &c->seals[i], c->key);
	}
	*state = c;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct copy *c = *state;

	nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (int i = 0; i < SEGMENTS; i++)
		free(c->paths[i]);
	key_destroy(c->key);
	key_destroy(c->other);
	free(c->pub);
	free(c->other_pub);
	free(c);
	return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

static void on_finding(void *arg, const struct verify_finding *f)
{
	struct copy *c = arg;
	size_t n = strlen(c->codes);
	const char *name = strrchr(f->file, '/');

	assert_true(*f->text);
	if (f->kind == VERIFY_WRONG || f->kind == VERIFY_UNPROVEN)
		snprintf(c->codes + n, sizeof c->codes - n, "%s%s%s %s", n ? "; " : "", f->kind == VERIFY_WRONG ? "" : "unproven:",
			 f->code, name ? name + 1 : f->file);
}

/* Asks of `path`, and what is wrong or not proven comes to stand in c->codes: "code file; unproven:code file". */
static void ask(struct copy *c, const char *path, const char *site, const char *key)
{
	const struct verify_setup how = {.fs = fs_real(), .site = site, .finding = on_finding, .arg = c};
	struct verify *v = verify_create(&how);
	struct err e = {0};

	c->codes[0] = '\0';
	if (key)
		assert_int_equal(verify_add_key(v, key, &e), 0);
	if (c->head)
		assert_int_equal(verify_add_head(v, c->head, &e), 0);
	if (c->also)
		assert_int_equal(verify_path(v, c->also, &e), 0);
	assert_int_equal(verify_path(v, path, &e), 0);
	verify_end(v);
	c->result = *verify_result(v);
	verify_destroy(v);
}

static void expect_of(struct copy *c, const char *path, const char *want)
{
	ask(c, path, NULL, c->pub);
	assert_string_equal(c->codes, want);
}

static void expect(struct copy *c, const char *want)
{
	char *archive = xasprintf("%s/archive", c->dir);

	expect_of(c, archive, want);
	free(archive);
}

/* "code NAME" with the name of segment i. */
static const char *named(struct copy *c, const char *code, int i)
{
	static char text[4][128];
	static unsigned at;
	char *out = text[at++ % 4];

	snprintf(out, sizeof text[0], "%s %s", code, strrchr(c->paths[i], '/') + 1);
	return out;
}

static void flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+");
	int byte;

	assert_non_null(f);
	assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	byte = fgetc(f);
	assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	assert_int_equal(fputc(byte ^ 1, f), byte ^ 1);
	assert_int_equal(fclose(f), 0);
}

static long size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* --- what holds ---------------------------------------------------------------------------------- */

static void an_untouched_copy_holds(void **state)
{
	struct copy *c = *state;

	expect(c, "");
	assert_int_equal(c->result.segments, SEGMENTS);
	assert_int_equal(c->result.cameras, 1);
	assert_int_equal(c->result.open, 1); /* what came after the last one */
	expect_of(c, c->dir, "");
	expect_of(c, c->paths[2], "");
	assert_int_equal(c->result.open, 2); /* and what stood before */
}

static void a_day_alone_holds_and_the_rest_is_said_to_be_open(void **state)
{
	struct copy *c = *state;
	char *day = xasprintf("%s/copy-of-a-stick", c->dir);

	assert_int_equal(mkdir(day, 0755), 0);
	for (int i = 1; i < 4; i++) {
		char *to = xasprintf("%s/%s", day, strrchr(c->paths[i], '/') + 1);
		assert_int_equal(rename(c->paths[i], to), 0);
		free(to);
	}
	expect_of(c, day, "");
	assert_int_equal(c->result.open, 2);
	free(day);
}

static void flags_are_facts(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 4);

	expect(c, "");
	s.flags = SEAL_RECOVERED | SEAL_CLOCK_UNTRUSTED;
	write_segment(c, c->paths[4], 4, &s, c->key);
	expect(c, "");
	assert_int_equal(c->result.facts, 2);
}

static void what_is_still_written_is_not_judged(void **state)
{
	struct copy *c = *state;
	char *open = xasprintf("%s/incoming/%s-20261123T031500.120000Z.open", c->dir, CAMERA);
	struct buf b = {0};

	fixture_init(&b);
	put(open, &b);
	expect_of(c, c->dir, "");
	assert_int_equal(c->result.open, 2);
	buf_finish(&b);
	free(open);
}

static void without_a_key_signatures_are_open(void **state)
{
	struct copy *c = *state;

	ask(c, c->paths[0], NULL, NULL);
	assert_string_equal(c->codes, "");
	assert_int_equal(c->result.open, 2);
}

/* --- tampering: one segment --------------------------------------------------------------------------- */

static void an_altered_byte(void **state)
{
	struct copy *c = *state;
	long size = size_of(c->paths[2]);

	expect(c, "");
	flip(c->paths[2], size / 2);       /* in the media */
	expect(c, named(c, "altered", 2));
	flip(c->paths[2], size / 2);
	flip(c->paths[2], 20);             /* in the init */
	expect(c, named(c, "altered", 2));
	flip(c->paths[2], 20);
	flip(c->paths[2], -1);             /* in the signature */
	expect(c, named(c, "seal_altered", 2));
	flip(c->paths[2], -1);
	expect(c, "");
}

/* Whichever byte it is, anywhere in the file. */
static void every_altered_byte(void **state)
{
	struct copy *c = *state;

	for (long at = 0; at < size_of(c->paths[1]); at += 37) {
		flip(c->paths[1], at);
		ask(c, c->paths[1], NULL, c->pub);
		if (!c->result.wrong)
			fail_msg("byte %ld", at);
		flip(c->paths[1], at);
	}
	expect(c, "");
}

static void a_cut_tail(void **state)
{
	struct copy *c = *state;
	long size = size_of(c->paths[2]);

	for (long cut = 1; cut < size; cut += size / 5) {
		ask(c, c->paths[2], NULL, c->pub);
		assert_string_equal(c->codes, "");
		assert_int_equal(truncate(c->paths[2], size - cut), 0);
		expect(c, named(c, "cut", 2));
		struct seal s = seal_of(c, 2);
		write_segment(c, c->paths[2], 2, &s, c->key);
	}
}

static void bytes_added_at_the_end(void **state)
{
	struct copy *c = *state;
	FILE *f = fopen(c->paths[2], "a");

	assert_non_null(f);
	fputs("more", f);
	fclose(f);
	expect(c, named(c, "altered", 2));
}

static void another_key(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 4);

	expect(c, "");
	ask(c, c->paths[0], NULL, c->other_pub);
	assert_string_equal(c->codes, named(c, "unknown_key", 0));
	write_segment(c, c->paths[4], 4, &s, c->other);
	expect(c, named(c, "unknown_key", 4));
	ask(c, c->dir, NULL, c->dir); /* a folder of keys: both are known */
	assert_string_equal(c->codes, "");
}

static void another_time_in_the_footage(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 4);

	expect(c, "");
	s.end.us -= 1000000;
	write_segment(c, c->paths[4], 4, &s, c->key);
	expect(c, named(c, "wrong_time", 4));
}

/* --- tampering: names --------------------------------------------------------------------------------- */

static void a_renamed_camera(void **state)
{
	struct copy *c = *state;
	char *from = xasprintf("%s/archive/%s", c->dir, CAMERA), *to = xasprintf("%s/archive/back", c->dir), want[700] = "";

	expect(c, "");
	assert_int_equal(rename(from, to), 0);
	for (int i = 0; i < SEGMENTS; i++)
		snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", i ? "; " : "", named(c, "renamed", i));
	expect(c, want);
	free(from);
	free(to);
}

static void a_renamed_file(void **state)
{
	struct copy *c = *state;
	char *to = xasprintf("%s/archive/%s/2026-11-24/back-20261123T031500.120000Z.mp4", c->dir, CAMERA);
	char *day = xasprintf("%s/archive/%s/2026-11-24", c->dir, CAMERA);

	mkdir(day, 0755);
	assert_int_equal(rename(c->paths[4], to), 0);
	ask(c, c->dir, NULL, c->pub);
	assert_non_null(strstr(c->codes, "renamed back-"));
	assert_non_null(strstr(c->codes, "wrong_time back-"));
	free(day);
	free(to);
}

static void a_wrong_time_in_the_name(void **state)
{
	struct copy *c = *state;
	char *to = xasprintf("%.*s1Z.mp4", (int)(strlen(c->paths[3]) - 6), c->paths[3]), want[128];

	expect(c, "");
	assert_string_not_equal(to, c->paths[3]);
	assert_int_equal(rename(c->paths[3], to), 0);
	snprintf(want, sizeof want, "wrong_time %s", strrchr(to, '/') + 1);
	expect(c, want);
	free(to);
}

static void a_swapped_order(void **state)
{
	struct copy *c = *state;
	char *aside = xasprintf("%s/aside", c->dir), want[300];

	expect(c, "");
	assert_int_equal(rename(c->paths[1], aside), 0);
	assert_int_equal(rename(c->paths[3], c->paths[1]), 0);
	assert_int_equal(rename(aside, c->paths[3]), 0);
	snprintf(want, sizeof want, "%s; %s", named(c, "swapped", 3), named(c, "swapped", 1));
	expect(c, want);
	free(aside);
}

/* --- tampering: the chain ------------------------------------------------------------------------------- */

static void a_dropped_segment(void **state)
{
	struct copy *c = *state;

	expect(c, "");
	assert_int_equal(unlink(c->paths[2]), 0);
	expect(c, named(c, "dropped", 3));
	assert_int_equal(unlink(c->paths[3]), 0);
	expect(c, named(c, "dropped", 4));
}

static void an_older_copy(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 2);
	uint8_t digest[SHA256_BYTES];

	expect(c, "");
	memcpy(digest, c->digests[2], sizeof digest);
	s.flags = SEAL_RECOVERED; /* sealed at another time: the same footage, another seal */
	write_segment(c, c->paths[2], 2, &s, c->key);
	expect(c, named(c, "replaced", 2));
	s.previous[0] ^= 1;
	write_segment(c, c->paths[2], 2, &s, c->key);
	expect(c, named(c, "replaced", 2));
	s = seal_of(c, 2);
	write_segment(c, c->paths[2], 2, &s, c->key);
	assert_memory_equal(digest, c->digests[2], sizeof digest);
	expect(c, "");
}

/* Beside the right one, as when a folder of a backup is laid over. */
static void an_older_copy_beside_it(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 2);
	char *beside = xasprintf("%s/backup.mp4", c->dir);

	s.flags = SEAL_RECOVERED;
	write_segment(c, beside, 2, &s, c->key);
	expect_of(c, c->dir, "replaced backup.mp4");
	s = seal_of(c, 2);
	write_segment(c, beside, 2, &s, c->key);
	expect_of(c, c->dir, ""); /* the very same is a copy, under another name */
	assert_int_equal(c->result.facts, 2);
	free(beside);
}

static void another_site(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 4);

	expect(c, "");
	snprintf(s.site, sizeof s.site, "cn-000000-0001");
	write_segment(c, c->paths[4], 4, &s, c->key);
	expect(c, named(c, "other_site", 4));
	ask(c, c->paths[0], "cn-000000-0001", c->pub);
	assert_string_equal(c->codes, named(c, "other_site", 0));
}

static void a_chain_that_begins_again(void **state)
{
	struct copy *c = *state;
	struct seal s = seal_of(c, 4);

	expect(c, "");
	s.sequence = 1;
	memset(s.previous, 0, sizeof s.previous);
	write_segment(c, c->paths[4], 4, &s, c->key);
	expect(c, named(c, "begins_again", 4));
}

/* --- the ledger ------------------------------------------------------------------------------------------ */

static json_t *entry(int64_t seq, uint8_t hash[SHA256_BYTES])
{
	char body[64], hex[SHA256_HEX_MAX], at[WALL_TEXT_MAX];
	struct ledger_entry e = {.seq = seq, .at = {FIXTURE_START_US + seq}, .kind = "config.changed", .body = body,
				 .camera = seq % 2 ? NULL : CAMERA};

	snprintf(body, sizeof body, "{\"n\":%d}", (int)seq);
	ledger_hash(hash, &e, e.hash);
	memcpy(hash, e.hash, SHA256_BYTES);
	hex_encode(hash, SHA256_BYTES, hex);
	return json_pack("{s:I, s:s, s:s, s:s?, s:o, s:s, s:s}", "seq", (json_int_t)seq, "at", wall_format(e.at, at), "kind", e.kind,
			 "camera", e.camera, "body", json_loads(body, 0, NULL), "body_text", body, "hash", hex);
}

static json_t *head(struct copy *c, int64_t seq, const uint8_t hash[SHA256_BYTES])
{
	char hex[SHA256_HEX_MAX], sig[2 * SIG_BYTES + 1];
	uint8_t raw[SIG_BYTES];

	hex_encode(hash, SHA256_BYTES, hex);
	char *text = ledger_head_text(SITE, seq, hex, "2026-11-25T00:00:00.000000Z");
	key_sign(c->key, text, strlen(text), raw);
	hex_encode(raw, sizeof raw, sig);
	free(text);
	return json_pack("{s:{s:s, s:I, s:s, s:s, s:s}}", "head", "site", SITE, "seq", (json_int_t)seq, "hash", hex, "at",
			 "2026-11-25T00:00:00.000000Z", "signature", sig);
}

/* Ten entries and the head, as lines. */
static json_t *dump_of(struct copy *c)
{
	uint8_t hash[SHA256_BYTES] = {0};
	json_t *list = json_array();

	for (int i = 1; i <= 10; i++)
		json_array_append_new(list, entry(i, hash));
	json_array_append_new(list, head(c, 10, hash));
	return list;
}

static void expect_dump(struct copy *c, const json_t *list, const char *want)
{
	char *path = xasprintf("%s/ledger", c->dir), *text;
	struct buf b = {0};
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o) {
		text = json_dumps(o, JSON_COMPACT);
		buf_printf(&b, "%s\n", text);
		free(text);
	}
	put(path, &b);
	expect_of(c, path, want);
	buf_finish(&b);
	free(path);
}

static void a_ledger_holds(void **state)
{
	json_t *list = dump_of(*state);

	expect_dump(*state, list, "");
	assert_int_equal(((struct copy *)*state)->result.open, 0);
	json_decref(list);
}

static void a_ledger_that_was_altered(void **state)
{
	static const char *const keys[] = {"kind", "body_text", "hash", "at"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json_t *list = dump_of(*state);
		expect_dump(*state, list, "");
		json_object_set_new(json_array_get(list, 4), keys[i], json_string("{\"n\":7}"));
		expect_dump(*state, list, "ledger_altered ledger");
		json_decref(list);
	}
	json_t *list = dump_of(*state);
	json_object_set_new(json_array_get(list, 4), "body", json_pack("{s:i}", "n", 7)); /* as people read it */
	expect_dump(*state, list, "ledger_altered ledger");
	json_decref(list);
}

static void a_ledger_with_a_hole_or_without_its_end(void **state)
{
	json_t *list = dump_of(*state);

	json_array_remove(list, 4);
	expect_dump(*state, list, "ledger_hole ledger");
	json_decref(list);
	list = dump_of(*state);
	json_array_remove(list, 9);
	expect_dump(*state, list, "ledger_head ledger");
	json_decref(list);
	list = dump_of(*state);
	json_array_remove(list, 10);
	expect_dump(*state, list, "unproven:no_head ledger");
	json_decref(list);
}

/* Lines that no hash covers: whoever reads the dump sees them, so they must not pass. */
static void lines_that_stand_nowhere_in_the_chain(void **state)
{
	static const char *const forged[] = {
		"{\"seq\":0,\"at\":\"2026-11-24T00:00:00.000000Z\",\"kind\":\"hold.released\",\"camera\":null,\"body\":{},\"body_text\":\"{}\"}",
		"{\"seq\":-5,\"at\":\"2026-11-24T00:00:00.000000Z\",\"kind\":\"hold.released\",\"camera\":null,\"body\":{},\"body_text\":\"{}\"}",
		"{\"seq\":-9223372036854775808,\"at\":\"2026-11-24T00:00:00.000000Z\",\"kind\":\"x\",\"body_text\":\"{}\"}",
		"{\"seq\":\"4\",\"at\":\"2026-11-24T00:00:00.000000Z\",\"kind\":\"hold.released\",\"body_text\":\"{}\"}",
		"{\"kind\":\"hold.released\",\"head\":null}", "{\"kind\":\"hold.released\",\"head\":7,\"seq\":0}"};

	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
		json_t *list = dump_of(*state);
		json_t *line = json_loads(forged[i], 0, NULL);
		assert_non_null(line);
		json_object_set(line, "hash", json_object_get(json_array_get(list, 3), "hash"));
		json_array_insert(list, 0, line);
		expect_dump(*state, list, "ledger_altered ledger");
		json_array_remove(list, 0);
		json_array_insert(list, 10, line);
		expect_dump(*state, list, "ledger_altered ledger");
		json_decref(list);
		json_decref(line);
	}
}

static void a_camera_that_was_not_hashed(void **state)
{
	json_t *list = dump_of(*state);

	json_object_set_new(json_array_get(list, 4), "camera", json_pack("[s]", "other")); /* of an entry about none */
	expect_dump(*state, list, "ledger_altered ledger");
	json_object_set_new(json_array_get(list, 4), "camera", json_string(""));
	expect_dump(*state, list, "ledger_altered ledger");
	json_decref(list);
}

/* What people read in an entry, and its hash does not know of. */
static void words_beside_those_that_were_hashed(void **state)
{
	static const char *const keys[] = {"Body", "explanation", "", "kind ", "seq at"};
	json_t *list;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		list = dump_of(*state);
		json_object_set_new(json_array_get(list, 4), keys[i], json_string("released by the ministry"));
		expect_dump(*state, list, "unproven:not_hashed ledger");
		json_decref(list);
	}
	list = dump_of(*state);
	json_object_set(json_array_get(list, 4), "previous", json_object_get(json_array_get(list, 3), "hash"));
	expect_dump(*state, list, "");
	json_object_set(json_array_get(list, 4), "previous", json_object_get(json_array_get(list, 2), "hash"));
	expect_dump(*state, list, "unproven:not_hashed ledger");
	json_decref(list);
}

static void put_text(struct copy *c, const char *text, size_t len)
{
	struct buf b = {0};
	json_t *list = dump_of(c), *o;
	char *path = xasprintf("%s/ledger", c->dir), *line;
	size_t i;

	json_array_foreach(list, i, o) {
		line = json_dumps(o, JSON_COMPACT);
		buf_printf(&b, "%s\n", line);
		free(line);
	}
	buf_add(&b, text, len);
	put(path, &b);
	buf_finish(&b);
	json_decref(list);
	free(path);
}

static void a_line_that_begins_with_nothing(void **state)
{
	static const char text[] = " \0{\"seq\":11,\"kind\":\"hold.released\"}\n";
	struct copy *c = *state;
	char *path = xasprintf("%s/ledger", c->dir);

	put_text(c, text, sizeof text - 1);
	expect_of(c, path, "ledger_altered ledger");
	put_text(c, "\r\n \n", 4);
	expect_of(c, path, "");
	free(path);
}

/* With nothing signed anew: a line behind what was signed. */
static void entries_behind_the_signed_head(void **state)
{
	json_t *list = dump_of(*state);
	uint8_t hash[SHA256_BYTES];
	const char *last = json_string_value(json_object_get(json_array_get(list, 9), "hash"));

	assert_int_equal(hex_decode(last, hash, sizeof hash), 0);
	json_array_append_new(list, entry(11, hash));
	expect_dump(*state, list, "unproven:behind_head ledger");
	json_decref(list);
}

/* The front is cut off, and what is first then is rewritten: the entry before must be known to see that. */
static void the_first_entry_of_a_cut(void **state)
{
	json_t *list = dump_of(*state), *forged;
	const char *before = json_string_value(json_object_get(json_array_get(list, 3), "hash"));
	json_t *previous = json_string(before);

	for (int i = 0; i < 4; i++)
		json_array_remove(list, 0);
	expect_dump(*state, list, "unproven:before ledger");
	json_object_set_new(json_array_get(list, 0), "previous", previous);
	expect_dump(*state, list, "");
	forged = json_array_get(list, 0);
	json_object_set_new(forged, "kind", json_string("hold.released"));
	expect_dump(*state, list, "ledger_altered ledger");
	json_object_del(forged, "previous");
	expect_dump(*state, list, "unproven:before ledger");
	json_decref(list);
}

static void keep_head(struct copy *c, const json_t *head, char **path)
{
	char *text = json_dumps(head, 0);

	*path = xasprintf("%s/kept-head.json", c->dir);
	c->head = *path;
	assert_int_equal(fs_replace(fs_real(), c->head, text, strlen(text), 0644), 0);
	free(text);
}

static json_t *head_of_entry(struct copy *c, const json_t *list, int64_t seq)
{
	uint8_t hash[SHA256_BYTES];

	hex_decode(json_string_value(json_object_get(json_array_get(list, (size_t)seq - 1), "hash")), hash, sizeof hash);
	return head(c, seq, hash);
}

/* Whoever keeps an old head sees a ledger that was rewritten since, signed anew and all. */
static void a_head_of_then(void **state)
{
	struct copy *c = *state;
	json_t *list = dump_of(c), *kept = head_of_entry(c, list, 4), *other = json_array();
	uint8_t hash[SHA256_BYTES] = {0};
	char *path;

	keep_head(c, kept, &path);
	expect_dump(c, list, "");
	for (int i = 1; i <= 10; i++) {
		hash[0] ^= i == 3; /* another history from 3 on */
		json_array_append_new(other, entry(i, hash));
	}
	json_array_append_new(other, head(c, 10, hash));
	expect_dump(c, other, "ledger_altered ledger; ledger_forked ledger");
	json_decref(other);

	other = json_array(); /* a tail that was dropped, and the rest signed anew */
	memset(hash, 0, sizeof hash);
	for (int i = 1; i <= 3; i++)
		json_array_append_new(other, entry(i, hash));
	json_array_append_new(other, head(c, 3, hash));
	expect_dump(c, other, "ledger_head ledger");
	json_decref(other);
	json_decref(kept);
	json_decref(list);
	free(path);
	c->head = NULL;
}

/* The head that was kept says what the first entry of a cut is chained to, and proves a dump without a head of its own. */
static void a_head_proves_a_cut(void **state)
{
	struct copy *c = *state;
	json_t *list = dump_of(c), *both = json_array();
	char *path;

	json_array_append_new(both, head_of_entry(c, list, 4));
	json_array_append_new(both, head_of_entry(c, list, 10));
	keep_head(c, both, &path);
	json_array_remove(list, 10);
	for (int i = 0; i < 4; i++)
		json_array_remove(list, 0);
	expect_dump(c, list, "");
	json_object_set_new(json_array_get(list, 0), "kind", json_string("hold.released"));
	expect_dump(c, list, "ledger_altered ledger");
	json_decref(both);
	json_decref(list);
	free(path);
	c->head = NULL;
}

/* --- names and places that hide footage ------------------------------------------------------------------------ */

static void expect_moved(struct copy *c, int i, const char *to, const char *want)
{
	char *path = xasprintf("%s/%s", c->dir, to), *archive = xasprintf("%s/archive", c->dir);
	char *dir = xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);

	assert_int_equal(fs_mkdirs(fs_real(), dir, 0755), 0);
	assert_int_equal(rename(c->paths[i], path), 0);
	expect_of(c, archive, want);
	assert_int_equal(rename(path, c->paths[i]), 0);
	expect_of(c, archive, "");
	free(dir);
	free(archive);
	free(path);
}

static void nonsense_names_and_renamed_folders(void **state)
{
	struct copy *c = *state;
	int last = SEGMENTS - 1;
	char day[WALL_TEXT_MAX], place[256], want[256];
	const char *name = strrchr(c->paths[last], '/') + 1;

	wall_format_day(start_of(last), day);
	static const char *const names[] = {"hello.mp4", ".hidden.mp4", "x.txt", "x.mp4.bad", "noise"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(place, sizeof place, "archive/" CAMERA "/%s/%s", day, names[i]);
		snprintf(want, sizeof want, "renamed %s", names[i]);
		expect_moved(c, last, place, want);
	}
	snprintf(want, sizeof want, "renamed %s", name);
	static const char *const folders[] = {"archive/" CAMERA, "archive", "archive/" CAMERA "/x", "archive/x/" CAMERA "/y"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(place, sizeof place, "%s/%s", folders[i], name);
		if (i == 2) /* it is in its camera's folder, and the day is none */
			snprintf(want, sizeof want, "wrong_time %s", name);
		else
			snprintf(want, sizeof want, "renamed %s", name);
		expect_moved(c, last, place, want);
	}
}

/* What is here and cannot be judged is never called right. */
static void what_cannot_be_judged(void **state)
{
	struct copy *c = *state;
	char *bad = xasprintf("%s/archive/" CAMERA "/x.bad", c->dir), *open = xasprintf("%s/archive/" CAMERA "/x.open", c->dir);
	char *link = xasprintf("%s/archive/" CAMERA "/l.mp4", c->dir), *fifo = xasprintf("%s/archive/" CAMERA "/f.mp4", c->dir);

	assert_int_equal(fs_replace(fs_real(), bad, "x", 1, 0644), 0);
	expect(c, "unproven:put_aside x.bad");
	assert_int_equal(rename(bad, open), 0);
	expect(c, "unproven:unsealed x.open");
	assert_int_equal(unlink(open), 0);
	assert_int_equal(symlink(c->paths[0], link), 0);
	expect(c, "unproven:unreadable l.mp4");
	assert_int_equal(unlink(link), 0);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	expect(c, "unproven:unreadable f.mp4"); /* and does not wait for a writer */
	free(bad);
	free(open);
	free(link);
	free(fifo);
}

/* --- what the ledger knows of footage ------------------------------------------------------------------------ */

static json_t *sealed_entry(uint8_t hash[SHA256_BYTES], const char *camera, int sequence, const uint8_t digest[SHA256_BYTES])
{
	char hex[SHA256_HEX_MAX], at[WALL_TEXT_MAX];

	hex_encode(digest, SHA256_BYTES, hex);
	json_t *body = json_pack("{s:[{s:s, s:s, s:s, s:i}]}", "cameras", "camera", camera, "digest", hex, "end",
				 wall_format(start_of(sequence), at), "sequence", sequence);
	char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	struct ledger_entry e = {.seq = 1, .at = {FIXTURE_START_US}, .kind = "footage.sealed", .body = text};
	ledger_hash(hash, &e, e.hash);
	memcpy(hash, e.hash, SHA256_BYTES);
	hex_encode(e.hash, SHA256_BYTES, hex);
	json_t *o = json_pack("{s:i, s:s, s:s, s:n, s:o, s:s, s:s}", "seq", 1, "at", wall_format(e.at, at), "kind", e.kind, "camera",
			      "body", body, "body_text", text, "hash", hex);
	free(text);
	return o;
}

static void expect_known(struct copy *c, const char *camera, int sequence, const uint8_t digest[SHA256_BYTES], const char *want)
{
	uint8_t hash[SHA256_BYTES] = {0};
	json_t *list = json_pack("[o]", sealed_entry(hash, camera, sequence, digest));
	char *path = xasprintf("%s/ledger.json", c->dir), *text;

	json_array_append_new(list, head(c, 1, hash));
	text = json_dumps(list, 0);
	put(path, &(struct buf){.data = (uint8_t *)text, .len = strlen(text)});
	c->also = path;
	expect(c, want);
	c->also = NULL;
	json_decref(list);
	free(text);
	free(path);
}

static void a_tail_or_a_camera_that_is_gone(void **state)
{
	struct copy *c = *state;
	const uint8_t other[SHA256_BYTES] = {1};
	int last = SEGMENTS;

	expect_known(c, CAMERA, last, c->digests[last - 1], "");
	expect_known(c, CAMERA, last, other, "replaced ");
	expect_known(c, "back", 3, other, "unproven:camera_missing ");
	assert_int_equal(unlink(c->paths[last - 1]), 0);
	expect_known(c, CAMERA, last, c->digests[last - 1], "unproven:tail_missing ");
	for (int i = 0; i < last - 1; i++)
		assert_int_equal(unlink(c->paths[i]), 0);
	expect_known(c, CAMERA, last, c->digests[last - 1], "unproven:camera_missing "); /* all of it */
}

/* A root whose identity was taken away with the footage. */
static void a_root_without_its_identity(void **state)
{
	struct copy *c = *state;
	uint8_t hash[SHA256_BYTES] = {0};
	json_t *list = json_pack("[o]", sealed_entry(hash, "back", 3, c->digests[0]));
	struct buf b = {0};
	char *path = xasprintf("%s/ledger.json", c->dir), *text;

	json_array_append_new(list, head(c, 1, hash));
	text = json_dumps(list, 0);
	buf_add_text(&b, text);
	put(path, &b);
	c->also = path;
	expect_of(c, c->dir, "unproven:camera_missing ");
	c->also = NULL;
	buf_finish(&b);
	json_decref(list);
	free(text);
	free(path);
}

/* Rewritten from its second entry on, with an entry among them that calls a later head lost. */
static void an_excuse_before_what_was_signed(void **state)
{
	uint8_t hash[SHA256_BYTES] = {0};
	char hex[SHA256_HEX_MAX], *body, *kept, at[WALL_TEXT_MAX];
	json_t *list = dump_of(*state);

	keep_head(*state, json_array_get(list, 10), &kept);
	((struct copy *)*state)->head = NULL;
	body = xasprintf("{\"found_seq\":0,\"heads\":[{\"hash\":\"%s\",\"receiver\":\"signed\",\"seq\":10}],\"known_hash\":\"00\",\"known_seq\":12}",
			 json_string_value(json_object_get(json_array_get(list, 9), "hash")));
	json_decref(list);
	list = json_array();
	json_array_append_new(list, entry(1, hash));
	struct ledger_entry e = {.seq = 2, .at = {FIXTURE_START_US}, .kind = "ledger.restored", .body = body};
	ledger_hash(hash, &e, e.hash);
	memcpy(hash, e.hash, SHA256_BYTES);
	hex_encode(e.hash, SHA256_BYTES, hex);
	json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:n, s:o, s:s, s:s}", "seq", (json_int_t)2, "at", wall_format(e.at, at), "kind",
					      e.kind, "camera", "body", json_loads(body, 0, NULL), "body_text", body, "hash", hex));
	for (int i = 3; i <= 11; i++)
		json_array_append_new(list, entry(i, hash));
	json_array_append_new(list, head(*state, 11, hash));
	expect_dump(*state, list, "");
	assert_int_equal(((struct copy *)*state)->result.facts, 1); /* that it was put back is told, whatever its number */
	((struct copy *)*state)->head = kept;
	expect_dump(*state, list, "ledger_forked ledger");
	((struct copy *)*state)->head = NULL;
	json_decref(list);
	free(body);
	free(kept);
}

/* As indexer/ledger_mark.c writes it; then the numbers may jump, and not otherwise. */
static void a_ledger_that_was_put_back(void **state)
{
	uint8_t hash[SHA256_BYTES] = {0};
	char hex[SHA256_HEX_MAX], body[100] = "{\"found_seq\":2,\"known_hash\":\"00\",\"known_seq\":8}";
	json_t *list = json_array();

	json_array_append_new(list, entry(1, hash));
	json_array_append_new(list, entry(2, hash));
	struct ledger_entry e = {.seq = 9, .at = {FIXTURE_START_US}, .kind = "ledger.restored", .body = body};
	ledger_hash(hash, &e, e.hash);
	hex_encode(e.hash, SHA256_BYTES, hex);
	json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:n, s:o, s:s, s:s}", "seq", (json_int_t)9, "at",
					      "2026-11-24T00:00:00.123457Z", "kind", e.kind, "camera", "body",
					      json_loads(body, 0, NULL), "body_text", body, "hash", hex));
	json_array_append_new(list, entry(10, e.hash));
	json_array_append_new(list, head(*state, 10, e.hash));
	expect_dump(*state, list, "");
	assert_int_equal(((struct copy *)*state)->result.facts, 1);
	json_array_remove(list, 1);
	expect_dump(*state, list, "ledger_hole ledger");
	json_decref(list);
}

static void a_head_signed_by_nobody(void **state)
{
	json_t *list = dump_of(*state), *h = json_object_get(json_array_get(list, 10), "head");

	json_object_set_new(h, "at", json_string("2026-11-26T00:00:00.000000Z"));
	expect_dump(*state, list, "ledger_head ledger");
	json_decref(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_untouched_copy_holds), TEST(a_day_alone_holds_and_the_rest_is_said_to_be_open), TEST(flags_are_facts),
		TEST(what_is_still_written_is_not_judged), TEST(without_a_key_signatures_are_open), TEST(an_altered_byte),
		TEST(every_altered_byte), TEST(a_cut_tail), TEST(bytes_added_at_the_end), TEST(another_key),
		TEST(another_time_in_the_footage), TEST(a_renamed_camera), TEST(a_renamed_file), TEST(a_wrong_time_in_the_name),
		TEST(a_swapped_order), TEST(a_dropped_segment), TEST(an_older_copy), TEST(an_older_copy_beside_it),
		TEST(another_site), TEST(a_chain_that_begins_again), TEST(a_ledger_holds), TEST(a_ledger_that_was_altered),
		TEST(a_ledger_with_a_hole_or_without_its_end), TEST(a_ledger_that_was_put_back), TEST(a_head_signed_by_nobody),
		TEST(entries_behind_the_signed_head), TEST(the_first_entry_of_a_cut), TEST(a_head_of_then), TEST(a_head_proves_a_cut),
		TEST(nonsense_names_and_renamed_folders), TEST(what_cannot_be_judged), TEST(a_tail_or_a_camera_that_is_gone),
		TEST(lines_that_stand_nowhere_in_the_chain), TEST(a_camera_that_was_not_hashed), TEST(a_line_that_begins_with_nothing), TEST(words_beside_those_that_were_hashed),
		TEST(a_root_without_its_identity), TEST(an_excuse_before_what_was_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
