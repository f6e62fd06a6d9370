#include "recorder/frame_hold.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static void *copy_of(const void *data, size_t bytes)
{
	return bytes ? memcpy(xcalloc(1, bytes), data, bytes) : NULL;
}

bool frame_hold_put(struct frame_hold *h, const struct frame *f)
{
	if (h->count == FRAME_HOLD_MAX || h->bytes + f->len > FRAME_HOLD_BYTES || frame_hold_is_due(h, f->arrival))
		return false;
	struct frame *copy = &h->frames[h->count++];
	*copy = *f;
	copy->data = copy_of(f->data, f->len);
	copy->nal_at = copy_of(f->nal_at, f->nals * sizeof *f->nal_at);
	h->kept = h->count;
	h->bytes += f->len;
	return true;
}

bool frame_hold_is_due(const struct frame_hold *h, struct mono now)
{
	return h->count > 0 && now.us - h->frames[0].arrival.us >= FRAME_HOLD_US;
}

void frame_hold_clear(struct frame_hold *h)
{
	for (unsigned i = 0; i < h->kept; i++) {
		free((void *)h->frames[i].data);
		free((void *)h->frames[i].nal_at);
	}
	*h = (struct frame_hold){0};
}
