/* The `$` frames and messages of one connection: however the bytes are divided into reads, the same items
 * come out. The first bytes of the input choose the sizes of the reads. */
#include "base/require.h"
#include "recorder/rtsp_parse.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIZES 8 /* bytes that choose read sizes, used in turn */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct story { uint64_t hash; unsigned items; bool bad; };

static void tell(struct story *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ p[i]) * UINT64_C(0x100000001b3);
	s->hash = (s->hash ^ len) * UINT64_C(0x100000001b3);
}

static void tell_item(struct story *s, const struct rtsp_item *it)
{
	s->items++;
	tell(s, &it->kind, sizeof it->kind);
	tell(s, it->data, it->len);
	if (it->kind == RTSP_FRAME) {
		tell(s, &it->channel, 1);
		return;
	}
	for (unsigned i = 0; i < it->header_count; i++) {
		tell(s, it->headers[i].name, strlen(it->headers[i].name));
		tell(s, it->headers[i].value, strlen(it->headers[i].value));
	}
}

/* sizes NULL: as much as there is room for. */
static struct story read_all(const uint8_t *data, size_t len, const uint8_t *sizes)
{
	enum rtsp_parse_result got = RTSP_PARSE_MORE;
	struct story s = {.hash = UINT64_C(0xcbf29ce484222325)};
	struct rtsp_parse p;
	unsigned turn = 0;

	rtsp_parse_init(&p);
	for (size_t at = 0; at < len && got == RTSP_PARSE_MORE;) {
		size_t room, n = sizes ? (size_t)sizes[turn++ % SIZES] + 1 : len;
		uint8_t *to = rtsp_parse_room(&p, &room);
		struct rtsp_item it;
		struct err e;

		REQUIRE(room > 0);
		n = n < room ? n : room;
		n = n < len - at ? n : len - at;
		memcpy(to, data + at, n);
		rtsp_parse_filled(&p, n);
		at += n;
		while ((got = rtsp_parse_next(&p, &it, &e)) == RTSP_PARSE_ITEM)
			tell_item(&s, &it);
	}
	rtsp_parse_finish(&p);
	s.bad = got == RTSP_PARSE_BAD;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < SIZES)
		return 0;
	struct story whole = read_all(data + SIZES, len - SIZES, NULL);
	struct story pieces = read_all(data + SIZES, len - SIZES, data);

	REQUIRE(whole.items == pieces.items && whole.hash == pieces.hash && whole.bad == pieces.bad);
	return 0;
}
