/* H.265 over RTP whose NAL units are sent in another order than they are decoded in (sprop-max-don-diff > 0): puts
 * them into decoding order and takes the order numbers away, so that what comes out is plain RFC 7798.
 *
 *	packets, in sequence ─▶ NAL units (an aggregation packet is split, the parts of a fragmented one stay together)
 *	                     ─▶ by decoding order number, held until no earlier one can come ─▶ packets without DONL, DOND
 *
 * A unit is released when, by what the stream promises (sprop-max-don-diff, sprop-depack-buf-nalus), none before it can
 * come any more; or when more is held than DON_ORDER_MAX_UNITS, DON_ORDER_MAX_BYTES or DON_ORDER_MAX_US. A packet that
 * breaks the format costs itself. A number that lies before what was released begins the order anew. Whatever may have
 * been lost is told with the units that follow it in either order.
 * The marker is moved to the last unit of its timestamp in decoding order.
 * Threads: any. Memory: don_order_finish() frees; bounded by the above. Input is hostile.
 * Source: RFC 7798 §4.4.2, §4.4.3, §4.5, §6. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "recorder/rtp_packet.h"

#define DON_ORDER_MAX_UNITS 256u
#define DON_ORDER_MAX_BYTES (8u << 20)
#define DON_ORDER_MAX_US    US_PER_S

/* p is borrowed for the call; after_loss: something before it may be missing. Non-zero ends the call and is returned. */
typedef int don_order_fn(void *arg, const struct rtp_packet *p, bool after_loss, struct mono arrival);

struct don_unit {
	int64_t number;         /* AbsDon */
	struct rtp_packet head; /* of its first packet, without payload; the marker is the unit's */
	struct mono arrival;
	bool suspect;           /* a packet was lost while it was held, or just before it */
	struct buf packets;     /* length (4 bytes, big endian) and payload of each */
};

struct don_order {
	unsigned max_diff, max_units;
	struct don_unit units[DON_ORDER_MAX_UNITS + 1]; /* by number; the first `count` */
	unsigned count;
	size_t bytes;           /* of all of them and of `part` */
	struct don_unit part;   /* a fragmented unit that is still coming */
	bool has_part;
	bool begun;
	uint16_t last_don;      /* of the unit that came last, with its AbsDon */
	int64_t last_number, greatest, released;
	bool lost;              /* before the next unit */
	int64_t suspect_until;  /* AbsDon up to which what was lost may belong */
	struct mono newest, told; /* arrivals: of what came last; of what was told last, which goes forward */
	don_order_fn *fn;
	void *arg;
};

void don_order_init(struct don_order *o, unsigned max_don_diff, unsigned depack_nalus, don_order_fn *fn, void *arg);
/* Packets come in sequence; after_loss: one before this did not. */
int don_order_put(struct don_order *o, const struct rtp_packet *p, bool after_loss, struct mono arrival);
/* All that is held, and the order begins anew: the stream is another one, or has fallen silent. */
int don_order_flush(struct don_order *o);
void don_order_finish(struct don_order *o);
