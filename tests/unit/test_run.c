#include "base/lang.h"
#include "media/box.h"
#include "recorder/detail.h"
#include "recorder/media_fault.h"
#include "audio_fixture.h"
#include "run_stage.h"

static void test_segments_tile(void **state)
{
	(void)state;
	struct wall covered, until;
	struct run_stats st;
	unsigned frames = 0;

	begin(15, 10);
	assert_false(run_covered_until(w.run, &until));
	play(7, 15 * 40 + 7, -1); /* from the middle of a GOP */
	run_stats(w.run, &st);
	assert_true(st.fps > 13 && st.fps < 17 && st.lost_packets == 0 && st.bits_per_s > 100000);
	assert_true(run_covered_until(w.run, &until));
	end(&covered);
	assert_int_equal(w.ups, 1);
	assert_int_equal(w.downs + w.brokens, 0);
	assert_int_equal(w.up.us, w.segments[0].begin.start.us);
	assert_true(w.count >= 4);
	for (unsigned i = 0; i < w.count; i++) {
		check_segment(&w.segments[i]);
		if (i + 1 < w.count)
			assert_int_equal(w.segments[i].end.us, w.segments[i + 1].begin.start.us);
		frames += w.segments[i].frames;
	}
	assert_int_equal(frames, 15 * 40 - 8);
	assert_int_equal(covered.us, w.segments[w.count - 1].end.us);
	assert_true(llabs(covered.us - w.clock.wall.us) < 100 * US_PER_MS);
	finish();
}

static void test_stall_and_resume(void **state)
{
	(void)state;
	begin(15, 300);
	play(0, 45, -1);
	int64_t stopped = w.clock.wall.us;
	silence(1800);
	assert_int_equal(w.downs, 0);
	silence(1200);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.cause, CAUSE_STREAM_STALLED);
	assert_true(llabs(w.down.us - stopped) < 100 * US_PER_MS);
	assert_true(w.segments[0].closed && w.segments[0].end.us == w.down.us);
	assert_int_equal(w.segments[0].frames, 45); /* the last one too */
	int64_t again = w.clock.wall.us;
	play(50, 90, -1);
	assert_int_equal(w.ups, 2);
	assert_true(llabs(w.up.us - again - 10 * US_PER_S / 15) < 100 * US_PER_MS);
	end(NULL);
	check_segment(&w.segments[1]);
	finish();
}

static void test_loss_closes_until_next_key(void **state)
{
	(void)state;
	begin(15, 300);
	play(0, 20, -1);
	play(20, 50, 0);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.cause, CAUSE_STREAM_STALLED);
	assert_int_equal(w.segments[0].frames, 20);
	assert_true(llabs(w.down.us - T0 - 20 * US_PER_S / 15) < 20 * US_PER_MS);
	assert_int_equal(w.ups, 2);
	assert_true(llabs(w.up.us - T0 - 30 * US_PER_S / 15) < 20 * US_PER_MS);
	end(NULL);
	check_segment(&w.segments[0]);
	check_segment(&w.segments[1]);
	finish();
}

/* The stream is kept however long that takes, the wait is told once, and it is recorded from the first key frame on. */
static void test_no_key_frame_for_a_minute(void **state)
{
	(void)state;
	begin(60, 300);
	for (int n = 0; n < 31; n++)
		play(1, 30, -1);
	assert_int_equal(w.brokens, 0);
	assert_int_equal(w.ups, 0);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.cause, CAUSE_STREAM_UNUSABLE);
	assert_non_null(strstr(w.detail, "no key frame yet"));
	int64_t began = w.clock.wall.us;
	play(0, 60, -1);
	assert_int_equal(w.ups, 1);
	assert_true(llabs(w.up.us - began) < 100 * US_PER_MS);
	end(NULL);
	check_segment(&w.segments[0]);
	finish();
}

