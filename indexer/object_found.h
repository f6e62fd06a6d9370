/* A copy in the object store of which the catalogue knows nothing, as the offloader tells the keeper (the args of
 * `object.found`): what object_kept.h says of it, and what a catalogue says of a segment, read from its bytes. The seal comes
 * whole, so that the keeper can verify it itself.
 *
 * Threads: any. Memory: object_found_finish(); texts are borrowed from args. */
#pragma once
#include "indexer/object_kept.h"
#include "media/segment.h"

struct object_found {
	struct object_kept kept;
	uint8_t box[SEAL_MAX_BYTES];    /* the seal, as it ends the file */
	size_t box_len;
	struct segment_scan scan;       /* moov (video only), init, index, and what the box says; nothing is verified */
};

/* A new reference. scan: of the whole copy. */
json_t *object_found_json(const struct object_kept *k, const struct segment_scan *scan, const uint8_t *box, size_t box_len);
int object_found_parse(const json_t *args, struct object_found *out); /* 0 or -EINVAL */
void object_found_finish(struct object_found *f);
