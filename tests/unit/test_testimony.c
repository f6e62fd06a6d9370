/* What others say is testimony, not authority: the recorder's journal, files, and a clock that is set. */
#include "keeper_box.h"

static struct site_box box;

static int setup(void **state)
{
	(void)state;
	box_init(&box);
	assert_int_equal(run(&box), 0);
	return 0;
}

static int64_t told(const char *kind)
{
	char *sql = xasprintf("SELECT count(*) FROM ledger WHERE kind = '%s'", kind);
	int64_t n = ask(box.place.catalog, sql);

	free(sql);
	return n;
}

static int teardown(void **state)
{
	struct err e = {0};

	(void)state;
	expect_sound(box.place.catalog, CAM);
	if (catalog_check_claims(box.place.catalog, CAM, &e) < 0)
		fail_msg("%s", e.text);
	box_finish(&box);
	return 0;
}

static void reboot(const char *boot)
{
	box.clock.base.boot = boot;
	say_start(&box, boot);
}

static void expect(double from, double to, const char *want)
{
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, from, to, want);
}

static void beat_at(double s)
{
	advance_to(&box, s);
	say_beat(&box, 999, 0);
}

/* --- what was believed of an open file ------------------------------------------------------------ */

static void believed_until(int end)
{
	say_up(&box, 1);
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, end, ".open", false);
	advance_to(&box, end);
	say_beat(&box, 1, bytes);
	assert_int_equal(run(&box), 0);
}

static void what_recovery_could_not_believe_is_taken_back(void **state)
{
	(void)state;
	believed_until(9);
	expect(1, 9, "R 1 9");
	advance_to(&box, 20);
	reboot("after the power cut");
	rename_file(&box, 1, ".open", ".mp4");
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	say_sealed(&box, 1, 5, bytes);
	say(&box, "ready", json_object());
	say_up(&box, 21);
	beat_at(22);
	expect(1, 22, "R 1 5 | G 5 21 recorder_down | P 21 22");
}

static void so_is_all_of_one_that_was_dropped(void **state)
{
	char name[256];

	(void)state;
	believed_until(9);
	advance_to(&box, 20);
	reboot("after the power cut");
	segment_incoming_name(name, CAM, (struct wall){SEC(1)}, ".open");
	char *path = xasprintf("%s/incoming/%s", box.root, name);
	assert_int_equal(unlink(path), 0);
	free(path);
	say(&box, "dropped", json_pack("{ss ss ss}", "camera", CAM, "root", box.root, "file", name));
	say(&box, "ready", json_object());
	say_up(&box, 21);
	beat_at(22);
	expect(1, 22, "G 1 21 recorder_down | P 21 22");
}

/* The gap of the silence was told before recovery came to its end. */
static void a_gap_that_was_told_already_begins_earlier_then(void **state)
{
	(void)state;
	believed_until(9);
	box.clock.mono.us += 20 * US_PER_S;
	assert_int_equal(run(&box), 0);
	assert_int_equal(told("gap.opened"), 1);
	advance_to(&box, 30);
	reboot("after the power cut");
	rename_file(&box, 1, ".open", ".mp4");
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	say_sealed(&box, 1, 5, bytes);
	say(&box, "ready", json_object());
	say_up(&box, 31);
	beat_at(32);
	expect(1, 32, "R 1 5 | G 5 31 recorder_down | P 31 32");
	assert_int_equal(told("gap.opened"), 1);
}

static void record(int from, int to, double now);

static void a_journal_that_was_lost_with_its_disk_is_begun_anew(void **state)
{
	struct err e;
	char *journal = xasprintf("%s/journal", box.place.dir);

	(void)state;
	assert_int_equal(journal_rotate(box.journal), 0);
	believed_until(9);
	journal_close(box.journal);
	place_remove(journal);
	assert_int_equal(journal_open(fs_real(), &box.clock.base, journal, &box.journal, &e), 0);
	free(journal);
	advance_to(&box, 20);
	reboot("after the disk was lost");
	rename_file(&box, 1, ".open", ".mp4");
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	say_sealed(&box, 1, 5, bytes);
	say(&box, "ready", json_object());
	say_up(&box, 21);
	beat_at(22);
	expect(1, 22, "R 1 5 | G 5 21 recorder_down | P 21 22");
}

