/* A power cut at every point of a segment's life. Recorder, keeper and reaper live once, over a disk that
 * remembers (crash_disk.h): two segments are recorded in beats, sealed, published; a hundred days later a third
 * is recorded and the first two are deleted. Then, for every operation on files and databases, what a cut behind
 * it may leave is laid out, everything is started, and must be sound: fsck --full has no finding, what was
 * promised is there, at most 5 s and a fragment are lost, nothing went that retention had not planned.
 *
 * HOLDFAST_CRASH_ALL=1 runs all states; else a sample, the same each time. */
#include "crash_disk.h"
#include "indexer/fsck.h"
#include "indexer/indexer.h"
#include "recorder/storage_inner.h"
#include "retention/reaper.h"
#include "tests/unit/catalog_fixture.h"
#include "tests/unit/storage_fixture.h"

#define CAMERA "cam"
#define LOSS_US (STORAGE_SYNC_EVERY_MS * US_PER_MS + FIXTURE_FRAGMENT_US)
#define LEAP_US (200 * US_PER_DAY)
#define HALF_S (US_PER_S / 2)
#define SEGMENTS 3

/* A cut is followed by another boot. */
static const char *boot = "boot-1";

void __wrap_clock_boot_id(char out[BOOT_ID_MAX]);
void __wrap_clock_boot_id(char out[BOOT_ID_MAX]) { snprintf(out, BOOT_ID_MAX, "%s", boot); }

static struct crash_disk disk;

/* What the one life did. op: the operations that had happened before it. */
struct lived_fragment { int64_t segment_us, end_us; unsigned op; };
static struct {
	struct lived_fragment fragments[32];
	unsigned count, reaped_op;
	int64_t segments[SEGMENTS];
	struct buf bytes[SEGMENTS];     /* of their files, at the end */
	int64_t leapt_us;
} lived;

struct whole_box {
	struct fixture x;
	struct catalog *catalog;
	struct indexer *ix;
	struct reaper reaper;
	struct fs *fs;
};

/* --- a box ------------------------------------------------------------------------------------------------ */

static void box_init(struct whole_box *b, const char *dir, struct fs *fs)
{
	*b = (struct whole_box){.fs = fs};
	fixture_init(&b->x, dir, 1);
	b->x.cameras[0].name = b->x.cameras[0].area = (char *)(uintptr_t)"hall";
	b->x.conf.digest = (char *)(uintptr_t)"d";
	b->x.conf.rule.floor_days = 90;
	b->x.conf.keep_days = 95;
	b->x.conf.segment_us = 300 * US_PER_S;
}

static int64_t now_us(struct whole_box *b) { return clock_wall(&b->x.clock.base).us; }

/* The recorder is up, and its disk is well. */
static void recorder_start(struct whole_box *b)
{
	b->x.recovered = b->x.states = 0;
	assert_int_equal(fixture_start(&b->x, b->fs), 0);
	fixture_run_until(&b->x, b->x.recovered && b->x.states);
	assert_string_equal(b->x.root_state[0], "ok");
}

static void keeper_start(struct whole_box *b)
{
	char *path = fixture_path(b->x.conf.state, "catalog.db");
	struct err e = {0};

	if (catalog_create(path, &b->catalog, &e) < 0 || catalog_quick_check(b->catalog) < 0 ||
	    indexer_create(b->fs, &b->x.clock.base, &b->x.conf, b->catalog, &b->ix, &e) < 0)
		fail_msg("the keeper does not start: %s", e.text);
	b->reaper = (struct reaper){.fs = b->fs, .clock = &b->x.clock.base, .conf = &b->x.conf, .catalog = b->catalog};
	assert_int_equal(reaper_configure(&b->reaper), 0);
	free(path);
}

static void keeper_steps(struct whole_box *b)
{
	bool more = true;

	while (more)
		assert_int_equal(indexer_step(b->ix, &more), 0);
	indexer_mark_ledger(b->ix);
}

static void box_stop(struct whole_box *b)
{
	fixture_stop(&b->x);
	indexer_finish(b->ix);
	keeper_steps(b);
	indexer_destroy(b->ix);
	catalog_close(b->catalog);
}

/* --- the life ------------------------------------------------------------------------------------------------ */

