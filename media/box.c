#include "box.h"

#include "base/buf.h"

#include <errno.h>

#define BOX_SIZE_MAX (UINT64_C(1) << 40)

int box_read(const uint8_t *p, size_t len, struct box *b)
{
	if (len < 8)
		return -EAGAIN;
	*b = (struct box){.type = get_u32be(p + 4), .head = 8, .size = get_u32be(p)};
	if (b->size == 1) {
		if (len < 16)
			return -EAGAIN;
		b->head = 16;
		b->size = get_u64be(p + 8);
	}
	return b->size < b->head || b->size > BOX_SIZE_MAX ? -EBADMSG : 0;
}

const uint8_t *box_child(const uint8_t *payload, size_t len, uint32_t type, size_t *size)
{
	struct box b;

	for (; len > 0; payload += b.size, len -= b.size) {
		if (box_read(payload, len, &b) < 0 || b.size > len)
			return NULL;
		if (b.type == type) {
			*size = b.size - b.head;
			return payload + b.head;
		}
	}
	return NULL;
}
