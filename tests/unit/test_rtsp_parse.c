/* The RTSP reader: what cameras send, in every division into reads; what nobody should send. Also the
 * small readers beside it: addresses and reply headers. */
#include "recorder/rtsp_parse.h"

#include "base/buf.h"
#include "recorder/detail.h"
#include "recorder/rtsp_reply.h"
#include "recorder/rtsp_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIT(s) s, sizeof(s) - 1

static void feed(struct rtsp_parse *p, const void *data, size_t len)
{
	size_t room;
	uint8_t *at = rtsp_parse_room(p, &room);

	assert_true(len <= room);
	if (len)
		memcpy(at, data, len);
	rtsp_parse_filled(p, len);
}

/* What came out, as one text. */
static void describe(struct buf *out, const struct rtsp_item *it)
{
	if (it->kind == RTSP_FRAME)
		buf_printf(out, "$%u:%zu:%.*s\n", it->channel, it->len, (int)it->len, (const char *)it->data);
	else if (it->kind == RTSP_RESPONSE)
		buf_printf(out, "%d [%s] h=%u b=%.*s\n", it->status, it->reason, it->header_count,
			   (int)it->len, (const char *)it->data);
	else
		buf_printf(out, "?%s h=%u\n", it->method, it->header_count);
}

static enum rtsp_parse_result drain(struct rtsp_parse *p, struct buf *out)
{
	enum rtsp_parse_result r;
	struct rtsp_item it;
	struct err e = {0};

	while ((r = rtsp_parse_next(p, &it, &e)) == RTSP_PARSE_ITEM)
		describe(out, &it);
	if (r == RTSP_PARSE_BAD)
		assert_true(e.text[0] != '\0');
	return r;
}

static enum rtsp_parse_result parse_by(const char *text, size_t len, size_t piece, struct buf *out)
{
	struct rtsp_parse p;
	enum rtsp_parse_result r = RTSP_PARSE_MORE;

	rtsp_parse_init(&p);
	for (size_t at = 0; at < len && r != RTSP_PARSE_BAD; at += piece) {
		feed(&p, text + at, len - at < piece ? len - at : piece);
		r = drain(&p, out);
	}
	buf_add(out, "", 1);
	rtsp_parse_finish(&p);
	return r;
}

static void expect(const char *text, size_t len, const char *wanted)
{
	for (size_t piece = 1; piece <= len; piece++) {
		struct buf out = {0};
		assert_int_equal(parse_by(text, len, piece, &out), RTSP_PARSE_MORE);
		assert_string_equal((char *)out.data, wanted);
		buf_finish(&out);
	}
}

static void expect_bad(const char *text, size_t len)
{
	struct buf out = {0};

	assert_int_equal(parse_by(text, len, len, &out), RTSP_PARSE_BAD);
	buf_clear(&out);
	assert_int_equal(parse_by(text, len, 1, &out), RTSP_PARSE_BAD);
	buf_finish(&out);
}

static void reads_replies_and_frames_in_any_order(void **state)
{
	(void)state;
	expect(LIT("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc"
		   "$\x00\x00\x04" "beef" "$\x01\x00\x00"
		   "RTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n"
		   "$\x02\x00\x02" "\r\n"
		   "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"
		   "RTSP/1.0 200 OK\r\n\r\n"),
	       "200 [OK] h=2 b=abc\n$0:4:beef\n$1:0:\n404 [Not Found] h=1 b=\n$2:2:\r\n\n?OPTIONS h=1\n"
	       "200 [OK] h=0 b=\n");
}

static void tolerates_what_cameras_do(void **state)
{
	(void)state;
	expect(LIT("RTSP/1.0 200\ncseq:1\npublic:  DESCRIBE,\n\t SETUP \ncontent-length:2\n\nhi\r\n\r\n"
		   "RTSP/1.0  200  OK  \nno colon here\n\n"),
	       "200 [] h=3 b=hi\n200 [OK] h=0 b=\n");
}

