/* Where fragments and segments begin. Pure.
 *
 * A segment begins at a key frame: when the one before is long enough, or when the stream goes on in
 * another format. A fragment begins at a key frame, and in a longer GOP after 2 s and then
 * every second: what such a GOP still is to bring nobody knows, and it is found the sooner. GOPs under CUTTER_SHORT_US
 * share a fragment, else a camera that sends nothing but key frames would cost one write per frame.
 * Threads: any. Memory: the caller's struct. Units: µs of UTC. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CUTTER_FRAGMENT_US INT64_C(2000000)
#define CUTTER_LONG_GOP_US INT64_C(1000000)
#define CUTTER_SHORT_US INT64_C(400000)

enum cut { CUT_NONE, CUT_FRAGMENT, CUT_SEGMENT };

struct cutter {
	int64_t segment_us;
	int64_t shorten_us;  /* of the next segment; then 0 */
	bool open;
	bool long_gop;       /* the open fragment is not its first */
	int64_t segment_at_us, fragment_at_us;
	unsigned epoch;      /* of the format of the open segment */
};

void cutter_init(struct cutter *c, int64_t segment_us, int64_t first_shorter_us);
/* What begins with this frame. Nothing is open before the first key frame or after cutter_close(): then
 * a frame that is no key frame answers CUT_NONE, and belongs nowhere. */
enum cut cutter_frame(struct cutter *c, int64_t at_us, bool key, unsigned epoch);
void cutter_close(struct cutter *c);
