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

json_t *object_kept_json(const struct object_kept *k);                     /* new reference */
int object_kept_parse(const json_t *args, struct object_kept *out);        /* 0 or -EINVAL; borrows from args */
