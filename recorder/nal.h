/* NAL units of H.264 and H.265: what one is, by its first bytes.
 *
 * Threads: any. Memory: nothing is kept. Source: ITU-T H.264 table 7-1, H.265 table 7-1. */
#pragma once
#include "recorder/track.h"

#include <stdbool.h>
#include <stddef.h>

#define NAL_START_CODE "\0\0\0\1"
#define NAL_START_CODE_BYTES 4

enum nal_role {
	NAL_OTHER,     /* belongs to the frame it stands in */
	NAL_SLICE,
	NAL_KEY_SLICE, /* of an IDR (H.264) or IRAP (H.265) picture */
	NAL_VPS, NAL_SPS, NAL_PPS,
	NAL_PREFIX,    /* delimiter, SEI …: after a slice, it begins the next frame */
};

/* nal: without start code, at least one byte. */
enum nal_role nal_role(enum track_codec codec, const uint8_t *nal, size_t len);
/* Whether this slice is the first of its picture. */
bool nal_is_first_slice(enum track_codec codec, const uint8_t *nal, size_t len);
/* Offset of the next start code (00 00 00 01) at or after `from`; len if there is none. */
size_t nal_find_start(const uint8_t *data, size_t len, size_t from);

static inline bool nal_role_is_slice(enum nal_role r) { return r == NAL_SLICE || r == NAL_KEY_SLICE; }
static inline bool nal_role_is_set(enum nal_role r) { return r == NAL_VPS || r == NAL_SPS || r == NAL_PPS; }
