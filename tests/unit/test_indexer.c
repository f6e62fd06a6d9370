#include "base/fault.h"
#include "keeper_box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* --- tests ------------------------------------------------------------------------------------------------ */

static struct site_box box;

static int setup(void **state)
{
	(void)state;
	box_init(&box);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	expect_sound(box.place.catalog, CAM);
	box_finish(&box);
	return 0;
}

static int note_open_end(void *arg, const struct catalog_segment *row)
{
	assert_false(row->sealed);
	assert_non_null(row->fragments);
	*(int64_t *)arg = row->end.us;
	return 0;
}

static void an_open_segment_counts_as_far_as_it_is_durable(void **state)
{
	int64_t end = 0;

	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, 4, ".open", false);
	advance_to(&box, 4);
	say_beat(&box, 1, bytes);
	put_file(&box, 1, 9, ".open", false);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 0, 10, "N 0 1 | R 1 4 | P 4 10");
	assert_int_equal(catalog_footage(box.place.catalog, CAM, (struct wall){SEC(0)}, (struct wall){SEC(9)},
					 note_open_end, &end), 0);
	assert_int_equal(end, SEC(4));
}

static void a_sealed_segment_is_published(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, 5, ".open", true);
	advance_to(&box, 5);
	say_sealed(&box, 1, 5, bytes);
	assert_int_equal(run(&box), 0); /* not renamed yet, but durable */
	expect_tiles(box.place.catalog, CAM, 1, 6, "R 1 5 | P 5 6");
	assert_false(archived(&box, 1));
	rename_file(&box, 1, ".open", ".mp4");
	indexer_hint(box.ix);
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM segment"), 1);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM open_segment"), 0);
	expect_tiles(box.place.catalog, CAM, 1, 6, "R 1 5 | P 5 6");
}

static void a_file_that_nobody_told_of_is_found(void **state)
{
	(void)state;
	say_up(&box, 1);
	assert_int_equal(run(&box), 0);
	put_file(&box, 1, 5, ".mp4", true);
	clock_fake_advance(&box.clock, 11 * US_PER_S);
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
}

static void say_storage(struct site_box *b, const char *state)
{
	say(b, "storage", json_pack("{ss ss ss}", "root", b->root, "state", state, "error", "why"));
}

#define STORAGE_ENTRIES "SELECT count(*) FROM ledger WHERE kind LIKE 'storage.%'"
#define RECOVERIES "SELECT count(*) FROM ledger WHERE kind = 'storage.recovered'"

/* Who touches a disk that hangs, hangs with it: what lies there waits for the recorder's next word. */
static void a_disk_that_does_not_answer_is_not_touched(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_storage(&box, "ok");
	assert_int_equal(run(&box), 0);
	say_storage(&box, "stalled");
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	advance_to(&box, 5);
	say_sealed(&box, 1, 5, bytes);
	indexer_hint(box.ix);
	assert_int_equal(run(&box), 0);
	assert_false(archived(&box, 1));
	assert_int_equal(ask(box.place.catalog, STORAGE_ENTRIES), 0);
	say_storage(&box, "failed");
	assert_int_equal(run(&box), 0);
	assert_false(archived(&box, 1));
	assert_int_equal(ask(box.place.catalog, STORAGE_ENTRIES), 1);
	say_storage(&box, "ok");
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
	assert_int_equal(ask(box.place.catalog, RECOVERIES), 1);
	expect_tiles(box.place.catalog, CAM, 1, 6, "R 1 5 | P 5 6");
}

static void a_closed_file_that_was_lost_is_a_gap_with_its_cause(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, 4, ".open", false);
	say_beat(&box, 1, bytes);
	say_open(&box, 7);
	bytes = put_file(&box, 7, 9, ".open", false);
	advance_to(&box, 9);
	say_beat(&box, 7, bytes);
	say(&box, "lost", json_pack("{ss sI sI ss ss}", "camera", CAM, "start", (json_int_t)SEC(4), "end",
				    (json_int_t)SEC(7), "cause", "storage_failed", "detail", "stuck"));
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 10, "R 1 4 | G 4 7 storage_failed | R 7 9 | P 9 10");
}

