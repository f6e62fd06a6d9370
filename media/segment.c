#include "segment.h"

#include "base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 16 /* of a box with a 64-bit size */

/* One step of the walk. CUT: the limit comes first; nothing is wrong, nothing more is whole. */
enum step { STEP_ON = 0, STEP_CUT = 1 };

void segment_scan_init(struct segment_scan *s, bool with_content)
{
	*s = (struct segment_scan){.content = with_content ? hash_create() : NULL};
}

void segment_scan_finish(struct segment_scan *s)
{
	fragment_index_finish(&s->index);
	hash_destroy(s->content);
	free(s->window);
	*s = (struct segment_scan){0};
}

struct wall_range segment_scan_range(const struct segment_scan *s)
{
	if (s->index.count == 0)
		return (struct wall_range){0};
	const struct fragment *last = &s->index.items[s->index.count - 1];
	return (struct wall_range){s->index.items[0].start, {last->start.us + last->duration_us}};
}

/* --- the window ------------------------------------------------------------------ */

struct file { struct fs *fs; int fd; }; /* fs NULL: all that can be read is at hand */

static int window_fill(struct segment_scan *s, const struct file *f, int64_t at, size_t need)
{
	size_t want = need > SEGMENT_WINDOW_BYTES ? need : SEGMENT_WINDOW_BYTES;

	if (!f->fs)
		return -EIO;
	if ((uint64_t)(s->limit - at) < want)
		want = (size_t)(s->limit - at);
	if (want > s->window_room) {
		s->window = xrealloc(s->window, want);
		s->window_room = want;
	}
	s->seen = s->window;
	s->window_at = at;
	s->window_len = 0;
	while (s->window_len < need) {
		ssize_t n = f->fs->pread(f->fs, f->fd, s->window + s->window_len, want - s->window_len,
					 at + (int64_t)s->window_len);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO; /* shorter than we were told */
		s->window_len += (size_t)n;
	}
	return 0;
}

/* Makes `need` bytes at `at` stand at *out; they lie below the limit. */
static int look(struct segment_scan *s, const struct file *f, int64_t at, size_t need, const uint8_t **out)
{
	REQUIRE(at >= 0 && (uint64_t)need <= (uint64_t)(s->limit - at));
	if (at < s->window_at || at + (int64_t)need > s->window_at + (int64_t)s->window_len) {
		int rc = window_fill(s, f, at, need);
		if (rc < 0)
			return rc;
	}
	*out = s->seen + (at - s->window_at);
	return 0;
}

/* Passes [at, end) through the CRC and the content digest. */
static int sum(struct segment_scan *s, const struct file *f, int64_t at, int64_t end, uint32_t *crc)
{
	const uint8_t *p;

	while (at < end) {
		int rc = look(s, f, at, 1, &p);
		if (rc < 0)
			return rc;
		int64_t have = s->window_at + (int64_t)s->window_len - at;
		size_t n = (size_t)(have < end - at ? have : end - at);
		if (crc)
			*crc = crc32c(*crc, p, n);
		if (s->content) {
			hash_add(s->content, p, n);
			s->hashed += (int64_t)n;
		}
		at += (int64_t)n;
	}
	return 0;
}

/* The digest may hold part of a fragment that could not be read to its end: make it anew. */
static int mend_content(struct segment_scan *s, const struct file *f)
{
	if (!s->content || s->hashed == s->whole_bytes)
		return 0;
	hash_reset(s->content);
	s->hashed = 0;
	return sum(s, f, 0, s->whole_bytes, NULL);
}

/* --- boxes ----------------------------------------------------------------------- */

/* The header of the box at `at`, which must be of this type and at most max bytes. What is there of a
 * cut header must still be able to become one. */
static int read_head(struct segment_scan *s, const struct file *f, int64_t at, uint32_t type, uint64_t max,
		     struct box *b)
{
	int64_t left = s->limit - at;
	size_t have = left < HEADER_MAX ? (size_t)left : HEADER_MAX;
	const uint8_t *p;
	int rc = have ? look(s, f, at, have, &p) : 0;

	if (rc < 0)
		return rc;
	if (have >= 4 && get_u32be(p) != 1 && (get_u32be(p) < 8 || get_u32be(p) > max))
		return -EBADMSG;
	if (have >= 8 && get_u32be(p + 4) != type)
		return -EBADMSG;
	rc = have ? box_read(p, have, b) : -EAGAIN;
	if (rc == -EAGAIN)
		return STEP_CUT;
	return rc < 0 || b->size > max ? -EBADMSG : STEP_ON;
}

/* The same with all of the box at *p. */
static int read_box(struct segment_scan *s, const struct file *f, int64_t at, uint32_t type, uint64_t max,
		    struct box *b, const uint8_t **p)
{
	int rc = read_head(s, f, at, type, max, b);

	if (rc != STEP_ON)
		return rc;
	if (b->size > (uint64_t)(s->limit - at))
		return STEP_CUT;
	return look(s, f, at, b->size, p);
}

