/* Which file gives the bytes of a segment: that of the plan, where it has moved to, another disk's, or its copy in the
 * object store. Whatever it is, it is checked here. The lower half of footage_read.h.
 *
 * Threads, errors: as footage_read.h. */
#pragma once
#include "api/footage_read.h"
#include "media/box.h"

#define FOOTAGE_BLOCK_BYTES (128u << 10) /* stays in a core's cache between being read and being checked */
#define FOOTAGE_WINDOW_BYTES (1u << 20)  /* the first block, and room for more of a head, or for what is given from memory */

static inline uint32_t footage_at_most(uint32_t bytes, uint32_t most) { return bytes < most ? bytes : most; }

/* Finds the file; its head, checked, in r->head and *moov. */
int footage_file_open(struct footage_reader *r, const struct footage_part *p, struct moov_info *moov);
/* Exactly len bytes of the file that was opened or verified last. */
int footage_file_read(struct footage_reader *r, void *out, size_t len, int64_t at);
/* Reads all of a fragment of the part that is open; its first block stands in the window. r->fd and from_store: what gave it. */
int footage_file_verify(struct footage_reader *r, const struct fragment *f);
