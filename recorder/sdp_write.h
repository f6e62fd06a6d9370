/* The minimal SDP of our own that libavformat's `sdp` demuxer is given (design §4).
 *
 * Nothing of the camera's SDP is in it but the format parameters that sdp_fmtp.c checked.
 * Threads: any. Source: RFC 4566, RFC 6184 §8.2.1, RFC 7798 §7.2.1. */
#pragma once
#include "base/buf.h"
#include "recorder/track.h"

/* The payload type that it names, whatever the camera's is. */
#define SDP_WRITE_PAYLOAD_TYPE 96

/* Appends to out. 0, or -EINVAL: fmtp holds what no SDP line may hold, or is too long. */
int sdp_write(const struct track *t, struct buf *out);