static bool disk_rests(struct whole_box *b)
{
	struct storage_root *r = &b->x.storage->roots[0];

	return !r->tick_out && !r->try_out && worker_pending(r->disk->worker) == 0 && worker_pending(b->x.storage->journal) == 0;
}

static void let_rest(struct whole_box *b)
{
	while (!disk_rests(b))
		uv_run(&b->x.loop, UV_RUN_ONCE);
}

/* Time passes no faster than the product can follow: what is due every 5 s is done in them. */
static void pass(struct whole_box *b, int64_t us)
{
	for (; us > 0; us -= HALF_S) {
		let_rest(b);
		atomic_fetch_add(&b->x.clock.us, HALF_S);
		while (!disk_rests(b) || b->x.clock.us - b->x.storage->roots[0].disk->synced.us >= STORAGE_SYNC_EVERY_MS * US_PER_MS)
			uv_run(&b->x.loop, UV_RUN_ONCE);
	}
}

/* The camera's words, as camera.c says them, and a segment of so many fragments in real time. */
static void record(struct whole_box *b, struct outlet *o, unsigned segment, unsigned fragments)
{
	struct wall start = {now_us(b)};
	enum gap_cause cause;

	lived.segments[segment] = start.us;
	storage_journal(b->x.storage, "up", json_pack("{ss sI}", "camera", CAMERA, "start", (json_int_t)start.us));
	struct outlet_segment *s = fixture_begin(o, start, &cause);
	assert_non_null(s);
	for (unsigned i = 0; i < fragments; i++) {
		pass(b, FIXTURE_FRAGMENT_US);
		assert_int_equal(fixture_add(o, s, start, i), 0);
		let_rest(b);
		lived.fragments[lived.count++] = (struct lived_fragment){start.us, now_us(b), disk.count};
		keeper_steps(b);
	}
	b->x.sealed = 0;
	o->ops->close(s, fixture_end(start, fragments));
	while (!b->x.sealed)
		pass(b, HALF_S);
	indexer_hint(b->ix);
	keeper_steps(b);
}

static void say_down(struct whole_box *b)
{
	storage_journal(b->x.storage, "down", json_pack("{ss sI ss ss}", "camera", CAMERA, "since", (json_int_t)now_us(b),
							"cause", "stream_stalled", "detail", ""));
	let_rest(b);
	keeper_steps(b);
}

/* Where fsck looks for it. */
static void show_key(struct whole_box *b)
{
	char *from = fixture_path(b->x.conf.state, "seal.pub"), *to = fixture_path(b->x.conf.state, "keys/seal.pub"), *data;
	char *keys = fixture_path(b->x.conf.state, "keys");
	size_t len;

	assert_int_equal(fs_mkdirs(fs_real(), keys, 0755), 0);
	assert_int_equal(fs_read_all(fs_real(), from, 4096, &data, &len), 0);
	assert_int_equal(fs_replace(fs_real(), to, data, len, 0644), 0);
	free(data);
	free(keys);
	free(from);
	free(to);
}

static bool makes(const struct crash_op *op, const char *stem)
{
	char *name = xasprintf("/%s.open", stem);
	size_t len = strlen(op->kind == CRASH_CREATE ? op->path : ""), tail = strlen(name);
	bool does = len > tail && strcmp(op->path + len - tail, name) == 0;

	free(name);
	return does;
}

static void learn_bytes(unsigned segment)
{
	struct buf *bytes = &lived.bytes[segment];
	char stem[256];
	int inode = -1;

	segment_incoming_name(stem, CAMERA, (struct wall){lived.segments[segment]}, "");
	for (unsigned i = 0; i < disk.count; i++) {
		const struct crash_op *op = &disk.ops[i];
		if (inode < 0 && makes(op, stem))
			inode = op->inode;
		if (op->kind == CRASH_WRITE && op->inode == inode) {
			assert_int_equal(op->at, bytes->len); /* it is only ever appended to */
			buf_add(bytes, op->data, op->len);
		}
	}
	assert_true(bytes->len > 0);
}

