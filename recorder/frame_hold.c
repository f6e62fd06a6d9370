#include "recorder/frame_hold.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static void *copy_of(const void *data, size_t bytes)
{
	return bytes ? memcpy(xcalloc(1, bytes), data, bytes) : NULL;
}

bool frame_hold_put(struct frame_hold *h, const struct frame *f, unsigned max)
{
	if (h->count >= max || h->bytes + f->len > FRAME_HOLD_BYTES)
		return false;
	if (!h->frames)
		h->frames = xcalloc(max, sizeof *h->frames);
	struct frame *copy = &h->frames[h->count++];
	*copy = *f;
	copy->data = copy_of(f->data, f->len);
	copy->nal_at = copy_of(f->nal_at, f->nals * sizeof *f->nal_at);
	h->bytes += f->len;
	return true;
}

int64_t frame_hold_waits_us(const struct frame_hold *h, struct mono now)
{
	return h->count > 0 ? now.us - h->frames[0].arrival.us : 0;
}

void frame_hold_clear(struct frame_hold *h)
{
	for (unsigned i = 0; i < h->count; i++) {
		free((void *)h->frames[i].data);
		free((void *)h->frames[i].nal_at);
	}
	free(h->frames);
	*h = (struct frame_hold){0};
}
