#include "recorder/don_order.h"

#include <string.h>

#define TYPE_AP 48
#define TYPE_FU 49
#define NAL_HEADER_BYTES 2
#define DONL_BYTES 2
#define FU_HEADER_BYTES 1
#define FU_START 0x80
#define FU_END 0x40

void don_order_init(struct don_order *o, unsigned max_don_diff, unsigned depack_nalus, don_order_fn *fn, void *arg)
{
	*o = (struct don_order){.max_diff = max_don_diff, .fn = fn, .arg = arg};
	o->max_units = depack_nalus > 0 && depack_nalus < DON_ORDER_MAX_UNITS ? depack_nalus : DON_ORDER_MAX_UNITS;
}

static void drop_part(struct don_order *o)
{
	o->lost |= o->has_part;
	o->bytes -= o->part.packets.len;
	buf_finish(&o->part.packets);
	o->part = (struct don_unit){0};
	o->has_part = false;
}

void don_order_finish(struct don_order *o)
{
	drop_part(o);
	while (o->count > 0)
		buf_finish(&o->units[--o->count].packets);
	o->bytes = 0;
}

/* --- out ------------------------------------------------------------------------------- */

static int tell(struct don_order *o, const struct don_unit *u)
{
	struct rtp_packet p = u->head;
	bool suspect = u->suspect;
	int rc = 0;

	o->told.us = u->arrival.us > o->told.us ? u->arrival.us : o->told.us;
	for (size_t at = 0; rc == 0 && at < u->packets.len;) {
		p.payload_len = get_u32be(u->packets.data + at);
		p.payload = u->packets.data + at + 4;
		at += 4 + p.payload_len;
		p.marker = u->head.marker && at == u->packets.len;
		rc = o->fn(o->arg, &p, suspect, o->told);
		suspect = false;
	}
	return rc;
}

/* The marker is of the whole frame: of those that are left of it, the last one has it. */
static void pass_marker_on(struct don_order *o, struct don_unit *u)
{
	for (unsigned i = o->count; u->head.marker && i-- > 0;)
		if (o->units[i].head.timestamp == u->head.timestamp) {
			o->units[i].head.marker = true;
			u->head.marker = false;
		}
}

static int release(struct don_order *o)
{
	struct don_unit u = o->units[0];

	memmove(&o->units[0], &o->units[1], --o->count * sizeof o->units[0]);
	o->bytes -= u.packets.len;
	o->released = u.number;
	pass_marker_on(o, &u);
	int rc = tell(o, &u);
	buf_finish(&u.packets);
	return rc;
}

static bool is_due(const struct don_order *o)
{
	const struct don_unit *first = &o->units[0];

	return o->count > 0 &&
	       (o->greatest - first->number >= (int64_t)o->max_diff || o->count > o->max_units || o->bytes > DON_ORDER_MAX_BYTES ||
		o->newest.us - first->arrival.us > DON_ORDER_MAX_US);
}

static int release_due(struct don_order *o)
{
	int rc = 0;

	while (rc == 0 && is_due(o))
		rc = release(o);
	return rc;
}

int don_order_flush(struct don_order *o)
{
	int rc = 0;

	drop_part(o);
	while (rc == 0 && o->count > 0)
		rc = release(o);
	o->begun = false;
	return rc;
}

/* --- numbers ---------------------------------------------------------------------------- */

/* AbsDon (RFC 7798 §4.5): the number is taken as the nearest to that of the unit which came before. */
static int64_t number_of(struct don_order *o, uint16_t don)
{
	if (!o->begun) {
		o->last_number = o->greatest = don;
		o->released = INT64_MIN;
		o->suspect_until = INT64_MIN;
	} else {
		o->last_number += (int16_t)(uint16_t)(don - o->last_don);
	}
	o->begun = true;
	o->last_don = don;
	return o->last_number;
}

/* What was lost may stand before any unit that is held, and before those that follow within the distance. */
static void note_loss(struct don_order *o)
{
	for (unsigned i = 0; i < o->count; i++)
		o->units[i].suspect = true;
	o->suspect_until = o->greatest + (int64_t)o->max_diff;
	o->lost = false;
}

/* --- in ------------------------------------------------------------------------------------ */

/* A whole unit, which is the order's from now on. */
static int enter(struct don_order *o, struct don_unit *u)
{
	unsigned at = o->count;

	o->newest = u->arrival;
	u->suspect = o->lost || u->number <= o->suspect_until;
	o->greatest = u->number > o->greatest ? u->number : o->greatest;
	if (o->lost)
		note_loss(o);
	while (at > 0 && o->units[at - 1].number > u->number)
		at--;
	memmove(&o->units[at + 1], &o->units[at], (o->count - at) * sizeof *u);
	o->units[at] = *u;
	o->count++;
	*u = (struct don_unit){0};
	return release_due(o);
}

/* The number lies before what was given away already: the camera counts anew, or lied about the distance. */
static int begin_anew(struct don_order *o, uint16_t don, int64_t *number)
{
	int rc = don_order_flush(o);

	o->lost = true;
	*number = number_of(o, don);
	return rc;
}

