/* A box without processes: a recorder that writes sealed files and journal by hand, and the keeper's real
 * indexer, catalogue and reaper, on a clock that moves when told. For tests of what the keeper does. */
#pragma once
#include "catalog_fixture.h"
#include "indexer/fsck.h"
#include "indexer/indexer.h"
#include "media/root_identity.h"
#include "media/segment.h"
#include "retention/reaper.h"
#include "segment_fixture.h"

#include <string.h>

#define KEEPER_SITE "cn-150625-0007"
#define KEEPER_CAMERAS 32

struct keeper_camera {
	char id[16];
	uint64_t sequence;             /* of its last seal */
	uint8_t digest[SHA256_BYTES];
};

struct keeper_box {
	struct place place;            /* state; the root is in it */
	char root[128];
	uint8_t uuid[UUID_BYTES];      /* of the root */
	struct clock_fake clock;
	struct conf conf;
	struct conf_root conf_root;
	struct conf_camera conf_cameras[KEEPER_CAMERAS];
	struct keeper_camera cameras[KEEPER_CAMERAS];
	struct key *key;
	struct journal *journal;
	struct indexer *ix;
	struct reaper reaper;
	struct fs *fs;                 /* of the keeper */
};

/* --- the disk and the keeper ------------------------------------------------------------------ */

static inline void keeper_identify(const struct keeper_box *b, const uint8_t uuid[UUID_BYTES])
{
	struct root_identity id = {.site = KEEPER_SITE};
	uint8_t sector[ROOT_SECTOR_BYTES];
	char *path = xasprintf("%s/.holdfast", b->root);

	memcpy(id.root, uuid, UUID_BYTES);
	root_identity_encode(&id, sector);
	assert_int_equal(fs_replace(fs_real(), path, sector, sizeof sector, 0644), 0);
	free(path);
}

/* 0, or what the faults of the test made of it; then keeper_die() is still due. */
static inline int keeper_try(struct keeper_box *b)
{
	char *path = xasprintf("%s/catalog.db", b->place.dir);
	struct err e;
	int rc = catalog_create(path, &b->place.catalog, &e);

	free(path);
	if (rc < 0)
		b->place.catalog = NULL;
	if (rc == 0)
		rc = indexer_create(b->fs, &b->clock.base, &b->conf, b->place.catalog, &b->ix, &e);
	if (rc < 0)
		b->ix = NULL;
	b->reaper = (struct reaper){b->fs, &b->clock.base, &b->conf, b->place.catalog, 0, 0};
	return rc;
}

static inline void keeper_die(struct keeper_box *b)
{
	indexer_destroy(b->ix);
	catalog_close(b->place.catalog);
	b->ix = NULL;
	b->place.catalog = NULL;
}

static inline int keeper_index(struct keeper_box *b)
{
	bool more = true;
	int rc = 0;

	while (more && rc == 0)
		rc = indexer_step(b->ix, &more);
	return rc;
}

/* The number of files deleted, or negative. */
static inline int keeper_reap(struct keeper_box *b)
{
	int all = 0, n;

	while ((n = reaper_step(&b->reaper)) > 0)
		all += n;
	return n < 0 ? n : all;
}

/* --- the recorder's journal ---------------------------------------------------------------------- */

static inline void keeper_say(struct keeper_box *b, const char *kind, json_t *body)
{
	assert_non_null(body);
	assert_int_equal(journal_add(b->journal, kind, body), 0);
}

static inline void keeper_say_start(struct keeper_box *b, const char *boot)
{
	uint8_t raw[PUBKEY_BYTES];
	char hex[2 * PUBKEY_BYTES + 1];

	key_public(b->key, raw);
	hex_encode(raw, sizeof raw, hex);
	keeper_say(b, "start", json_pack("{ss ss sb}", "boot", boot, "key", hex, "synced", (int)b->clock.is_synced));
}

static inline void keeper_say_beat(struct keeper_box *b)
{
	keeper_say(b, "beat", json_pack("{sb}", "synced", (int)b->clock.is_synced));
	assert_int_equal(journal_sync(b->journal), 0);
}

/* --- life ------------------------------------------------------------------------------------------- */

