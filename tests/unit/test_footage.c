/* Footage by time: the cut, the plan, the bytes, and what a real decoder makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/call.h"
#include "api/footage_cut.h"
#include "api/range.h"
#include "api_bed.h"
#include "segment_fixture.h"

#define MS(x) ((x) * INT64_C(1000))

static struct wall at_ms(int64_t ms) { return (struct wall){FIXTURE_START_US + MS(ms)}; }

/* --- the cut, pure ------------------------------------------------------------------ */

static void cuts_behind_any_frame(void **state)
{
	(void)state;
	for (uint32_t keep = 1; keep <= 50; keep++) {
		struct buf b = {0};
		struct footage_head h;
		struct footage_cut cut;
		struct moof m;
		fixture_fragment(&b, &(struct fixture_fragment){.start = at_ms(0), .frames = 50, .frame_us = 40000});
		assert_int_equal(footage_head_parse(b.data, b.len, &h), 0);
		/* one tick short of the frame after: that frame does not begin before it */
		assert_int_equal(footage_cut(b.data + h.moof_at, h.moof_bytes, keep * 40000u - 1, 0, &cut), 0);
		assert_int_equal(cut.samples, keep);
		assert_int_equal(cut.video_bytes, keep * FIXTURE_FRAME_BYTES);
		assert_int_equal(moof_parse(b.data + h.moof_at, cut.moof_bytes, &m), 0);
		assert_int_equal(m.video.samples, keep);
		assert_int_equal(m.video.duration, keep * 40000u);
		assert_int_equal(m.video.data_offset, cut.moof_bytes + 8);
		buf_finish(&b);
	}
}

/* Frames of 40 ms from 0, sound of 20 ms from 100 ms before. */
static struct fixture_fragment with_sound(int64_t ms, uint32_t nth)
{
	return (struct fixture_fragment){
		.start = at_ms(ms + nth * INT64_C(2000)), .tfdt = nth * UINT64_C(2000000), .sequence = nth + 1,
		.frames = 50, .frame_us = 40000, .fill = (uint8_t)nth, .audio = 100,
		.audio_tfdt = (900 + nth * 2000) * (FIXTURE_AUDIO_RATE / 1000)};
}

static void cuts_the_sound_with_the_picture(void **state)
{
	(void)state;
	for (uint32_t keep = 0; keep <= 100; keep++) {
		struct fixture_fragment f = with_sound(0, 0);
		struct buf b = {0};
		struct footage_head h;
		struct footage_cut cut;
		struct moof m;
		fixture_fragment(&b, &f);
		assert_int_equal(footage_head_parse(b.data, b.len, &h), 0);
		uint64_t end = f.audio_tfdt + keep * FIXTURE_AUDIO_TICKS;
		assert_int_equal(footage_cut(b.data + h.moof_at, h.moof_bytes, 400000, end, &cut), 0);
		assert_int_equal(cut.samples, 10);
		assert_int_equal(cut.video_bytes, 10 * FIXTURE_FRAME_BYTES);
		assert_int_equal(cut.hole_bytes, 40 * FIXTURE_FRAME_BYTES);
		assert_int_equal(cut.audio_bytes, keep * FIXTURE_AUDIO_BYTES);
		assert_int_equal(moof_parse(b.data + h.moof_at, cut.moof_bytes, &m), 0);
		assert_int_equal(m.video.samples, 10);
		assert_int_equal(m.video.data_offset, cut.moof_bytes + 8);
		assert_int_equal(m.audio.samples, keep); /* contiguous, or it would not parse */
		buf_finish(&b);
	}
}

static void refuses_what_it_cannot_shorten(void **state)
{
	struct buf b = {0};
	struct footage_head h;
	struct footage_cut cut;

	(void)state;
	fixture_fragment(&b, &(struct fixture_fragment){.start = at_ms(0), .frames = 5, .frame_us = 40000});
	for (size_t len = 0; len < 60; len++)
		assert_true(footage_head_parse(b.data, len, &h) < 0);
	assert_int_equal(footage_head_parse(b.data, b.len, &h), 0);
	for (size_t i = 0; i < h.moof_bytes; i++) { /* any broken byte: an answer, never a read outside */
		uint8_t *copy = malloc(h.moof_bytes);
		memcpy(copy, b.data + h.moof_at, h.moof_bytes);
		copy[i] ^= 0xff;
		(void)footage_cut(copy, h.moof_bytes, 80000, 8000, &cut);
		free(copy);
	}
	buf_finish(&b);
}

