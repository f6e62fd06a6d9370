/* The format parameters of a track (a=fmtp), checked and made anew.
 *
 * Threads: any. Memory: *out is malloc'd. */
#pragma once
#include "recorder/track.h"

#include <stddef.h>

/* Reads "key=value;key=value" (not terminated) for t->codec, keeps what is known and valid, and writes it anew, at most
 * SDP_FMTP_MAX characters. 0 and t->fmtp (NULL if nothing is left), max_don_diff and depack_nalus, or -ENOTSUP: the
 * packets would come in a mode that is not supported (interleaved NAL units of H.264, H.265 over several streams,
 * other than AAC-hbr or AAC-lbr, LATM with its configuration in-band). */
int sdp_fmtp_check(struct track *t, const char *text, size_t len);
