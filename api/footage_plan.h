/* What an answer with footage will consist of, computed before its first byte: the init bytes, then
 * whole fragments of stored files, the last one perhaps cut behind a frame. Every length is known, so
 * that Content-Length, ETag, Range and HEAD cost nothing more.
 *
 * Threads: one at a time. Memory: footage_plan_finish() frees; segment rows are copied. A day of
 * footage is some 300 parts with their packed indexes, under half a megabyte. */
#pragma once
#include "indexer/catalog.h"

#include <jansson.h>

#define ETAG_MAX 40

struct footage_part {           /* what one file gives; two of them, if something between is damaged */
	char *root, *file;
	struct wall start;      /* of the file's first fragment */
	int64_t init_bytes, init, init_crc; /* the latter -1: not known */
	bool sealed;            /* a whole file, of this seal: there may be a copy of it in the object store */
	uint8_t seal_digest[SHA256_BYTES];
	uint8_t *packed;        /* its fragment index */
	size_t packed_len;
	unsigned first, count;  /* the fragments that are given */
	uint32_t sequence;      /* fragments given before this part */
	uint64_t body_at, bytes; /* in the answer */
	struct wall_range given;
	unsigned piece;         /* parts of the same one join (footage_join.h) */
};

struct footage_plan {
	char camera[CATALOG_ID_MAX];
	struct wall_range asked, given;
	struct footage_part *parts;
	unsigned count;
	uint64_t bytes;         /* of the whole answer */
	char etag[ETAG_MAX];    /* with its quotes */
	bool superseded;        /* of a file whose time was lived again (indexer/life.h): asked for as that file only */
	/* Known when the files were looked into (footage_read.h). */
	unsigned lead;          /* the part whose init is given; */
	bool sets_vary;         /* its sample entry says that parameter sets come with the key frames */
	uint32_t timescale, audio_timescale; /* the latter 0 without sound */
	struct footage_kind *kinds; /* of the files (footage_join.h) */
	unsigned kind_count;
	uint64_t cut_ticks;     /* of the last fragment, what begins before this is given; UINT64_MAX: all */
	uint64_t cut_audio_end; /* and of its sound, what begins before this, as its file counts */
	uint64_t cut_off;       /* bytes that the last fragment is shorter by */
};

/* A catalog_segment_fn; arg is the plan, whose camera and asked are set. Rows come in order. */
int footage_plan_add(void *arg, const struct catalog_segment *row);
/* When all rows were added: parts in order of time. Where the clock was set back, the fragment that was being made
 * reaches into time that was lived again: it makes way for the footage of that. */
void footage_plan_arrange(struct footage_plan *p);
json_t *footage_plan_pieces(const struct footage_plan *p); /* [{start,end}] that each join */
/* Lays the parts out and computes the ETag; again after the end was cut. */
void footage_plan_lay_out(struct footage_plan *p);
void footage_plan_finish(struct footage_plan *p);