static void decides_ranges(void **state)
{
	static const struct { const char *range, *if_range, *none_match; enum range_answer want; uint64_t first, last; } t[] = {
		{NULL, NULL, NULL, RANGE_WHOLE, 0, 99}, {"bytes=0-0", NULL, NULL, RANGE_PART, 0, 0},
		{"bytes=10-", NULL, NULL, RANGE_PART, 10, 99}, {"bytes=-10", NULL, NULL, RANGE_PART, 90, 99},
		{"bytes=-1000", NULL, NULL, RANGE_PART, 0, 99}, {"bytes=5-1000", NULL, NULL, RANGE_PART, 5, 99},
		{"bytes=100-", NULL, NULL, RANGE_NONE, 0, 0}, {"bytes=-0", NULL, NULL, RANGE_NONE, 0, 0},
		{"bytes=5-4", NULL, NULL, RANGE_WHOLE, 0, 99}, {"bytes=0-1,4-5", NULL, NULL, RANGE_WHOLE, 0, 99},
		{"bytes=x-", NULL, NULL, RANGE_WHOLE, 0, 99}, {"lines=0-1", NULL, NULL, RANGE_WHOLE, 0, 99},
		{"bytes=99999999999999999999-", NULL, NULL, RANGE_WHOLE, 0, 99},
		{"bytes=0-0", "\"e\"", NULL, RANGE_PART, 0, 0}, {"bytes=0-0", "\"f\"", NULL, RANGE_WHOLE, 0, 99},
		{NULL, NULL, "\"e\"", RANGE_NOT_MODIFIED, 0, 0}, {NULL, NULL, "\"f\", W/\"e\"", RANGE_NOT_MODIFIED, 0, 0},
		{NULL, NULL, "\"f\"", RANGE_WHOLE, 0, 99},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct http_header h[3];
		struct http_request r = {.method = "GET", .headers = h};
		uint64_t first, last;
		if (t[i].range)
			h[r.header_count++] = (struct http_header){"Range", t[i].range};
		if (t[i].if_range)
			h[r.header_count++] = (struct http_header){"If-Range", t[i].if_range};
		if (t[i].none_match)
			h[r.header_count++] = (struct http_header){"If-None-Match", t[i].none_match};
		assert_int_equal(range_decide(&r, "\"e\"", 100, &first, &last), t[i].want);
		if (t[i].want == RANGE_PART) {
			assert_int_equal(first, t[i].first);
			assert_int_equal(last, t[i].last);
		}
	}
}

/* --- over HTTP, with segments made by hand -------------------------------------------------- */

/* A segment of `count` two-second fragments that begins `ms` after the fixture's start. */
static void add(struct bed *b, int64_t ms, uint32_t count, bool is_open)
{
	struct buf bytes = {0};

	fixture_init(&bytes);
	for (uint32_t i = 0; i < count; i++)
		fixture_fragment(&bytes, &(struct fixture_fragment){.start = at_ms(ms + i * INT64_C(2000)),
			.tfdt = i * UINT64_C(2000000), .sequence = i + 1, .frames = 50, .frame_us = 40000, .fill = (uint8_t)i});
	bed_add_segment(b, &bytes, is_open);
	buf_finish(&bytes);
}

static void add_with_sound(struct bed *b, int64_t ms, uint32_t count)
{
	struct buf bytes = {0};

	fixture_init_with_sound(&bytes);
	for (uint32_t i = 0; i < count; i++) {
		struct fixture_fragment f = with_sound(ms, i);
		fixture_fragment(&bytes, &f);
	}
	bed_add_segment(b, &bytes, false);
	buf_finish(&bytes);
}

/* What a player sees of a body: per fragment its decode time, and in all its frames. */
struct seen { unsigned fragments, frames; uint64_t at[64], sequence[64], end; };

static void look(struct seen *s, const uint8_t *p, size_t len)
{
	*s = (struct seen){0};
	for (struct box box; len; p += box.size, len -= box.size) {
		struct moof m;
		assert_int_equal(box_read(p, len, &box), 0);
		assert_true(box.size <= len);
		if (box.type != BOX_MOOF)
			continue;
		assert_int_equal(moof_parse(p, box.size, &m), 0);
		s->at[s->fragments] = m.video.decode_time;
		s->sequence[s->fragments++] = m.sequence;
		s->frames += m.video.samples;
		s->end = m.video.decode_time + m.video.duration;
	}
}

static int fetch(struct bed *b, struct client *c, const char *method, int64_t from_ms, int64_t to_ms, const char *more)
{
	char path[300];

	bed_footage_path(path, at_ms(from_ms), at_ms(to_ms));
	return bed_ask(b, c, method, path, b->admin, more, NULL);
}