static int read_init(struct segment_scan *s, const struct file *f)
{
	struct box ftyp, moov;
	const uint8_t *p;
	int rc = read_box(s, f, 0, BOX_FTYP, SEGMENT_HEAD_MAX, &ftyp, &p);

	if (rc == STEP_ON)
		rc = read_box(s, f, (int64_t)ftyp.size, BOX_MOOV, SEGMENT_HEAD_MAX, &moov, &p);
	if (rc == STEP_ON)
		rc = moov_parse(p, moov.size, &s->moov);
	s->init_crc = 0;
	if (rc == STEP_ON)
		rc = sum(s, f, 0, (int64_t)(ftyp.size + moov.size), &s->init_crc);
	if (rc == STEP_ON)
		s->whole_bytes = s->init_bytes = (int64_t)(ftyp.size + moov.size);
	return rc;
}

/* --- fragments -------------------------------------------------------------------- */

struct found { struct prft prft; struct moof moof; uint64_t bytes; };

/* prft, moof and the head of the mdat; the whole lies below the limit. */
static int read_found(struct segment_scan *s, const struct file *f, struct found *x)
{
	struct box prft, moof, mdat;
	const uint8_t *p;
	int64_t at = s->whole_bytes;
	int rc = read_box(s, f, at, BOX_PRFT, PRFT_MAX_BYTES, &prft, &p);

	if (rc == STEP_ON)
		rc = prft_parse(p, prft.size, &x->prft);
	if (rc != STEP_ON)
		return rc;
	at += (int64_t)prft.size;
	rc = read_box(s, f, at, BOX_MOOF, SEGMENT_HEAD_MAX, &moof, &p);
	if (rc == STEP_ON)
		rc = moof_parse(p, moof.size, &x->moof);
	if (rc != STEP_ON)
		return rc;
	at += (int64_t)moof.size;
	rc = read_head(s, f, at, BOX_MDAT, SEGMENT_FRAGMENT_MAX, &mdat);
	if (rc != STEP_ON)
		return rc;
	x->bytes = prft.size + moof.size + mdat.size;
	uint64_t data_bytes;
	if (__builtin_add_overflow(x->moof.video.data_bytes, x->moof.audio.data_bytes, &data_bytes) ||
	    x->moof.video.data_offset != moof.size + mdat.head || data_bytes != mdat.size - mdat.head ||
	    x->bytes > SEGMENT_FRAGMENT_MAX)
		return -EBADMSG;
	return mdat.size > (uint64_t)(s->limit - at) ? STEP_CUT : STEP_ON;
}

/* Ticks of the track as microseconds, to the nearest; negative when out of all bounds. */
static int64_t ticks_us(uint64_t ticks, uint32_t timescale)
{
	unsigned __int128 us = ((unsigned __int128)ticks * US_PER_S + timescale / 2) / timescale;

	return us > INT64_MAX / 4 ? -1 : (int64_t)us;
}

static bool is_near(int64_t a_us, int64_t b_us, uint32_t timescale)
{
	int64_t tick_us = US_PER_S / timescale + (US_PER_S % timescale != 0), d = a_us - b_us;

	return d <= tick_us && d >= -tick_us;
}

/* Sound has no part in the times of a file; it must be the track that the moov tells of, and come so
 * near to its video that it can be moved with it. */
static bool sound_fits(const struct segment_scan *s, const struct moof *m, int64_t begin_us, int64_t end_us)
{
	const struct moof_traf *a = &m->audio;

	if (a->samples == 0)
		return true;
	if (a->track_id != s->moov.audio.track_id || a->tfdt_bytes != 8)
		return false;
	int64_t at_us = ticks_us(a->decode_time, s->moov.audio.timescale) - SEGMENT_AUDIO_AHEAD_US;
	return at_us >= begin_us - SEGMENT_AUDIO_AHEAD_US && at_us <= end_us + SEGMENT_AUDIO_AHEAD_US;
}

/* Where the fragment lies in time: at the end of the one before, as both its clocks say. */
static int place(const struct segment_scan *s, const struct found *x, struct fragment *out)
{
	uint32_t scale = s->moov.timescale;
	uint64_t end_ticks;

	const struct moof_traf *v = &x->moof.video;

	if (x->prft.track_id != s->moov.track_id || v->track_id != s->moov.track_id ||
	    v->tfdt_bytes != 8 || v->duration == 0 ||
	    __builtin_add_overflow(v->decode_time, v->duration, &end_ticks))
		return -EBADMSG;
	int64_t begin_us = ticks_us(v->decode_time, scale), end_us = ticks_us(end_ticks, scale);
	if (begin_us < 0 || end_us <= begin_us || !sound_fits(s, &x->moof, begin_us, end_us))
		return -EBADMSG;
	bool is_first = s->index.count == 0;
	struct wall origin = is_first ? x->prft.at : s->index.items[0].start;
	struct wall due = is_first ? x->prft.at : segment_scan_range(s).end;
	if (!is_near(x->prft.at.us, due.us, scale) || !is_near(origin.us + begin_us, due.us, scale))
		return -EBADMSG;
	out->start = due;
	out->duration_us = end_us - begin_us;
	return 0;
}