static void live(const char *dir, bool whole)
{
	struct whole_box b;

	box_init(&b, dir, &disk.base);
	show_key(&b);
	crash_disk_init(&disk, dir, &b.x.clock.base, whole);
	recorder_start(&b);
	keeper_start(&b);
	struct outlet *o = fixture_outlet(&b.x, CAMERA);
	record(&b, o, 0, 4);
	record(&b, o, 1, 3);
	say_down(&b);
	lived.leapt_us = now_us(&b) + LEAP_US;
	atomic_fetch_add(&b.x.clock.us, LEAP_US);
	pass(&b, 6 * US_PER_S);
	keeper_steps(&b);
	lived.reaped_op = disk.count;
	record(&b, o, 2, 4);
	assert_int_equal(reaper_step(&b.reaper), 2);
	pass(&b, HALF_S);
	storage_close(b.x.storage);
	fixture_run_until(&b.x, b.x.closed);
	uv_run(&b.x.loop, UV_RUN_DEFAULT);
	storage_outlet_destroy(o);
	storage_destroy(b.x.storage);
	indexer_finish(b.ix);
	keeper_steps(&b);
	indexer_destroy(b.ix);
	catalog_close(b.catalog);
	crash_disk_stop(&disk);
	fixture_finish(&b.x);
	for (unsigned i = 0; i < SEGMENTS; i++)
		learn_bytes(i);
}

/* --- after a cut ------------------------------------------------------------------------------------------------ */

static struct { unsigned cut; const char *how; uint64_t seed; } at; /* for who reads a failure */

#define REQUIRE_THAT(cond, fmt, ...)                                                                                    \
	do {                                                                                                            \
		if (!(cond))                                                                                            \
			fail_msg("cut behind operation %u of %u, %s, seed %llu: " fmt, at.cut, disk.count, at.how,       \
				 (unsigned long long)at.seed, __VA_ARGS__);                                             \
	} while (0)

static void on_finding(void *arg, const char *text)
{
	REQUIRE_THAT(!text, "%s: %s", (const char *)arg, text);
}

static void expect_clean(struct whole_box *b, const char *when)
{
	struct fsck f = {.fs = fs_real(), .conf = &b->x.conf, .full = true, .finding = on_finding, .arg = (void *)(uintptr_t)when};
	struct err e = {0};

	REQUIRE_THAT(fsck_run(&f, &e) == 0, "%s: %s", when, e.text);
}

/* Bytes of that file that the journal on the disk calls durable; sealed: all of it, with its seal. */
struct promised { const char *stem; int64_t bytes; bool sealed; };

static int note_promise(void *arg, const json_t *record)
{
	struct promised *p = arg;
	const char *kind = json_string_value(json_object_get(record, "k")), *file, *root;
	json_t *files, *bytes;
	size_t len = strlen(p->stem);

	json_object_foreach(json_object_get(record, "durable"), root, files)
		json_object_foreach(files, file, bytes)
			if (strncmp(file, p->stem, len) == 0 && json_integer_value(bytes) > p->bytes)
				p->bytes = json_integer_value(bytes);
	file = json_string_value(json_object_get(record, "file"));
	if (strcmp(kind, "sealed") == 0 && file && strncmp(file, p->stem, len) == 0) {
		p->bytes = json_integer_value(json_object_get(record, "bytes"));
		p->sealed = true;
	}
	return 0;
}

static struct promised promised_of(struct whole_box *b, int64_t segment, char stem[256])
{
	struct promised p = {.stem = stem};
	struct journal_pos pos = {0};
	char *dir = fixture_path(b->x.conf.state, "journal");

	segment_incoming_name(stem, CAMERA, (struct wall){segment}, "");
	journal_read(fs_real(), dir, &pos, UINT_MAX, note_promise, &p);
	free(dir);
	return p;
}

static int64_t ask_of(struct whole_box *b, const char *sql, int64_t segment)
{
	char *text = xasprintf("%s %lld", sql, (long long)segment);
	int64_t n = ask(b->catalog, text);

	free(text);
	return n;
}

/* What the ledger was told of, or will be. */
#define GONE "SELECT (SELECT coalesce(sum(json_extract(body, '$.files')), 0) FROM ledger WHERE kind = 'footage.expired') + " \
	     "(SELECT count(*) FROM expired_told)"

