#include "box.h"

#include "base/buf.h"
#include "base/require.h"

#include <errno.h>

#define BOX_MFHD FOURCC('m', 'f', 'h', 'd')
#define BOX_TRAF FOURCC('t', 'r', 'a', 'f')
#define BOX_TFHD FOURCC('t', 'f', 'h', 'd')
#define BOX_TFDT FOURCC('t', 'f', 'd', 't')
#define BOX_TRUN FOURCC('t', 'r', 'u', 'n')

#define SAMPLE_IS_NON_SYNC UINT32_C(0x10000)

enum tfhd_flag {
	TFHD_BASE_OFFSET = 0x1,
	TFHD_DESCRIPTION = 0x2,
	TFHD_DURATION = 0x8,
	TFHD_SIZE = 0x10,
	TFHD_FLAGS = 0x20,
	TFHD_BASE_IS_MOOF = 0x20000,
};

enum trun_flag {
	TRUN_OFFSET = 0x1,
	TRUN_FIRST_FLAGS = 0x4,
	TRUN_DURATION = 0x100,
	TRUN_SIZE = 0x200,
	TRUN_FLAGS = 0x400,
	TRUN_CTS = 0x800,
};

/* What is left to read of one box; fields are taken in order, and `bad` stays once one was missing. */
struct fields { const uint8_t *p; size_t len; bool bad; };

static uint32_t take_u32(struct fields *f)
{
	if (f->len < 4) {
		f->bad = true;
		return 0;
	}
	uint32_t v = get_u32be(f->p);
	f->p += 4;
	f->len -= 4;
	return v;
}

static uint64_t take_u64(struct fields *f)
{
	uint64_t high = take_u32(f);

	return high << 32 | take_u32(f);
}

/* The tfhd's word for samples of which the trun says nothing. */
struct defaults { uint32_t has, duration, size, flags; };

struct reader {
	const uint8_t *moof;
	struct moof *out;
	struct moof_traf *traf; /* the one being read; NULL before the first */
	struct defaults defaults;
	bool has_tfhd, has_tfdt;
};

static int read_mfhd(struct reader *r, struct fields f)
{
	take_u32(&f);
	r->out->sequence_at = (uint32_t)(f.p - r->moof);
	r->out->sequence = take_u32(&f);
	return f.bad ? -EBADMSG : 0;
}

static int read_tfhd(struct reader *r, struct fields f)
{
	uint32_t flags = take_u32(&f) & 0xffffff;
	struct defaults *d = &r->defaults;

	r->traf->track_id = take_u32(&f);
	if (r->has_tfhd || flags & TFHD_BASE_OFFSET || !(flags & TFHD_BASE_IS_MOOF))
		return -EBADMSG;
	if (flags & TFHD_DESCRIPTION)
		take_u32(&f);
	d->has = flags;
	d->duration = flags & TFHD_DURATION ? take_u32(&f) : 0;
	d->size = flags & TFHD_SIZE ? take_u32(&f) : 0;
	d->flags = flags & TFHD_FLAGS ? take_u32(&f) : SAMPLE_IS_NON_SYNC;
	r->has_tfhd = true;
	return f.bad ? -EBADMSG : 0;
}

static int read_tfdt(struct reader *r, struct fields f)
{
	bool wide = take_u32(&f) >> 24 != 0;

	if (r->has_tfdt || f.bad)
		return -EBADMSG;
	r->traf->tfdt_at = (uint32_t)(f.p - r->moof);
	r->traf->tfdt_bytes = wide ? 8 : 4;
	r->traf->decode_time = wide ? take_u64(&f) : take_u32(&f);
	r->has_tfdt = true;
	return f.bad ? -EBADMSG : 0;
}

static int add_samples(struct moof_traf *m, uint32_t count, uint64_t duration, uint64_t bytes)
{
	bool over = __builtin_add_overflow(m->samples, count, &m->samples);

	over |= __builtin_add_overflow(m->duration, duration, &m->duration);
	over |= __builtin_add_overflow(m->data_bytes, bytes, &m->data_bytes);
	return over ? -EBADMSG : 0;
}

/* The samples' fields one by one; only when there is one, so that a count without bytes behind it
 * costs nothing. */
static int read_samples(struct reader *r, struct fields *f, uint32_t flags, uint32_t count, uint32_t *first)
{
	const struct defaults *d = &r->defaults;
	uint32_t each = 0;

	for (uint32_t bit = TRUN_DURATION; bit <= TRUN_CTS; bit <<= 1)
		each += flags & bit ? 4 : 0;
	r->traf->last_duration = d->duration;
	if (each == 0)
		return add_samples(r->traf, count, (uint64_t)count * d->duration, (uint64_t)count * d->size);
	if (f->len / each < count)
		return -EBADMSG;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t duration = flags & TRUN_DURATION ? take_u32(f) : d->duration;
		uint32_t size = flags & TRUN_SIZE ? take_u32(f) : d->size;
		uint32_t sample_flags = flags & TRUN_FLAGS ? take_u32(f) : d->flags;
		if (flags & TRUN_CTS)
			take_u32(f);
		if (i == 0 && flags & TRUN_FLAGS)
			*first = sample_flags;
		r->traf->last_duration = duration;
		if (add_samples(r->traf, 1, duration, size) < 0)
			return -EBADMSG;
	}
	return 0;
}

