#include "object_found.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MAX_BYTES (1u << 20)

static char *hex_of(const uint8_t *data, size_t len)
{
	char *hex = xcalloc(len * 2 + 1, 1);

	hex_encode(data, len, hex);
	return hex;
}

json_t *object_found_json(const struct object_kept *k, const struct segment_scan *scan, const uint8_t *box, size_t box_len)
{
	const struct moov_info *m = &scan->moov;
	struct buf packed = {0};
	char digest[SHA256_HEX_MAX];

	fragment_index_pack(&scan->index, &packed);
	char *fragments = hex_of(packed.data, packed.len), *seal = hex_of(box, box_len);
	hex_encode(m->stsd_digest, sizeof m->stsd_digest, digest);
	json_t *o = object_kept_json(k);
	json_t *more = json_pack("{ss ss ss ss si si sI sI sI}", "fragments", fragments, "box", seal, "stsd", digest, "codec", m->codec,
				 "width", (int)m->width, "height", (int)m->height, "timescale", (json_int_t)m->timescale, "init_bytes",
				 (json_int_t)scan->init_bytes, "init_crc", (json_int_t)scan->init_crc);
	json_object_update(o, more);
	json_decref(more);
	buf_finish(&packed);
	free(fragments);
	free(seal);
	return o;
}

/* --- reading ------------------------------------------------------------------------------------- */

static int number(const json_t *args, const char *key, int64_t most, int64_t *out)
{
	const json_t *v = json_object_get(args, key);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= 0 && *out <= most ? 0 : -EINVAL;
}

/* Returns the number of bytes, 0: it is none, or too long. */
static size_t bytes_of(const json_t *args, const char *key, uint8_t *out, size_t room)
{
	const char *hex = json_string_value(json_object_get(args, key));
	size_t len = hex ? strlen(hex) : 0;

	return len > 0 && len % 2 == 0 && len / 2 <= room && hex_decode(hex, out, len / 2) == 0 ? len / 2 : 0;
}

static int read_moov(const json_t *args, struct moov_info *m)
{
	const char *codec = json_string_value(json_object_get(args, "codec"));
	int64_t width, height, timescale;

	if (!codec || strlen(codec) != sizeof m->codec - 1 || number(args, "width", UINT16_MAX, &width) < 0 ||
	    number(args, "height", UINT16_MAX, &height) < 0 || number(args, "timescale", UINT32_MAX, &timescale) < 0 ||
	    bytes_of(args, "stsd", m->stsd_digest, sizeof m->stsd_digest) != sizeof m->stsd_digest)
		return -EINVAL;
	memcpy(m->codec, codec, sizeof m->codec);
	m->width = (uint16_t)width;
	m->height = (uint16_t)height;
	m->timescale = (uint32_t)timescale;
	return 0;
}

static int read_index(const json_t *args, struct object_found *f)
{
	uint8_t *packed = xcalloc(1, INDEX_MAX_BYTES);
	size_t len = bytes_of(args, "fragments", packed, INDEX_MAX_BYTES);
	int rc = len == 0 ? -EINVAL
			  : fragment_index_unpack(packed, len, f->kept.start, f->scan.init_bytes, &f->scan.index);

	free(packed);
	return rc < 0 ? -EINVAL : 0;
}

static int parse(const json_t *args, struct object_found *f)
{
	int64_t crc = 0;
	int rc = object_kept_parse(args, &f->kept);

	if (rc == 0)
		rc = number(args, "init_bytes", f->kept.bytes, &f->scan.init_bytes);
	if (rc == 0)
		rc = number(args, "init_crc", UINT32_MAX, &crc);
	if (rc < 0)
		return rc;
	f->scan.init_crc = (uint32_t)crc;
	f->box_len = bytes_of(args, "box", f->box, sizeof f->box);
	if (f->box_len == 0 || seal_parse(f->box, f->box_len, &f->scan.seal) < 0 || read_moov(args, &f->scan.moov) < 0)
		return -EINVAL;
	seal_digest(f->box, f->box_len, f->scan.seal_digest);
	return read_index(args, f);
}

int object_found_parse(const json_t *args, struct object_found *out)
{
	*out = (struct object_found){0};
	int rc = parse(args, out);

	if (rc < 0)
		object_found_finish(out);
	return rc;
}

void object_found_finish(struct object_found *f)
{
	fragment_index_finish(&f->scan.index);
}
