/* ISO base media file format boxes (ISO/IEC 14496-12), read with bounds.
 *
 * Knows only what a fragmented file of ours needs: where boxes begin and end, what
 * a `moof` says of its samples, where its decode time stands so that it can be patched.
 * Threads: any. Memory: nothing is kept; pointers point into the caller's bytes.
 * Input is hostile: every length is checked against what is there. */
#pragma once
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOURCC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define BOX_FTYP FOURCC('f', 't', 'y', 'p')
#define BOX_MOOV FOURCC('m', 'o', 'o', 'v')
#define BOX_PRFT FOURCC('p', 'r', 'f', 't')
#define BOX_MOOF FOURCC('m', 'o', 'o', 'f')
#define BOX_MDAT FOURCC('m', 'd', 'a', 't')
#define BOX_UUID FOURCC('u', 'u', 'i', 'd')

struct box {
	uint32_t type;
	uint32_t head;  /* bytes of the header: 8, or 16 with a 64-bit size */
	uint64_t size;  /* whole, header included */
};

/* The box whose header begins at p, of which `len` bytes are at hand. 0; -EAGAIN if more
 * bytes are needed for the header; -EBADMSG if its size is impossible (under its header,
 * zero, or over 2^40). */
int box_read(const uint8_t *p, size_t len, struct box *b);
/* Finds a child by type inside a container's payload: the child's payload, and its length in
 * *size; NULL if absent or broken. */
const uint8_t *box_child(const uint8_t *payload, size_t len, uint32_t type, size_t *size);

/* A `prft` (producer reference time): the UTC of the fragment that follows. */
#define PRFT_MIN_BYTES 28
#define PRFT_MAX_BYTES 32
struct prft {
	uint32_t track_id;
	uint64_t media_time;      /* a presentation time: with B-frames it may lie behind the tfdt */
	struct wall at;
};
/* The whole prft box, header included (version 0: 28 bytes, version 1: 32). 0 or -EBADMSG. */
int prft_parse(const uint8_t *prft, size_t len, struct prft *out);
/* Sets the time of a prft that prft_parse() took. libavformat's own `wallclock` mode cuts the time
 * to whole milliseconds, so who muxes must put the microseconds back with this. */
void prft_patch(uint8_t *prft, struct wall at);
/* NTP's 64-bit time as libavformat's ff_get_formatted_ntp_time() makes it, and back to the very
 * microsecond. Years 1970 to 2106 (a time before 1970 in NTP's first era is read in the second). */
uint64_t prft_ntp_from_wall(struct wall w);
struct wall prft_wall_from_ntp(uint64_t ntp);

/* What one `traf` says: one track's samples in a fragment. */
struct moof_traf {
	uint32_t track_id;
	uint64_t decode_time;     /* tfdt, in the track's timescale */
	uint32_t tfdt_at;         /* offset of baseMediaDecodeTime from the moof's first byte */
	uint8_t tfdt_bytes;       /* 4 or 8 */
	uint32_t samples;
	uint64_t duration;        /* sum of sample durations */
	uint64_t data_bytes;      /* sum of sample sizes */
	bool starts_with_key;     /* the first sample is a sync sample */
	uint64_t last_duration;   /* of the last sample */
	uint32_t data_offset;     /* of the first sample from the moof's first byte */
};
/* What one `moof` says: its first traf is the video, the second the sound. */
struct moof {
	uint32_t sequence;
	uint32_t sequence_at;     /* offset of mfhd.sequence_number from the moof's first byte */
	struct moof_traf video;
	struct moof_traf audio;   /* all zero if there is none */
};
/* The whole moof box, header included. 0 or -EBADMSG: broken, more than two trafs, no sample,
 * addresses that are not relative to the moof or not contiguous (the sound's follow the video's),
 * durations or sizes left to the moov's defaults. */
int moof_parse(const uint8_t *moof, size_t len, struct moof *out);
/* The sound's time is not looked at if there is none. A 4-byte tfdt must be able to hold its time
 * (segment_scan() lets only 8-byte ones pass). */
void moof_patch(uint8_t *moof, const struct moof *m, uint32_t sequence, uint64_t video_time,
		uint64_t audio_time);

/* What a `moov` of ours says.
 *
 * A file whose every key frame brings its own parameter sets says so (moov_mark_sets_in_band): what stands in its
 * sample entry is then only what it begins with. One init serves two files if their parameter sets are the same, or if
 * each that does not have those of the init brings its own, and a decoder can go on from one to the other. */
struct moov_info {
	uint32_t track_id, timescale;
	uint16_t width, height;
	bool sets_in_band;
	uint8_t stsd_digest[32];  /* SHA-256 of the stsd box, with sound of both and of its timescale, and of the mark if it
	                             has one: equal means the same in every respect */
	uint8_t sets_digest[32];  /* the same without the mark */
	uint8_t format_digest[32]; /* without the parameter sets: what a decoder must allocate */
	uint32_t entry_at;        /* of the video's sample entry, from the moov's first byte */
	char codec[5];            /* sample entry: "avc1", "hvc1"; "avc3", "hev1" where parameter sets change in the file */
	struct {                  /* of the sound; track_id 0 if there is none */
		uint32_t track_id, timescale;
		char codec[5];    /* "mp4a", "alaw", "ulaw" */
	} audio;
};
/* The whole moov box with one trak, or with a second one of sound. 0 or -EBADMSG. */
int moov_parse(const uint8_t *moov, size_t len, struct moov_info *out);
/* Adds the mark to a ftyp + moov. 0 or -EBADMSG. */
struct buf;
int moov_mark_sets_in_band(struct buf *init);
/* Names a moov's sample entry so that its parameter sets need not be all (ISO/IEC 14496-15: avc3, hev1). */
void moov_patch_sets_in_band(uint8_t *moov, const struct moov_info *m);
