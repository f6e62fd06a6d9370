/* What a camera sends on an RTSP connection, cut into items: responses, requests of the server, and
 * interleaved `$` frames (RFC 2326 §10.12), in any order and in any division into reads.
 *
 * Tolerant to what cameras do: header names in any case, folded headers, LF without CR, empty lines
 * between messages, no reason phrase. Strict in size: a head of at most 16 KiB with at most
 * RTSP_HEADERS_MAX lines, a body of at most 64 KiB. Anything else is an error, and the stream is lost; but once
 * frames came, the next place is looked for at which one begins, for 256 KiB.
 *
 *	uint8_t *at = rtsp_parse_room(&p, &room);   read into it, then
 *	rtsp_parse_filled(&p, n);
 *	while ((got = rtsp_parse_next(&p, &item, &err)) == RTSP_PARSE_ITEM) …
 *
 * Threads: loop thread only: all readers read into one room of 256 KiB, and no other reader may be used
 *          between rtsp_parse_room() and the end of its items.
 * Memory:  a reader keeps only the item that is not whole yet; rtsp_parse_finish() frees it. What an item
 *          points to (frames and bodies: not copied) is valid until the next call. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTSP_BUFFER_BYTES (256u << 10)
#define RTSP_HEAD_MAX_BYTES (16u << 10)
#define RTSP_BODY_MAX_BYTES (64u << 10)
#define RTSP_HEADERS_MAX 64

struct rtsp_header { const char *name, *value; }; /* value: trimmed, unfolded, no control characters */

/* TORN: bytes were left out, because they belong to nothing: a camera whose send buffer was full broke off a frame,
 * which then was filled with what belongs to others. */
enum rtsp_item_kind { RTSP_RESPONSE, RTSP_REQUEST, RTSP_FRAME, RTSP_TORN };

struct rtsp_item {
	enum rtsp_item_kind kind;
	int status;                /* response: 100–999 */
	const char *reason;        /* response: may be "" */
	const char *method;        /* request */
	const struct rtsp_header *headers;
	unsigned header_count;
	uint8_t channel;           /* frame */
	const uint8_t *data;       /* body or frame */
	size_t len;
};

enum rtsp_parse_result { RTSP_PARSE_MORE, RTSP_PARSE_ITEM, RTSP_PARSE_BAD };

struct rtsp_parse {
	struct buf rest;           /* of the read before: the beginning of an item */
	size_t begin, end;         /* in the room: what was read and not yet handed out */
	size_t scanned;            /* of it, seen without the end of a head */
	size_t consumed;           /* length of the item handed out last */
	char *head;                /* the current one, cut into strings */
	struct rtsp_header headers[RTSP_HEADERS_MAX];
	struct rtsp_item message;  /* whose head is known */
	size_t head_bytes;         /* 0: no head is known */
	uint32_t channels[8];      /* that frames came on: a set */
	bool torn;                 /* a place where something begins is looked for */
	size_t left_out;           /* meanwhile */
};

void rtsp_parse_init(struct rtsp_parse *p);
void rtsp_parse_finish(struct rtsp_parse *p);
/* Where to read to; *room is never 0. Ends the life of the item before. */
uint8_t *rtsp_parse_room(struct rtsp_parse *p, size_t *room);
void rtsp_parse_filled(struct rtsp_parse *p, size_t len);
/* BAD: e tells why (no secrets; text of the camera made harmless); do not call again. */
enum rtsp_parse_result rtsp_parse_next(struct rtsp_parse *p, struct rtsp_item *out, struct err *e);

/* The first header of that name, any case; NULL if there is none. */
const char *rtsp_item_header(const struct rtsp_item *it, const char *name);