/* GOPs of 25 s: fragments of 2 s at most, all of which a player can follow, and one file for the whole. */
static void test_a_key_frame_every_25_s(void **state)
{
	struct wall covered;

	(void)state;
	struct rtp_fixture_conf c = {"libx264", 320, 240, 375, 375, 0, 1, 100, 15};
	begin_coded(&c, TRACK_H264, 20, NULL);
	play(300, 375 * 3, -1);
	end(&covered);
	assert_int_equal(w.ups, 1);
	assert_int_equal(w.downs + w.brokens, 0);
	assert_int_equal(w.count, 2);
	assert_in_range(w.segments[0].fragments, 23, 26);
	assert_int_equal(w.segments[0].end.us, w.segments[1].begin.start.us);
	check_segment(&w.segments[0]);
	check_segment(&w.segments[1]);
	finish();
}

/* --- each wait is told by its own name ----------------------------------------------------------- */

static void send_nothing_but(const uint8_t *packet, size_t len, int seconds)
{
	uint8_t copy[64];

	memcpy(copy, packet, len);
	for (int n = 0; n < seconds * 5 && w.run; n++) {
		put_u16be(copy + 2, w.seq++);
		put_u32be(copy + 4, w.ts += 18000);
		run_packet(w.run, copy, len, false);
		if (w.run)
			clock_fake_advance(&w.clock, 200 * US_PER_MS);
		if (w.run)
			run_tick(w.run);
	}
}

static void is_given_up_for(const uint8_t *packet, size_t len, const char *why)
{
	begin(15, 300);
	send_nothing_but(packet, len, 15);
	assert_int_equal(w.brokens, 1);
	assert_int_equal(w.cause, CAUSE_STREAM_UNUSABLE);
	assert_non_null(strstr(w.detail, why));
	finish();
}

static void test_another_payload_type_than_announced(void **state)
{
	static const uint8_t packet[] = {0x80, 0xe1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x65, 0x88, 1, 2};

	(void)state;
	is_given_up_for(packet, sizeof packet, "another payload type");
}

static void test_packets_that_make_no_picture(void **state)
{
	static const uint8_t packet[] = {0x80, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x06, 0x05, 1, 2};

	(void)state;
	is_given_up_for(packet, sizeof packet, "make no picture");
}

static void test_key_frames_without_parameter_sets(void **state)
{
	static const uint8_t packet[] = {0x80, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x65, 0x88, 1, 2};

	(void)state;
	is_given_up_for(packet, sizeof packet, "no parameter sets");
}

static void test_packets_lost_in_every_picture(void **state)
{
	(void)state;
	begin(15, 300);
	for (unsigned n = 0; n < 25 * 15; n++)
		play(n, n + 1, 0);
	assert_int_equal(w.brokens, 0);
	assert_int_equal(w.ups, 0);
	assert_non_null(strstr(w.detail, "packets are lost"));
	end(NULL);
	finish();
}

/* Every reason in both languages, whole within what a gap's detail holds. */
static void test_every_reason_has_its_text(void **state)
{
	char text[1000], other[1000];

	(void)state;
	for (int zh = 0; zh < 2; zh++) {
		lang_set(zh ? "zh-CN" : "en");
		for (unsigned f = MEDIA_SILENT; f < MEDIA_FAULTS; f++) {
			assert_in_range(strlen(media_fault_advice(f, text, sizeof text)), 20, DETAIL_MAX - 1);
			for (unsigned g = MEDIA_SILENT; g < f; g++)
				assert_string_not_equal(text, media_fault_advice(g, other, sizeof other));
		}
	}
	lang_set("en");
}

static void test_clock_step(void **state)
{
	(void)state;
	begin(15, 300);
	play(0, 40, -1);
	w.clock.wall.us += 150 * US_PER_MS;
	run_tick(w.run);
	assert_int_equal(w.brokens, 0);
	play(40, 45, -1);
	w.clock.wall.us -= 3600 * US_PER_S;
	run_tick(w.run);
	assert_int_equal(w.brokens, 1);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.cause, CAUSE_CLOCK_STEPPED);
	assert_true(llabs(w.down.us - T0 - 3 * US_PER_S) < 100 * US_PER_MS);
	check_segment(&w.segments[0]);
	finish();
}

