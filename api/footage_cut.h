/* Cuts a fragment behind a frame: its `moof` is told of fewer samples, of the video and of the sound;
 * what else its `mdat` held is left out; nothing is remuxed. Pure.
 *
 * Threads: any. Memory: the caller's bytes, changed in place. Source: ISO/IEC 14496-12 §8.8.
 * Errors: -EBADMSG no moof of ours; -ENOTSUP a layout that cannot be shortened (then nothing was
 * changed): not one trun at each traf's very end, or another box behind the trafs. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct footage_cut {
	size_t moof_bytes;      /* of the moof now */
	uint32_t samples;       /* frames kept, at least one */
	uint64_t duration;      /* of those, in the video's timescale */
	uint64_t video_bytes;   /* of those, at the mdat's begin */
	uint64_t hole_bytes;    /* of the frames left out, which follow */
	uint64_t audio_bytes;   /* of the sound kept, behind the hole */
};

/* Keeps the frames whose decode time is less than `ticks` after the first one's, and the sound that
 * begins before audio_end, a decode time of the sound's track. */
int footage_cut(uint8_t *moof, size_t len, uint64_t ticks, uint64_t audio_end, struct footage_cut *out);

/* The head of a fragment: prft, moof and the header of the mdat. */
struct footage_head {
	size_t moof_at, moof_bytes; /* from the fragment's first byte */
	size_t bytes;               /* of the whole head: here the samples begin */
};
/* -EAGAIN: more than len bytes are needed. */
int footage_head_parse(const uint8_t *p, size_t len, struct footage_head *out);
/* Writes the mdat's size, which ends the head. */
void footage_head_set_mdat(uint8_t *head, const struct footage_head *h, uint64_t data_bytes);