static int read_fragment(struct segment_scan *s, const struct file *f)
{
	struct fragment out = {.offset = s->whole_bytes};
	struct found x;
	int rc = read_found(s, f, &x);

	if (rc == STEP_ON)
		rc = place(s, &x, &out);
	if (rc == STEP_ON)
		rc = sum(s, f, out.offset, out.offset + (int64_t)x.bytes, &out.crc);
	if (rc != STEP_ON)
		return rc;
	out.bytes = (uint32_t)x.bytes;
	out.frames = x.moof.video.samples;
	out.key = x.moof.video.starts_with_key;
	fragment_index_add(&s->index, &out);
	s->whole_bytes += out.bytes;
	return STEP_ON;
}

/* --- the seal --------------------------------------------------------------------- */

static bool seal_agrees(const struct segment_scan *s, const struct seal *seal)
{
	struct wall_range range = segment_scan_range(s);
	uint64_t frames = 0;

	for (unsigned i = 0; i < s->index.count; i++)
		frames += s->index.items[i].frames;
	return s->index.count > 0 && seal->fragments == s->index.count && seal->frames == frames &&
	       seal->start.us == range.start.us && seal->end.us == range.end.us;
}

static int read_seal(struct segment_scan *s, const struct file *f, struct seal_keys *keys)
{
	uint8_t content[SHA256_BYTES];
	struct seal seal;
	struct box b;
	const uint8_t *p;
	int rc = read_box(s, f, s->whole_bytes, BOX_UUID, SEAL_MAX_BYTES, &b, &p);

	if (rc != STEP_ON)
		return rc;
	if (seal_parse(p, b.size, &seal) < 0 || !seal_agrees(s, &seal) ||
	    s->whole_bytes + (int64_t)b.size != s->limit)
		return -EBADMSG;
	if (s->content)
		hash_peek(s->content, content);
	s->content_ok = s->content && memcmp(content, seal.content, sizeof content) == 0;
	const struct key *key = keys ? seal_keys_find(keys, seal.key_id) : NULL;
	s->signature_ok = key && seal_verify(p, b.size, &seal, key);
	seal_digest(p, b.size, s->seal_digest);
	s->seal = seal;
	s->sealed = true;
	s->sealed_bytes = s->limit;
	return STEP_CUT;
}

/* --- the walk --------------------------------------------------------------------- */

/* Fewer bytes than a box's type needs: cut, if its size can be that of a prft or a seal. */
static int judge_stub(struct segment_scan *s, const struct file *f, size_t have)
{
	uint8_t size[4] = {0};
	const uint8_t *p;
	int rc = look(s, f, s->whole_bytes, have, &p);

	if (rc < 0)
		return rc;
	memcpy(size, p, have < sizeof size ? have : sizeof size);
	bool too_small = have >= sizeof size && get_u32be(size) < PRFT_MIN_BYTES;
	return too_small || get_u32be(size) > SEAL_MAX_BYTES ? -EBADMSG : STEP_CUT;
}

static int step(struct segment_scan *s, const struct file *f, struct seal_keys *keys)
{
	int64_t left = s->limit - s->whole_bytes;
	const uint8_t *p;

	if (left == 0)
		return STEP_CUT;
	if (s->init_bytes == 0)
		return read_init(s, f);
	if (left < 8)
		return judge_stub(s, f, (size_t)left);
	int rc = look(s, f, s->whole_bytes, 8, &p);
	if (rc < 0)
		return rc;
	return get_u32be(p + 4) == BOX_UUID ? read_seal(s, f, keys) : read_fragment(s, f);
}

static int walk(struct segment_scan *s, const struct file *f, struct seal_keys *keys)
{
	int rc = mend_content(s, f);

	while (rc == STEP_ON)
		rc = step(s, f, keys);
	s->window_len = 0; /* it may be the caller's */
	return rc < 0 ? rc : 0;
}

int segment_scan_bytes(struct segment_scan *s, const uint8_t *data, size_t len)
{
	const struct file none = {NULL, -1};

	if (s->sealed)
		return -EBADMSG;
	s->limit = s->whole_bytes + (int64_t)len;
	s->seen = data;
	s->window_at = s->whole_bytes;
	s->window_len = len;
	return walk(s, &none, NULL);
}

int segment_scan(struct segment_scan *s, struct fs *fs, int fd, int64_t limit, struct seal_keys *keys)
{
	const struct file f = {fs, fd};

	if (limit <= s->whole_bytes || (s->sealed && limit <= s->sealed_bytes))
		return 0;
	if (s->sealed)
		return -EBADMSG; /* a seal ends its file */
	s->limit = limit;
	int rc = walk(s, &f, keys);
	free(s->window); /* an open segment is read now and then, and there are many */
	s->window = NULL;
	s->window_room = 0;
	return rc;
}