static void test_disk_refuses_and_fails(void **state)
{
	(void)state;
	begin(15, 300);
	w.refuse = 1;
	play(0, 40, -1);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.cause, CAUSE_STORAGE_FULL);
	w.refuse = 0;
	play(40, 60, -1);
	assert_int_equal(w.ups, 1);
	w.fail_add_at = 2;
	play(60, 110, -1);
	assert_int_equal(w.downs, 1); /* the disk will say how much is good */
	struct wall good = {w.segments[0].next_us};
	assert_false(run_segment_lost(w.run, &w.segments[5], good, CAUSE_STORAGE_FAILED, "x"));
	assert_true(run_segment_lost(w.run, &w.segments[0], good, CAUSE_STORAGE_FAILED, "x"));
	assert_int_equal(w.downs, 2);
	assert_int_equal(w.down.us, good.us);
	play(110, 140, -1);
	assert_int_equal(w.ups, 2);
	assert_true(w.up.us >= good.us);
	end(NULL);
	check_segment(&w.segments[1]);
	finish();
}

/* Its disk is in trouble: the segment ends at the next key frame, the next one begins at the same instant. */
static void test_leaves_a_disk_at_the_next_key_frame(void **state)
{
	struct wall covered;

	(void)state;
	begin(10, 60);
	w.leave_from = 3;
	play(0, 100, -1);
	end(&covered);
	assert_true(w.count >= 3);
	for (unsigned i = 0; i + 1 < w.count; i++) {
		check_segment(&w.segments[i]);
		assert_int_equal(w.segments[i].end.us, w.segments[i + 1].begin.start.us);
		assert_in_range(w.segments[i].fragments, 3, 5);
	}
	assert_int_equal(w.downs, 0);
	finish();
}

static void test_sender_reports_move_nothing(void **state)
{
	(void)state;
	uint8_t sr[28] = {0x80, 200, 0, 6};
	struct run_stats st;
	begin(15, 300);
	play(0, 30, -1);
	put_u32be(sr + 8, (uint32_t)(w.clock.wall.us / US_PER_S + 2208988800 + 90));
	run_packet(w.run, sr, sizeof sr, true);
	run_packet(w.run, sr, 9, true);
	play(30, 60, -1);
	run_stats(w.run, &st);
	assert_true(st.camera_clock_known);
	assert_true(llabs(st.camera_clock_error_us - 90 * US_PER_S) < 2 * US_PER_S);
	end(NULL);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.segments[0].frames, 60);
	assert_true(llabs(w.segments[0].end.us - T0 - 4 * US_PER_S) < 20 * US_PER_MS);
	finish();
}

/* What ffprobe counts in all files: packets, or pictures. */
static unsigned count_with(const char *how, const char *entry, const char *stream)
{
	char path[] = "/tmp/test_run_XXXXXX", command[300], line[100];
	unsigned n = 0;

	for (unsigned i = 0; i < w.count; i++) {
		int fd = mkstemp(memcpy(path, "/tmp/test_run_XXXXXX", sizeof path));
		assert_int_equal(write(fd, w.segments[i].file.data, w.segments[i].file.len), w.segments[i].file.len);
		snprintf(command, sizeof command, "ffprobe -v quiet -select_streams %s %s -show_entries stream=%s -of csv=p=0 %s",
			 stream, how, entry, path);
		FILE *p = popen(command, "r");
		if (fgets(line, sizeof line, p))
			n += (unsigned)strtoul(line, NULL, 10);
		pclose(p);
		close(fd);
		unlink(path);
	}
	return n;
}

static unsigned count_packets(const char *stream) { return count_with("-count_packets", "nb_read_packets", stream); }

/* --- bit-exact --------------------------------------------------------------------------- */

/* Which kinds a sequence of NAL units has, to know that the test tests something. */
struct kinds { unsigned nals, delimiters, sei, sets, slices; };

static void add_nal(struct buf *out, struct kinds *k, bool h265, const uint8_t *nal, size_t len)
{
	unsigned type = h265 ? nal[0] >> 1 & 0x3f : nal[0] & 0x1f;
	uint8_t size[4];

	put_u32be(size, (uint32_t)len);
	buf_add(out, size, 4);
	buf_add(out, nal, len);
	k->nals++;
	k->delimiters += type == (h265 ? 35 : 9);
	k->sei += h265 ? type == 39 || type == 40 : type == 6;
	k->sets += h265 ? type >= 32 && type <= 34 : type == 7 || type == 8;
	k->slices += h265 ? type < 32 : type >= 1 && type <= 5;
}