/* A state of an hour ago that stands beside the footage of today: what it believed of open files was sealed since. */
static void a_state_from_a_backup_finds_its_open_files_in_the_archive(void **state)
{
	char name[256];

	(void)state;
	believed_until(9);
	segment_archive_name(name, CAM, (struct wall){SEC(1)});
	char *path = xasprintf("%s/archive/%s", box.root, name), *day = xstrdup(path);
	*strrchr(day, '/') = '\0';
	assert_int_equal(fs_mkdirs(fs_real(), day, 0755), 0);
	put_file(&box, 1, 5, ".mp4", true);
	char *open = xasprintf("%s/incoming/%s", box.root, strrchr(name, '/') + 1), incoming[256];
	free(open);
	segment_incoming_name(incoming, CAM, (struct wall){SEC(1)}, ".mp4");
	open = xasprintf("%s/incoming/%s", box.root, incoming);
	assert_int_equal(rename(open, path), 0);
	free(open);
	segment_incoming_name(incoming, CAM, (struct wall){SEC(1)}, ".open");
	open = xasprintf("%s/incoming/%s", box.root, incoming);
	assert_int_equal(unlink(open), 0);
	free(open);
	free(path);
	free(day);
	keeper_die(&box);
	keeper_start(&box);
	advance_to(&box, 20);
	reboot("today");
	say(&box, "ready", json_object());
	say_up(&box, 21);
	beat_at(22);
	expect(1, 22, "R 1 5 | G 5 21 recorder_down | P 21 22");
}

/* --- disks that change places ------------------------------------------------------------------------ */

static void mount_elsewhere(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", box.place.dir, name);
	keeper_die(&box);
	assert_int_equal(rename(box.root, path), 0);
	snprintf(box.root, sizeof box.root, "%s", path);
	keeper_start(&box);
}

/* The journal names it by its uuid, or, as version 0.1 did, by where it was. */
static void a_disk_that_is_mounted_elsewhere_is_the_same(void **state)
{
	char uuid[UUID_TEXT_MAX], name[256], was[128];
	const uint8_t raw[UUID_BYTES] = {0};

	(void)state;
	uuid_format(raw, uuid);
	believed_until(9);
	snprintf(was, sizeof was, "%s", box.root);
	mount_elsewhere("other");
	advance_to(&box, 20);
	reboot("after the power cut");
	rename_file(&box, 1, ".open", ".mp4");
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	segment_incoming_name(name, CAM, (struct wall){SEC(1)}, ".mp4");
	say(&box, "sealed", json_pack("{ss ss ss sI sI sI}", "camera", CAM, "root", uuid, "file", name, "start", (json_int_t)SEC(1),
				      "end", (json_int_t)SEC(5), "bytes", (json_int_t)bytes));
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
	say(&box, "ready", json_object());
	say_up(&box, 21);
	segment_incoming_name(name, CAM, (struct wall){SEC(21)}, ".open");
	say(&box, "open", json_pack("{ss ss ss sI ss}", "camera", CAM, "root", was, "file", name, "start", (json_int_t)SEC(21), "run", "r"));
	say(&box, "open", json_pack("{ss ss ss sI ss}", "camera", CAM, "root", uuid, "file", name, "start", (json_int_t)SEC(21), "run", "r"));
	bytes = put_file(&box, 21, 23, ".open", false);
	advance_to(&box, 24);
	say(&box, "beat", json_pack("{sb s{s{sI}}}", "synced", 1, "durable", uuid, name, (json_int_t)bytes));
	expect(1, 24, "R 1 5 | G 5 21 recorder_down | R 21 23 | P 23 24");
}

static void two_disks_that_change_places_keep_their_footage(void **state)
{
	struct conf_root two[2];
	char a[128], b[128], tmp[128], before[128];
	struct root_identity id = {.site = SITE, .root = {9}};
	uint8_t sector[ROOT_SECTOR_BYTES];

	(void)state;
	snprintf(a, sizeof a, "%s", box.root);
	snprintf(b, sizeof b, "%s/second", box.place.dir);
	snprintf(tmp, sizeof tmp, "%s/tmp", box.place.dir);
	keeper_die(&box);
	char *incoming = xasprintf("%s/incoming", b), *file = xasprintf("%s/.holdfast", b);
	assert_int_equal(fs_mkdirs(fs_real(), incoming, 0755), 0);
	root_identity_encode(&id, sector);
	assert_int_equal(fs_replace(fs_real(), file, sector, sizeof sector, 0644), 0);
	free(incoming);
	free(file);
	two[0] = (struct conf_root){.path = a};
	two[1] = (struct conf_root){.path = b};
	box.conf.roots = two;
	box.conf.root_count = 2;
	keeper_start(&box);
	record(1, 5, 5);
	assert_int_equal(run(&box), 0);
	rename_file(&box, 1, ".open", ".mp4");
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	say_sealed(&box, 1, 5, bytes);
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
	for (int turn = 0; turn < 2; turn++) {
		keeper_die(&box);
		assert_int_equal(rename(a, tmp) | rename(b, a) | rename(tmp, b), 0);
		keeper_start(&box);
		assert_int_equal(run(&box), 0);
		snprintf(before, sizeof before, "SELECT count(*) FROM segment s JOIN root r ON r.id = s.root WHERE r.path LIKE '%s'",
			 turn ? "%/root" : "%/second");
		assert_int_equal(ask(box.place.catalog, before), 1);
		assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM root WHERE id > 0"), 2);
	}
	expect(1, 6, "R 1 5 | P 5 6");
	box.conf.roots = &box.conf_root;
	box.conf.root_count = 1;
	keeper_die(&box);
	keeper_start(&box);
}

