#include "recorder/access_unit.h"

#include <string.h>

#define KEPT_BYTES (64u << 10)
#define SHORT_CODE_BYTES 3 /* 00 00 01: how start codes may be written inside */
#define LOOK_BYTES 3       /* of a unit, to know what it is */
#define REPAIRS_MAX 256    /* each moves what follows: no more of them than this in a frame */

void access_unit_clear(struct access_unit *au)
{
	struct buf data = au->data;

	buf_clear(&data);
	if (data.room > KEPT_BYTES)
		buf_finish(&data); /* a key frame's: another camera's may have it until the next one */
	/* nal_at is left as it is: `nals` says how much of it counts */
	au->data = data;
	au->nals = 0;
	au->scanned = 0;
	au->repairs = 0;
	au->slice = au->key = au->sets = au->whole_head = false;
	au->damaged = au->after_loss = au->after_jump = au->restarted = au->marker = false;
}

void access_unit_finish(struct access_unit *au)
{
	buf_finish(&au->data);
}

bool nal_piece_starts(const uint8_t *piece, size_t len)
{
	return len > NAL_START_CODE_BYTES && memcmp(piece, NAL_START_CODE, NAL_START_CODE_BYTES) == 0;
}

static void note_nal(struct access_unit *au, enum track_codec codec, size_t at)
{
	const uint8_t *nal = au->data.data + at + NAL_START_CODE_BYTES;
	size_t len = au->data.len - at - NAL_START_CODE_BYTES;
	bool none = nal[0] == 0 && (len < 2 || nal[1] == 0); /* no header is: zeros before another start code */
	enum nal_role role = none ? NAL_OTHER : nal_role(codec, nal, len);

	if (au->nals < ACCESS_UNIT_MAX_NALS)
		au->nal_at[au->nals++] = (uint32_t)at;
	if (nal_role_is_slice(role)) {
		if (!au->slice)
			au->whole_head = nal_is_first_slice(codec, nal, len);
		au->slice = true;
		au->key |= role == NAL_KEY_SLICE;
	}
	au->sets |= nal_role_is_set(role);
}

/* Where the next 00 00 01 begins, at or after `from`; len if there is none. */
static size_t find_short_code(const uint8_t *data, size_t len, size_t from)
{
	for (size_t at = from + SHORT_CODE_BYTES - 1; at < len; at++) {
		const uint8_t *one = memchr(data + at, 1, len - at);
		if (!one)
			break;
		at = (size_t)(one - data);
		if (one[-1] == 0 && one[-2] == 0)
			return at - 2;
	}
	return len;
}

/* A unit of nothing but zeros lies between two start codes: the first one goes. Answers where the other is. */
static size_t drop_void(struct access_unit *au, size_t at)
{
	size_t last = au->nals > 0 && au->nals < ACCESS_UNIT_MAX_NALS ? au->nal_at[au->nals - 1] : at;

	for (size_t i = last + NAL_START_CODE_BYTES; i < at; i++)
		if (au->data.data[i] != 0)
			return at;
	if (last == at)
		return at;
	memmove(au->data.data + last, au->data.data + at, au->data.len - at);
	au->data.len -= at - last;
	au->nals--;
	au->repairs++;
	return last;
}

/* All start codes have four bytes. Answers where this one begins: a zero before it may be its own. */
static size_t lengthen_code(struct access_unit *au, size_t at)
{
	size_t own = au->nals > 0 ? au->nal_at[au->nals - 1] + NAL_START_CODE_BYTES : 0;

	if (at > own && au->data.data[at - 1] == 0)
		return at - 1;
	buf_add(&au->data, "", 1);
	memmove(au->data.data + at + 1, au->data.data + at, au->data.len - 1 - at);
	au->data.data[at] = 0;
	au->repairs++;
	return at;
}

/* What is too short to be known yet is left for the next time, unless this is the last one. */
static void scan(struct access_unit *au, enum track_codec codec, bool last)
{
	while (au->repairs < REPAIRS_MAX) {
		size_t at = find_short_code(au->data.data, au->data.len, au->scanned);
		size_t nal = at + SHORT_CODE_BYTES;
		if (at == au->data.len) {
			size_t edge = at < SHORT_CODE_BYTES - 1 ? at : SHORT_CODE_BYTES - 1;
			au->scanned = at - edge > au->scanned ? at - edge : au->scanned;
			return;
		}
		if (nal + LOOK_BYTES > au->data.len && !last) {
			au->scanned = at;
			return;
		}
		if (nal == au->data.len) { /* it leads to nothing */
			au->data.len = at > 0 && au->data.data[at - 1] == 0 ? at - 1 : at;
			return;
		}
		at = drop_void(au, lengthen_code(au, at));
		note_nal(au, codec, at);
		au->scanned = at + NAL_START_CODE_BYTES;
	}
	au->damaged = true;
}

void access_unit_add(struct access_unit *au, enum track_codec codec, const uint8_t *piece, size_t len)
{
	if (au->data.len + len > ACCESS_UNIT_MAX_BYTES || (au->data.len == 0 && !nal_piece_starts(piece, len))) {
		au->damaged = true; /* endless, or a part of something whose beginning is not here */
		return;
	}
	buf_add(&au->data, piece, len);
	scan(au, codec, false);
}

void access_unit_end(struct access_unit *au, enum track_codec codec)
{
	scan(au, codec, true);
}

bool access_unit_ends_before(const struct access_unit *au, enum track_codec codec, const uint8_t *piece,
			     size_t len)
{
	if (!au->slice || !nal_piece_starts(piece, len))
		return false;
	const uint8_t *nal = piece + NAL_START_CODE_BYTES;
	enum nal_role role = nal_role(codec, nal, len - NAL_START_CODE_BYTES);
	if (nal_role_is_slice(role))
		return nal_is_first_slice(codec, nal, len - NAL_START_CODE_BYTES);
	return role != NAL_OTHER;
}

const uint8_t *access_unit_next(const struct access_unit *au, struct access_unit_walk *w, size_t *len)
{
	size_t at = w->i == 0 ? (au->nals > 0 ? au->nal_at[0] : au->data.len) : w->next_at;

	if (at >= au->data.len)
		return NULL;
	size_t nal = at + NAL_START_CODE_BYTES;
	w->i++;
	if (w->i < au->nals)
		w->next_at = au->nal_at[w->i];
	else if (au->nals < ACCESS_UNIT_MAX_NALS)
		w->next_at = au->data.len;
	else
		w->next_at = nal_find_start(au->data.data, au->data.len, nal);
	*len = w->next_at - nal;
	return au->data.data + nal;
}
