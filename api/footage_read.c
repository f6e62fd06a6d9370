#include "footage_read.h"

#include "footage_cut.h"
#include "footage_file.h"
#include "footage_join.h"
#include "media/segment.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT_MAX

void footage_reader_init(struct footage_reader *r, struct footage_plan *plan, struct fs *fs, const struct conf *conf,
			 struct remote_lines *lines)
{
	*r = (struct footage_reader){.plan = plan, .fs = fs, .conf = conf, .fd = -1, .part = NONE, .loaded = NONE};
	remote_file_init(&r->remote, conf, lines);
	r->window = xcalloc(1, FOOTAGE_WINDOW_BYTES);
}

static void part_close(struct footage_reader *r)
{
	if (r->fd >= 0)
		r->fs->close(r->fs, r->fd);
	r->fd = -1;
	r->part = r->loaded = NONE;
	fragment_index_finish(&r->index);
	r->index = (struct fragment_index){0};
}

void footage_reader_finish(struct footage_reader *r)
{
	part_close(r);
	buf_finish(&r->init);
	buf_finish(&r->head);
	remote_file_finish(&r->remote);
	free(r->window);
	r->window = NULL;
}

static int64_t ticks_in(uint32_t timescale, int64_t us)
{
	__int128 t = (__int128)us * timescale;

	return (int64_t)((t + (t < 0 ? -US_PER_S : US_PER_S) / 2) / US_PER_S);
}

static int64_t ticks_of(const struct footage_plan *p, int64_t us)
{
	return ticks_in(p->timescale, us);
}

/* Opens a part's file, and checks that it joins when that is decided; its head is in r->head. */
static int part_open(struct footage_reader *r, unsigned part, struct moov_info *moov)
{
	struct footage_plan *plan = r->plan;
	const struct footage_part *p = &plan->parts[part];

	part_close(r);
	r->looked_at = part;
	if (p->init_bytes < 16 || p->init_bytes > SEGMENT_HEAD_MAX)
		return -EBADMSG;
	int rc = fragment_index_unpack(p->packed, p->packed_len, p->start, p->init_bytes, &r->index);
	if (rc == 0)
		rc = footage_file_open(r, p, moov);
	if (rc < 0)
		return rc;
	r->part = part;
	r->audio_shift_ticks = ticks_in(plan->audio_timescale, p->start.us - plan->given.start.us);
	return 0;
}

static int parse_head(const struct footage_reader *r, size_t len, struct footage_head *h, struct moof *m)
{
	int rc = footage_head_parse(r->window, len, h);

	return rc < 0 ? rc : moof_parse(r->window + h->moof_at, h->moof_bytes, m);
}

/* Verified, its head stands in the window. */
static int look_into(struct footage_reader *r, const struct fragment *f, struct footage_head *h, struct moof *m)
{
	int rc = footage_file_verify(r, f);

	if (rc < 0)
		return rc;
	rc = parse_head(r, footage_at_most(f->bytes, FOOTAGE_BLOCK_BYTES), h, m);
	if (rc == -EAGAIN && f->bytes > FOOTAGE_BLOCK_BYTES) {
		rc = footage_file_read(r, r->window, footage_at_most(f->bytes, FOOTAGE_WINDOW_BYTES), f->offset);
		if (rc == 0)
			rc = parse_head(r, footage_at_most(f->bytes, FOOTAGE_WINDOW_BYTES), h, m);
	}
	return rc == -EAGAIN ? -EBADMSG : rc;
}

/* --- the rest of the plan --------------------------------------------------------------- */

/* The end that was asked for, in the decode times of a file's sound. */
static uint64_t audio_end(const struct footage_plan *plan, const struct footage_part *p)
{
	return (uint64_t)ticks_in(plan->audio_timescale,
				  plan->asked.end.us - p->start.us + SEGMENT_AUDIO_AHEAD_US);
}