/* --- the future --------------------------------------------------------------------------------------- */

static void record(int from, int to, double now)
{
	say_up(&box, from);
	say_open(&box, from);
	int64_t bytes = put_file(&box, from, to, ".open", false);
	advance_to(&box, now);
	say_beat(&box, from, bytes);
}

static void time_that_has_not_come_is_pending_and_never_counts(void **state)
{
	(void)state;
	record(1, 60, 10);
	expect(1, 60, "R 1 11 | P 11 60");
	assert_int_equal(told("coverage.refused"), 1);
	int64_t bytes = put_file(&box, 1, 60, ".mp4", true); /* sealed and published as it is */
	advance_to(&box, 12);
	say_sealed(&box, 1, 60, bytes);
	say_down(&box, 60);
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
	beat_at(80);
	expect(1, 80, "R 1 11 | G 11 12 stream_unusable | G 12 80 stream_stalled");
	assert_int_equal(told("coverage.refused"), 1);
	assert_int_equal(told("footage.damaged"), 0);
	say_up(&box, 81);
	beat_at(82);
	expect(1, 82, "R 1 11 | G 11 12 stream_unusable | G 12 81 stream_stalled | P 81 82");
}

static void what_is_recorded_when_it_has_come_counts(void **state)
{
	(void)state;
	record(1, 60, 10);
	assert_int_equal(run(&box), 0);
	say_down(&box, 11);
	record(20, 30, 30);
	say_down(&box, 30);
	beat_at(70);
	expect(1, 70, "R 1 11 | G 11 20 stream_stalled | R 20 30 | G 30 70 stream_stalled");
}

/* Whoever writes the journal can say anything. */
static void a_record_alone_covers_nothing(void **state)
{
	char name[256];

	(void)state;
	record(1, 5, 5);
	segment_incoming_name(name, CAM, (struct wall){SEC(1)}, ".mp4");
	for (int to = 50; to <= 5000; to *= 100) {
		say_sealed(&box, 1, to, 1 << 20);
		say(&box, "sealed", json_pack("{ss ss ss sI sI sI}", "camera", "other", "root", box.root, "file", name, "start",
					      (json_int_t)SEC(1), "end", (json_int_t)SEC(to), "bytes", (json_int_t)9));
	}
	say(&box, "open", json_pack("{ss ss ss sI ss}", "camera", CAM, "root", box.root, "file", name, "start", (json_int_t)SEC(-500),
				    "run", "r"));
	say_beat(&box, 1, 1 << 30);
	say_up(&box, 4000);
	beat_at(6);
	expect(1, 60, "R 1 5 | P 5 60");
	say_down(&box, 5);
	beat_at(100);
	expect(1, 100, "R 1 5 | G 5 100 stream_stalled");
}

/* The file says that it is of now, and its pictures that they are of an hour that nothing else covers. */
static void footage_is_of_the_time_that_its_name_says(void **state)
{
	char was[256], now[256];

	(void)state;
	record(1, 5, 5);
	say_down(&box, 5);
	beat_at(100);
	put_file(&box, 10, 60, ".open", false);
	segment_incoming_name(was, CAM, (struct wall){SEC(10)}, ".open");
	segment_incoming_name(now, CAM, (struct wall){SEC(100)}, ".open");
	char *a = xasprintf("%s/incoming/%s", box.root, was), *b = xasprintf("%s/incoming/%s", box.root, now);
	assert_int_equal(rename(a, b), 0);
	free(a);
	free(b);
	say_open(&box, 100);
	say_beat(&box, 100, 1 << 20);
	beat_at(101);
	expect(1, 101, "R 1 5 | G 5 101 stream_stalled");
}

/* --- a clock that is set ------------------------------------------------------------------------------ */

/* The journal stamps with the same clock. */
static void set_clock(double step_s, bool tell)
{
	box.clock.wall.us += (int64_t)(step_s * 1e6);
	if (tell)
		say(&box, "clock", json_pack("{sI sb}", "step_us", (json_int_t)(step_s * 1e6), "synced", 1));
}

