/* An object store without a store: what the offloader would tell the keeper of it, for tests of what the keeper does. */
#pragma once
#include "indexer/mover.h"
#include "indexer/object.h"
#include "keeper_fixture.h"
#include "retention/release.h"

#define STORE_URL "https://s3.example"
#define STORE_BUCKET "footage"
#define STORE_PLACE STORE_URL "/" STORE_BUCKET
#define STORE_FLOOR_US (91 * US_PER_DAY)

/* Another configuration of the same box. url NULL: none. */
static inline int store_configure(struct keeper_box *b, const char *url, bool releases, unsigned local_days)
{
	char *moving = xasprintf("%s/moving", b->root);

	assert_int_equal(fs_mkdirs(fs_real(), moving, 0755), 0);
	free(moving);
	b->conf.offload = (struct conf_offload){.url = (char *)(uintptr_t)url, .bucket = (char *)(uintptr_t)STORE_BUCKET,
						.releases = releases, .local_days = local_days};
	return indexer_configure(b->ix, &b->conf);
}

static inline json_t *store_kept_json(const struct db_query *q)
{
	struct object_kept k = {.camera = db_text(q, 0), .place = STORE_PLACE, .key = "key", .version = "v1", .start = {db_i64(q, 1)},
				.end = {db_i64(q, 2)}, .bytes = db_i64(q, 3)};

	k.retain_until.us = k.end.us + STORE_FLOOR_US;
	assert_int_equal(db_blob_copy(q, 4, k.seal_digest, sizeof k.seal_digest), 0);
	return object_kept_json(&k);
}

#define STORE_ROWS "SELECT s.camera, s.start, s.end, s.bytes, s.seal_digest FROM segment s JOIN object o ON o.camera = s.camera " \
	"AND o.start = s.start WHERE o.state = ? ORDER BY s.camera, s.start"

/* What an offloader would say of all segments whose object is in that state. */
static inline json_t *store_list(struct keeper_box *b, const char *state)
{
	json_t *list = json_array();
	struct db_query q;

	assert_int_equal(db_query(b->place.catalog->db, &q, STORE_ROWS, "t", state), 0);
	while (db_step(&q) > 0)
		json_array_append_new(list, store_kept_json(&q));
	db_done(&q);
	return list;
}

static inline int store_command(struct keeper_box *b, const char *verb, json_t *args)
{
	json_t *reply = NULL;
	int status = strcmp(verb, "object.asked") == 0 ? release_command(&b->reaper, args, &reply)
						       : indexer_command(b->ix, verb, args, &reply);

	json_decref(args);
	json_decref(reply);
	return status;
}

/* Everything that waits is copied. The last status. */
static inline int store_copy(struct keeper_box *b)
{
	json_t *list = store_list(b, "waiting"), *one;
	int status = 200;
	size_t i;

	json_array_foreach(list, i, one)
		status = store_command(b, "object.keep", json_incref(one));
	json_decref(list);
	return status;
}

/* The store has all that it was given. */
static inline json_t *store_has_all(struct keeper_box *b)
{
	return json_pack("{so s[]}", "objects", store_list(b, "kept"), "lost");
}

static inline int store_ask(struct keeper_box *b)
{
	return store_command(b, "object.asked", store_has_all(b));
}

/* The store has nothing of that camera. */
static inline json_t *store_has_not(struct keeper_box *b, const char *camera, enum object_loss how)
{
	json_t *list = store_list(b, "kept"), *lost = json_array(), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		json_object_set_new(one, "how", json_string(object_loss_name(how)));
		if (strcmp(json_string_value(json_object_get(one, "camera")), camera) == 0)
			json_array_append(lost, one);
	}
	json_decref(list);
	return json_pack("{s[] so}", "objects", "lost", lost);
}

static inline int store_lose(struct keeper_box *b, const char *camera, enum object_loss how)
{
	return store_command(b, "object.asked", store_has_not(b, camera, how));
}

/* What is surplus is unlinked. */
static inline int store_sweep(struct keeper_box *b)
{
	struct mover m;
	int rc = mover_init(&m, b->fs, &b->clock.base, &b->conf, b->place.catalog);

	return rc < 0 ? rc : mover_sweep(&m);
}
