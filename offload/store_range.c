#include "offload/store_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taken { uint8_t *out; uint32_t len, room; };

/* Bounded by what was asked, whatever is sent. */
static size_t on_bytes(void *arg, const void *data, size_t len)
{
	struct taken *t = arg;

	if (len > t->room - t->len)
		return 0;
	memcpy(t->out + t->len, data, len);
	t->len += (uint32_t)len;
	return len;
}

/* A store may ignore the range (200), answer another one, or say one and send another. */
static bool is_asked(const struct store_reply *r, const struct taken *t, const char *content_range)
{
	return r->status == 206 && strcmp(r->content_range, content_range) == 0 && t->len == t->room;
}

enum store_trouble store_get_range(struct store *s, const char *key, const char *version, int64_t total, int64_t at,
				   uint32_t len, uint8_t *out)
{
	char range[STORE_RANGE_MAX], content_range[STORE_RANGE_MAX], *query = store_version_query(version);
	const struct sigv4_header headers[] = {{"range", range}};
	struct taken t = {.out = out, .room = len};
	const struct store_call c = {.method = "GET", .key = key, .query = query, .headers = headers, .header_count = 1,
				     .payload_hex = SIGV4_EMPTY, .sink = on_bytes, .sink_arg = &t};
	struct store_reply r;

	snprintf(range, sizeof range, "bytes=%" PRId64 "-%" PRId64, at, at + len - 1);
	snprintf(content_range, sizeof content_range, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, at, at + len - 1, total);
	store_call(s, &c, &r);
	enum store_trouble trouble = r.trouble == STORE_ENDED ? STORE_DIFFERS : r.trouble;
	if (trouble == STORE_FINE && !is_asked(&r, &t, content_range))
		trouble = STORE_DIFFERS;
	store_reply_finish(&r);
	free(query);
	return trouble;
}
