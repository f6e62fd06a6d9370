/* What is measured of a camera's stream while `holdfast probe` watches it. Pure: times come from the caller.
 *
 * Threads: any. Memory: the caller's struct. Units: in the names. */
#pragma once
#include "recorder/depay.h"
#include "recorder/rtp_packet.h"
#include "recorder/track.h"

struct probe_measure {
	enum track_codec codec;
	uint32_t clock_rate;

	/* packets */
	struct rtp_unwrap unwrap;
	bool has_packet;
	int64_t packet_ticks;           /* of the picture before: the first packet of each is measured */
	struct mono packet_at;
	double jitter_us;               /* RFC 3550 §6.4.1, of first packets of pictures */

	/* frames */
	unsigned frames, damaged, reordered, jumps;
	uint64_t bytes;                 /* of all frames but the last, which has no end yet */
	size_t last_bytes;
	int64_t first_ticks, newest_ticks, before_ticks;
	struct mono first_at, last_at, before_at;
	bool sets_inband;

	/* key frames; intervals in µs */
	unsigned keys;
	int64_t key_ticks, longest_key_us;
	struct mono key_at;             /* of the last one */
	int64_t shortest_own_us, longest_own_us; /* without the first interval: the camera may have made a key
	                                            frame for us */
	/* the camera's clock */
	bool clock_known;
	int64_t clock_error_us;
};

void probe_measure_init(struct probe_measure *m, enum track_codec codec, uint32_t clock_rate);
void probe_measure_packet(struct probe_measure *m, const uint8_t *data, size_t len, struct mono arrival);
void probe_measure_report(struct probe_measure *m, const uint8_t *data, size_t len, struct wall arrival);
void probe_measure_frame(struct probe_measure *m, const struct frame *f);

/* The timestamps are fit to tell time: no jumps, and they run at the pace at which pictures come. */
bool probe_measure_is_sane(const struct probe_measure *m);
/* From the first frame to the last, by timestamps if they are sane, else by arrival. */
double probe_measure_span_s(const struct probe_measure *m);
