/* The sound of one simulated camera: a beep at each whole second of its clock, in RTP packets as cameras
 * send them: G.711 (20 ms each, RFC 3551) or AAC-LC (1024 samples each, RFC 3640, made by libavcodec).
 *
 * The packets' headers are place-holders but for type and marker (see rtp.h).
 * Threads: loop thread only. Memory: create/destroy; packets live until the next call.
 * Time: clock_us is UTC in µs since 1970. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "rtp.h"

enum sound_kind { SOUND_NONE, SOUND_PCMA, SOUND_PCMU, SOUND_AAC };

struct sound;
int sound_create(struct sound **out, enum sound_kind kind, struct err *e);
void sound_destroy(struct sound *s);
/* Its lines of an SDP, from m=audio on; what follows it is the control. */
void sound_describe(const struct sound *s, struct buf *sdp);
/* One packet on its way. */
struct sound_packet { struct rtp_packets packets; uint32_t timestamp; };
/* The next packet, if its last sample lies before now_us; the first call only begins. 1, 0 or negative. */
int sound_next(struct sound *s, int64_t now_us, struct sound_packet *out);