static bool has_expired(struct whole_box *b, unsigned segment)
{
	return segment < 2 && at.cut > lived.reaped_op &&
	       (ask_of(b, "SELECT count(*) FROM garbage WHERE start =", lived.segments[segment]) > 0 ||
		ask(b->catalog, GONE) > 0);
}

/* The end of what every power cut must have left of a segment, or 0. */
static int64_t owed_until(int64_t segment, int64_t now)
{
	int64_t end = 0;

	for (unsigned i = 0; i < lived.count; i++)
		if (lived.fragments[i].segment_us == segment && lived.fragments[i].op <= at.cut &&
		    lived.fragments[i].end_us <= now - LOSS_US)
			end = lived.fragments[i].end_us;
	return end;
}

static void expect_kept(struct whole_box *b, const struct promised promised[SEGMENTS], int64_t cut_us)
{
	for (unsigned i = 0; i < SEGMENTS && lived.segments[i]; i++) {
		int64_t bytes = ask_of(b, "SELECT bytes FROM segment WHERE start =", lived.segments[i]);
		int64_t end = ask_of(b, "SELECT end FROM segment WHERE start =", lived.segments[i]);
		if (has_expired(b, i))
			continue;
		REQUIRE_THAT(promised[i].sealed ? bytes == promised[i].bytes : promised[i].bytes == 0 || bytes >= promised[i].bytes,
			     "segment %u: promised %lld bytes, there are %lld", i, (long long)promised[i].bytes, (long long)bytes);
		REQUIRE_THAT(owed_until(lived.segments[i], cut_us) == 0 || end >= owed_until(lived.segments[i], cut_us),
			     "segment %u: lost more than a cut may take", i);
	}
}

/* What is claimed is what was recorded, byte for byte. */
static int expect_true(void *arg, const struct catalog_segment *row)
{
	char *path = xasprintf("%s/%s", row->root, row->file), *data;
	struct segment_scan scan;
	unsigned segment = 0;
	size_t len;

	(void)arg;
	while (segment < SEGMENTS && lived.segments[segment] != row->start.us)
		segment++;
	REQUIRE_THAT(segment < SEGMENTS, "%s was never recorded", path);
	assert_int_equal(fs_read_all(fs_real(), path, 1 << 20, &data, &len), 0);
	segment_scan_init(&scan, false);
	assert_int_equal(segment_scan_bytes(&scan, (const uint8_t *)data, len), 0);
	REQUIRE_THAT((size_t)scan.whole_bytes <= lived.bytes[segment].len &&
		     memcmp(data, lived.bytes[segment].data, (size_t)scan.whole_bytes) == 0,
		     "%s claims what was not recorded", path);
	segment_scan_finish(&scan);
	free(data);
	free(path);
	return 0;
}

/* Retention goes on with what is due, and with nothing else. */
static void expect_lawful(struct whole_box *b)
{
	int64_t old = ask_of(b, "SELECT count(*) FROM segment WHERE start <", lived.leapt_us) +
		      ask(b->catalog, "SELECT count(*) FROM garbage"),
		new = ask_of(b, "SELECT count(*) FROM segment WHERE start >=", lived.leapt_us),
		gone = ask(b->catalog, GONE);

	for (int i = 0; i < 2; i++)
		assert_true(reaper_step(&b->reaper) >= 0);
	int64_t left = ask_of(b, "SELECT count(*) FROM segment WHERE start <", lived.leapt_us);
	REQUIRE_THAT(ask_of(b, "SELECT count(*) FROM segment WHERE start >=", lived.leapt_us) == new, "%s", "new footage went");
	REQUIRE_THAT(at.cut >= lived.reaped_op || now_us(b) >= lived.leapt_us || left == old, "%s", "footage went too early");
	REQUIRE_THAT(ask(b->catalog, "SELECT count(*) FROM garbage") == 0, "%s", "garbage is left");
	REQUIRE_THAT(left + ask(b->catalog, GONE) == old + gone, "%s", "footage went without a word");
}