static void a_clock_that_is_set_back_costs_nothing_honest(void **state)
{
	static const double steps[] = {-2, -3600};

	(void)state;
	for (int i = 0; i < 2; i++) {
		int from = 100 + 10000 * i;
		beat_at(from);
		record(from, from + 20, from + 20);
		assert_int_equal(run(&box), 0);
		int64_t bytes = put_file(&box, from, from + 30, ".mp4", true);
		advance_to(&box, from + 30);
		assert_int_equal(run(&box), 0); /* it looks every second */
		set_clock(steps[i], false);
		say_sealed(&box, from, from + 30, bytes); /* the keeper hears of it with the new clock */
		assert_int_equal(run(&box), 0);
		say_down(&box, from + 30);
		set_clock(0, false);
		say(&box, "clock", json_pack("{sI sb}", "step_us", (json_int_t)(steps[i] * 1e6), "synced", 1));
		assert_int_equal(run(&box), 0);
		assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM refused"), 0);
		beat_at(from + 40);
		assert_int_equal(run(&box), 0);
	}
	assert_int_equal(told("coverage.refused"), 0);
	expect(100, 128, "R 100 128");
}

static void a_set_clock_of_which_nobody_tells_hides_no_outage(void **state)
{
	(void)state;
	record(1, 100, 100);
	assert_int_equal(run(&box), 0);
	set_clock(-60, false); /* the recorder goes on as if it was not */
	for (int i = 0; i < 4; i++) {
		clock_fake_advance(&box.clock, 4 * US_PER_S);
		say(&box, "beat", json_pack("{sb}", "synced", 1));
		assert_int_equal(run(&box), 0);
	}
	beat_at(90);
	expect(50, 90, "G 50 56 footage_missing | G 56 90 footage_missing");
}

static void a_journal_that_is_ahead_of_the_clock_is_put_right(void **state)
{
	(void)state;
	record(1, 10, 10);
	assert_int_equal(run(&box), 0);
	box.clock.wall.us += 3600 * US_PER_S; /* of the recorder that was taken over */
	say(&box, "clock", json_pack("{sI sb}", "step_us", (json_int_t)(3600 * US_PER_S), "synced", 1));
	say(&box, "beat", json_pack("{sb}", "synced", 1));
	box.clock.wall.us -= 3600 * US_PER_S;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(run(&box), 0);
		clock_fake_advance(&box.clock, 4 * US_PER_S);
	}
	assert_true(ask(box.place.catalog, "SELECT CAST(value AS INTEGER) FROM state WHERE key = 'settled_at'") <= SEC(43));
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM span WHERE end > 1795478411000000"), 0);
}

/* Files of before the power cut, a clock that starts in 1970, and an hour later the right time. */
static void a_boot_in_1970_costs_nothing_honest(void **state)
{
	(void)state;
	record(1, 20, 20);
	int64_t bytes = put_file(&box, 1, 30, ".mp4", true);
	advance_to(&box, 30);
	say_sealed(&box, 1, 30, bytes);
	say_beat(&box, 999, 0);
	keeper_die(&box);
	box.clock.wall.us = 100 * US_PER_S;
	box.clock.mono.us = 50 * US_PER_S;
	box.clock.base.boot = "boot-2";
	keeper_start(&box);
	assert_int_equal(run(&box), 0);
	reboot("boot-2");
	say(&box, "ready", json_object());
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	assert_int_equal(told("coverage.refused"), 0);
	double step = (double)(SEC(3600) - box.clock.wall.us) / 1e6;
	set_clock(step, true);
	say_up(&box, 3601);
	beat_at(3602);
	assert_int_equal(run(&box), 0);
	expect(1, 30, "R 1 30");
	assert_int_equal(told("coverage.refused"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_recovery_could_not_believe_is_taken_back), T(so_is_all_of_one_that_was_dropped),
		T(a_gap_that_was_told_already_begins_earlier_then),
		T(a_journal_that_was_lost_with_its_disk_is_begun_anew), T(a_state_from_a_backup_finds_its_open_files_in_the_archive),
		T(a_disk_that_is_mounted_elsewhere_is_the_same), T(two_disks_that_change_places_keep_their_footage),
		T(time_that_has_not_come_is_pending_and_never_counts),
		T(what_is_recorded_when_it_has_come_counts), T(a_record_alone_covers_nothing),
		T(footage_is_of_the_time_that_its_name_says), T(a_clock_that_is_set_back_costs_nothing_honest),
		T(a_set_clock_of_which_nobody_tells_hides_no_outage), T(a_journal_that_is_ahead_of_the_clock_is_put_right),
		T(a_boot_in_1970_costs_nothing_honest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