static void unfolds_and_finds_headers(void **state)
{
	struct rtsp_parse p;
	struct rtsp_item it;
	struct err e;

	(void)state;
	rtsp_parse_init(&p);
	feed(&p, LIT("RTSP/1.0 200 OK\r\npublic: A,\r\n  B\x01\r\nX: 1\r\nX: 2\r\n\r\n"));
	assert_int_equal(rtsp_parse_next(&p, &it, &e), RTSP_PARSE_ITEM);
	assert_string_equal(rtsp_item_header(&it, "PUBLIC"), "A,    B_");
	assert_string_equal(rtsp_item_header(&it, "x"), "1");
	assert_null(rtsp_item_header(&it, "Session"));
	rtsp_parse_finish(&p);
}

static void refuses_what_is_not_rtsp(void **state)
{
	(void)state;
	expect_bad(LIT("HTTP/1.1 400 Bad Request\r\n\r\n"));
	expect_bad(LIT("SSH-2.0-OpenSSH_9.2p1\r\n"));
	expect_bad(LIT("220 mail ready\r\n"));
	expect_bad(LIT("\x16\x03\x01\x02\x00"));
	expect_bad(LIT("RTSP/1.0 20 OK\r\n\r\n"));
	expect_bad(LIT("RTSP/1.0 2000 OK\r\n\r\n"));
	expect_bad(LIT("RTSP/2.0 200 OK\r\n\r\n"));
	expect_bad(LIT("OPTIONS\r\n\r\n"));
	expect_bad(LIT("RTSP/1.0 200 OK\r\n\r\n\x80garbage"));
}

static void bounds_what_it_keeps(void **state)
{
	struct buf b = {0}, out = {0};

	(void)state;
	expect_bad(LIT("RTSP/1.0 200 OK\r\nContent-Length: 1073741824\r\n\r\n"));
	expect_bad(LIT("RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"));
	expect_bad(LIT("RTSP/1.0 200 OK\r\nContent-Length: 65537\r\n\r\n"));
	expect_bad(LIT("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n"));
	expect_bad(LIT("RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"));

	buf_add_text(&b, "RTSP/1.0 200 OK\r\n");
	for (int i = 0; i < 65; i++)
		buf_add_text(&b, "X: y\r\n");
	buf_add_text(&b, "\r\n");
	expect_bad((char *)b.data, b.len);

	buf_clear(&b);
	buf_add_text(&b, "RTSP/1.0 200 OK\r\nX: ");
	while (b.len <= RTSP_HEAD_MAX_BYTES)
		buf_add_text(&b, "0123456789abcdef");
	assert_int_equal(parse_by((char *)b.data, b.len, 1000, &out), RTSP_PARSE_BAD);
	buf_finish(&b);
	buf_finish(&out);
}

static void survives_endless_large_frames(void **state)
{
	static uint8_t stream[4 + 65535];
	struct rtsp_parse p;
	size_t sent = 0, frames = 0;

	(void)state;
	memcpy(stream, "$\x00\xff\xff", 4);
	rtsp_parse_init(&p);
	while (frames < 50) {
		size_t room, left = sizeof stream - sent % sizeof stream;
		uint8_t *at = rtsp_parse_room(&p, &room);
		size_t n = room < left ? room : left;
		struct rtsp_item it;
		struct err e;

		memcpy(at, stream + sent % sizeof stream, n);
		rtsp_parse_filled(&p, n);
		sent += n;
		for (; rtsp_parse_next(&p, &it, &e) == RTSP_PARSE_ITEM; frames++)
			assert_int_equal(it.len, 65535);
	}
	rtsp_parse_finish(&p);
}

/* --- addresses ---------------------------------------------------------------- */