static void spoil(const char *root, int from)
{
	char name[256];

	segment_incoming_name(name, CAM, (struct wall){SEC(from)}, ".mp4");
	char *path = xasprintf("%s/incoming/%s", root, name);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "!", 1, 900), 1);
	close(fd);
	free(path);
}

static void a_spoilt_file_is_put_aside_and_its_time_is_damaged(void **state)
{
	(void)state;
	say_up(&box, 1);
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	spoil(box.root, 1);
	say_sealed(&box, 1, 5, bytes);
	bytes = put_file(&box, 5, 8, ".mp4", true);
	advance_to(&box, 8);
	say_sealed(&box, 5, 8, bytes);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 8, "G 1 5 footage_damaged | R 5 8");
	assert_false(archived(&box, 1));
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'footage.damaged'"), 1);
	rename_file(&box, 1, ".bad", ".bad"); /* it is still there */
}

static void a_lost_file_becomes_a_gap(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	say_sealed(&box, 1, 5, 1000);
	int64_t bytes = put_file(&box, 5, 8, ".mp4", true);
	advance_to(&box, 8);
	say_sealed(&box, 5, 8, bytes);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 8, "G 1 5 footage_missing | R 5 8");
}

/* A power cut took a name that was never durable: nobody misses it. */
static void a_file_that_never_came_to_be_is_not_missing(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	say_open(&box, 5);
	int64_t bytes = put_file(&box, 5, 8, ".mp4", true);
	advance_to(&box, 8);
	say_sealed(&box, 5, 8, bytes);
	indexer_hint(box.ix);
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'footage.missing'"), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM open_segment"), 0);
}

static void a_root_that_is_not_mounted_is_left_alone(void **state)
{
	char *identity = xasprintf("%s/.holdfast", box.root);

	(void)state;
	assert_int_equal(unlink(identity), 0);
	say_up(&box, 1);
	int64_t bytes = put_file(&box, 1, 5, ".mp4", true);
	advance_to(&box, 5);
	say_sealed(&box, 1, 5, bytes);
	assert_int_equal(run(&box), 0);
	assert_false(archived(&box, 1));
	write_identity(box.root);
	indexer_hint(box.ix);
	assert_int_equal(run(&box), 0);
	assert_true(archived(&box, 1));
	free(identity);
}

static void a_crash_of_the_recorder_is_one_gap(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, 4, ".open", false);
	advance_to(&box, 4);
	say_beat(&box, 1, bytes);
	assert_int_equal(run(&box), 0);
	advance_to(&box, 9);
	say_start(&box, "boot-1");
	say_up(&box, 10);
	say_open(&box, 10);
	advance_to(&box, 12);
	say_beat(&box, 10, put_file(&box, 10, 12, ".open", false));
	assert_int_equal(run(&box), 0);
	rename_file(&box, 1, ".open", ".gone");
	bytes = put_file(&box, 1, 6, ".mp4", true); /* recovered */
	say_sealed(&box, 1, 6, bytes);
	say(&box, "ready", json_object());
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 12, "R 1 6 | G 6 10 recorder_down | R 10 12");
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM gap"), 1);
}

static void become_recovered(int from, int to)
{
	rename_file(&box, from, ".open", ".gone");
	say_sealed(&box, from, to, put_file(&box, from, to, ".mp4", true));
}

/* The camera went on in another file; only the dead recorder could have told what the stuck one lost. */
static void what_a_stuck_disk_lost_when_the_recorder_died_is_the_disks(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_storage(&box, "ok");
	say_open(&box, 1);
	int64_t bytes = put_file(&box, 1, 4, ".open", false);
	advance_to(&box, 4);
	say_beat(&box, 1, bytes);
	advance_to(&box, 6);
	say_storage(&box, "stalled");
	say_open(&box, 7);
	advance_to(&box, 9);
	say_beat(&box, 7, put_file(&box, 7, 9, ".open", false));
	assert_int_equal(run(&box), 0);
	advance_to(&box, 10);
	say_start(&box, "boot-1");
	say_storage(&box, "ok");
	say_up(&box, 11);
	say_open(&box, 11);
	advance_to(&box, 12);
	say_beat(&box, 11, put_file(&box, 11, 12, ".open", false));
	become_recovered(1, 4);
	become_recovered(7, 9);
	say(&box, "ready", json_object());
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 12, "R 1 4 | G 4 7 storage_failed | R 7 9 | G 9 11 recorder_down | R 11 12");
}

