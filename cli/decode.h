/* Whether the video of a segment can really be shown: libavcodec decodes it, from the first packet to the last. A
 * checker for fsck (indexer/fsck.h), which must not link FFmpeg.
 *
 * What counts: packets that cannot be read, errors of the decoder, pictures that it marks as damaged, and, of H.265,
 * pictures that do not come (its decoder passes over them in silence; H.264 may have two packets to a picture). Oddities
 * of the stream that a player passes over are none. Noise that is well-formed to a decoder is a picture to it.
 * Threads: any, one for each call. Memory: one picture buffer pool of the decoder and a window of the file,
 * whatever the file's length. What a camera sent is hostile: confine the process before. */
#pragma once
#include "indexer/fsck.h"

/* fd is read with pread() below `bytes`. */
void decode_video(int fd, int64_t bytes, struct fsck_decoded *out);