static void sent_nals(struct buf *out, struct kinds *k, bool h265)
{
	for (unsigned i = 0; i < w.f.frame_count; i++) {
		const uint8_t *p = w.f.frames[i]->data, *nal = NULL;
		size_t len = (size_t)w.f.frames[i]->size;
		for (size_t n = 0; n + 3 <= len; n++) {
			if (p[n] || p[n + 1] || p[n + 2] != 1)
				continue;
			if (nal)
				add_nal(out, k, h265, nal, (size_t)(p + n - nal) - (p[n - 1] == 0));
			nal = p + n + 3;
		}
		add_nal(out, k, h265, nal, (size_t)(p + len - nal));
	}
}

static void stored_nals(struct buf *out, struct kinds *k, bool h265)
{
	for (unsigned i = 0; i < w.count; i++) {
		const struct buf *file = &w.segments[i].file;
		struct box b;
		for (size_t at = 0; at < file->len; at += (size_t)b.size) {
			assert_int_equal(box_read(file->data + at, file->len - at, &b), 0);
			for (size_t n = at + b.head; b.type == BOX_MDAT && n < at + b.size;) {
				size_t len = get_u32be(file->data + n);
				assert_true(len > 0 && n + 4 + len <= at + b.size);
				add_nal(out, k, h265, file->data + n + 4, len);
				n += 4 + len;
			}
		}
	}
}

/* Delimiters, SEI (cameras may sign in them), parameter sets that come in-band only, and every slice: what
 * the camera sent is what stands in the files, unit by unit and in order. */
static void nal_units_are_stored_as_sent(const char *encoder, const char *params)
{
	bool h265 = strcmp(encoder, "libx265") == 0;
	struct rtp_fixture_conf c = {encoder, 640, 480, 60, 15, 0, 4, 900, 15, params};
	struct buf sent = {0}, stored = {0};
	struct kinds want = {0}, got = {0};

	begin_coded(&c, h265 ? TRACK_H265 : TRACK_H264, 2, NULL);
	play(0, 60, -1);
	end(NULL);
	assert_true(w.count >= 2);
	sent_nals(&sent, &want, h265);
	stored_nals(&stored, &got, h265);
	assert_true(want.delimiters == 60 && want.sei >= 60 && want.sets >= 4 * (h265 ? 3 : 2) && want.slices >= 120);
	assert_int_equal(got.nals, want.nals);
	assert_int_equal(stored.len, sent.len);
	assert_memory_equal(stored.data, sent.data, sent.len);
	for (unsigned i = 0; i < w.count; i++)
		check_segment(&w.segments[i]);
	buf_finish(&sent);
	buf_finish(&stored);
	finish();
}

static void test_h264_is_stored_as_sent(void **state)
{
	(void)state;
	nal_units_are_stored_as_sent("libx264", "aud=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:slices=4");
}

static void test_h265_is_stored_as_sent(void **state)
{
	(void)state;
	nal_units_are_stored_as_sent("libx265",
		"aud=1:hrd=1:vbv-maxrate=900:vbv-bufsize=900:repeat-headers=1:slices=4");
}

/* The picture's size changes in mid-stream: another segment, at the same microsecond, and no frame less. */
static void parameters_change_in_mid_stream(const char *encoder, enum track_codec codec)
{
	struct rtp_fixture_conf c = {encoder, 320, 240, 30, 15, 0, 1, 600, 15};

	begin_coded(&c, codec, 300, NULL);
	play(0, 30, -1);
	rtp_fixture_finish(&w.f);
	c.width = 352;
	c.height = 288;
	rtp_fixture_make(&w.f, &c);
	play(0, 30, -1);
	end(NULL);
	assert_int_equal(w.ups, 1);
	assert_int_equal(w.downs + w.brokens, 0);
	assert_int_equal(w.count, 2);
	assert_int_equal(w.segments[0].frames + w.segments[1].frames, 60);
	assert_int_equal(w.segments[0].end.us, w.segments[1].begin.start.us);
	check_segment(&w.segments[0]);
	check_segment(&w.segments[1]);
	finish();
}

