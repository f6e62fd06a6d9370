#include "footage_cut.h"

#include "base/buf.h"
#include "media/box.h"

#include <errno.h>
#include <string.h>

#define BOX_TRAF FOURCC('t', 'r', 'a', 'f')
#define BOX_TFHD FOURCC('t', 'f', 'h', 'd')
#define BOX_TRUN FOURCC('t', 'r', 'u', 'n')
#define HEAD_BYTES 8

enum { TFHD_BASE_OFFSET = 0x1, TFHD_DESCRIPTION = 0x2, TFHD_DURATION = 0x8, TFHD_SIZE = 0x10 };
enum { TRUN_OFFSET = 0x1, TRUN_FIRST_FLAGS = 0x4, TRUN_DURATION = 0x100, TRUN_SIZE = 0x200, TRUN_CTS = 0x800 };

/* Where the one trun of a traf stands, and what it says of each sample. */
struct run {
	uint8_t *traf, *trun;   /* their first bytes */
	size_t traf_size, trun_size;
	uint32_t flags, count, each;
	uint32_t default_duration, default_size;
	const uint8_t *samples;
};

/* What is kept of a run. */
struct kept { uint32_t samples; uint64_t duration, data_bytes; };

/* The last child of a container, which must end with it; NULL otherwise. */
static uint8_t *last_child(uint8_t *payload, size_t len, uint32_t type, size_t *size)
{
	struct box b;

	for (; len && box_read(payload, len, &b) == 0 && b.size <= len; payload += b.size, len -= b.size)
		if (b.size == len) {
			*size = len;
			return b.type == type && b.head == HEAD_BYTES ? payload : NULL;
		}
	return NULL;
}

/* The trafs, which must end the moof one after the other; their count, 0 otherwise. */
static unsigned find_trafs(uint8_t *moof, size_t len, struct run runs[2])
{
	uint8_t *p = moof + HEAD_BYTES;
	struct box b;
	unsigned n = 0;

	for (len -= HEAD_BYTES; len && box_read(p, len, &b) == 0 && b.size <= len; p += b.size, len -= b.size) {
		if (b.type != BOX_TRAF && n == 0)
			continue;
		if (b.type != BOX_TRAF || b.head != HEAD_BYTES || n == 2)
			return 0;
		runs[n++] = (struct run){.traf = p, .traf_size = (size_t)b.size};
	}
	return len ? 0 : n;
}

static int read_defaults(struct run *r)
{
	size_t len, at = 8;
	const uint8_t *tfhd = box_child(r->traf + HEAD_BYTES, r->traf_size - HEAD_BYTES, BOX_TFHD, &len);

	if (!tfhd || len < 8)
		return -EBADMSG;
	uint32_t flags = get_u32be(tfhd) & 0xffffff;
	at += (flags & TFHD_BASE_OFFSET ? 8u : 0u) + (flags & TFHD_DESCRIPTION ? 4u : 0u);
	if (flags & TFHD_DURATION) {
		r->default_duration = at + 4 <= len ? get_u32be(tfhd + at) : 0;
		at += 4;
	}
	if (flags & TFHD_SIZE)
		r->default_size = at + 4 <= len ? get_u32be(tfhd + at) : 0;
	return 0;
}

static int find_run(struct run *r)
{
	uint8_t *payload = r->traf + HEAD_BYTES;
	size_t len = r->traf_size - HEAD_BYTES, head = 16, first_size;

	r->trun = last_child(payload, len, BOX_TRUN, &r->trun_size);
	const uint8_t *first = box_child(payload, len, BOX_TRUN, &first_size);
	if (!r->trun || first != r->trun + HEAD_BYTES || r->trun_size < head)
		return -ENOTSUP; /* none, several, or not the last */
	r->flags = get_u32be(r->trun + 8) & 0xffffff;
	r->count = get_u32be(r->trun + 12);
	head += (r->flags & TRUN_OFFSET ? 4u : 0u) + (r->flags & TRUN_FIRST_FLAGS ? 4u : 0u);
	for (uint32_t bit = TRUN_DURATION; bit <= TRUN_CTS; bit <<= 1)
		r->each += r->flags & bit ? 4 : 0;
	if (!(r->flags & TRUN_OFFSET) || r->trun_size != head + (uint64_t)r->count * r->each)
		return -ENOTSUP;
	r->samples = r->trun + head;
	return read_defaults(r);
}

