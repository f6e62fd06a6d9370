/* A keeper with a root of its own, and a recorder that writes files and journal by hand. */
#pragma once
#include "catalog_fixture.h"
#include "indexer/indexer.h"
#include "media/root_identity.h"
#include "media/segment.h"
#include "segment_fixture.h"

#include <fcntl.h>
#include <errno.h>
#include <string.h>

#define CAM "front"
#define SITE "cn-150625-0007"

/* --- a box: a recorder that writes files and journal by hand, and the keeper ------------------------ */

struct site_box {
	struct place place;
	char root[128];
	struct clock_fake clock;
	struct conf conf;
	struct conf_root conf_root;
	struct conf_camera camera;
	struct key *key;
	struct journal *journal;
	struct indexer *ix;
	uint64_t sequence;
	struct fs *fs; /* of the keeper */
};

static inline void write_identity(const char *root)
{
	struct root_identity id = {.site = SITE};
	uint8_t sector[ROOT_SECTOR_BYTES];
	char *path = xasprintf("%s/.holdfast", root);

	root_identity_encode(&id, sector);
	assert_int_equal(fs_replace(fs_real(), path, sector, sizeof sector, 0644), 0);
	free(path);
}

static inline void keeper_start(struct site_box *b)
{
	struct err e;

	if (!b->place.catalog)
		b->place.catalog = place_catalog(b->place.dir);
	assert_int_equal(indexer_create(b->fs, &b->clock.base, &b->conf, b->place.catalog, &b->ix, &e), 0);
}

static inline void keeper_die(struct site_box *b)
{
	indexer_destroy(b->ix);
	catalog_close(b->place.catalog);
	b->ix = NULL;
	b->place.catalog = NULL;
}

static inline void say(struct site_box *b, const char *kind, json_t *body)
{
	assert_non_null(body);
	assert_int_equal(journal_add(b->journal, kind, body), 0);
	assert_int_equal(journal_sync(b->journal), 0);
}

static inline void say_start(struct site_box *b, const char *boot)
{
	uint8_t raw[PUBKEY_BYTES];
	char hex[2 * PUBKEY_BYTES + 1];

	key_public(b->key, raw);
	hex_encode(raw, sizeof raw, hex);
	say(b, "start", json_pack("{ss ss sb}", "boot", boot, "key", hex, "synced", 1));
}

static inline void box_init(struct site_box *b)
{
	struct err e;
	bool made;

	*b = (struct site_box){.fs = fs_real()};
	place_init(&b->place);
	snprintf(b->root, sizeof b->root, "%s/root", b->place.dir);
	char *incoming = xasprintf("%s/incoming", b->root), *key = xasprintf("%s/seal.key", b->place.dir);
	char *journal = xasprintf("%s/journal", b->place.dir);
	assert_int_equal(fs_mkdirs(fs_real(), incoming, 0755), 0);
	write_identity(b->root);
	clock_fake_init(&b->clock, (struct wall){T0});
	b->clock.is_synced = true;
	b->conf_root.path = b->root;
	b->camera = (struct conf_camera){.id = CAM, .name = "Front", .area = "hall"};
	b->conf = (struct conf){.site.id = SITE, .digest = "d", .state = b->place.dir, .roots = &b->conf_root,
				.root_count = 1, .segment_us = 300 * US_PER_S, .cameras = &b->camera, .camera_count = 1};
	assert_int_equal(key_load_or_make(fs_real(), key, &b->key, &made, &e), 0);
	assert_int_equal(journal_open(fs_real(), &b->clock.base, journal, &b->journal, &e), 0);
	free(incoming);
	free(key);
	free(journal);
	keeper_start(b);
	say_start(b, "boot-1");
	say(b, "ready", json_object());
}

static inline void box_finish(struct site_box *b)
{
	journal_close(b->journal);
	key_destroy(b->key);
	keeper_die(b);
	place_remove(b->place.dir);
}

static inline int run(struct site_box *b)
{
	bool more = true;
	int rc = 0;

	while (more && rc == 0)
		rc = indexer_step(b->ix, &more);
	return rc;
}

static inline void advance_to(struct site_box *b, double s)
{
	clock_fake_advance(&b->clock, SEC(s) - b->clock.wall.us);
}