static void test_parameters_change_in_mid_stream(void **state)
{
	(void)state;
	parameters_change_in_mid_stream("libx264", TRACK_H264);
	parameters_change_in_mid_stream("libx265", TRACK_H265);
}

/* --- parameter sets that differ from key frame to key frame ------------------------------------------- */

static struct moov_info moov_of(const struct outlet_segment *s)
{
	struct moov_info info;
	struct box ftyp, moov;

	assert_int_equal(box_read(s->file.data, s->file.len, &ftyp), 0);
	const uint8_t *p = s->file.data + ftyp.size;
	assert_int_equal(box_read(p, s->file.len - ftyp.size, &moov), 0);
	assert_int_equal(moov_parse(p, moov.size, &info), 0);
	return info;
}

/* Two encoders of one format take turns, each for a group of pictures. */
static void play_in_turns(const struct rtp_fixture_conf *a, const struct rtp_fixture_conf *b, unsigned groups)
{
	for (unsigned n = 0; n < groups; n++) {
		rtp_fixture_finish(&w.f);
		rtp_fixture_make(&w.f, n % 2 ? b : a);
		play(0, 15, -1);
	}
}

/* One file for the first, which did not know; all others together, and each picture of them can be decoded. */
static void sets_vary_in_one_format(const char *encoder, const char *params, const char *entry)
{
	struct rtp_fixture_conf a = {encoder, 320, 240, 15, 15, 0, 1, 600, 15, "repeat-headers=1"}, b = a;
	struct moov_info info[2];
	struct wall covered;

	b.params = params;
	begin_coded(&a, entry[0] == 'a' ? TRACK_H264 : TRACK_H265, 300, NULL);
	play_in_turns(&a, &b, 12);
	end(&covered);
	assert_int_equal(w.downs + w.brokens, 0);
	assert_int_equal(w.count, 2);
	assert_int_equal(w.segments[0].end.us, w.segments[1].begin.start.us);
	assert_int_equal(w.segments[0].frames + w.segments[1].frames, 12 * 15);
	for (unsigned i = 0; i < 2; i++) {
		info[i] = moov_of(&w.segments[i]);
		assert_true(info[i].sets_in_band);
		check_segment(&w.segments[i]);
	}
	assert_string_equal(info[1].codec, entry);
	assert_memory_equal(info[0].format_digest, info[1].format_digest, 32);
	assert_memory_not_equal(info[0].sets_digest, info[1].sets_digest, 32);
	finish();
}

static void test_sets_vary_in_one_format(void **state)
{
	(void)state;
	sets_vary_in_one_format("libx264", "ref=2:level=40:colorprim=bt709:repeat-headers=1", "avc3");
	sets_vary_in_one_format("libx265", "ref=2:colorprim=bt709:repeat-headers=1", "hev1");
}

/* Another size is another file, each time. */
static void test_sizes_take_turns(void **state)
{
	struct rtp_fixture_conf a = {"libx264", 320, 240, 15, 15, 0, 1, 600, 15, NULL}, b = a;

	(void)state;
	b.width = 352;
	begin_coded(&a, TRACK_H264, 300, NULL);
	play_in_turns(&a, &b, 6);
	end(NULL);
	assert_int_equal(w.count, 6);
	for (unsigned i = 0; i < w.count; i++) {
		assert_string_equal(moov_of(&w.segments[i]).codec, "avc1");
		check_segment(&w.segments[i]);
	}
	finish();
}

/* --- where a decoder can begin ---------------------------------------------------------------------- */

/* Pictures that a decoder makes of all files. */
static unsigned count_pictures(void) { return count_with("-count_frames", "nb_read_frames", "v:0"); }

/* Coverage begins at a key frame that is no IDR, soon, and all that is stored can be decoded. */
static void begins_in_the_middle(const char *encoder, const char *params, int b_frames)
{
	struct rtp_fixture_conf c = {encoder, 320, 240, 90, 15, b_frames, 1, 600, 15, params};

	begin_coded(&c, strcmp(encoder, "libx264") == 0 ? TRACK_H264 : TRACK_H265, 300, NULL);
	play(20, 85, -1); /* the only IDR is frame 0 */
	assert_int_equal(w.ups, 1);
	assert_true(w.up.us - T0 < 1500 * US_PER_MS);
	end(NULL);
	assert_int_equal(w.count, 1);
	assert_in_range(w.segments[0].frames, 40, 65);
	assert_int_equal(count_pictures(), w.segments[0].frames);
	if (strcmp(encoder, "libx265") == 0) /* a decoder of H.264 says that it cannot drop what it never had */
		check_segment(&w.segments[0]);
	finish();
}

