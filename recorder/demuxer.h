/* libavformat's `sdp` demuxer with custom I/O (design §4): RTP packets of one track in, pieces out.
 *
 * It is given an SDP of our own (sdp_write.c) and our own RTP header before each payload: it meets one
 * source, in sequence, of one payload type, and no other RTP handler of FFmpeg can be reached. Sender
 * reports would move its timestamps and BYE would end it: neither gets there.
 * AVFMT_FLAG_NONBLOCK|NOPARSE|NOFILLIN: nothing waits, and a piece is what one payload gave.
 * Threads: one at a time. Memory: the caller's struct, which must not move between open and close. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "recorder/rtp_packet.h"
#include "recorder/track.h"

#include <libavformat/avformat.h>

struct demuxer {
	AVFormatContext *ctx;
	AVIOContext *io;
	AVPacket *piece;                /* what demuxer_take() took, until it is called again */
	struct buf sdp;
	size_t sdp_at;
	const struct rtp_packet *input; /* the packet that it may read; NULL: none */
	size_t set_at;                  /* a byte of its payload that set_bits are added to */
	uint8_t set_bits;
	uint16_t fed;                   /* its sequence number */
};

/* 0, or negative: libavformat does not take the track; nothing is left open then. */
int demuxer_open(struct demuxer *d, const struct track *t, struct err *e);
void demuxer_close(struct demuxer *d);
/* The next packet; borrowed until demuxer_take() answers 0. */
void demuxer_give(struct demuxer *d, const struct rtp_packet *p);
/* It is to read the packet with these bits set in that byte of its payload. */
void demuxer_give_changed(struct demuxer *d, const struct rtp_packet *p, size_t at, uint8_t bits);
/* 1: a piece of at least one byte; 0: there is none now; negative: it can go on no more. */
int demuxer_take(struct demuxer *d);
/* What the SDP told beforehand (Annex B parameter sets, AudioSpecificConfig); NULL and 0 if nothing. */
const uint8_t *demuxer_config(const struct demuxer *d, size_t *len);