/* dir: an empty folder, which becomes the box's. */
static inline void keeper_init_in(struct keeper_box *b, const char *dir, unsigned cameras)
{
	struct err e;
	bool made;

	*b = (struct keeper_box){.fs = fs_real()};
	snprintf(b->place.dir, sizeof b->place.dir, "%s", dir);
	snprintf(b->root, sizeof b->root, "%s/root", b->place.dir);
	char *key = xasprintf("%s/keys/seal.key", b->place.dir), *journal = xasprintf("%s/journal", b->place.dir);
	char *incoming = xasprintf("%s/incoming", b->root), *archive = xasprintf("%s/archive", b->root);
	char *keys = xasprintf("%s/keys", b->place.dir);
	assert_int_equal(fs_mkdirs(fs_real(), incoming, 0755), 0);
	assert_int_equal(fs_mkdirs(fs_real(), archive, 0755), 0);
	assert_int_equal(fs_mkdirs(fs_real(), keys, 0755), 0);
	memset(b->uuid, 7, sizeof b->uuid);
	keeper_identify(b, b->uuid);
	clock_fake_init(&b->clock, (struct wall){T0});
	b->conf_root.path = b->root;
	for (unsigned i = 0; i < cameras; i++) {
		snprintf(b->cameras[i].id, sizeof b->cameras[i].id, "cam-%02u", i);
		b->conf_cameras[i] = (struct conf_camera){.id = b->cameras[i].id, .name = b->cameras[i].id, .area = (char *)(uintptr_t)"hall"};
	}
	b->conf = (struct conf){
		.site.id = (char *)(uintptr_t)KEEPER_SITE, .digest = (char *)(uintptr_t)"d", .state = b->place.dir,
		.roots = &b->conf_root, .root_count = 1, .rule.floor_days = 90, .keep_days = 95,
		.segment_us = 3600 * US_PER_S, .cameras = b->conf_cameras, .camera_count = cameras};
	assert_int_equal(key_load_or_make(fs_real(), key, &b->key, &made, &e), 0);
	assert_int_equal(journal_open(fs_real(), &b->clock.base, journal, &b->journal, &e), 0);
	free(key);
	free(keys);
	free(journal);
	free(incoming);
	free(archive);
	assert_int_equal(keeper_try(b), 0);
	keeper_say_start(b, "boot-1");
	keeper_say(b, "ready", json_object());
	keeper_say_beat(b);
	assert_int_equal(keeper_index(b), 0);
}

/* In memory where that is possible: hundreds of boxes live in a test, and each syncs. */
static inline void keeper_folder(char out[64])
{
	snprintf(out, 64, "/dev/shm/holdfast-test-XXXXXX");
	if (mkdtemp(out))
		return;
	snprintf(out, 64, "/tmp/holdfast-test-XXXXXX");
	assert_non_null(mkdtemp(out));
}

static inline void keeper_init(struct keeper_box *b, unsigned cameras)
{
	char dir[64];

	keeper_folder(dir);
	keeper_init_in(b, dir, cameras);
}

static inline void keeper_finish(struct keeper_box *b)
{
	journal_close(b->journal);
	key_destroy(b->key);
	keeper_die(b);
	place_remove(b->place.dir);
}

/* The recorder is up and sees nothing new; the keeper hears of it. */
static inline void keeper_pass(struct keeper_box *b, int64_t us)
{
	clock_fake_advance(&b->clock, us);
	keeper_say_beat(b);
	assert_int_equal(keeper_index(b), 0);
}

/* --- footage ------------------------------------------------------------------------------------------ */

static inline void keeper_fragment(struct buf *bytes, int64_t segment, unsigned n, int64_t start, int64_t end)
{
	fixture_fragment(bytes, &(struct fixture_fragment){
		.start = {start}, .tfdt = (uint64_t)(start - segment), .sequence = n + 1, .frames = 1,
		.frame_us = (uint32_t)(end - start), .fill = (uint8_t)n});
}

/* The seal that follows the camera's last one. */
static inline void keeper_seal(struct keeper_box *b, unsigned camera, struct buf *bytes, int64_t start, int64_t end,
			       unsigned fragments, uint8_t flags)
{
	struct keeper_camera *c = &b->cameras[camera];
	struct seal s = {.site = KEEPER_SITE, .flags = flags, .sequence = ++c->sequence, .start = {start}, .end = {end},
			 .frames = fragments, .fragments = fragments};
	size_t before = bytes->len;

	snprintf(s.camera, sizeof s.camera, "%s", c->id);
	memcpy(s.previous, c->digest, sizeof s.previous);
	fixture_seal(bytes, &s, b->key);
	seal_digest(bytes->data + before, bytes->len - before, c->digest);
}

