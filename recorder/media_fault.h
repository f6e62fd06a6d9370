/* Why a stream that is open is not recorded: what comes is counted, and the first thing that is missing on the way
 * from packets to a picture that a recording can begin with is the reason. One list, for the run and for the probe.
 *
 * Threads: any. Memory: the caller's struct; texts are static, in lang(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum media_fault {
	MEDIA_GOOD,
	MEDIA_SILENT,     /* no packet */
	MEDIA_FOREIGN,    /* packets, but none of the payload type that was agreed on */
	MEDIA_NO_PICTURE, /* packets, but no picture comes of them: encrypted, or cut */
	MEDIA_DAMAGED,    /* pictures, but all of them, or all key frames, lack packets */
	MEDIA_NO_KEY,     /* whole pictures, but none that a decoder could begin with */
	MEDIA_NO_SETS,    /* such ones, but without parameter sets */
	MEDIA_BAD_SETS,   /* parameter sets that are not understood */
	MEDIA_FAULTS
};

struct media_tally { uint64_t packets, foreign, frames, damaged, keys, damaged_keys; }; /* keys: whole ones */

void media_tally_packet(struct media_tally *t, const uint8_t *data, size_t len, uint8_t payload_type);
void media_tally_frame(struct media_tally *t, bool key, bool damaged);
/* Up to MEDIA_NO_KEY: what came is not looked into here. */
enum media_fault media_fault_of(const struct media_tally *t);
const char *media_fault_text(enum media_fault f);
const char *media_fault_remedy(enum media_fault f);
/* Both in one sentence, for a gap's detail. */
const char *media_fault_advice(enum media_fault f, char *out, size_t size);
