#include "footage_plan.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define OVERLAP_US (10 * US_PER_MS) /* neighbours touch but for rounding */

/* The first fragment to give: the one that contains `start`, or the key frame before it, since
 * nothing can be shown from the middle of a group of pictures. */
static unsigned first_fragment(const struct fragment_index *x, struct wall start)
{
	int at = fragment_index_find(x, start);

	while (at > 0 && !x->items[at].key)
		at--;
	return at < 0 ? 0 : (unsigned)at;
}

static unsigned end_fragment(const struct fragment_index *x, struct wall end)
{
	unsigned n = x->count;

	while (n > 0 && x->items[n - 1].start.us >= end.us)
		n--;
	return n;
}

static struct footage_part *part_new(struct footage_plan *p)
{
	p->parts = xrealloc(p->parts, (p->count + 1) * sizeof *p->parts);
	p->parts[p->count] = (struct footage_part){0};
	return &p->parts[p->count++];
}

static void take(struct footage_plan *p, const struct catalog_segment *row, const struct fragment_index *x,
		 unsigned first, unsigned end)
{
	struct footage_part *part = part_new(p);
	const struct fragment *last = &x->items[end - 1];

	part->root = xstrdup(row->root);
	part->file = xstrdup(row->file);
	part->start = row->start;
	part->init = row->init;
	part->init_bytes = row->init_bytes;
	part->init_crc = row->init_crc;
	part->sealed = row->sealed;
	memcpy(part->seal_digest, row->seal_digest, sizeof part->seal_digest);
	part->packed = xcalloc(1, row->fragments_len);
	memcpy(part->packed, row->fragments, row->fragments_len);
	part->packed_len = row->fragments_len;
	part->first = first;
	part->count = end - first;
	part->bytes = (uint64_t)(last->offset + last->bytes - x->items[first].offset);
	part->given = (struct wall_range){x->items[first].start, {last->start.us + last->duration_us}};
}

/* Damaged fragments are passed over, and so is what follows them up to a key frame: nothing can be shown from
 * the middle of a group of pictures. */
static void take_sound(struct footage_plan *p, const struct catalog_segment *row, const struct fragment_index *x,
		       unsigned first, unsigned end)
{
	bool broken = false;

	for (unsigned i = first, k; i < end; i = k) {
		k = i + 1;
		broken |= fragment_is_damaged(&x->items[i]);
		if (fragment_is_damaged(&x->items[i]) || (broken && !x->items[i].key))
			continue;
		broken = false;
		while (k < end && !fragment_is_damaged(&x->items[k]))
			k++;
		take(p, row, x, i, k);
	}
}

int footage_plan_add(void *arg, const struct catalog_segment *row)
{
	struct footage_plan *p = arg;
	struct fragment_index x = {0};

	if (row->counts.end.us <= p->asked.start.us || row->counts.start.us >= p->asked.end.us)
		return 0;
	if (!row->fragments_len ||
	    fragment_index_unpack(row->fragments, row->fragments_len, row->start, row->init_bytes, &x) < 0)
		return 0; /* nothing durable yet, or an index that is broken: the tiles show what is missing */
	unsigned first = first_fragment(&x, p->asked.start), counts = first_fragment(&x, row->counts.start);
	unsigned end = end_fragment(&x, row->counts.end.us < p->asked.end.us ? row->counts.end : p->asked.end);
	first = first > counts ? first : counts;
	bool ended = end > 0 && x.items[end - 1].start.us + x.items[end - 1].duration_us <= p->asked.start.us;
	if (first < end && !ended)
		take_sound(p, row, &x, first, end);
	fragment_index_finish(&x);
	return 0;
}

/* --- where the clock was set back ---------------------------------------------------------- */

static int by_start(const void *x, const void *y)
{
	const struct footage_part *a = x, *b = y;

	return (a->given.start.us > b->given.start.us) - (a->given.start.us < b->given.start.us);
}

/* Without its last fragment: false when that was all. */
static bool shorten(struct footage_part *part)
{
	struct fragment_index x = {0};
	bool left = part->count > 1 && fragment_index_unpack(part->packed, part->packed_len, part->start, part->init_bytes, &x) == 0;

	if (left) {
		const struct fragment *last = &x.items[part->first + --part->count];
		part->bytes -= last->bytes;
		part->given.end = last->start;
	}
	fragment_index_finish(&x);
	return left;
}

