/* What a camera sends on its connection, in reads of hostile sizes; and the readers of its headers. The
 * first byte of the input chooses the size of the reads. */
#include "recorder/detail.h"
#include "recorder/rtsp_auth.h"
#include "recorder/rtsp_parse.h"
#include "recorder/rtsp_reply.h"
#include "recorder/rtsp_url.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_url(const char *value)
{
	struct rtsp_url base, out;
	char text[RTSP_URL_TEXT_MAX];

	if (rtsp_url_parse(value, &base, NULL) == 0)
		rtsp_url_format(&base, text);
	if (rtsp_url_parse("rtsp://cam/live", &base, NULL) == 0 && rtsp_url_resolve(&base, value, &out) == 0)
		rtsp_url_format(&out, text);
}

static void read_header(const struct rtsp_header *h)
{
	char id[RTSP_SESSION_ID_MAX], answer[RTSP_AUTH_HEADER_MAX], detail[DETAIL_MAX];
	struct rtsp_auth auth = {0};
	unsigned timeout_s;
	struct rtsp_reply_transport transport;

	rtsp_reply_session(h->value, id, &timeout_s);
	rtsp_reply_transport(h->value, &transport);
	rtsp_reply_lists(h->value, "GET_PARAMETER");
	rtsp_auth_challenge(&auth, h->value);
	rtsp_auth_answer(&auth, "PLAY", "rtsp://cam/", "user", "password", answer);
	detail_set(detail, h->value);
	read_url(h->value);
}

static volatile uint8_t seen; /* so that reading an item is not optimised away */

static void read_item(const struct rtsp_item *it)
{
	for (size_t i = 0; i < it->len; i++)
		seen ^= it->data[i];
	for (unsigned i = 0; it->kind != RTSP_FRAME && i < it->header_count; i++)
		read_header(&it->headers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rtsp_parse p;
	enum rtsp_parse_result got = RTSP_PARSE_MORE;
	size_t piece = len ? (size_t)data[0] + 1 : 1, at = 1;

	rtsp_parse_init(&p);
	while (at < len && got == RTSP_PARSE_MORE) {
		size_t room, n = len - at < piece ? len - at : piece;
		uint8_t *to = rtsp_parse_room(&p, &room);
		struct rtsp_item it;
		struct err e;

		n = n < room ? n : room;
		memcpy(to, data + at, n);
		rtsp_parse_filled(&p, n);
		at += n;
		while ((got = rtsp_parse_next(&p, &it, &e)) == RTSP_PARSE_ITEM)
			read_item(&it);
	}
	rtsp_parse_finish(&p);
	return 0;
}
