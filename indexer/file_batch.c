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

void file_sums_add(struct file_sums *s, struct wall start, struct wall end, int64_t bytes, const uint8_t seal[SHA256_BYTES])
{
	if (!s->seals)
		*s = (struct file_sums){.seals = hash_create(), .start = start, .end = end};
	hash_add(s->seals, seal, SHA256_BYTES);
	s->files++;
	s->bytes += bytes;
	s->start.us = start.us < s->start.us ? start.us : s->start.us;
	s->end.us = end.us > s->end.us ? end.us : s->end.us;
}

json_t *file_sums_json(struct file_sums *s)
{
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_MAX];

	hash_peek(s->seals, digest);
	hex_encode(digest, sizeof digest, hex);
	json_t *o = json_pack("{so so sI sI ss}", "start", wall_json(s->start.us), "end", wall_json(s->end.us), "files",
			      (json_int_t)s->files, "bytes", (json_int_t)s->bytes, "seals_sha256", hex);
	file_sums_finish(s);
	return o;
}

void file_sums_finish(struct file_sums *s)
{
	hash_destroy(s->seals);
	*s = (struct file_sums){0};
}