static void a_silent_recorder_is_down(void **state)
{
	(void)state;
	say_up(&box, 1);
	put_file(&box, 1, 4, ".mp4", true);
	advance_to(&box, 4);
	say_sealed(&box, 1, 4, 1);
	assert_int_equal(run(&box), 0);
	advance_to(&box, 25);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 30, "R 1 4 | G 4 25 recorder_down | P 25 30");
}

/* Its journal cannot be written, but a file grows: nobody says that it is down. */
static void a_recorder_that_writes_is_not_down(void **state)
{
	(void)state;
	say_up(&box, 1);
	put_file(&box, 1, 4, ".mp4", true);
	advance_to(&box, 4);
	say_sealed(&box, 1, 4, 1);
	assert_int_equal(run(&box), 0);
	put_file(&box, 4, 24, ".open", false);
	advance_to(&box, 25);
	touch_file(&box, 4, ".open");
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 30, "R 1 4 | P 4 30");
	advance_to(&box, 60); /* it has ended since */
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 30, "R 1 4 | G 4 30 recorder_down");
}

static void witnessed_time_is_what_the_beats_saw(void **state)
{
	(void)state;
	advance_to(&box, 5);
	say(&box, "beat", json_pack("{sb}", "synced", 1));
	box.clock.wall.us += 1000 * US_PER_DAY; /* a jump of the wall clock ages nothing */
	box.clock.mono.us += 5 * US_PER_S;
	say(&box, "beat", json_pack("{sb}", "synced", 1));
	assert_int_equal(run(&box), 0);
	assert_int_equal(ask(box.place.catalog, "SELECT CAST(value AS INTEGER) FROM state WHERE key = 'witnessed_us'"),
			 10 * US_PER_S);
}

static int64_t told(const char *kind)
{
	int64_t n = -1;

	assert_int_equal(db_int(box.place.catalog->db, &n, "SELECT count(*) FROM ledger WHERE kind LIKE ?", "t", kind), 0);
	return n;
}

static void set_clock(struct site_box *b, int64_t step_us)
{
	b->clock.wall.us += step_us;
	say(b, "clock", json_pack("{sI sb}", "step_us", (json_int_t)step_us, "synced", 1));
}

/* The file that the old clock's last frames are in is still being sealed when the new one shows an hour more. */
static void a_step_forward_is_one_gap_and_no_other(void **state)
{
	(void)state;
	say_up(&box, 1);
	say_open(&box, 1);
	advance_to(&box, 4);
	say_beat(&box, 1, put_file(&box, 1, 4, ".open", false));
	assert_int_equal(run(&box), 0);
	advance_to(&box, 5);
	say(&box, "down", json_pack("{ss sI ss ss}", "camera", CAM, "since", (json_int_t)SEC(5), "cause", "clock_stepped",
				    "detail", ""));
	set_clock(&box, 3600 * US_PER_S);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 6, "R 1 4 | P 4 5 | G 5 6 clock_stepped");
	rename_file(&box, 1, ".open", ".gone");
	say_sealed(&box, 1, 5, put_file(&box, 1, 5, ".mp4", true));
	clock_fake_advance(&box.clock, 2 * US_PER_S);
	say_up(&box, 3607);
	advance_to(&box, 3610);
	say_sealed(&box, 3607, 3610, put_file(&box, 3607, 3610, ".mp4", true));
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 3610, "R 1 5 | G 5 3607 clock_stepped | R 3607 3610");
	assert_int_equal(told("clock.stepped"), 1);
	assert_int_equal(told("gap.%"), 2);
	assert_int_equal(told("footage.%"), 0);
}