static void drop(struct footage_plan *p, unsigned i)
{
	free(p->parts[i].root);
	free(p->parts[i].file);
	free(p->parts[i].packed);
	memmove(&p->parts[i], &p->parts[i + 1], (p->count - i - 1) * sizeof *p->parts);
	p->count--;
}

void footage_plan_arrange(struct footage_plan *p)
{
	if (p->count == 0)
		return;
	qsort(p->parts, p->count, sizeof *p->parts, by_start);
	for (unsigned i = p->count - 1; i > 0; i--)
		while (p->parts[i - 1].given.end.us > p->parts[i].given.start.us + OVERLAP_US)
			if (!shorten(&p->parts[i - 1])) {
				drop(p, i - 1);
				break;
			}
}

json_t *footage_plan_pieces(const struct footage_plan *p)
{
	char start[WALL_TEXT_MAX], end[WALL_TEXT_MAX];
	json_t *list = json_array();

	for (unsigned i = 0; i < p->count;) {
		unsigned k = i;
		while (k + 1 < p->count && p->parts[k + 1].piece == p->parts[i].piece)
			k++;
		/* from the asked start where it lies inside, to the next piece's first frame at most */
		struct wall s = i == 0 && p->asked.start.us > p->parts[0].given.start.us ? p->asked.start
											 : p->parts[i].given.start;
		struct wall e = p->parts[k].given.end.us > p->asked.end.us ? p->asked.end : p->parts[k].given.end;
		json_array_append_new(list, json_pack("{s:s, s:s}", "start", wall_format(s, start),
						      "end", wall_format(e, end)));
		i = k + 1;
	}
	return list;
}

static void hash_i64(struct hash *h, int64_t v)
{
	uint8_t b[8];

	put_u64be(b, (uint64_t)v);
	hash_add(h, b, sizeof b);
}

/* Strong: the same text means the same bytes. Paths are left out, for a file moves when it is
 * published and its bytes do not change; indexes stand in whole with the fragments taken. */
static void make_etag(struct footage_plan *p)
{
	struct hash *h = hash_create();
	uint8_t digest[SHA256_BYTES];
	char hex[33];

	hash_add(h, p->camera, strlen(p->camera) + 1);
	for (unsigned i = 0; i < p->count; i++) {
		struct footage_part *part = &p->parts[i];
		struct fragment_index x = {0};
		hash_i64(h, part->start.us);
		hash_i64(h, part->init_bytes);
		hash_i64(h, part->first);
		hash_i64(h, part->count);
		if (fragment_index_unpack(part->packed, part->packed_len, part->start, part->init_bytes, &x) == 0)
			for (unsigned k = part->first; k < part->first + part->count; k++)
				hash_i64(h, (int64_t)((uint64_t)x.items[k].crc << 32 | x.items[k].bytes));
		fragment_index_finish(&x);
	}
	hash_i64(h, (int64_t)p->cut_off);
	hash_peek(h, digest);
	hash_destroy(h);
	hex_encode(digest, 16, hex);
	snprintf(p->etag, sizeof p->etag, "\"%s\"", hex);
}

void footage_plan_lay_out(struct footage_plan *p)
{
	uint64_t at = (uint64_t)p->parts[p->lead].init_bytes;
	uint32_t sequence = 0;

	for (unsigned i = 0; i < p->count; i++) {
		p->parts[i].body_at = at;
		p->parts[i].sequence = sequence;
		at += p->parts[i].bytes;
		sequence += p->parts[i].count;
	}
	p->bytes = at - p->cut_off;
	p->given.start = p->parts[0].given.start;
	make_etag(p);
}

void footage_plan_finish(struct footage_plan *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		free(p->parts[i].root);
		free(p->parts[i].file);
		free(p->parts[i].packed);
	}
	free(p->parts);
	free(p->kinds);
	p->parts = NULL;
	p->kinds = NULL;
	p->count = p->kind_count = 0;
}
