#include "rtp_reorder.h"

#include "rtp_packet.h"

#include "base/buf.h"
#include "base/require.h"

#include <stdlib.h>
#include <string.h>

#define FOREIGN_MAX 8

static struct rtp_kept *slot(struct rtp_reorder *r, uint16_t sequence)
{
	return &r->kept[sequence % RTP_REORDER_PACKETS];
}

void rtp_reorder_init(struct rtp_reorder *r, rtp_reorder_fn *fn, void *arg)
{
	*r = (struct rtp_reorder){.fn = fn, .arg = arg};
}

static struct rtp_kept take_out(struct rtp_reorder *r, struct rtp_kept *k)
{
	struct rtp_kept out = *k;

	*k = (struct rtp_kept){0};
	r->count--;
	r->bytes -= out.len;
	return out;
}

static void keep(struct rtp_reorder *r, struct rtp_kept *k, const uint8_t *packet, size_t len, struct mono now)
{
	if (r->count++ == 0)
		r->since = now;
	*k = (struct rtp_kept){xcalloc(1, len), len, now};
	memcpy(k->data, packet, len);
	r->bytes += len;
}

static struct mono oldest(const struct rtp_reorder *r)
{
	struct mono at = {INT64_MAX};

	for (unsigned i = 0; i < RTP_REORDER_PACKETS; i++)
		if (r->kept[i].data && r->kept[i].at.us < at.us)
			at = r->kept[i].at;
	return at;
}

/* What is kept from `next` on without a hole. */
static void hand_on(struct rtp_reorder *r)
{
	while (r->count > 0 && slot(r, r->next)->data) {
		struct rtp_kept k = take_out(r, slot(r, r->next));
		r->next++;
		r->fn(r->arg, k.data, k.len);
		free(k.data);
	}
	if (r->count > 0)
		r->since = oldest(r);
}

/* The missing ones are lost. */
static void skip(struct rtp_reorder *r)
{
	REQUIRE(r->count > 0);
	while (!slot(r, r->next)->data)
		r->next++;
	hand_on(r);
}

static void skip_all(struct rtp_reorder *r)
{
	while (r->count > 0)
		skip(r);
}

static void begin_at(struct rtp_reorder *r, uint32_t ssrc, uint16_t sequence)
{
	skip_all(r);
	r->begun = true;
	r->ssrc = ssrc;
	r->next = sequence;
	r->foreign = 0;
}

void rtp_reorder_finish(struct rtp_reorder *r)
{
	for (unsigned i = 0; i < RTP_REORDER_PACKETS; i++)
		free(r->kept[i].data);
	*r = (struct rtp_reorder){0};
}

/* ahead > 0: packets between are missing. */
static void put_early(struct rtp_reorder *r, uint16_t sequence, const uint8_t *packet, size_t len,
		      struct mono now)
{
	struct rtp_kept *k = slot(r, sequence);

	if (k->data)
		r->late++; /* it is here already */
	else
		keep(r, k, packet, len, now);
	while (r->bytes > RTP_REORDER_BYTES)
		skip(r);
}

void rtp_reorder_put(struct rtp_reorder *r, const uint8_t *packet, size_t len, struct mono now)
{
	struct rtp_packet p;

	if (rtp_packet_parse(packet, len, &p) < 0)
		return;
	if (r->begun && p.sequence == r->next) /* another name for the same source */
		r->ssrc = p.ssrc;
	if (r->begun && p.ssrc != r->ssrc && ++r->foreign < FOREIGN_MAX) {
		r->fn(r->arg, packet, len);
		return;
	}
	rtp_reorder_expire(r, now);
	int ahead = (int16_t)(p.sequence - r->next);
	if (!r->begun || p.ssrc != r->ssrc || ahead >= RTP_REORDER_PACKETS || ahead <= -RTP_REORDER_PACKETS) {
		begin_at(r, p.ssrc, p.sequence);
		ahead = 0;
	}
	r->foreign = 0;
	if (ahead < 0) {
		r->late++;
	} else if (ahead > 0) {
		put_early(r, p.sequence, packet, len, now);
	} else {
		r->next++;
		r->fn(r->arg, packet, len);
		hand_on(r);
	}
}

void rtp_reorder_expire(struct rtp_reorder *r, struct mono now)
{
	while (r->count > 0 && now.us - r->since.us >= RTP_REORDER_HOLD_US)
		skip(r);
}

bool rtp_reorder_due(const struct rtp_reorder *r, struct mono *at)
{
	*at = (struct mono){r->since.us + RTP_REORDER_HOLD_US};
	return r->count > 0;
}
