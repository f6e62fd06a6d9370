#include "file_batch.h"

#include "gap.h"

void file_batch_add(struct file_batch *b, struct wall start, struct wall end, int64_t bytes, const uint8_t seal[SHA256_BYTES])
{
	char digest[SHA256_HEX_MAX];

	if (!b->seals)
		*b = (struct file_batch){.seals = json_array(), .start = start, .end = end};
	hex_encode(seal, SHA256_BYTES, digest);
	json_array_append_new(b->seals, json_string(digest));
	b->bytes += bytes;
	b->start.us = start.us < b->start.us ? start.us : b->start.us;
	b->end.us = end.us > b->end.us ? end.us : b->end.us;
}

size_t file_batch_count(const struct file_batch *b)
{
	return json_array_size(b->seals);
}

json_t *file_batch_json(struct file_batch *b)
{
	json_t *o = json_pack("{so so sI sI so}", "start", wall_json(b->start.us), "end", wall_json(b->end.us), "files",
			      (json_int_t)file_batch_count(b), "bytes", (json_int_t)b->bytes, "seals", b->seals);

	*b = (struct file_batch){0};
	return o;
}

void file_batch_finish(struct file_batch *b)
{
	json_decref(b->seals);
	*b = (struct file_batch){0};
}