static void reads_addresses(void **state)
{
	static const struct { const char *in, *out; } good[] = {
		{"rtsp://cam/live", "rtsp://cam/live"},
		{"RTSP://10.0.0.1:554/a?b=c#d", "rtsp://10.0.0.1/a?b=c"},
		{"rtsp://10.0.0.1:8554", "rtsp://10.0.0.1:8554"},
		{"rtsp://[fe80::1]:8554/x", "rtsp://[fe80::1]:8554/x"},
		{"rtsp://[::1]", "rtsp://[::1]"},
		{"rtsp://[fe80::1%25eth0]:8554/x", "rtsp://[fe80::1]:8554/x"}, /* whose interface is our matter */
		{"RTSPS://cam:322/live", "rtsps://cam/live"},
		{"rtsps://cam:554/live", "rtsps://cam:554/live"},
		{"rtsp://cam:322/live", "rtsp://cam:322/live"},
		{"rtsp://cam?x=1", "rtsp://cam/?x=1"},
	};
	static const char *const bad[] = {
		"", "http://cam/", "rtsp:/cam", "rtsp://", "rtsp:///x", "rtsp://u:p@cam/", "rtsp://cam:0/",
		"rtsp://cam:65536/", "rtsp://cam:x/", "rtsp://ca m/", "rtsp://cam/\r\nX: y", "rtsp://[::1/x",
		"rtsp://[::1]x/", "file:///etc/passwd",
	};
	char text[RTSP_URL_TEXT_MAX], longer[RTSP_URL_PATH_MAX + 100];
	struct rtsp_url u;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(rtsp_url_parse(good[i].in, &u, NULL), 0);
		assert_string_equal(rtsp_url_format(&u, text), good[i].out);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *why = NULL;
		assert_true(rtsp_url_parse(bad[i], &u, &why) < 0);
		assert_non_null(why);
	}
	struct rtsp_url plain;
	assert_int_equal(rtsp_url_parse("rtsp://cam:322/", &plain, NULL) + rtsp_url_parse("rtsps://cam/", &u, NULL), 0);
	assert_false(rtsp_url_same_host(&plain, &u)); /* credentials for one are not for the other */
	memset(longer, 'a', sizeof longer);
	memcpy(longer, "rtsp://h/", 9);
	longer[sizeof longer - 1] = '\0';
	assert_true(rtsp_url_parse(longer, &u, NULL) < 0);
}

static void resolves_controls_on_our_host_only(void **state)
{
	static const struct { const char *base, *ref, *out; } cases[] = {
		{"rtsp://cam/live", "trackID=0", "rtsp://cam/live/trackID=0"},
		{"rtsp://cam/live/", "trackID=0", "rtsp://cam/live/trackID=0"},
		{"rtsp://cam/live/", "/trackID=0", "rtsp://cam/live/trackID=0"},
		{"rtsp://cam/live", "/trackID=0", "rtsp://cam/live/trackID=0"},
		{"rtsp://cam/live", "/live/video", "rtsp://cam/live/video"},
		{"rtsp://cam/live", "*", "rtsp://cam/live"},
		{"rtsp://cam/live", "", "rtsp://cam/live"},
		{"rtsp://cam/live", NULL, "rtsp://cam/live"},
		{"rtsp://cam/r?channel=1&subtype=0/", "trackID=0", "rtsp://cam/r?channel=1&subtype=0/trackID=0"},
		{"rtsp://cam:8554/live", "rtsp://192.168.1.64:554/live/track1", "rtsp://cam:8554/live/track1"},
		{"rtsp://cam/live", "rtsp://user:pass@evil/x/y", "rtsp://cam/x/y"},
		{"rtsp://cam/live", "rtspu://evil/x", "rtsp://cam/x"},
		{"rtsp://cam", "track1", "rtsp://cam/track1"},
		{"rtsp://cam/live", "?ctype=video", "rtsp://cam/live?ctype=video"},
	};
	char text[RTSP_URL_TEXT_MAX];
	struct rtsp_url base, out;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(rtsp_url_parse(cases[i].base, &base, NULL), 0);
		assert_int_equal(rtsp_url_resolve(&base, cases[i].ref, &out), 0);
		assert_string_equal(rtsp_url_format(&out, text), cases[i].out);
	}
	assert_true(rtsp_url_resolve(&base, "a b", &out) < 0);
	assert_true(rtsp_url_resolve(&base, "a\r\nX: y", &out) < 0);
}

/* --- reply headers -------------------------------------------------------------- */

