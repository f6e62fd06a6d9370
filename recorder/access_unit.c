#include "recorder/access_unit.h"

#include <string.h>

#define KEPT_BYTES (64u << 10)

void access_unit_clear(struct access_unit *au)
{
	struct buf data = au->data;

	buf_clear(&data);
	if (data.room > KEPT_BYTES)
		buf_finish(&data); /* a key frame's: another camera's may have it until the next one */
	/* nal_at is left as it is: `nals` says how much of it counts */
	au->data = data;
	au->nals = 0;
	au->slice = au->key = au->sets = au->whole_head = false;
	au->damaged = au->after_loss = au->restarted = au->marker = false;
}

void access_unit_finish(struct access_unit *au)
{
	buf_finish(&au->data);
}

bool nal_piece_starts(const uint8_t *piece, size_t len)
{
	return len > NAL_START_CODE_BYTES && memcmp(piece, NAL_START_CODE, NAL_START_CODE_BYTES) == 0;
}

static void note_nal(struct access_unit *au, enum track_codec codec, const uint8_t *nal, size_t len,
		     size_t at)
{
	enum nal_role role = nal_role(codec, nal, len);

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

void access_unit_add(struct access_unit *au, enum track_codec codec, const uint8_t *piece, size_t len,
		     bool aggregate)
{
	bool starts = nal_piece_starts(piece, len);

	if (au->data.len + len > ACCESS_UNIT_MAX_BYTES || (!starts && au->nals == 0)) {
		au->damaged = true; /* endless, or a part of something whose beginning is not here */
		return;
	}
	size_t from = 0;
	while (starts && from + NAL_START_CODE_BYTES < len) {
		const uint8_t *nal = piece + from + NAL_START_CODE_BYTES;
		note_nal(au, codec, nal, len - from - NAL_START_CODE_BYTES, au->data.len + from);
		from = aggregate ? nal_find_start(piece, len, from + NAL_START_CODE_BYTES) : len;
	}
	buf_add(&au->data, piece, len);
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

const uint8_t *access_unit_nal(const struct access_unit *au, unsigned i, size_t *len)
{
	size_t at = au->nal_at[i] + NAL_START_CODE_BYTES;
	size_t end = i + 1 < au->nals ? au->nal_at[i + 1] : au->data.len;

	*len = end - at;
	return au->data.data + at;
}
