/* Bytes of a copy in the object store, as the api asks the offloader for them: one question and
 * one answer a line (api/remote_lines.h), both of a fixed layout, numbers big-endian.
 *
 *	question  "HFr1" · u32 bytes · u64 at · i64 start_us · seal digest (32) · camera (64, NUL-padded)
 *	answer    "HFa1" · u8 verdict · 3 × 0 · u32 bytes · so many bytes: of the copy, or the name of the trouble
 *
 * Each end takes the other for hostile.
 * Threads: any. Memory: the caller's. Errors: 0 or -EPROTO. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"

#define OBJECT_READ_MAX_BYTES (4u << 20) /* of one question */
#define OBJECT_READ_CAMERA_MAX 64
#define OBJECT_READ_ASK_BYTES (4 + 4 + 8 + 8 + SHA256_BYTES + OBJECT_READ_CAMERA_MAX)
#define OBJECT_READ_HEAD_BYTES 12        /* of an answer, before its bytes */
#define OBJECT_READ_TROUBLE_MAX 33       /* its name, with a NUL */

struct object_read {
	char camera[OBJECT_READ_CAMERA_MAX + 1];
	struct wall start;               /* of the segment */
	uint8_t seal_digest[SHA256_BYTES]; /* that it must have */
	int64_t at;
	uint32_t bytes;                  /* 1 to OBJECT_READ_MAX_BYTES */
};

enum object_verdict {
	OBJECT_READ_FINE,
	OBJECT_READ_UNKNOWN,             /* the catalogue knows no whole copy of that segment there */
	OBJECT_READ_BUSY,                /* as many are read as may be at once */
	OBJECT_READ_TROUBLE,             /* the store does not give it; its name follows (offload/store_trouble.h) */
};

struct object_answer { enum object_verdict verdict; uint32_t bytes; };

void object_read_write(const struct object_read *q, uint8_t out[OBJECT_READ_ASK_BYTES]);
int object_read_parse(const uint8_t in[OBJECT_READ_ASK_BYTES], struct object_read *out);
void object_answer_write(const struct object_answer *a, uint8_t out[OBJECT_READ_HEAD_BYTES]);
/* asked: bytes of the question; a fine answer has exactly these. */
int object_answer_parse(const uint8_t in[OBJECT_READ_HEAD_BYTES], uint32_t asked, struct object_answer *out);
/* The name of a trouble from an answer's bytes: letters and '_' only, whatever stood there. */
void object_answer_trouble(const uint8_t *in, size_t len, char out[OBJECT_READ_TROUBLE_MAX]);