/* --- files --------------------------------------------------------------------------------------------- */

/* Seconds [from, to) of footage, in fragments of one second. Returns its bytes. */
static inline int64_t put_file(struct site_box *b, int from, int to, const char *suffix, bool seal)
{
	struct buf bytes = {0};
	char name[256];

	fixture_init(&bytes);
	for (int i = 0; i < to - from; i++)
		fixture_fragment(&bytes, &(struct fixture_fragment){
			.start = {SEC(from + i)}, .tfdt = (uint64_t)i * 1000000, .sequence = (uint32_t)i + 1,
			.frames = 25, .frame_us = 40000, .fill = (uint8_t)i});
	if (seal) {
		struct seal s = {.site = SITE, .camera = CAM, .sequence = ++b->sequence, .start = {SEC(from)},
				 .end = {SEC(to)}, .frames = 25 * (uint32_t)(to - from), .fragments = (uint32_t)(to - from)};
		fixture_seal(&bytes, &s, b->key);
	}
	segment_incoming_name(name, CAM, (struct wall){SEC(from)}, suffix);
	char *path = xasprintf("%s/incoming/%s", b->root, name);
	assert_int_equal(fs_replace(fs_real(), path, bytes.data, bytes.len, 0644), 0);
	free(path);
	int64_t len = (int64_t)bytes.len;
	buf_finish(&bytes);
	return len;
}

static inline void rename_file(struct site_box *b, int from, const char *was, const char *now)
{
	char a[256], c[256];

	segment_incoming_name(a, CAM, (struct wall){SEC(from)}, was);
	segment_incoming_name(c, CAM, (struct wall){SEC(from)}, now);
	char *old = xasprintf("%s/incoming/%s", b->root, a), *new = xasprintf("%s/incoming/%s", b->root, c);
	assert_int_equal(rename(old, new), 0);
	free(old);
	free(new);
}

/* As if the last of it was written at the box's present. */
static inline void touch_file(struct site_box *b, int from, const char *suffix)
{
	char name[256];
	int64_t us = clock_wall(&b->clock.base).us;
	struct timespec t = {.tv_sec = (time_t)(us / US_PER_S), .tv_nsec = (long)(us % US_PER_S * 1000)};

	segment_incoming_name(name, CAM, (struct wall){SEC(from)}, suffix);
	char *path = xasprintf("%s/incoming/%s", b->root, name);
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){t, t}, 0), 0);
	free(path);
}

static inline void say_open(struct site_box *b, int from)
{
	char name[256];

	segment_incoming_name(name, CAM, (struct wall){SEC(from)}, ".open");
	say(b, "open", json_pack("{ss ss ss sI ss}", "camera", CAM, "root", b->root, "file", name, "start",
				 (json_int_t)SEC(from), "run", "r"));
}

static inline void say_beat(struct site_box *b, int from, int64_t bytes)
{
	char name[256];

	segment_incoming_name(name, CAM, (struct wall){SEC(from)}, ".open");
	say(b, "beat", json_pack("{sb s{s{sI}}}", "synced", 1, "durable", b->root, name, (json_int_t)bytes));
}

static inline void say_sealed(struct site_box *b, int from, int to, int64_t bytes)
{
	char name[256];

	segment_incoming_name(name, CAM, (struct wall){SEC(from)}, ".mp4");
	say(b, "sealed", json_pack("{ss ss ss sI sI sI}", "camera", CAM, "root", b->root, "file", name, "start",
				   (json_int_t)SEC(from), "end", (json_int_t)SEC(to), "bytes", (json_int_t)bytes));
}

static inline void say_up(struct site_box *b, double s)
{
	say(b, "up", json_pack("{ss sI}", "camera", CAM, "start", (json_int_t)SEC(s)));
}

static inline void say_down(struct site_box *b, double s)
{
	say(b, "down", json_pack("{ss sI ss ss}", "camera", CAM, "since", (json_int_t)SEC(s), "cause",
				 "stream_stalled", "detail", ""));
}

static inline bool archived(struct site_box *b, int from)
{
	char name[256];

	segment_archive_name(name, CAM, (struct wall){SEC(from)});
	char *path = xasprintf("%s/archive/%s", b->root, name);
	bool there = access(path, F_OK) == 0;
	free(path);
	return there;
}