static void gives_whole_frames_of_the_range(void **state)
{
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	add(&b, 0, 10, false);
	assert_int_equal(fetch(&b, &c, "GET", 3300, 7100, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 3);       /* from 2 s (key frame), 4 s, 6 s */
	assert_int_equal(s.frames, 50 + 50 + 28); /* 6.00 … 7.08 */
	assert_int_equal(s.at[0], 0);
	assert_int_equal(s.at[2], 4000000);
	assert_int_equal(s.sequence[0], 1);
	assert_int_equal(s.sequence[2], 3);
	assert_non_null(strstr(client_text(&c), "Holdfast-Gaps: 0\r\n"));
	assert_non_null(strstr(client_text(&c), "Holdfast-Given: 2026-11-24T00:00:02.123457Z/2026-11-24T00:00:07.243457Z\r\n"));
	client_finish(&c);
	bed_close(&b);
}

/* The sound of a body: where each fragment's begins, in ms after the body's first frame, and every byte. */
static void look_at_sound(const uint8_t *p, size_t len, const int64_t *want_ms, const unsigned *want_frames)
{
	unsigned n = 0;

	for (struct box box; len; p += box.size, len -= box.size) {
		struct moof m;
		assert_int_equal(box_read(p, len, &box), 0);
		if (box.type != BOX_MOOF)
			continue;
		assert_int_equal(moof_parse(p, box.size, &m), 0);
		assert_int_equal(m.audio.samples, want_frames[n]);
		assert_int_equal((int64_t)m.audio.decode_time / (FIXTURE_AUDIO_RATE / 1000) - 1000, want_ms[n]);
		const uint8_t *sound = p + m.audio.data_offset;
		for (unsigned i = 0; i < m.audio.data_bytes; i++)
			assert_int_equal(sound[i], (uint8_t)(0x80 + i / FIXTURE_AUDIO_BYTES));
		n++;
	}
}

static void gives_the_sound_of_the_range(void **state)
{
	static const int64_t at[] = {-100, 1900, 3900, 5900};
	static const unsigned frames[] = {100, 100, 100, 5 + 54};
	struct bed b;
	struct client c, part;
	struct seen s;

	(void)state;
	bed_open(&b);
	add_with_sound(&b, 0, 3);
	add_with_sound(&b, 6000, 3);
	assert_int_equal(fetch(&b, &c, "GET", 3300, 9070, NULL), 200);
	const uint8_t *body = (const uint8_t *)client_body(&c);
	size_t len = client_body_len(&c);
	look(&s, body, len);
	assert_int_equal(s.fragments, 4); /* 2 s, 4 s, 6 s of the next file, 8 s */
	assert_int_equal(s.frames, 150 + 27);
	assert_int_equal(s.at[2], 4000000);
	look_at_sound(body, len, at, frames);
	for (size_t from = len - 5000; from < len; from += 311) { /* around the cut */
		char more[100];
		size_t to = from + 700 < len ? from + 700 : len - 1;
		snprintf(more, sizeof more, "Range: bytes=%zu-%zu\r\n", from, to);
		assert_int_equal(fetch(&b, &part, "GET", 3300, 9070, more), 206);
		assert_memory_equal(client_body(&part), body + from, to - from + 1);
		client_finish(&part);
	}
	client_finish(&c);
	bed_close(&b);
}

static void shows_gaps_as_jumps(void **state)
{
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	add(&b, 0, 3, false);
	add(&b, 16500, 3, false);
	bed_sql(&b, "INSERT INTO gap (camera, start, end, cause) VALUES "
		    "('playroom-east', 1795478406123457, 1795478416623457, 'camera_unreachable')");
	assert_int_equal(fetch(&b, &c, "GET", 4000, 18500, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 2);
	assert_int_equal(s.at[0], 0);
	assert_int_equal(s.at[1], 12500000);
	assert_non_null(strstr(client_text(&c), "Holdfast-Gaps: 1, 2026-11-24T00:00:06.123457Z/"
						"2026-11-24T00:00:16.623457Z camera_unreachable\r\n"));
	client_finish(&c);
	/* wholly in the gap */
	assert_int_equal(fetch(&b, &c, "GET", 7000, 9000, NULL), 404);
	assert_non_null(strstr(client_body(&c), "\"nearest\":{\"before\":\"2026-11-24T00:00:06.123457Z\","
						"\"after\":\"2026-11-24T00:00:16.623457Z\"}"));
	assert_non_null(strstr(client_body(&c), "camera_unreachable"));
	client_finish(&c);
	bed_close(&b);
}

/* The clock was set back to 7 s when 20 s had been recorded; then 6 s more were, from `again` on. */
static void lived_twice(struct bed *b, int64_t again_ms)
{
	char sql[400];
	int64_t first = at_ms(0).us, back = at_ms(7000).us;

	add(b, 0, 10, false);
	add(b, again_ms, 3, false);
	snprintf(sql, sizeof sql, "INSERT INTO life VALUES ('playroom-east', 1, %lld, NULL, 0, 0, 0, 0); "
		 "INSERT INTO past_file VALUES ('playroom-east', %lld, 1)", (long long)back, (long long)first);
	bed_sql(b, sql);
}

static void gives_of_time_lived_twice_what_was_recorded_last(void **state)
{
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	lived_twice(&b, 9000);
	assert_int_equal(fetch(&b, &c, "GET", 0, 15000, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 4 + 3);
	assert_int_equal(s.at[3], 6000000);
	assert_int_equal(s.at[4], 9000000);
	assert_null(strstr(client_text(&c), "Holdfast-Superseded"));
	client_finish(&c);
	bed_close(&b);
}

static void a_fragment_makes_way_for_the_footage_of_its_time(void **state)
{
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	lived_twice(&b, 7500);
	assert_int_equal(fetch(&b, &c, "GET", 0, 15000, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 3 + 3);
	assert_int_equal(s.at[2], 4000000);
	assert_int_equal(s.at[3], 7500000);
	client_finish(&c);
	bed_close(&b);
}

/* As the scrub marks it: no frames; and the bytes are wrong, too. */
static void spoil(struct bed *b, int64_t ms, unsigned n)
{
	struct fragment_index x;
	struct buf packed = {0};
	char name[256], path[900];
	sqlite3_stmt *s;

	sqlite3_prepare_v2(b->db, "SELECT fragments, init_bytes FROM segment WHERE start = ?", -1, &s, NULL);
	sqlite3_bind_int64(s, 1, at_ms(ms).us);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(fragment_index_unpack(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), at_ms(ms),
					       sqlite3_column_int64(s, 1), &x), 0);
	sqlite3_finalize(s);
	x.items[n].frames = 0;
	fragment_index_pack(&x, &packed);
	sqlite3_prepare_v2(b->db, "UPDATE segment SET fragments = ? WHERE start = ?", -1, &s, NULL);
	sqlite3_bind_blob(s, 1, packed.data, (int)packed.len, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, at_ms(ms).us);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	segment_archive_name(name, "playroom-east", at_ms(ms));
	snprintf(path, sizeof path, "%s/archive/%s", b->root, name);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, (long)x.items[n].offset + 36, SEEK_SET); /* the moof's type */
	fputs("xxxx", f);
	fclose(f);
	buf_finish(&packed);
	fragment_index_finish(&x);
}

static void goes_around_what_is_damaged(void **state)
{
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	add(&b, 0, 10, false);
	spoil(&b, 0, 4);
	assert_int_equal(fetch(&b, &c, "GET", 6000, 14000, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 3); /* 6, 10 and 12 s */
	assert_int_equal(s.at[1], 4000000);
	assert_int_equal(s.sequence[2], 3);
	client_finish(&c);
	spoil(&b, 0, 0); /* by whose tfdt a file's times are known */
	assert_int_equal(fetch(&b, &c, "GET", 0, 20000, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 8);
	assert_int_equal(s.at[0], 0);
	assert_int_equal(s.at[3], 8000000);
	client_finish(&c);
	assert_int_equal(fetch(&b, &c, "GET", 8100, 9900, NULL), 404);
	client_finish(&c);
	bed_close(&b);
}

static void every_range_of_bytes_is_the_same_bytes(void **state)
{
	struct bed b;
	struct client whole, part;
	char more[100], etag[60];

	(void)state;
	bed_open(&b);
	add(&b, 0, 3, false);
	add(&b, 6000, 3, false);
	assert_int_equal(fetch(&b, &whole, "GET", 500, 11100, NULL), 200);
	size_t len = client_body_len(&whole);
	for (size_t from = 0; from < len; from += 1237) {
		size_t to = from + 3001 < len ? from + 3001 : len - 1;
		snprintf(more, sizeof more, "Range: bytes=%zu-%zu\r\n", from, to);
		assert_int_equal(fetch(&b, &part, "GET", 500, 11100, more), 206);
		assert_int_equal(client_body_len(&part), to - from + 1);
		assert_memory_equal(client_body(&part), client_body(&whole) + from, to - from + 1);
		client_finish(&part);
	}
	assert_int_equal(sscanf(strstr(client_text(&whole), "ETag: "), "ETag: %50s", etag), 1);
	snprintf(more, sizeof more, "If-None-Match: %s\r\n", etag);
	assert_int_equal(fetch(&b, &part, "GET", 500, 11100, more), 304);
	client_finish(&part);
	snprintf(more, sizeof more, "Range: bytes=%zu-\r\n", len);
	assert_int_equal(fetch(&b, &part, "GET", 500, 11100, more), 416);
	client_finish(&part);
	assert_int_equal(fetch(&b, &part, "HEAD", 500, 11100, NULL), 200);
	snprintf(more, sizeof more, "Content-Length: %zu\r\n", len);
	assert_non_null(strstr(client_text(&part), more));
	assert_non_null(strstr(client_text(&part), etag));
	client_finish(&part);
	client_finish(&whole);
	bed_close(&b);
}

static void follows_a_file_that_was_published_meanwhile(void **state)
{
	char from[512], to[512], name[256];
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	add(&b, 0, 3, true);
	assert_int_equal(fetch(&b, &c, "GET", 0, 5000, NULL), 200);
	client_finish(&c);
	segment_incoming_name(name, "playroom-east", at_ms(0), ".open");
	snprintf(from, sizeof from, "%s/incoming/%s", b.root, name);
	segment_archive_name(name, "playroom-east", at_ms(0));
	snprintf(to, sizeof to, "%s/archive/%s", b.root, name);
	*strrchr(to, '/') = '\0';
	fs_mkdirs(fs_real(), to, 0700);
	to[strlen(to)] = '/';
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(fetch(&b, &c, "GET", 0, 5000, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.frames, 125);
	client_finish(&c);
	bed_close(&b);
}

static void never_gives_a_damaged_fragment(void **state)
{
	char path[512], name[256];
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b);
	add(&b, 0, 3, false);
	segment_archive_name(name, "playroom-east", at_ms(0));
	snprintf(path, sizeof path, "%s/archive/%s", b.root, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t end = lseek(fd, 0, SEEK_END);
	assert_int_equal(pwrite(fd, "X", 1, end - 10), 1);
	close(fd);
	assert_int_equal(fetch(&b, &c, "GET", 0, 3900, NULL), 200); /* not touched by it */
	client_finish(&c);
	assert_int_equal(fetch(&b, &c, "GET", 0, 6000, NULL), -1); /* the promised length does not come */
	client_finish(&c);
	bed_close(&b);
}

/* --- large fragments: of these the samples go from the file to the socket ---------------------- */

/* Two seconds each: of 220 KB and of 1.1 MB, whose head is longer than a block, in turn. */
static void add_large(struct bed *b, unsigned fragments, char path[512], size_t *third_at)
{
	struct buf bytes = {0};
	char name[256];

	fixture_init(&bytes);
	for (uint32_t i = 0; i < fragments; i++) {
		uint32_t frames = i % 2 ? 25000 : 5000;
		if (i == 2)
			*third_at = bytes.len;
		fixture_fragment(&bytes, &(struct fixture_fragment){.start = at_ms(i * INT64_C(2000)), .tfdt = i * UINT64_C(2000000),
			.sequence = i + 1, .frames = frames, .frame_us = 2000000 / frames, .fill = (uint8_t)i});
	}
	bed_add_segment(b, &bytes, false);
	buf_finish(&bytes);
	segment_archive_name(name, "playroom-east", at_ms(0));
	snprintf(path, 512, "%s/archive/%s", b->root, name);
}

static void ask_large(struct bed *b, int64_t end_ms, struct client *c)
{
	char path[300];
	int small = 65536;

	bed_footage_path(path, at_ms(0), at_ms(end_ms));
	client_tcp(c, &b->loop, api_port(b->api, 0));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	client_say(c, "GET ");
	client_say(c, path);
	client_say(c, " HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer ");
	client_say(c, b->admin);
	client_say(c, "\r\n\r\n");
}

static void same_range(struct bed *b, const struct client *whole, size_t from, size_t bytes)
{
	struct client *w = (struct client *)whole, part;
	size_t len = client_body_len(w), to = from + bytes < len ? from + bytes : len;
	char more[100];

	snprintf(more, sizeof more, "Range: bytes=%zu-%zu\r\n", from, to - 1);
	assert_int_equal(fetch(b, &part, "GET", 2000, 10000, more), 206);
	assert_int_equal(client_body_len(&part), to - from);
	assert_memory_equal(client_body(&part), client_body(w) + from, to - from);
	client_finish(&part);
}

/* They begin and end in heads and in samples. */
static void large_fragments_are_the_same_bytes(void **state)
{
	char path[512];
	size_t third_at;
	struct bed b;
	struct client c;
	struct seen s;

	(void)state;
	bed_open(&b);
	add_large(&b, 5, path, &third_at);
	assert_int_equal(fetch(&b, &c, "GET", 2000, 10000, NULL), 200);
	look(&s, (const uint8_t *)client_body(&c), client_body_len(&c));
	assert_int_equal(s.fragments, 4);
	assert_int_equal(s.at[1], 2000000); /* in its file it is at 4 s */
	assert_int_equal(s.frames, 60000);
	for (size_t from = 0; from < client_body_len(&c); from += 90001) {
		same_range(&b, &c, from, 90001);
		same_range(&b, &c, from, 700001);
	}
	same_range(&b, &c, third_at, 200000);
	same_range(&b, &c, third_at + 50, 200000);
	client_finish(&c);
	bed_close(&b);
}

/* What stands before the damaged fragment is given; of that no byte. */
static void nothing_of_a_damaged_block_in_the_middle_is_given(void **state)
{
	char path[512];
	size_t third_at;
	struct bed b;
	struct client whole, c;

	(void)state;
	bed_open(&b);
	add_large(&b, 5, path, &third_at);
	assert_int_equal(fetch(&b, &whole, "GET", 0, 10000, NULL), 200);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "XYZ", 3, (off_t)third_at + 200000), 3);
	close(fd);
	assert_int_equal(fetch(&b, &c, "GET", 0, 10000, NULL), -1);
	assert_int_equal(client_body_len(&c), third_at);
	assert_memory_equal(client_body(&c), client_body(&whole), client_body_len(&c));
	client_finish(&c);
	client_finish(&whole);
	bed_close(&b);
}

/* At any of the first turns: while it is prepared, checked, sent, or the socket is full. */
static void a_client_may_leave_in_the_middle(void **state)
{
	char file[512];
	size_t third_at;
	struct bed b;

	(void)state;
	bed_open(&b);
	add_large(&b, 5, file, &third_at);
	for (unsigned turns = 0; turns < 12; turns++) {
		struct client c;
		ask_large(&b, 10000, &c);
		for (unsigned i = 0; i < turns; i++)
			client_turn(&c);
		client_finish(&c);
	}
	struct client c;
	assert_int_equal(fetch(&b, &c, "GET", 0, 10000, NULL), 200);
	client_finish(&c);
	bed_close(&b);
}

/* More of them than there are threads, none of which reads: others are answered as if they were not there. */
static void slow_clients_hold_no_thread(void **state)
{
	char path[512];
	size_t third_at;
	struct bed b;
	struct client whole, again, slow[6];

	(void)state;
	bed_open(&b);
	add_large(&b, 30, path, &third_at);
	for (unsigned i = 0; i < 6; i++)
		ask_large(&b, 60000, &slow[i]);
	assert_int_equal(fetch(&b, &whole, "GET", 0, 60000, NULL), 200);
	assert_int_equal(fetch(&b, &again, "GET", 0, 60000, NULL), 200);
	assert_true(b.api->footage_bytes < 5 * client_body_len(&whole)); /* what is not taken is not sent either */
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(client_answer(&slow[i], false), 200);
		assert_int_equal(client_body_len(&slow[i]), client_body_len(&whole));
		assert_memory_equal(client_body(&slow[i]), client_body(&whole), client_body_len(&whole));
		client_finish(&slow[i]);
	}
	client_finish(&again);
	client_finish(&whole);
	bed_close(&b);
}

static void refuses_what_cannot_be_answered(void **state)
{
	static const struct { const char *query; int status; const char *says; } t[] = {
		{"start=2026-11-24T00:00:01Z", 400, "\"field\":\"end\""},
		{"start=2026-11-24T00:00:01&end=2026-11-24T00:00:02Z", 400, "\"field\":\"start\""},
		{"start=2026-11-24T08:00:01%2008:00&end=2026-11-24T00:00:02Z", 400, "write + as %2B"},
		{"start=2026-11-24T00:00:02Z&end=2026-11-24T00:00:02Z", 400, "\"field\":\"end\""},
		{"start=2026-11-24T00:00:02Z&end=2027-11-24T00:00:02Z", 400, "24 hours"},
		{"start=2026-11-24T00:59:00Z&end=2026-11-24T02:00:00Z", 400, "future"},
		{"start=2026-11-24T00:00:01Z&end=2026-11-24T00:00:02Z&speed=2", 400, "\"field\":\"speed\""},
		{"start=2026-11-24T08:00:01+08:00&end=2026-11-24T08:00:02%2B08:00", 200, ""},
	};
	struct bed b;

	(void)state;
	bed_open(&b);
	add(&b, 0, 3, false);
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct client c;
		char path[300];
		snprintf(path, sizeof path, "/api/v1/cameras/playroom-east/footage.mp4?%s", t[i].query);
		int status = bed_ask(&b, &c, "GET", path, b.admin, NULL, NULL);
		if (status != t[i].status || !strstr(client_text(&c), t[i].says))
			fail_msg("%s: %d %s", t[i].query, status, client_text(&c));
		client_finish(&c);
	}
	assert_int_equal(bed_status(&b, "GET", "/api/v1/cameras/nobody/footage.mp4?start=2026-11-24T00:00:01Z&"
				    "end=2026-11-24T00:00:02Z", b.admin, NULL), 404);
	/* sound begins at 6 s */
	add_with_sound(&b, 6000, 3);
	struct client c;
	assert_int_equal(fetch(&b, &c, "GET", 1000, 8000, NULL), 409);
	assert_non_null(strstr(client_body(&c), "\"ranges\":[{\"start\":\"2026-11-24T00:00:01.123457Z\",\"end\":"
		"\"2026-11-24T00:00:06.123457Z\"},{\"start\":\"2026-11-24T00:00:06.123457Z\",\"end\":\"2026-11-24T00:00:08.123457Z\"}]"));
	client_finish(&c);
	bed_close(&b);
}

/* --- parameter sets ------------------------------------------------------------------------------- */

/* A file of one format and some parameter sets, which may say that it brings its own. */
enum { IN_BAND = 1, VARY = 2, LARGER = 4 };

static void add_of(struct bed *b, int64_t ms, uint8_t sets, unsigned how)
{
	static const uint8_t avcc[] = {1, 77, 0, 31, 0xff, 0xe1, 0, 4, 0x67, 77, 0, 31, 1, 0, 2, 0x68};
	struct buf plain = {0}, bytes = {0};
	uint8_t *p;

	fixture_init(&plain);
	p = memmem(plain.data, plain.len, "avc1", 4);
	assert_non_null(p);
	size_t at = (size_t)(p - plain.data) - 4;
	for (const char *const *box = (const char *const[]){"moov", "trak", "mdia", "minf", "stbl", "stsd", "avc1", NULL}; *box; box++) {
		uint8_t *q = memmem(plain.data, plain.len, *box, 4);
		put_u32be(q - 4, get_u32be(q - 4) + 8 + sizeof avcc + 1);
	}
	if (how & VARY)
		p[3] = '3';
	put_u16be(plain.data + at + 32, how & LARGER ? 704 : 640);
	buf_add(&bytes, plain.data, at + 86);
	fixture_u32(&bytes, 8 + sizeof avcc + 1);
	fixture_u32(&bytes, FOURCC('a', 'v', 'c', 'C'));
	buf_add(&bytes, avcc, sizeof avcc);
	buf_add(&bytes, &sets, 1);
	buf_add(&bytes, plain.data + at + 86, plain.len - at - 86);
	if (how & IN_BAND)
		assert_int_equal(moov_mark_sets_in_band(&bytes), 0);
	fixture_fragment(&bytes, &(struct fixture_fragment){.start = at_ms(ms), .sequence = 1, .frames = 50, .frame_us = 40000});
	bed_add_segment(b, &bytes, false);
	buf_finish(&plain);
	buf_finish(&bytes);
}

/* Files of 2 s each, in this order: what the answer is, and whose init and sample entry it has. */
static void joins(const uint8_t files[][2], unsigned count, int want, uint8_t sets, const char *entry)
{
	struct client c;
	struct bed b;

	bed_open(&b);
	for (unsigned i = 0; i < count; i++)
		add_of(&b, i * INT64_C(2000), files[i][0], files[i][1]);
	assert_int_equal(fetch(&b, &c, "GET", 100, (int64_t)count * 2000, NULL), want);
	if (want == 200) {
		const char *body = client_body(&c), *avcc = memmem(body, 1000, "avcC", 4);
		assert_non_null(memmem(body, 1000, entry, 4));
		assert_int_equal((uint8_t)avcc[4 + 16], sets);
		struct seen s;
		look(&s, (const uint8_t *)body, client_body_len(&c));
		assert_int_equal(s.fragments, count);
	}
	client_finish(&c);
	bed_close(&b);
}

static void parameter_sets_that_change_in_one_format(void **state)
{
	(void)state;
	joins((const uint8_t[][2]){{1, 0}, {1, 0}}, 2, 200, 1, "avc1");                         /* as ever */
	joins((const uint8_t[][2]){{1, 0}, {2, 0}}, 2, 409, 0, "");                             /* the second needs its own */
	joins((const uint8_t[][2]){{1, IN_BAND}, {1, IN_BAND}}, 2, 200, 1, "avc1");
	joins((const uint8_t[][2]){{1, IN_BAND}, {2, IN_BAND | VARY}, {3, IN_BAND | VARY}}, 3, 200, 1, "avc3");
	joins((const uint8_t[][2]){{2, IN_BAND | VARY}}, 1, 200, 2, "avc3");
	joins((const uint8_t[][2]){{1, 0}, {1, IN_BAND}}, 2, 200, 1, "avc1");                   /* of before, and of today */
	joins((const uint8_t[][2]){{2, IN_BAND}, {1, 0}, {3, IN_BAND}}, 3, 200, 1, "avc3");     /* one needs sets 1 */
	joins((const uint8_t[][2]){{1, IN_BAND}, {1, 0}, {2, 0}}, 3, 409, 0, "");
	joins((const uint8_t[][2]){{1, IN_BAND}, {1, IN_BAND | LARGER}}, 2, 409, 0, "");        /* the size really changes */
}

/* --- with a real encoder and a real decoder ------------------------------------------------------- */

/* Encodes 12 s of 25 Hz with a key frame every 2 s, as the recorder muxes it, begun at `start`. */
static bool encode(struct bed *b, struct wall start, struct buf *out)
{
	char command[600], path[100];
	size_t len;
	char *data;

	snprintf(path, sizeof path, "%s/enc.mp4", b->dir);
	snprintf(command, sizeof command,
		 "ffmpeg -v error -y -f lavfi -i testsrc2=size=640x360:rate=25 -t 12 -c:v libx264 -preset ultrafast -b:v 3M "
		 "-g 50 -keyint_min 50 -sc_threshold 0 -bf 0 -flags +bitexact -fflags +bitexact -write_prft wallclock "
		 "-video_track_timescale 90000 -movflags +frag_keyframe+empty_moov+default_base_moof+skip_trailer %s", path);
	if (system(command) != 0 || fs_read_all(fs_real(), path, 64 << 20, &data, &len) < 0)
		return false;
	unlink(path);
	buf_add(out, data, len);
	free(data);
	uint8_t *prft = NULL;
	struct box box;
	struct moof m;
	for (uint8_t *p = out->data, *end = p + len; p < end && box_read(p, (size_t)(end - p), &box) == 0; p += box.size) {
		if (box.type == BOX_PRFT)
			prft = p;
		if (box.type == BOX_MOOF && moof_parse(p, box.size, &m) == 0 && prft)
			prft_patch(prft, (struct wall){start.us + (int64_t)(m.video.decode_time * 1000000 / 90000)});
	}
	return prft != NULL;
}

static unsigned lines_of(const char *command, char *first, size_t room)
{
	FILE *f = popen(command, "r");
	char line[300];
	unsigned n = 0;

	first[0] = '\0';
	while (f && fgets(line, sizeof line, f)) {
		if (line[0] != '\n' && n++ == 0) /* ffprobe ends a frame with side data by an empty line */
			snprintf(first, room, "%s", line);
	}
	pclose(f);
	return n;
}

static void a_decoder_sees_every_frame_and_the_gap(void **state)
{
	char path[100], command[300], text[300];
	struct buf first = {0}, second = {0};
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b);
	if (!encode(&b, at_ms(0), &first) || !encode(&b, at_ms(15000), &second)) {
		bed_close(&b);
		skip();
	}
	bed_add_segment(&b, &first, false);
	bed_add_segment(&b, &second, false);
	assert_int_equal(fetch(&b, &c, "GET", 5300, 19100, NULL), 200);
	snprintf(path, sizeof path, "%s/got.mp4", b.dir);
	assert_int_equal(fs_replace(fs_real(), path, client_body(&c), client_body_len(&c), 0600), 0);
	snprintf(command, sizeof command, "ffmpeg -v error -xerror -i %s -f null - 2>&1", path);
	assert_int_equal(lines_of(command, text, sizeof text), 0);
	/* 4 … 12 s and 15 … 19.08 s */
	snprintf(command, sizeof command, "ffprobe -v error -select_streams v -show_entries frame=pts_time -of csv=p=0 %s", path);
	assert_int_equal(lines_of(command, text, sizeof text), 200 + 103);
	assert_true(strtod(text, NULL) == 0.0);
	snprintf(command, sizeof command, "ffprobe -v error -select_streams v -show_entries frame=pts_time -of csv=p=0 %s | tail -1",
		 path);
	lines_of(command, text, sizeof text);
	assert_true(strtod(text, NULL) > 15.079 && strtod(text, NULL) < 15.081);
	client_finish(&c);
	buf_finish(&first);
	buf_finish(&second);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_behind_any_frame),
		cmocka_unit_test(cuts_the_sound_with_the_picture),
		cmocka_unit_test(refuses_what_it_cannot_shorten),
		cmocka_unit_test(decides_ranges),
		cmocka_unit_test(gives_whole_frames_of_the_range),
		cmocka_unit_test(gives_the_sound_of_the_range),
		cmocka_unit_test(shows_gaps_as_jumps),
		cmocka_unit_test(gives_of_time_lived_twice_what_was_recorded_last),
		cmocka_unit_test(a_fragment_makes_way_for_the_footage_of_its_time),
		cmocka_unit_test(goes_around_what_is_damaged),
		cmocka_unit_test(every_range_of_bytes_is_the_same_bytes),
		cmocka_unit_test(follows_a_file_that_was_published_meanwhile),
		cmocka_unit_test(never_gives_a_damaged_fragment),
		cmocka_unit_test(large_fragments_are_the_same_bytes),
		cmocka_unit_test(nothing_of_a_damaged_block_in_the_middle_is_given),
		cmocka_unit_test(a_client_may_leave_in_the_middle),
		cmocka_unit_test(slow_clients_hold_no_thread),
		cmocka_unit_test(refuses_what_cannot_be_answered),
		cmocka_unit_test(parameter_sets_that_change_in_one_format),
		cmocka_unit_test(a_decoder_sees_every_frame_and_the_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
