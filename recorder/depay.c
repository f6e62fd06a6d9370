#include "recorder/depay.h"

#include "recorder/access_unit.h"
#include "recorder/demuxer.h"
#include "recorder/don_order.h"
#include "recorder/parameter_sets.h"
#include "recorder/rtp_source.h"

#include <stdlib.h>

#define NO_MARKER_US (250 * US_PER_MS)
#define HEAD_WITHOUT_SLICE_MAX_BYTES 65536

struct depay {
	enum track_codec codec;
	uint8_t payload_type;
	depay_frame_fn *fn;
	void *arg;

	struct demuxer demuxer;
	struct don_order *order;        /* NULL: the camera sends in decoding order */
	struct rtp_source source;
	struct rtp_unwrap unwrap;
	bool marker_used;
	bool key_sets;                  /* key frames bring parameter sets with them */
	bool loss, restart;             /* what the next piece must know */

	struct access_unit au;
	struct parameter_sets sets;
};

static don_order_fn on_ordered;

/* --- opening ----------------------------------------------------------------------- */

/* What the SDP says of parameter sets, as the demuxer decoded it. */
static void take_sdp_sets(struct depay *d)
{
	size_t len;
	const uint8_t *config = demuxer_config(&d->demuxer, &len);
	size_t at = nal_find_start(config, len, 0);

	while (at < len) {
		size_t nal = at + NAL_START_CODE_BYTES;
		at = nal_find_start(config, len, nal);
		parameter_sets_offer(&d->sets, config + nal, at - nal);
	}
	parameter_sets_accept(&d->sets);
}

int depay_create(const struct track *t, depay_frame_fn *fn, void *arg, struct depay **out, struct err *e)
{
	struct depay *d = xcalloc(1, sizeof *d);

	*out = NULL;
	d->codec = t->codec;
	d->payload_type = t->payload_type;
	d->fn = fn;
	d->arg = arg;
	parameter_sets_init(&d->sets, t->codec);
	int rc = demuxer_open(&d->demuxer, t, e);
	if (rc < 0) {
		depay_destroy(d);
		return rc;
	}
	take_sdp_sets(d);
	if (t->codec == TRACK_H265 && t->max_don_diff > 0) {
		d->order = xcalloc(1, sizeof *d->order);
		don_order_init(d->order, t->max_don_diff, t->depack_nalus, on_ordered, d);
	}
	*out = d;
	return 0;
}

void depay_destroy(struct depay *d)
{
	if (!d)
		return;
	demuxer_close(&d->demuxer);
	access_unit_finish(&d->au);
	parameter_sets_finish(&d->sets);
	if (d->order)
		don_order_finish(d->order);
	free(d->order);
	free(d);
}

/* --- frames ------------------------------------------------------------------------- */

static void take_sets(struct depay *d)
{
	const struct access_unit *au = &d->au;

	for (unsigned i = 0; i < au->nals; i++) {
		size_t len;
		const uint8_t *nal = access_unit_nal(au, i, &len);
		parameter_sets_offer(&d->sets, nal, len);
	}
	d->key_sets |= au->key;
	if (au->damaged)
		parameter_sets_forget(&d->sets);
	else
		parameter_sets_accept(&d->sets);
}

/* A key frame needs nothing from before it: what was lost there does not hurt it, if it begins as the
 * key frames of this camera do. */
static bool is_damaged(const struct depay *d, const struct access_unit *au)
{
	bool whole_key = au->key && au->whole_head && (au->sets || !d->key_sets);

	return au->damaged || (au->after_loss && !whole_key);
}

static void emit(struct depay *d)
{
	struct access_unit *au = &d->au;

	if (au->slice) {
		struct frame f = {
			.data = au->data.data,
			.len = au->data.len,
			.nal_at = au->nal_at,
			.nals = au->nals < ACCESS_UNIT_MAX_NALS ? au->nals : 0,
			.rtp_ticks = au->ticks,
			.arrival = au->arrival,
			.key = au->key,
			.damaged = is_damaged(d, au),
			.restarted = au->restarted,
		};
		if (au->sets)
			take_sets(d);
		d->fn(d->arg, &f);
	}
	access_unit_clear(au);
}