static int find_runs(uint8_t *moof, size_t len, struct run runs[2])
{
	unsigned count = get_u32be(moof) == len ? find_trafs(moof, len, runs) : 0;
	int rc = count ? 0 : -ENOTSUP;

	for (unsigned i = 0; i < count && rc == 0; i++)
		rc = find_run(&runs[i]);
	return rc;
}

/* The samples that begin before `ticks` after the first, and `least` at any rate. */
static struct kept count_samples(const struct run *r, uint64_t ticks, uint32_t least)
{
	struct kept k = {0};

	while (k.samples < r->count && (k.samples < least || k.duration < ticks)) {
		const uint8_t *s = r->samples + (size_t)k.samples * r->each;
		k.duration += r->flags & TRUN_DURATION ? get_u32be(s) : r->default_duration;
		s += r->flags & TRUN_DURATION ? 4 : 0;
		k.data_bytes += r->flags & TRUN_SIZE ? get_u32be(s) : r->default_size;
		k.samples++;
	}
	return k;
}

static void shrink(uint8_t *size_at, size_t by)
{
	put_u32be(size_at, get_u32be(size_at) - (uint32_t)by);
}

static void shorten(struct run *r, const struct kept *k, size_t removed)
{
	put_u32be(r->trun + 12, k->samples);
	shrink(r->trun, removed);
	shrink(r->traf, removed);
}

/* Bytes that the sound's traf is to lose; all of it when no sample is left. */
static size_t audio_removed(const struct run *audio, const struct kept *k)
{
	return k->samples ? (size_t)(audio->count - k->samples) * audio->each : audio->traf_size;
}

int footage_cut(uint8_t *moof, size_t len, uint64_t ticks, uint64_t audio_end, struct footage_cut *out)
{
	struct moof m;
	struct run video[2] = {0}, *audio = &video[1];
	int rc = moof_parse(moof, len, &m);

	*out = (struct footage_cut){0};
	if (rc == 0)
		rc = find_runs(moof, len, video);
	if (rc != 0)
		return rc;
	uint64_t audio_ticks = audio_end > m.audio.decode_time ? audio_end - m.audio.decode_time : 0;
	struct kept v = count_samples(video, ticks, 1), a = count_samples(audio, audio_ticks, 0);
	size_t less = (size_t)(video->count - v.samples) * video->each, audio_less = audio_removed(audio, &a);
	uint32_t data_at = (uint32_t)(m.video.data_offset - less - audio_less);
	if (a.samples) {
		shorten(audio, &a, audio_less);
		put_u32be(audio->trun + 16, (uint32_t)(data_at + v.data_bytes));
		memmove(audio->traf - less, audio->traf, audio->traf_size - audio_less);
	}
	shorten(video, &v, less);
	put_u32be(video->trun + 16, data_at);
	shrink(moof, less + audio_less);
	*out = (struct footage_cut){
		.moof_bytes = len - less - audio_less, .samples = v.samples, .duration = v.duration,
		.video_bytes = v.data_bytes, .hole_bytes = m.video.data_bytes - v.data_bytes,
		.audio_bytes = a.data_bytes};
	return 0;
}

int footage_head_parse(const uint8_t *p, size_t len, struct footage_head *out)
{
	struct box b;
	int rc = box_read(p, len, &b);

	if (rc < 0)
		return rc;
	if (b.type != BOX_PRFT || b.size > 64)
		return -EBADMSG;
	out->moof_at = (size_t)b.size;
	if (out->moof_at >= len)
		return -EAGAIN;
	rc = box_read(p + out->moof_at, len - out->moof_at, &b);
	if (rc < 0 || b.type != BOX_MOOF || b.size > UINT32_MAX)
		return rc < 0 ? rc : -EBADMSG;
	out->moof_bytes = (size_t)b.size;
	size_t mdat_at = out->moof_at + out->moof_bytes;
	if (mdat_at >= len)
		return -EAGAIN;
	rc = box_read(p + mdat_at, len - mdat_at, &b);
	if (rc < 0 || b.type != BOX_MDAT)
		return rc < 0 ? rc : -EBADMSG;
	out->bytes = mdat_at + b.head;
	return out->bytes <= len ? 0 : -EAGAIN;
}

void footage_head_set_mdat(uint8_t *head, const struct footage_head *h, uint64_t data_bytes)
{
	size_t mdat_at = h->moof_at + h->moof_bytes, mdat_head = h->bytes - mdat_at;

	if (mdat_head == 16)
		put_u64be(head + mdat_at + 8, data_bytes + 16);
	else
		put_u32be(head + mdat_at, (uint32_t)(data_bytes + 8));
}
