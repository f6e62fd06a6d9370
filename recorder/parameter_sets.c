#include "recorder/parameter_sets.h"

#include <string.h>

#define KINDS 3

void parameter_sets_init(struct parameter_sets *s, enum track_codec codec)
{
	*s = (struct parameter_sets){.codec = codec};
}

void parameter_sets_finish(struct parameter_sets *s)
{
	for (unsigned k = 0; k < KINDS; k++) {
		buf_finish(&s->in_force[k]);
		buf_finish(&s->incoming[k]);
	}
	buf_finish(&s->joined);
}

static bool holds(const struct buf *list, const uint8_t *nal, size_t len)
{
	return list->len && memmem(list->data, list->len, nal, len) != NULL;
}

void parameter_sets_offer(struct parameter_sets *s, const uint8_t *nal, size_t len)
{
	enum nal_role role = nal_role(s->codec, nal, len);

	if (!nal_role_is_set(role))
		return;
	while (len > 1 && nal[len - 1] == 0) /* trailing zeros belong to the byte stream */
		len--;
	struct buf *list = &s->incoming[role - NAL_VPS];
	if (list->len + NAL_START_CODE_BYTES + len > PARAMETER_SETS_MAX_BYTES || holds(list, nal, len))
		return;
	buf_add(list, NAL_START_CODE, NAL_START_CODE_BYTES);
	buf_add(list, nal, len);
}

static bool are_complete(enum track_codec codec, const struct buf list[KINDS])
{
	return list[1].len && list[2].len && (codec == TRACK_H264 || list[0].len);
}

static bool differ(const struct buf *a, const struct buf *b)
{
	return a->len != b->len || memcmp(a->data, b->data, a->len) != 0;
}

bool parameter_sets_accept(struct parameter_sets *s)
{
	bool whole = are_complete(s->codec, s->incoming), changed = false;

	for (unsigned k = 0; k < KINDS; k++) {
		if (s->incoming[k].len == 0)
			continue;
		if (differ(&s->incoming[k], &s->in_force[k])) {
			struct buf old = s->in_force[k];
			s->in_force[k] = s->incoming[k];
			s->incoming[k] = old;
			changed = true;
		}
		buf_clear(&s->incoming[k]);
	}
	if (!changed)
		return whole;
	s->epoch++;
	buf_clear(&s->joined);
	for (unsigned k = 0; k < KINDS; k++)
		buf_add(&s->joined, s->in_force[k].data, s->in_force[k].len);
	return whole;
}

void parameter_sets_forget(struct parameter_sets *s)
{
	for (unsigned k = 0; k < KINDS; k++)
		buf_clear(&s->incoming[k]);
}

bool parameter_sets_complete(const struct parameter_sets *s)
{
	return are_complete(s->codec, s->in_force);
}