/* Whether what comes with p is of another frame than what is gathered. The timestamp tells, unless the
 * camera's stands still: then its marker and the picture's first slice do. */
static bool begins_frame(const struct depay *d, const struct rtp_packet *p, const uint8_t *piece,
			 size_t len, struct mono arrival)
{
	const struct access_unit *au = &d->au;

	if (!au->slice)
		return false;
	if (p->timestamp != au->timestamp)
		return true;
	return (au->marker || arrival.us - au->arrival.us >= NO_MARKER_US) &&
	       access_unit_ends_before(au, d->codec, piece, len);
}

static void begin_unit(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	struct access_unit *au = &d->au;

	if (au->data.len > HEAD_WITHOUT_SLICE_MAX_BYTES)
		access_unit_clear(au);
	au->timestamp = p->timestamp;
	au->ticks = rtp_unwrap(&d->unwrap, p->timestamp);
	au->arrival = arrival;
	au->after_loss |= d->loss;
	au->restarted |= d->restart;
	d->restart = false;
}

static void take_piece(struct depay *d, const struct rtp_packet *p, const uint8_t *piece, size_t len,
		       struct mono arrival)
{
	struct access_unit *au = &d->au;
	unsigned type = d->codec == TRACK_H264 ? p->payload[0] & 0x1f : p->payload[0] >> 1 & 0x3f;
	bool next = begins_frame(d, p, piece, len, arrival);

	if (d->loss && au->data.len && !(next && au->marker))
		au->damaged = true;
	if (next)
		emit(d);
	if (next || !au->slice)
		begin_unit(d, p, arrival);
	d->loss = false;
	access_unit_add(au, d->codec, piece, len, type == (d->codec == TRACK_H264 ? 24 : 48));
	au->marker = p->marker;
}

static int demux(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	unsigned pieces = 0;
	int rc;

	demuxer_give(&d->demuxer, p);
	while ((rc = demuxer_take(&d->demuxer)) > 0) {
		take_piece(d, p, d->demuxer.piece->data, (size_t)d->demuxer.piece->size, arrival);
		pieces++;
	}
	if (pieces == 0)
		d->loss = true; /* a packet that could not be read is as good as lost */
	return rc;
}

static int on_ordered(void *arg, const struct rtp_packet *p, bool after_loss, struct mono arrival)
{
	struct depay *d = arg;

	d->loss |= after_loss;
	return demux(d, p, arrival);
}

/* --- packets ------------------------------------------------------------------------- */

static void take_over(struct depay *d)
{
	if (d->order)
		don_order_flush(d->order);
	d->au.damaged |= !d->au.marker;
	emit(d);
	d->restart = true;
	d->loss = true;
	d->unwrap = (struct rtp_unwrap){0};
}

int depay_feed(struct depay *d, const uint8_t *packet, size_t len, bool rtcp, struct mono arrival)
{
	struct rtp_packet p;
	bool after_loss = false;

	if (rtcp || rtp_packet_parse(packet, len, &p) < 0 || p.payload_type != d->payload_type)
		return 0;
	switch (rtp_source_judge(&d->source, &p, arrival)) {
	case RTP_SKIP:       return 0;
	case RTP_TAKE:       break;
	case RTP_AFTER_LOSS: after_loss = true; break;
	case RTP_TAKE_OVER:  take_over(d); break;
	}
	d->marker_used |= p.marker;
	return d->order ? don_order_put(d->order, &p, after_loss, arrival) : on_ordered(d, &p, after_loss, arrival);
}

void depay_flush(struct depay *d)
{
	if (d->order)
		don_order_flush(d->order);
	if (d->marker_used && !d->au.marker) {
		access_unit_clear(&d->au); /* cut off: its packets ceased in the middle */
		d->loss = true;
	} else {
		emit(d);
	}
}

uint64_t depay_lost_packets(const struct depay *d)
{
	return d->source.lost;
}

size_t depay_parameter_sets(const struct depay *d, const uint8_t **data, unsigned *epoch)
{
	*data = d->sets.joined.data;
	*epoch = d->sets.epoch;
	return parameter_sets_complete(&d->sets) ? d->sets.joined.len : 0;
}
