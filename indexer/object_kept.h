/* A copy in the object store, as the offloader tells the keeper of it (the args of `object.keep`).
 *
 * Threads: any. Memory: texts are borrowed. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"

#include <jansson.h>

#define OBJECT_TEXT_MAX 1024 /* of a key or a version, as object stores bound them */

struct object_kept {
	const char *camera, *place, *key, *version;
	struct wall start, end, retain_until;
	int64_t bytes;
	uint8_t sha256[SHA256_BYTES];      /* of all its bytes */
	uint8_t seal_digest[SHA256_BYTES];
};

/* What became of it in the store: its bytes are not there; they are others; they are there, and nothing keeps anybody who has
 * the store's keys from deleting them. */
enum object_loss { OBJECT_GONE, OBJECT_ALTERED, OBJECT_UNLOCKED };
const char *object_loss_name(enum object_loss l);
int object_loss_parse(const char *name, enum object_loss *out); /* 0 or -EINVAL; name may be NULL */

json_t *object_kept_json(const struct object_kept *k);                     /* new reference */
int object_kept_parse(const json_t *args, struct object_kept *out);        /* 0 or -EINVAL; borrows from args */
