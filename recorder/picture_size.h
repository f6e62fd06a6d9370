/* The size of the picture, which an MP4 file must name, as libavcodec's parser reads it.
 *
 * Threads: any. Memory: nothing is kept. */
#pragma once
#include "recorder/track.h"

#include <stddef.h>

#define PICTURE_SIDE_MAX 16384

struct picture_size { int width, height; };

/* sets: Annex B parameter sets; key: a key frame, Annex B. 0, or -EBADMSG: they make no picture. */
int picture_size_find(enum track_codec codec, const uint8_t *sets, size_t sets_len, const uint8_t *key,
		      size_t key_len, struct picture_size *out);
