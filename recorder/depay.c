#include "recorder/depay.h"

#include "recorder/access_unit.h"
#include "recorder/demuxer.h"
#include "recorder/don_order.h"
#include "recorder/parameter_sets.h"
#include "recorder/rtp_payload.h"
#include "recorder/rtp_source.h"

#include <stdlib.h>

#define NO_MARKER_US (250 * US_PER_MS)
#define LATE_FRAME_FACTOR 3 / 2      /* of the longest step between two frames: one is missing */
#define LATE_FRAME_MAX_S 10          /* further apart: the timestamps jumped */
#define HEAD_WITHOUT_SLICE_MAX_BYTES 65536
#define SPREAD_PER_S 50              /* within 1/50 s, the packets of one frame may differ in their timestamps */

struct depay {
	enum track_codec codec;
	uint8_t payload_type;
	uint32_t clock_rate;
	depay_frame_fn *fn;
	void *arg;

	struct demuxer demuxer;
	struct don_order *order;        /* NULL: the camera sends in decoding order */
	struct rtp_source source;
	struct rtp_unwrap unwrap;
	bool marker_used;
	bool key_sets;                  /* key frames bring parameter sets with them */
	bool loss, jump, restart;       /* what the next piece must know */
	struct rtp_payload open;        /* the fragment before */
	bool lacks_first;               /* that was an empty one, and its unit's first */
	uint32_t step;                  /* ticks between frames, the longest lately */

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
	d->clock_rate = t->clock_rate;
	d->source.reliable = t->reliable;
	d->source.clock_rate = t->clock_rate;
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

/* Whether they are all that the frame needs. */
static bool take_sets(struct depay *d)
{
	const struct access_unit *au = &d->au;
	struct access_unit_walk w = {0};
	const uint8_t *nal;
	size_t len;

	while ((nal = access_unit_next(au, &w, &len)) != NULL)
		parameter_sets_offer(&d->sets, nal, len);
	d->key_sets |= au->key;
	if (!au->damaged)
		return parameter_sets_accept(&d->sets);
	parameter_sets_forget(&d->sets);
	return false;
}

/* A key frame needs nothing from before it: what was lost there does not hurt it, if it begins as the
 * key frames of this camera do. A gradual one carries what was lost on for a while. */
static bool is_damaged(const struct depay *d, const struct access_unit *au)
{
	bool whole = au->whole_head && (!au->key || au->sets || !d->key_sets);

	return au->damaged || (au->after_loss && !(au->key && whole)) || (au->after_jump && !whole);
}

static void emit(struct depay *d)
{
	struct access_unit *au = &d->au;

	access_unit_end(au, d->codec);
	if (au->slice) {
		unsigned recovery;
		enum random_access access = random_access_of(au, d->codec, &recovery);
		au->key = access == RANDOM_ACCESS_CLOSED || access == RANDOM_ACCESS_OPEN;
		struct frame f = {
			.data = au->data.data,
			.len = au->data.len,
			.nal_at = au->nal_at,
			.nals = au->nals < ACCESS_UNIT_MAX_NALS ? au->nals : 0,
			.rtp_ticks = au->ticks,
			.arrival = au->arrival,
			.key = access != RANDOM_ACCESS_NONE,
			.access = access,
			.recovery = recovery,
			.damaged = is_damaged(d, au),
			.restarted = au->restarted,
		};
		if (au->sets)
			f.sets_whole = take_sets(d);
		d->fn(d->arg, &f);
	}
	access_unit_clear(au);
}

/* Some cameras stamp each packet when they send it: what goes on with a unit, or with a picture that has not ended, is
 * of the same frame, if nothing is missing between. */
static bool goes_on(const struct depay *d, const struct rtp_packet *p, const uint8_t *piece, size_t len)
{
	const struct access_unit *au = &d->au;
	int32_t step = (int32_t)(p->timestamp - au->timestamp);

	if (d->loss || d->jump || d->restart || au->marker || step < 0 || (uint32_t)step >= d->clock_rate / SPREAD_PER_S)
		return false;
	if (!nal_piece_starts(piece, len))
		return true;
	const uint8_t *nal = piece + NAL_START_CODE_BYTES;
	return nal_role_is_slice(nal_role(d->codec, nal, len - NAL_START_CODE_BYTES)) &&
	       !nal_is_first_slice(d->codec, nal, len - NAL_START_CODE_BYTES);
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
		return !goes_on(d, p, piece, len);
	return (au->marker || arrival.us - au->arrival.us >= NO_MARKER_US) &&
	       access_unit_ends_before(au, d->codec, piece, len);
}

static void begin_unit(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	struct access_unit *au = &d->au;

	uint32_t step = p->timestamp - au->timestamp;

	if (au->data.len > HEAD_WITHOUT_SLICE_MAX_BYTES)
		access_unit_clear(au);
	if (step > 0 && step < d->clock_rate * LATE_FRAME_MAX_S)
		d->step = step > d->step ? step : d->step - d->step / 16;
	au->timestamp = p->timestamp;
	au->ticks = rtp_unwrap(&d->unwrap, p->timestamp);
	au->arrival = arrival;
	au->after_loss |= d->loss;
	au->after_jump |= d->jump;
	au->restarted |= d->restart;
	d->restart = false;
}

static void take_piece(struct depay *d, const struct rtp_packet *p, const uint8_t *piece, size_t len,
		       struct mono arrival)
{
	struct access_unit *au = &d->au;
	bool next = begins_frame(d, p, piece, len, arrival);