static int unit_begin(struct don_order *o, const struct rtp_packet *p, uint16_t don, struct mono arrival, struct don_unit *u)
{
	int64_t number = number_of(o, don);
	int rc = number < o->released ? begin_anew(o, don, &number) : 0;

	*u = (struct don_unit){.number = number, .head = *p, .arrival = arrival};
	return rc;
}

static void unit_add(struct don_order *o, struct don_unit *u, const uint8_t *head, size_t head_len, const uint8_t *rest, size_t len)
{
	uint8_t size[4];
	size_t before = u->packets.len;

	put_u32be(size, (uint32_t)(head_len + len));
	buf_add(&u->packets, size, sizeof size);
	buf_add(&u->packets, head, head_len);
	buf_add(&u->packets, rest, len);
	o->bytes += u->packets.len - before;
}

static int bad(struct don_order *o)
{
	o->lost = true;
	return 0;
}

static unsigned type_of(const uint8_t *nal)
{
	return nal[0] >> 1 & 0x3f;
}

/* PayloadHdr DONL rest */
static int put_single(struct don_order *o, const struct rtp_packet *p, struct mono arrival)
{
	const uint8_t *d = p->payload;
	struct don_unit u;

	if (p->payload_len <= NAL_HEADER_BYTES + DONL_BYTES)
		return bad(o);
	int rc = unit_begin(o, p, get_u16be(d + NAL_HEADER_BYTES), arrival, &u);
	if (rc != 0)
		return rc;
	unit_add(o, &u, d, NAL_HEADER_BYTES, d + NAL_HEADER_BYTES + DONL_BYTES, p->payload_len - NAL_HEADER_BYTES - DONL_BYTES);
	return enter(o, &u);
}

/* PayloadHdr (DONL size NAL) (DOND size NAL)*; the marker is the last one's. */
static int put_aggregate(struct don_order *o, const struct rtp_packet *p, struct mono arrival)
{
	const uint8_t *d = p->payload, *end = d + p->payload_len;
	struct don_unit u;
	uint16_t don = 0;
	int rc = 0;

	d += NAL_HEADER_BYTES;
	for (bool first = true; rc == 0 && d < end; first = false) {
		size_t order = first ? DONL_BYTES : 1, len;
		if ((size_t)(end - d) < order + 2)
			return bad(o);
		don = first ? get_u16be(d) : (uint16_t)(don + d[0] + 1);
		len = get_u16be(d + order);
		d += order + 2;
		if (len <= NAL_HEADER_BYTES || len > (size_t)(end - d) || type_of(d) >= TYPE_AP)
			return bad(o);
		rc = unit_begin(o, p, don, arrival, &u);
		if (rc != 0)
			break;
		u.head.marker = p->marker && d + len == end;
		unit_add(o, &u, d, NAL_HEADER_BYTES, d + NAL_HEADER_BYTES, len - NAL_HEADER_BYTES);
		d += len;
		rc = enter(o, &u);
	}
	return rc;
}

static int end_part(struct don_order *o)
{
	struct don_unit u = o->part;

	o->part = (struct don_unit){0};
	o->has_part = false;
	return enter(o, &u);
}

/* PayloadHdr FU-header (DONL, in the first part) rest */
static int put_fragment(struct don_order *o, const struct rtp_packet *p, struct mono arrival)
{
	const uint8_t *d = p->payload;
	size_t head = NAL_HEADER_BYTES + FU_HEADER_BYTES;
	bool start = p->payload_len > head && d[NAL_HEADER_BYTES] & FU_START, last = p->payload_len > head && d[NAL_HEADER_BYTES] & FU_END;
	size_t skip = head + (start ? DONL_BYTES : 0);
	int rc = 0;

	if (start)
		drop_part(o);
	if (p->payload_len <= skip || (start && last) || (!start && (!o->has_part || o->part.head.timestamp != p->timestamp))) {
		drop_part(o);
		return bad(o);
	}
	if (start)
		rc = unit_begin(o, p, get_u16be(d + head), arrival, &o->part);
	if (rc != 0)
		return rc;
	o->has_part = true;
	unit_add(o, &o->part, d, head, d + skip, p->payload_len - skip);
	o->part.head.marker = p->marker;
	if (o->part.packets.len > DON_ORDER_MAX_BYTES)
		drop_part(o);
	return last && o->has_part ? end_part(o) : 0;
}

int don_order_put(struct don_order *o, const struct rtp_packet *p, bool after_loss, struct mono arrival)
{
	if (p->payload_len <= NAL_HEADER_BYTES)
		return bad(o);
	o->lost |= after_loss;
	if (after_loss || type_of(p->payload) != TYPE_FU)
		drop_part(o); /* its end is missing */
	switch (type_of(p->payload)) {
	case TYPE_AP: return put_aggregate(o, p, arrival);
	case TYPE_FU: return put_fragment(o, p, arrival);
	default:      return type_of(p->payload) > TYPE_FU ? bad(o) : put_single(o, p, arrival);
	}
}