static void start_and_check(const char *dir, struct fs *fs)
{
	struct whole_box b;
	char stems[SEGMENTS][256];
	struct promised promised[SEGMENTS];
	int64_t cut_us = at.cut ? disk.ops[at.cut - 1].when.us : FIXTURE_START;

	boot = "boot-2";
	box_init(&b, dir, fs);
	atomic_store(&b.x.clock.us, cut_us - FIXTURE_START + US_PER_S);
	for (unsigned i = 0; i < SEGMENTS; i++)
		promised[i] = promised_of(&b, lived.segments[i], stems[i]);
	recorder_start(&b);
	keeper_start(&b);
	keeper_steps(&b);
	expect_clean(&b, "after the start");
	expect_kept(&b, promised, cut_us);
	assert_int_equal(catalog_segments(b.catalog, CAMERA, (struct wall){0}, (struct wall){INT64_MAX}, NULL, UINT_MAX, expect_true,
					  NULL), 0);
	expect_lawful(&b);
	let_rest(&b);
	box_stop(&b);
	expect_clean(&b, "after the stop");
	fixture_finish(&b.x);
}

/* --- every cut ----------------------------------------------------------------------------------------------------- */

static const struct crash_how hows[] = {
	{"all of it is there", CRASH_ALL, CRASH_ALL, 0},
	{"nothing that was not synced", CRASH_NONE, CRASH_NONE, 0},
	{"names without their bytes", CRASH_ALL, CRASH_NONE, 0},
	{"sizes without their bytes", CRASH_ALL, CRASH_ZEROS, 0},
	{"torn at 512", CRASH_SCATTERED, CRASH_TORN, 512},
	{"torn at 4096", CRASH_SCATTERED, CRASH_TORN, 4096},
	{"scattered sectors of 512", CRASH_SCATTERED, CRASH_SCATTERED, 512},
	{"scattered sectors of 4096", CRASH_SCATTERED, CRASH_SCATTERED, 4096},
};
enum { HOWS = sizeof hows / sizeof *hows };

static struct { uint64_t *items; unsigned count; } met;

static bool is_new(uint64_t state)
{
	for (unsigned i = 0; i < met.count; i++)
		if (met.items[i] == state)
			return false;
	met.items = xrealloc(met.items, (met.count + 1) * sizeof *met.items);
	met.items[met.count++] = state;
	return true;
}

static int no_sync(struct fs *fs, int fd) { (void)fs, (void)fd; return 0; }
static int no_sync_dir(struct fs *fs, const char *path) { (void)fs, (void)path; return 0; }

static int box_setup(void **state)
{
	char *dir = xstrdup("/dev/shm/holdfast-test-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static void cut(const char *dir, struct fs *fs, unsigned count, unsigned how)
{
	at.cut = count;
	at.how = hows[how].name;
	at.seed = count * HOWS + how;
	if (is_new(crash_disk_leave(&disk, count, &hows[how], at.seed)))
		start_and_check(dir, fs);
}

static void forget_life(void)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		buf_finish(&lived.bytes[i]);
	memset(&lived, 0, sizeof lived);
	free(met.items);
	memset(&met, 0, sizeof met);
	crash_disk_finish(&disk);
	memset(&disk, 0, sizeof disk);
	boot = "boot-1";
}

/* whole: the disk has one sync for everything; else each file and folder is synced. */
static void cut_everywhere(const char *dir, bool whole)
{
	struct fs fs = *fs_real();
	bool all = getenv("HOLDFAST_CRASH_ALL") != NULL;
	uint64_t dice = 20261125;

	fs.datasync = no_sync;
	fs.sync_dir = no_sync_dir;
	live(dir, whole);
	for (unsigned k = 0; k <= disk.count; k++)
		for (unsigned how = 0; how < HOWS; how++)
			if (all || crash_dice(&dice) % (2 * HOWS) == 0)
				cut(dir, &fs, k, how);
	print_message("%u states behind %u operations\n", met.count, disk.count);
	assert_true(met.count > disk.count / 4);
	forget_life();
}

static void any_power_cut_leaves_a_sound_box(void **state) { cut_everywhere(*state, false); }
static void any_power_cut_among_rounds_leaves_a_sound_box(void **state) { cut_everywhere(*state, true); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_power_cut_leaves_a_sound_box, box_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(any_power_cut_among_rounds_leaves_a_sound_box, box_setup, fixture_teardown),
	};

	crash_vfs_install(&disk);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