	if (d->loss && au->data.len && !(next && au->marker))
		au->damaged = true;
	if (next)
		emit(d);
	if (next || !au->slice)
		begin_unit(d, p, arrival);
	d->loss = d->jump = false;
	access_unit_add(au, d->codec, piece, len);
	au->marker = p->marker;
}

/* Whether this is a part of a unit whose beginning is not the one before. */
static bool is_torn_off(const struct depay *d, const struct rtp_payload *l)
{
	return l->fragment && !l->first && !(d->open.fragment && d->open.type == l->type);
}

/* Gives the packet to the demuxer, which begins a unit at its first fragment only. */
static void give(struct depay *d, const struct rtp_packet *p, struct rtp_payload *l)
{
	if (d->lacks_first && l->fragment && !l->first && l->type == d->open.type) {
		l->first = true;
		demuxer_give_changed(&d->demuxer, p, l->flags_at, RTP_FRAGMENT_FIRST);
	} else {
		demuxer_give(&d->demuxer, p);
	}
	d->lacks_first = false;
}

static int demux(struct depay *d, const struct rtp_packet *p, struct mono arrival)
{
	struct rtp_payload l = rtp_payload_look(d->codec, false, p);
	unsigned pieces = 0;
	int rc;

	if (l.idle && d->open.fragment)
		return 0; /* it would part a unit, for nothing */
	struct rtp_packet own = *p;
	own.payload += l.code_bytes;
	own.payload_len -= l.code_bytes;
	give(d, &own, &l);
	d->loss |= is_torn_off(d, &l);
	d->open = l;
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

static void begin_anew(struct depay *d)
{
	d->restart = true;
	d->unwrap = (struct rtp_unwrap){0};
}

static void take_over(struct depay *d)
{
	if (d->order)
		don_order_flush(d->order);
	d->au.damaged |= !d->au.marker;
	emit(d);
	begin_anew(d);
	d->loss = true;
	d->open = (struct rtp_payload){0};
}

/* The numbers say that packets are missing before this one: do the pictures say so, too? Within a frame there is
 * nothing that could deny it. Between two, there is: the end of the one before, and the time between them. */
static bool lacks_something(const struct depay *d, const struct rtp_packet *p)
{
	const struct access_unit *au = &d->au;
	struct rtp_payload l = rtp_payload_look(d->codec, d->order != NULL, p);
	uint32_t step = p->timestamp - au->timestamp;

	if (d->order || (step != 0 && l.fragment && !l.first) || (au->data.len > 0 && !au->marker && (step == 0 || d->marker_used)))
		return true;
	return step > d->step * LATE_FRAME_FACTOR && step < d->clock_rate * LATE_FRAME_MAX_S;
}

/* An empty first fragment still says where its unit begins, and the marker where its frame ends. */
static void take_nothing(struct depay *d, const struct rtp_packet *p, const struct rtp_payload *l)
{
	struct access_unit *au = &d->au;

	au->marker |= p->marker && au->data.len > 0 && p->timestamp == au->timestamp;
	if (!l->fragment || !l->first)
		return;
	d->lacks_first = true;
	d->open = *l;
}

int depay_feed(struct depay *d, const uint8_t *packet, size_t len, bool rtcp, struct mono arrival)
{
	struct rtp_packet p;
	bool after_loss = false;

	if (rtcp || rtp_packet_parse(packet, len, &p) < 0)
		return 0;
	if (p.payload_type != d->payload_type) {
		rtp_source_pass(&d->source, &p);
		return 0;
	}
	switch (rtp_source_judge(&d->source, &p, arrival)) {
	case RTP_SKIP:       return 0;
	case RTP_TAKE:       break;
	case RTP_AFTER_LOSS: after_loss = true; break;
	case RTP_TAKE_OVER:  take_over(d); break;
	case RTP_RESTART:    begin_anew(d); break;
	case RTP_AFTER_JUMP:
		d->jump = true;
		after_loss = lacks_something(d, &p);
		if (after_loss)
			rtp_source_believe(&d->source);
		break;
	}
	d->marker_used |= p.marker;
	struct rtp_payload l = rtp_payload_look(d->codec, d->order != NULL, &p);
	if (!l.media) {
		d->loss |= after_loss;
		take_nothing(d, &p, &l);
		return 0;
	}
	return d->order ? don_order_put(d->order, &p, after_loss, arrival) : on_ordered(d, &p, after_loss, arrival);
}

void depay_torn(struct depay *d)
{
	if (d->order)
		don_order_flush(d->order);
	d->au.damaged |= d->au.data.len > 0;
	d->loss = true;
	d->source.lost++;
}

void depay_flush(struct depay *d)
{
	if (d->order)
		don_order_flush(d->order);
	if (d->au.data.len == 0)
		return;
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