/* Seconds [from, to) of one run, in one published file. */
static void record(struct site_box *b, int from, int to)
{
	say_up(b, from);
	say_open(b, from);
	advance_to(b, to);
	say_sealed(b, from, to, put_file(b, from, to, ".mp4", true));
	say_down(b, to);
}

static void expect_sound_files(struct site_box *b)
{
	struct err e = {0};

	if (catalog_check_claims(b->place.catalog, CAM, &e) < 0)
		fail_msg("%s", e.text);
}

/* The clock was ahead and is set back; the camera is away when true time comes to what was recorded by the wrong
 * clock. That footage stays, and covers nothing. */
static void tell_of_an_outage_in_time_lived_twice(struct site_box *b)
{
	record(b, 1, 40);
	set_clock(b, -30 * US_PER_S);
	record(b, 11, 14);
	advance_to(b, 30);
	record(b, 30, 45);
	say_beat(b, 999, 0);
}

static const char outage_in_time_lived_twice[] = "R 1 10 | G 10 11 stream_stalled | R 11 14 | G 14 30 stream_stalled | R 30 45";

static void footage_of_a_clock_that_was_ahead_hides_no_outage(void **state)
{
	(void)state;
	record(&box, 1, 40);
	set_clock(&box, -30 * US_PER_S);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 45, "R 1 10 | P 10 45");
	expect_sound_files(&box);
	record(&box, 11, 14);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 45, "R 1 10 | G 10 11 stream_stalled | R 11 14 | P 14 45");
	expect_sound_files(&box);
	advance_to(&box, 30);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 45, "R 1 10 | G 10 11 stream_stalled | R 11 14 | G 14 30 stream_stalled | P 30 45");
	record(&box, 30, 45);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 45, outage_in_time_lived_twice);
	expect_sound_files(&box);
	assert_true(archived(&box, 1) && archived(&box, 11) && archived(&box, 30));
	assert_int_equal(told("clock.stepped"), 1);
	assert_int_equal(told("footage.%"), 0);
}

static void the_same_when_the_keeper_was_away(void **state)
{
	(void)state;
	tell_of_an_outage_in_time_lived_twice(&box);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 45, outage_in_time_lived_twice);
	expect_sound_files(&box);
}

/* What was skipped was nobody's to lose: when the clock is set back into it, it is recorded. */
static void a_clock_set_forward_and_back_leaves_no_gap_of_what_was_skipped(void **state)
{
	(void)state;
	record(&box, 1, 10);
	box.clock.wall.us += 100 * US_PER_S;
	say_down(&box, 10); /* told before the step is */
	say(&box, "clock", json_pack("{sI sb}", "step_us", (json_int_t)(100 * US_PER_S), "synced", 1));
	record(&box, 111, 115);
	set_clock(&box, -60 * US_PER_S);
	record(&box, 56, 80);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 80, "R 1 10 | G 10 55 stream_stalled | G 55 56 stream_stalled | R 56 80");
	expect_sound_files(&box);
}

/* Nobody told of the step: the recorder was not running. */
static void the_same_when_the_clock_was_set_while_the_recorder_was_away(void **state)
{
	(void)state;
	record(&box, 1, 40);
	box.clock.wall.us -= 30 * US_PER_S;
	say_start(&box, "boot-1");
	say(&box, "ready", json_object());
	record(&box, 11, 14);
	advance_to(&box, 30);
	record(&box, 30, 45);
	say_beat(&box, 999, 0);
	assert_int_equal(run(&box), 0);
	expect_tiles(box.place.catalog, CAM, 1, 45, outage_in_time_lived_twice);
	expect_sound_files(&box);
	assert_int_equal(told("clock.stepped"), 1);
}

