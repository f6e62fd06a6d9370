/* The sound beside a run's pictures: packets in; out, with each fragment of the video, the sound of its
 * time.
 *
 * Whatever the sound does, the pictures do not know of it: it may be missing, late, broken or lost; then a
 * fragment has less of it, or none. It is placed by its arrival, as pictures are (timeline.h), less the sound
 * that had to be heard before its packet could leave the camera (audio_depay.h). Frames tile to the sample
 * as long as that stays within AUDIO_TOLERANCE_US of where the timeline wants them; they are led back by one
 * sample per frame. Beyond, there is a hole, or something is left out.
 *
 * A fragment is given what has arrived by its end; what comes later stands in the next one, at its time.
 * What comes more than SEGMENT_AUDIO_AHEAD_US late is left out.
 * Threads: loop thread. Memory: audio_create() allocates; what waits is bounded (AUDIO_WAIT_MAX_*). */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "recorder/track.h"

#define AUDIO_TOLERANCE_US (20 * US_PER_MS)
#define AUDIO_WAIT_MAX_US (12 * US_PER_S)
#define AUDIO_WAIT_MAX_BYTES (1u << 20)

struct audio;
/* Negative: this sound cannot be recorded; e says in lang() why. */
int audio_create(const struct track *t, struct audio **out, struct err *e);
/* offset_us: wall − mono. */
void audio_packet(struct audio *a, const uint8_t *data, size_t len, struct mono arrival, int64_t offset_us);
/* A segment begins: adds the track to its *init. */
void audio_begin_segment(struct audio *a, struct wall start, struct buf *init);
/* Adds the sound of [start, end) to that fragment of the segment. */
void audio_add_to_fragment(struct audio *a, struct wall start, struct wall end, struct buf *bytes);
void audio_destroy(struct audio *a);