static void reads_sessions_and_transports(void **state)
{
	char id[RTSP_SESSION_ID_MAX], longer[RTSP_SESSION_ID_MAX + 10];
	unsigned timeout_s;

	(void)state;
	assert_int_equal(rtsp_reply_session("1234;timeout=30", id, &timeout_s), 0);
	assert_string_equal(id, "1234");
	assert_int_equal(timeout_s, 30);
	assert_int_equal(rtsp_reply_session("ab ; Timeout=0", id, &timeout_s), 0);
	assert_string_equal(id, "ab");
	assert_int_equal(timeout_s, 60);
	assert_int_equal(rtsp_reply_session("x;timeout=99999999999", id, &timeout_s), 0);
	assert_int_equal(timeout_s, 60);
	assert_true(rtsp_reply_session("", id, &timeout_s) < 0);
	assert_true(rtsp_reply_session("\xff\x80", id, &timeout_s) < 0);
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_true(rtsp_reply_session(longer, id, &timeout_s) < 0);

	struct rtsp_reply_transport r;
	assert_int_equal(rtsp_reply_transport("RTP/AVP/TCP;unicast;interleaved=4-7;ssrc=1", &r), 0);
	assert_true(r.tcp && r.has_channels && r.rtp_channel == 4 && r.rtcp_channel == 7);
	assert_int_equal(rtsp_reply_transport("RTP/AVP/TCP;interleaved=2", &r), 0);
	assert_true(r.rtp_channel == 2 && r.rtcp_channel == 3);
	assert_int_equal(rtsp_reply_transport("RTP/AVP/TCP;unicast", &r), 0);
	assert_true(r.tcp && !r.has_channels && !r.multicast);
	assert_int_equal(rtsp_reply_transport("RTP/AVP;unicast;client_port=1-2; server_port=6970-6975;ssrc=A", &r), 0);
	assert_true(!r.tcp && r.rtp_port == 6970 && r.rtcp_port == 6975);
	assert_int_equal(rtsp_reply_transport("RTP/AVP/UDP;unicast;server_port=65534", &r), 0);
	assert_true(r.rtp_port == 65534 && r.rtcp_port == 65535);
	assert_int_equal(rtsp_reply_transport("RTP/AVP;unicast;client_port=1-2", &r), 0);
	assert_true(!r.tcp && r.rtp_port == 0);
	assert_int_equal(rtsp_reply_transport("RTP/AVP;multicast;port=6970-6971", &r), 0);
	assert_true(r.multicast);
	assert_true(rtsp_reply_transport("RTP/AVP/TCP;interleaved=256-257", &r) < 0);
	assert_int_equal(rtsp_reply_transport("RTP/AVP/TCP;interleaved=1-1", &r), 0);
	assert_true(r.rtp_channel == 1 && r.rtcp_channel == 1);
	assert_true(rtsp_reply_transport("RTP/AVP/TCP;interleaved=", &r) < 0);
	assert_true(rtsp_reply_transport("RTP/AVP;server_port=65535", &r) < 0);
	assert_true(rtsp_reply_transport("RTP/AVP;server_port=99999-1", &r) < 0);
	assert_true(rtsp_reply_transport("RTP/AVP;server_port=x", &r) < 0);

	assert_true(rtsp_reply_lists("OPTIONS, get_parameter,PLAY", "GET_PARAMETER"));
	assert_false(rtsp_reply_lists("SET_PARAMETER", "GET_PARAMETER"));
}

static void details_are_clean_utf8(void **state)
{
	char out[DETAIL_MAX], longer[1000];

	(void)state;
	detail_set(out, "a\nb\xff\xe6\x91\x84\xc0\x80\xed\xa0\x80");
	assert_string_equal(out, "a_b_\xe6\x91\x84_____");
	detail_set(out, "\xe6\x91");
	assert_string_equal(out, "__");
	for (size_t i = 0; i + 3 < sizeof longer; i += 3)
		memcpy(longer + i, "\xe6\x91\x84", 4);
	detail_set(out, longer);
	assert_int_equal(strlen(out) % 3, 0);
	detail_set(out, NULL);
	assert_string_equal(out, "");
}

