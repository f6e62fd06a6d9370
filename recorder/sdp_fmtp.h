/* The format parameters of a track (a=fmtp), checked and made anew.
 *
 * Threads: any. Memory: *out is malloc'd. */
#pragma once
#include "recorder/track.h"

#include <stddef.h>

/* Reads "key=value;key=value" (not terminated), keeps what is known and valid, and writes it anew, at most
 * SDP_FMTP_MAX characters. 0 and *out (NULL if nothing is left), or -ENOTSUP: the packets would come in
 * a mode that is not supported (interleaved NAL units, other than AAC-hbr or AAC-lbr, LATM with its
 * configuration in-band). */
int sdp_fmtp_check(enum track_codec codec, const char *text, size_t len, char **out);