static void an_unsynchronised_kernel_clock_is_told_once(void **state)
{
	static const int synced[] = {1, 0, 0, 1, 1};

	(void)state;
	for (unsigned i = 0; i < sizeof synced / sizeof synced[0]; i++) {
		clock_fake_advance(&box.clock, 5 * US_PER_S);
		say(&box, "beat", json_pack("{sb}", "synced", synced[i]));
	}
	assert_int_equal(run(&box), 0);
	assert_int_equal(told("clock.untrusted"), 1);
	assert_int_equal(told("clock.trusted"), 1);
}

/* --- whatever fails once ---------------------------------------------------------------------------------------- */

static void scenario(struct site_box *b)
{
	say_up(b, 1);
	say_open(b, 1);
	advance_to(b, 3);
	say_beat(b, 1, put_file(b, 1, 3, ".open", false));
	int64_t bytes = put_file(b, 1, 5, ".open", true);
	rename_file(b, 1, ".open", ".mp4");
	advance_to(b, 5);
	say_sealed(b, 1, 5, bytes);
	bytes = put_file(b, 5, 9, ".mp4", true);
	advance_to(b, 9);
	say_sealed(b, 5, 9, bytes);
	say_down(b, 9);
	advance_to(b, 12);
	say_up(b, 12);
	bytes = put_file(b, 12, 15, ".mp4", true);
	advance_to(b, 15);
	say_sealed(b, 12, 15, bytes);
}

static void expect_scenario(struct site_box *b)
{
	expect_tiles(b->place.catalog, CAM, 1, 20, "R 1 9 | G 9 12 stream_stalled | R 12 15 | P 15 20");
	assert_int_equal(ask(b->place.catalog, "SELECT count(*) FROM segment"), 3);
	assert_int_equal(ask(b->place.catalog, "SELECT count(*) FROM open_segment"), 0);
	assert_int_equal(ask(b->place.catalog, "SELECT count(*) FROM gap"), 1);
	assert_int_equal(ask(b->place.catalog, "SELECT count(*) FROM ledger WHERE kind LIKE 'gap.%'"), 2);
	assert_int_equal(ask(b->place.catalog, "SELECT count(*) FROM ledger WHERE kind LIKE 'footage.%'"), 0);
	assert_true(archived(b, 1) && archived(b, 5) && archived(b, 12));
}

static void one_faulty_life(struct fault *fault, int err)
{
	struct fs_fault faulty;
	struct site_box b;
	bool more;

	box_init(&b);
	scenario(&b);
	fs_fault_init(&faulty, fs_real(), fault, err);
	indexer_destroy(b.ix);
	b.fs = &faulty.base;
	struct err e;
	if (indexer_create(b.fs, &b.clock.base, &b.conf, b.place.catalog, &b.ix, &e) == 0) {
		indexer_step(b.ix, &more);
		indexer_step(b.ix, &more);
	} else {
		b.ix = NULL;
	}
	keeper_die(&b);
	b.fs = fs_real();
	keeper_start(&b);
	assert_int_equal(run(&b), 0);
	expect_scenario(&b);
	expect_sound(b.place.catalog, CAM);
	box_finish(&b);
}

static void publishing_survives_any_fault(void **state)
{
	struct fault fault = {0};

	(void)state;
	FAULT_EACH(&fault)
		one_faulty_life(&fault, EIO);
	fault = (struct fault){0};
	FAULT_EACH(&fault)
		one_faulty_life(&fault, ENOSPC);
}