/* A last fragment that reaches beyond what was asked is cut there. */
static int find_cut(struct footage_reader *r)
{
	struct footage_plan *plan = r->plan;
	struct footage_part *p = &plan->parts[plan->count - 1];
	struct footage_head h;
	struct footage_cut cut;
	struct moof m;

	plan->given = (struct wall_range){plan->parts[0].given.start, p->given.end};
	if (p->given.end.us <= plan->asked.end.us)
		return 0;
	struct moov_info moov;
	int rc = part_open(r, plan->count - 1, &moov);
	if (rc < 0)
		return rc;
	const struct fragment *f = &r->index.items[p->first + p->count - 1];
	uint64_t ticks = (uint64_t)ticks_of(plan, plan->asked.end.us - f->start.us);
	rc = look_into(r, f, &h, &m);
	if (rc < 0)
		return rc;
	plan->cut_audio_end = audio_end(plan, p);
	rc = footage_cut(r->window + h.moof_at, h.moof_bytes, ticks ? ticks : 1, plan->cut_audio_end, &cut);
	if (rc < 0)
		return rc;
	uint64_t given = h.bytes - h.moof_bytes + cut.moof_bytes + cut.video_bytes + cut.audio_bytes;
	if (given >= f->bytes)
		return 0;
	plan->cut_ticks = ticks ? ticks : 1;
	plan->cut_off = f->bytes - given;
	plan->given.end.us = f->start.us + (int64_t)((__int128)cut.duration * US_PER_S / plan->timescale);
	return 0;
}

/* One file of each kind. */
static int look_at_kinds(struct footage_reader *r)
{
	struct footage_plan *plan = r->plan;
	int rc = 0;

	plan->kind_count = 0;
	plan->timescale = plan->audio_timescale = 0;
	for (unsigned i = 0; rc == 0 && i < plan->count; i++) {
		struct moov_info moov;
		if (footage_kind_of(plan, plan->parts[i].init))
			continue;
		rc = part_open(r, i, &moov);
		if (rc == 0)
			footage_kind_add(plan, i, &moov);
	}
	return rc < 0 ? rc : footage_join(plan);
}

static int take_init(struct footage_reader *r)
{
	struct moov_info moov;
	struct box ftyp;
	int rc = part_open(r, r->plan->lead, &moov);

	if (rc < 0)
		return rc;
	buf_clear(&r->init);
	buf_add(&r->init, r->head.data, r->head.len);
	if (r->plan->sets_vary && box_read(r->init.data, r->init.len, &ftyp) == 0)
		moov_patch_sets_in_band(r->init.data + ftyp.size, &moov);
	return 0;
}

int footage_reader_prepare(struct footage_reader *r)
{
	r->plan->cut_ticks = UINT64_MAX;
	r->plan->cut_off = 0;
	r->plan->given.start = r->plan->parts[0].given.start;
	int rc = look_at_kinds(r);

	if (rc == 0)
		rc = take_init(r);
	if (rc == 0)
		rc = find_cut(r);
	if (rc < 0)
		return rc;
	part_close(r);
	footage_plan_lay_out(r->plan);
	return 0;
}

/* --- fragments ------------------------------------------------------------------------------ */

static void patch_prft(uint8_t *prft, size_t len, int64_t shift)
{
	if (len >= 32 && prft[8] == 1)
		put_u64be(prft + 24, get_u64be(prft + 24) + (uint64_t)shift);
	else if (len >= 28)
		put_u32be(prft + 24, get_u32be(prft + 24) + (uint32_t)shift);
}

static bool fits_tfdt(const struct moof_traf *t, int64_t ticks)
{
	return t->tfdt_bytes == 8 || ticks <= UINT32_MAX;
}

static int patch_times(struct footage_reader *r, const struct fragment *f, const struct footage_head *h,
		       const struct moof *m, uint32_t sequence)
{
	int64_t ticks = ticks_of(r->plan, f->start.us - r->plan->given.start.us);
	int64_t audio = (int64_t)m->audio.decode_time + r->audio_shift_ticks;

	if (audio < 0)
		audio = 0;
	if (!fits_tfdt(&m->video, ticks) || !fits_tfdt(&m->audio, audio))
		return -EBADMSG;
	patch_prft(r->head.data, h->moof_at, ticks - (int64_t)m->video.decode_time);
	moof_patch(r->head.data + h->moof_at, m, sequence, (uint64_t)ticks, (uint64_t)audio);
	return 0;
}