static inline void keeper_say_sealed(struct keeper_box *b, unsigned camera, int64_t start, int64_t end, size_t bytes)
{
	char name[256];

	segment_incoming_name(name, b->cameras[camera].id, (struct wall){start}, ".mp4");
	keeper_say(b, "sealed", json_pack("{ss ss ss sI sI sI}", "camera", b->cameras[camera].id, "root", b->root, "file", name,
					  "start", (json_int_t)start, "end", (json_int_t)end, "bytes", (json_int_t)bytes));
}

static inline char *keeper_incoming(const struct keeper_box *b, unsigned camera, int64_t start, const char *suffix)
{
	char name[256];

	segment_incoming_name(name, b->cameras[camera].id, (struct wall){start}, suffix);
	return xasprintf("%s/incoming/%s", b->root, name);
}

static inline char *keeper_archived(const struct keeper_box *b, unsigned camera, int64_t start)
{
	char name[256];

	segment_archive_name(name, b->cameras[camera].id, (struct wall){start});
	return xasprintf("%s/archive/%s", b->root, name);
}

static inline bool keeper_has(const struct keeper_box *b, unsigned camera, int64_t start)
{
	char *path = keeper_archived(b, camera, start);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* One fragment and its seal. The number of bytes. */
static inline size_t keeper_write_sealed(struct keeper_box *b, unsigned camera, const char *path, int64_t start, int64_t end)
{
	struct buf bytes = {0};

	fixture_init(&bytes);
	keeper_fragment(&bytes, start, 0, start, end);
	keeper_seal(b, camera, &bytes, start, end, 1, 0);
	assert_int_equal(fs_replace(fs_real(), path, bytes.data, bytes.len, 0644), 0);
	size_t len = bytes.len;
	buf_finish(&bytes);
	return len;
}

/* A camera that was up from start to end, in one published file. The clock is at end afterwards, or where it was. */
static inline void keeper_record(struct keeper_box *b, unsigned camera, int64_t start, int64_t end)
{
	char *path = keeper_incoming(b, camera, start, ".mp4");

	keeper_say(b, "up", json_pack("{ss sI}", "camera", b->cameras[camera].id, "start", (json_int_t)start));
	size_t bytes = keeper_write_sealed(b, camera, path, start, end);
	if (end > b->clock.wall.us)
		clock_fake_advance(&b->clock, end - b->clock.wall.us);
	keeper_say_sealed(b, camera, start, end, bytes);
	keeper_say(b, "down", json_pack("{ss sI ss ss}", "camera", b->cameras[camera].id, "since", (json_int_t)end, "cause",
					"stream_stalled", "detail", ""));
	keeper_say_beat(b);
	assert_int_equal(keeper_index(b), 0);
	assert_true(keeper_has(b, camera, start));
	free(path);
}

/* --- fsck ------------------------------------------------------------------------------------------------ */

struct keeper_findings { unsigned count; char first[700]; };

static inline void keeper_on_finding(void *arg, const char *text)
{
	struct keeper_findings *f = arg;

	if (f->count++ == 0)
		snprintf(f->first, sizeof f->first, "%s", text);
}

static inline struct keeper_findings keeper_fsck(struct keeper_box *b, bool full)
{
	struct keeper_findings out = {0};
	struct fsck f = {.fs = fs_real(), .conf = &b->conf, .full = full, .threads = 2, .finding = keeper_on_finding, .arg = &out};
	struct err e = {0};

	if (fsck_run(&f, &e) < 0)
		fail_msg("fsck: %s", e.text);
	assert_int_equal(f.findings, out.count);
	return out;
}

static inline void keeper_expect_sound(struct keeper_box *b)
{
	struct keeper_findings f = keeper_fsck(b, true);

	if (f.count > 0)
		fail_msg("fsck: %u findings: %s", f.count, f.first);
}

/* As a test's teardown. */
static inline int keeper_finish_sound(struct keeper_box *b)
{
	keeper_expect_sound(b);
	keeper_finish(b);
	return 0;
}