/* --- frames that were broken off ------------------------------------------------------- */

static void add_frame(struct buf *b, uint8_t channel, uint8_t mark, size_t len, size_t sent)
{
	size_t from = b->len;

	buf_add(b, (uint8_t[]){'$', channel, (uint8_t)(len >> 8), (uint8_t)len, 0x80, 96}, 6);
	for (size_t i = 2; i < len; i++)
		buf_add(b, &mark, 1);
	b->len = from + sent;
}

struct torn { unsigned frames, torn, wrong; };

static struct torn read_in_pieces(const struct buf *b, size_t piece)
{
	struct torn got = {0};
	struct rtsp_parse p;
	struct rtsp_item it;
	struct err e;

	rtsp_parse_init(&p);
	for (size_t at = 0; at < b->len; at += piece) {
		size_t room, n = b->len - at < piece ? b->len - at : piece;
		memcpy(rtsp_parse_room(&p, &room), b->data + at, n);
		rtsp_parse_filled(&p, n);
		enum rtsp_parse_result r;
		while ((r = rtsp_parse_next(&p, &it, &e)) == RTSP_PARSE_ITEM) {
			got.torn += it.kind == RTSP_TORN;
			got.frames += it.kind == RTSP_FRAME;
			got.wrong += it.kind == RTSP_FRAME && (it.len != 1000 || it.data[999] != it.data[2]);
		}
		assert_int_equal(r, RTSP_PARSE_MORE);
	}
	rtsp_parse_finish(&p);
	return got;
}

/* Half a frame in the midst of whole ones, wherever it ends and however it is read: at most the frame that swallowed
 * others is wrong, and it is told. */
static void finds_its_way_behind_half_a_frame(void **state)
{
	(void)state;
	for (size_t sent = 1; sent < 1004; sent += 17) {
		for (size_t piece = 1; piece < 12000; piece = piece * 3 + 1) {
			struct buf b = {0};
			for (uint8_t i = 0; i < 10; i++)
				add_frame(&b, i % 2, (uint8_t)(i + 200), 1000, i == 4 ? sent : 1004);
			struct torn got = read_in_pieces(&b, piece);
			assert_in_range(got.frames, 7, 9); /* what comes last may wait for what is behind it */
			assert_in_range(got.wrong, 0, 1);
			assert_true(got.torn == 1 || got.wrong == 0);
			buf_finish(&b);
		}
	}
}

static void gives_up_on_what_is_not_made_out(void **state)
{
	struct buf b = {0};
	enum rtsp_parse_result r = RTSP_PARSE_MORE;
	struct rtsp_parse p;
	struct rtsp_item it;
	struct err e;

	(void)state;
	add_frame(&b, 0, 7, 1000, 1004);
	rtsp_parse_init(&p);
	for (unsigned i = 0; i < 400 && r != RTSP_PARSE_BAD; i++) {
		size_t room;
		uint8_t *to = rtsp_parse_room(&p, &room);
		memset(to, 1, 1004);
		if (i == 0)
			memcpy(to, b.data, 1004);
		rtsp_parse_filled(&p, 1004);
		while ((r = rtsp_parse_next(&p, &it, &e)) == RTSP_PARSE_ITEM)
			assert_int_equal(it.kind, RTSP_FRAME);
	}
	assert_int_equal(r, RTSP_PARSE_BAD);
	rtsp_parse_finish(&p);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_replies_and_frames_in_any_order),
		cmocka_unit_test(tolerates_what_cameras_do),
		cmocka_unit_test(unfolds_and_finds_headers),
		cmocka_unit_test(refuses_what_is_not_rtsp),
		cmocka_unit_test(bounds_what_it_keeps),
		cmocka_unit_test(survives_endless_large_frames),
		cmocka_unit_test(reads_addresses),
		cmocka_unit_test(resolves_controls_on_our_host_only),
		cmocka_unit_test(reads_sessions_and_transports),
		cmocka_unit_test(finds_its_way_behind_half_a_frame),
		cmocka_unit_test(gives_up_on_what_is_not_made_out),
		cmocka_unit_test(details_are_clean_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