static void test_recovery_points_of_open_groups(void **state)
{
	(void)state;
	begins_in_the_middle("libx264", "open-gop=1", 0);
	begins_in_the_middle("libx264", "open-gop=1", 2);
}

static void test_clean_random_access(void **state)
{
	(void)state;
	begins_in_the_middle("libx265", "open-gop=1:keyint=15:min-keyint=15:no-scenecut=1", 0);
	begins_in_the_middle("libx265", "open-gop=1:keyint=15:min-keyint=15:no-scenecut=1", 3);
}

/* A refresh by columns: nothing is covered before the picture is whole, and what it is made of is in the file. */
static void test_gradual_refresh(void **state)
{
	struct rtp_fixture_conf c = {"libx264", 320, 240, 90, 15, 0, 1, 600, 15, "intra-refresh=1"};
	struct wall covered;

	(void)state;
	begin_coded(&c, TRACK_H264, 300, NULL);
	play(1, 90, -1);
	end(&covered);
	assert_int_equal(w.ups, 1);
	assert_int_equal(w.count, 1);
	assert_in_range(w.up.us - T0, US_PER_S, 3 * US_PER_S); /* after a whole refresh */
	unsigned shown = (unsigned)((covered.us - w.up.us) * 15 / US_PER_S);
	assert_in_range(w.segments[0].frames, shown + 8, shown + 20); /* and those that it needed */
	check_segment(&w.segments[0]);
	finish();
}

/* A refresh that lost a packet covers nothing until the next one is whole. */
static void test_gradual_refresh_after_loss(void **state)
{
	struct rtp_fixture_conf c = {"libx264", 320, 240, 90, 15, 0, 1, 600, 15, "intra-refresh=1"};

	(void)state;
	begin_coded(&c, TRACK_H264, 300, NULL);
	play(0, 40, -1);
	int64_t lost = w.clock.wall.us;
	play(40, 90, 0);
	play(1, 30, -1);
	end(NULL);
	assert_true(w.ups == 2 && w.downs == 1);
	assert_true(llabs(w.down.us - lost) < 100 * US_PER_MS);
	assert_true(w.up.us - lost >= 900 * US_PER_MS);
	check_segment(&w.segments[1]);
	finish();
}

/* --- with sound ------------------------------------------------------------------------ */

/* Packets of the sound that are due by now; of each packet, its last sample is as old as the network. */
struct speaker {
	struct audio_fixture f;
	struct track track;
	unsigned sent, rounds;
	uint16_t seq;
	bool silent;
};

static void speak(struct speaker *s)
{
	for (;;) {
		const struct audio_fixture_packet *p = &s->f.packets[s->sent % s->f.packet_count];
		uint32_t at = p->timestamp - s->f.packets[0].timestamp + s->rounds * s->f.frame_count * 1024;
		if ((int64_t)(at + 2048) * US_PER_S / 16000 > w.clock.wall.us - T0)
			return;
		put_u16be(p->data + 2, s->seq++);
		put_u32be(p->data + 4, at);
		if (!s->silent && w.run)
			run_audio_packet(w.run, p->data, p->len);
		if (++s->sent % s->f.packet_count == 0)
			s->rounds++;
	}
}

static void play_with(struct speaker *s, unsigned from, unsigned to)
{
	for (unsigned n = from; n < to; n++) {
		play(n, n + 1, -1);
		speak(s);
	}
}

static void begin_speaking(struct speaker *s)
{
	*s = (struct speaker){0};
	audio_fixture_make(&s->f, 16000, 1, 160, false);
	s->track = (struct track){.codec = TRACK_AAC, .payload_type = 97, .clock_rate = 16000, .fmtp = s->f.fmtp};
}