/* The keeper died after a rename and before the row: the catalogue of before meets the files of after. */
static void facts_read_again_change_nothing(void **state)
{
	struct site_box *b = &box;

	(void)state;
	char *db = xasprintf("%s/catalog.db", b->place.dir);
	keeper_die(b);
	char *data;
	size_t len;
	b->place.catalog = place_catalog(b->place.dir);
	assert_int_equal(db_exec(b->place.catalog->db, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	assert_int_equal(fs_read_all(fs_real(), db, 1 << 24, &data, &len), 0);
	keeper_start(b);
	scenario(b);
	assert_int_equal(run(b), 0);
	expect_scenario(b);
	keeper_die(b);
	char *wal = xasprintf("%s-wal", db);
	assert_int_equal(truncate(wal, 0), 0);
	assert_int_equal(fs_replace(fs_real(), db, data, len, 0644), 0);
	keeper_start(b);
	assert_int_equal(run(b), 0);
	expect_scenario(b);
	free(wal);
	free(data);
	free(db);
}

/* --- commands ------------------------------------------------------------------------------------------------------ */

static int command(const char *verb, json_t *args, json_t **reply)
{
	int status = indexer_command(box.ix, verb, args, reply);

	json_decref(args);
	return status;
}

static void expect_refused(const char *verb, json_t *args, int status, const char *field)
{
	json_t *reply;

	assert_int_equal(command(verb, args, &reply), status);
	assert_non_null(json_string_value(json_object_get(reply, "problem")));
	assert_string_equal(json_string_value(json_object_get(reply, "field")), field);
	json_decref(reply);
}

static json_t *hold_args(const char *camera, const char *end)
{
	return json_pack("{ss ss ss ss ss}", "camera", camera, "start", "2026-11-23T08:00:00+08:00", "end", end, "reason",
			 "police", "by", "uid:0");
}

static void commands_are_checked_and_kept(void **state)
{
	json_t *reply;

	(void)state;
	say_up(&box, 1);
	say_down(&box, 2);
	assert_int_equal(run(&box), 0);
	expect_refused("hold.place", hold_args(CAM, "2026-11-23T08:00:00"), 400, "end");
	expect_refused("hold.place", hold_args(CAM, "2026-11-23T08:00:00+08:00"), 400, "end");
	expect_refused("hold.place", hold_args("nobody", "2026-11-24T08:00:00Z"), 404, "camera");
	assert_int_equal(command("hold.place", hold_args(CAM, "2026-11-24T08:00:00Z"), &reply), 201);
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 1);
	json_decref(reply);
	expect_refused("hold.release", json_pack("{si ss ss}", "id", 7, "reason", "r", "by", "uid:0"), 404, "id");
	expect_refused("gap.explain", json_pack("{si ss ss}", "id", 1, "text", " ", "by", "uid:0"), 400, "text");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(command("gap.explain", json_pack("{si ss ss}", "id", 1, "text", "停电", "by", "uid:0"), &reply), 200);
		json_decref(reply);
	}
	assert_int_equal(ask(box.place.catalog, "SELECT count(*) FROM ledger WHERE kind = 'gap.explained'"), 2);
	expect_refused("key.created", json_pack("{ss ss}", "name", "site", "public", "zz"), 400, "public");
	expect_refused("key.created", json_pack("{ss ss}", "name", "seal", "public", "00"), 400, "name");
	expect_refused("rm", json_object(), 404, "verb");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_open_segment_counts_as_far_as_it_is_durable),
		T(a_sealed_segment_is_published),
		T(a_file_that_nobody_told_of_is_found),
		T(a_spoilt_file_is_put_aside_and_its_time_is_damaged),
		T(a_lost_file_becomes_a_gap),
		T(a_file_that_never_came_to_be_is_not_missing),
		T(a_root_that_is_not_mounted_is_left_alone),
		T(a_crash_of_the_recorder_is_one_gap),
		T(what_a_stuck_disk_lost_when_the_recorder_died_is_the_disks),
		T(a_disk_that_does_not_answer_is_not_touched),
		T(a_closed_file_that_was_lost_is_a_gap_with_its_cause),
		T(a_silent_recorder_is_down),
		T(a_recorder_that_writes_is_not_down),
		T(witnessed_time_is_what_the_beats_saw),
		T(a_step_forward_is_one_gap_and_no_other),
		T(footage_of_a_clock_that_was_ahead_hides_no_outage),
		T(the_same_when_the_keeper_was_away),
		T(a_clock_set_forward_and_back_leaves_no_gap_of_what_was_skipped),
		T(the_same_when_the_clock_was_set_while_the_recorder_was_away),
		T(an_unsynchronised_kernel_clock_is_told_once),
		cmocka_unit_test(publishing_survives_any_fault),
		T(facts_read_again_change_nothing),
		T(commands_are_checked_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