static int read_trun(struct reader *r, struct fields f)
{
	struct moof_traf *m = r->traf;
	uint32_t flags = take_u32(&f) & 0xffffff, count = take_u32(&f), has = r->defaults.has;
	bool is_first = m->samples == 0;

	if (!r->has_tfhd || count == 0 || (is_first && !(flags & TRUN_OFFSET)))
		return -EBADMSG;
	if (!(flags & TRUN_DURATION || has & TFHD_DURATION) || !(flags & TRUN_SIZE || has & TFHD_SIZE))
		return -EBADMSG;
	if (flags & TRUN_OFFSET) {
		uint32_t offset = take_u32(&f);
		if (!is_first && offset != m->data_offset + m->data_bytes)
			return -EBADMSG;
		m->data_offset = is_first ? offset : m->data_offset;
	}
	uint32_t first = flags & TRUN_FIRST_FLAGS ? take_u32(&f) : r->defaults.flags;
	if (f.bad || read_samples(r, &f, flags, count, &first) < 0)
		return -EBADMSG;
	if (is_first)
		m->starts_with_key = !(first & SAMPLE_IS_NON_SYNC);
	return f.bad ? -EBADMSG : 0;
}

static int read_boxes(struct reader *r, struct fields f, bool inside_traf);

/* The second may follow only a whole first one. */
static int read_traf(struct reader *r, struct fields f)
{
	if (r->traf == &r->out->audio)
		return -EBADMSG;
	r->traf = r->traf ? &r->out->audio : &r->out->video;
	r->has_tfhd = r->has_tfdt = false;
	r->defaults = (struct defaults){0};
	int rc = read_boxes(r, f, true);
	return rc == 0 && r->has_tfhd && r->has_tfdt && r->traf->samples ? 0 : -EBADMSG;
}

static int read_one(struct reader *r, uint32_t type, struct fields f, bool inside_traf)
{
	if (inside_traf)
		return type == BOX_TFHD ? read_tfhd(r, f)
		     : type == BOX_TFDT ? read_tfdt(r, f)
		     : type == BOX_TRUN ? read_trun(r, f)
					: 0;
	if (type == BOX_MFHD)
		return r->out->sequence_at ? -EBADMSG : read_mfhd(r, f);
	if (type == BOX_TRAF)
		return read_traf(r, f);
	return 0;
}

static int read_boxes(struct reader *r, struct fields f, bool inside_traf)
{
	struct box b;

	for (; f.len > 0; f.p += b.size, f.len -= b.size) {
		if (box_read(f.p, f.len, &b) < 0 || b.size > f.len)
			return -EBADMSG;
		struct fields payload = {.p = f.p + b.head, .len = b.size - b.head};
		if (read_one(r, b.type, payload, inside_traf) < 0)
			return -EBADMSG;
	}
	return 0;
}

int moof_parse(const uint8_t *moof, size_t len, struct moof *out)
{
	struct reader r = {.moof = moof, .out = out};
	struct box b;

	*out = (struct moof){0};
	if (len > UINT32_MAX || box_read(moof, len, &b) < 0 || b.type != BOX_MOOF || b.size != len)
		return -EBADMSG;
	if (read_boxes(&r, (struct fields){.p = moof + b.head, .len = len - b.head}, false) < 0)
		return -EBADMSG;
	bool joined = out->audio.samples == 0 ||
		      out->audio.data_offset == out->video.data_offset + out->video.data_bytes;
	bool apart = out->audio.track_id != out->video.track_id;
	return r.traf && out->sequence_at && joined && apart ? 0 : -EBADMSG;
}

static void patch_time(uint8_t *moof, const struct moof_traf *t, uint64_t decode_time)
{
	REQUIRE(t->tfdt_bytes == 8 || decode_time <= UINT32_MAX);
	if (t->tfdt_bytes == 8)
		put_u64be(moof + t->tfdt_at, decode_time);
	else
		put_u32be(moof + t->tfdt_at, (uint32_t)decode_time);
}

void moof_patch(uint8_t *moof, const struct moof *m, uint32_t sequence, uint64_t video_time, uint64_t audio_time)
{
	put_u32be(moof + m->sequence_at, sequence);
	patch_time(moof, &m->video, video_time);
	if (m->audio.samples)
		patch_time(moof, &m->audio, audio_time);
}