static int cut_head(struct footage_reader *r, struct footage_head *h, struct moof *m)
{
	struct footage_cut cut;
	int rc = footage_cut(r->head.data + h->moof_at, h->moof_bytes, r->plan->cut_ticks, r->plan->cut_audio_end,
			     &cut);

	if (rc < 0)
		return rc;
	size_t mdat_head = h->bytes - h->moof_at - h->moof_bytes;
	memmove(r->head.data + h->moof_at + cut.moof_bytes, r->head.data + h->bytes - mdat_head, mdat_head);
	h->moof_bytes = cut.moof_bytes;
	h->bytes = r->head.len = h->moof_at + h->moof_bytes + mdat_head;
	footage_head_set_mdat(r->head.data, h, cut.video_bytes + cut.audio_bytes);
	r->hole_at = h->bytes + cut.video_bytes;
	r->hole = cut.hole_bytes;
	return moof_parse(r->head.data + h->moof_at, h->moof_bytes, m); /* the sound's traf stands elsewhere now */
}

static int load(struct footage_reader *r, unsigned nth)
{
	const struct footage_part *p = &r->plan->parts[r->part];
	const struct fragment *f = &r->index.items[p->first + nth];
	bool is_cut = r->plan->cut_off && r->part == r->plan->count - 1 && nth == p->count - 1;
	struct footage_head h;
	struct moof m;

	r->loaded = NONE;
	int rc = look_into(r, f, &h, &m);
	if (rc < 0)
		return rc;
	buf_clear(&r->head);
	buf_add(&r->head, r->window, h.bytes);
	r->head_stored = h.bytes;
	r->hole_at = UINT64_MAX;
	r->hole = 0;
	rc = is_cut ? cut_head(r, &h, &m) : 0;
	if (rc == 0)
		rc = patch_times(r, f, &h, &m, p->sequence + nth + 1);
	if (rc < 0)
		return rc;
	r->served = f->bytes - (is_cut ? r->plan->cut_off : 0);
	r->loaded = nth;
	return 0;
}

/* What stands together in the loaded fragment from `at` on. */
static int piece_of(struct footage_reader *r, uint64_t at, struct footage_piece *out)
{
	const struct fragment *f = &r->index.items[r->plan->parts[r->part].first + r->loaded];
	uint64_t until = at < r->head.len ? r->head.len
		       : at < r->hole_at && r->hole_at < r->served ? r->hole_at : r->served;
	uint64_t stored = r->head_stored + (at - r->head.len) + (at >= r->hole_at ? r->hole : 0); /* for samples */

	*out = (struct footage_piece){.len = (size_t)(until - at), .fd = r->fd, .offset = f->offset + (int64_t)stored};
	if (at < r->head.len) {
		out->data = r->head.data + at;
	} else if (r->from_store) {
		out->data = r->window;
		out->len = footage_at_most((uint32_t)out->len, FOOTAGE_WINDOW_BYTES);
		return footage_file_read(r, r->window, out->len, out->offset);
	}
	return 0;
}

static unsigned part_at(const struct footage_plan *p, uint64_t at)
{
	unsigned low = 0, high = p->count - 1;

	while (low < high) {
		unsigned middle = (low + high + 1) / 2;
		if (p->parts[middle].body_at <= at)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Makes the fragment ready that holds byte `at` of the answer; *inside: where in it. */
static int seek(struct footage_reader *r, uint64_t at, uint64_t *inside)
{
	unsigned part = part_at(r->plan, at);
	const struct footage_part *p = &r->plan->parts[part];
	struct moov_info moov;
	int rc = part == r->part ? 0 : part_open(r, part, &moov);

	if (rc < 0)
		return rc;
	int64_t want = r->index.items[p->first].offset + (int64_t)(at - p->body_at);
	unsigned nth = r->loaded == NONE || want < r->index.items[p->first + r->loaded].offset ? 0 : r->loaded;
	while (nth + 1 < p->count && r->index.items[p->first + nth + 1].offset <= want)
		nth++;
	*inside = (uint64_t)(want - r->index.items[p->first + nth].offset);
	return nth == r->loaded ? 0 : load(r, nth);
}

int footage_next(struct footage_reader *r, uint64_t at, struct footage_piece *out)
{
	uint64_t inside;

	if (at < r->init.len) {
		*out = (struct footage_piece){.data = r->init.data + at, .len = r->init.len - (size_t)at};
		return 0;
	}
	int rc = seek(r, at, &inside);
	return rc < 0 ? rc : piece_of(r, inside, out);
}