static void test_sound_is_in_the_files(void **state)
{
	struct speaker s;
	unsigned frames = 0;

	(void)state;
	begin_speaking(&s);
	begin_with(15, 5, &s.track);
	play_with(&s, 0, 15 * 20);
	end(NULL);
	assert_int_equal(w.ups, 1);
	assert_true(w.count >= 4);
	for (unsigned i = 0; i < w.count; i++) {
		check_segment(&w.segments[i]);
		frames += w.segments[i].frames;
		if (i)
			assert_int_equal(w.segments[i].begin.start.us, w.segments[i - 1].end.us);
	}
	assert_int_equal(frames, 15 * 20);
	assert_int_equal(count_packets("v:0"), 15 * 20);
	unsigned sound = count_packets("a:0"), said = 20 * 16000 / 1024;
	assert_true(sound <= said && sound + 4 >= said);
	audio_fixture_finish(&s.f);
	finish();
}

/* Sound that is told of and never comes, that ceases, that is garbage: the pictures are those of before. */
static void test_broken_sound_costs_no_picture(void **state)
{
	(void)state;
	for (int way = 0; way < 3; way++) {
		struct speaker s;
		begin_speaking(&s);
		s.silent = way == 0;
		begin_with(15, 5, &s.track);
		play_with(&s, 0, 60);
		s.silent |= way == 1;
		for (unsigned i = 0; way == 2 && i < s.f.packet_count; i++)
			memset(s.f.packets[i].data + 12, i % 3 ? 0xff : 0, s.f.packets[i].len - 12);
		play_with(&s, 60, 15 * 12);
		end(NULL);
		assert_int_equal(w.ups, 1);
		assert_int_equal(w.downs + w.brokens, 0);
		unsigned frames = 0;
		for (unsigned i = 0; i < w.count; i++) {
			frames += w.segments[i].frames;
			if (way != 2) /* what a decoder says of garbage is not ours */
				check_segment(&w.segments[i]);
		}
		assert_int_equal(frames, 15 * 12);
		audio_fixture_finish(&s.f);
		finish();
	}
}

static void test_sound_that_cannot_be_recorded(void **state)
{
	char fmtp[] = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3";
	struct track t = {.codec = TRACK_AAC, .payload_type = 97, .clock_rate = 16000, .fmtp = fmtp};

	(void)state;
	begin_with(15, 300, &t); /* without its configuration */
	run_audio_packet(w.run, (const uint8_t *)"x", 1);
	play(0, 60, -1);
	end(NULL);
	assert_int_equal(w.segments[0].frames, 60);
	check_segment(&w.segments[0]);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_tile),
		cmocka_unit_test(test_stall_and_resume),
		cmocka_unit_test(test_loss_closes_until_next_key),
		cmocka_unit_test(test_no_key_frame_for_a_minute),
		cmocka_unit_test(test_a_key_frame_every_25_s),
		cmocka_unit_test(test_another_payload_type_than_announced),
		cmocka_unit_test(test_packets_that_make_no_picture),
		cmocka_unit_test(test_key_frames_without_parameter_sets),
		cmocka_unit_test(test_packets_lost_in_every_picture),
		cmocka_unit_test(test_every_reason_has_its_text),
		cmocka_unit_test(test_clock_step),
		cmocka_unit_test(test_disk_refuses_and_fails),
		cmocka_unit_test(test_leaves_a_disk_at_the_next_key_frame),
		cmocka_unit_test(test_sender_reports_move_nothing),
		cmocka_unit_test(test_h264_is_stored_as_sent),
		cmocka_unit_test(test_h265_is_stored_as_sent),
		cmocka_unit_test(test_parameters_change_in_mid_stream),
		cmocka_unit_test(test_sets_vary_in_one_format),
		cmocka_unit_test(test_sizes_take_turns),
		cmocka_unit_test(test_recovery_points_of_open_groups),
		cmocka_unit_test(test_clean_random_access),
		cmocka_unit_test(test_gradual_refresh),
		cmocka_unit_test(test_gradual_refresh_after_loss),
		cmocka_unit_test(test_sound_is_in_the_files),
		cmocka_unit_test(test_broken_sound_costs_no_picture),
		cmocka_unit_test(test_sound_that_cannot_be_recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
