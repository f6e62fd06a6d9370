/* Months in seconds: cameras that fail, a clock that steps, a keeper that dies between any two calls of the
 * file system or the database, holds, a full disk. The recorder is a script that writes real sealed files
 * and a real journal; indexer, catalogue and retention are the product's own, on a fake clock.
 *
 *	sim [SEED [DAYS [CAMERAS]]]
 *
 * After every hour: no file was unlinked under the floor or under a hold, the archive holds as many files as the
 * catalogue has rows and garbage, and one camera after the other tiles; every day nothing over keep is left
 * unheld; every week, and at the end, fsck over everything. The last line has the head of the ledger:
 * the same seed gives the same. */
#include "tests/unit/keeper_fixture.h"
#include "tests/unit/vfs_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define HOUR (3600 * US_PER_S)
#define TICK (20 * 60 * US_PER_S)
#define TICKS_PER_HOUR 3
#define FLOOR_DAYS 90
#define KEEP_DAYS 95
#define KEEP_SLACK_US (2 * US_PER_DAY) /* boots and unwitnessed hours */

struct film {                    /* one published file, as the world knows it */
	int64_t start, end;          /* wall, as written */
	int64_t made_us, witnessed_us; /* true time, and time the box was on, when it ended */
	bool gone;
};

struct cam {
	bool up, open, late;         /* late: sealed, and not renamed yet */
	int64_t start, end;          /* of the open segment; end of its last fragment */
	struct buf bytes;
	unsigned fragments;
	size_t written, told;        /* bytes on disk, bytes said durable */
	struct film *films;
	size_t film_count, first;    /* films before `first` are gone */
};

struct held { int64_t id; unsigned camera; int64_t start, end, until_us; };

struct sim {
	struct keeper_box box;
	struct fs fs;                /* counts and judges what the keeper does */
	struct cam cams[KEEPER_CAMERAS];
	unsigned cameras;
	uint64_t random;
	int64_t true_us, on_us;      /* since the beginning; with the box on */
	int64_t jump_us, jump_ends_us; /* the clock is ahead by this until then */
	struct held *holds;
	unsigned hold_count;
	unsigned boot;
	uint64_t short_of;           /* bytes that the disk lacks */
	int64_t archived;            /* files */
	unsigned long sealed, unlinked, outages, crashes, deaths, faults, steps, placed, hours, checks;
	bool failed;
};

static struct sim sim;

/* --- the world's dice -------------------------------------------------------------------------------- */

static uint64_t dice(uint64_t sides)
{
	uint64_t x = sim.random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	sim.random = x;
	return (x * UINT64_C(2685821657736338717) >> 16) % sides;
}

static int64_t between(int64_t from, int64_t to) { return from + (int64_t)dice((uint64_t)(to - from)); }
static bool chance(unsigned of_ten_thousand) { return dice(10000) < of_ten_thousand; }
static int64_t now(void) { return sim.box.clock.wall.us; }

__attribute__((format(printf, 1, 2)))
static void wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("WRONG after %lu hours: ", sim.hours);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	sim.failed = true;
}

/* --- the disk, as the world sees it -------------------------------------------------------------------- */

static bool is_held_by_the_world(unsigned camera, const struct film *f)
{
	for (unsigned i = 0; i < sim.hold_count; i++) {
		const struct held *h = &sim.holds[i];
		if (h->camera == camera && h->start < f->end && f->start < h->end)
			return true;
	}
	return false;
}

static struct film *film_find(unsigned camera, int64_t start)
{
	struct cam *c = &sim.cams[camera];

	for (size_t i = c->first; i < c->film_count; i++)
		if (c->films[i].start == start && !c->films[i].gone)
			return &c->films[i];
	return NULL;
}

static void judge_unlink(const char *path)
{
	const char *archive = strstr(path, "/archive/cam-");
	unsigned camera;
	char name[64];
	struct wall start;

	if (!archive || sscanf(archive, "/archive/cam-%u/%*[^/]/%63s", &camera, name) != 2 || strlen(name) < 5) {
		wrong("%s was unlinked", path);
		return;
	}
	name[strlen(name) - 4] = '\0';
	struct film *f = wall_parse_name(name, &start) == 0 ? film_find(camera, start.us) : NULL;
	if (!f)
		wrong("%s was unlinked, and nobody made it", path);
	else if (sim.true_us - f->made_us < FLOOR_DAYS * US_PER_DAY)
		wrong("%s was unlinked at an age of %.3f days", path, (double)(sim.true_us - f->made_us) / (double)US_PER_DAY);
	else if (is_held_by_the_world(camera, f))
		wrong("%s was unlinked under a hold", path);
	if (f)
		f->gone = true;
	for (struct cam *c = &sim.cams[camera]; f && c->first < c->film_count && c->films[c->first].gone;)
		c->first++;
}

static int sim_unlink(struct fs *fs, const char *path)
{
	int rc = fs_real()->unlink(fs, path);

	if (rc == 0) {
		judge_unlink(path);
		sim.archived--;
		sim.unlinked++;
	}
	return rc;
}

static int sim_rename(struct fs *fs, const char *from, const char *to)
{
	int rc = fs_real()->rename(fs, from, to);

	if (rc == 0 && strstr(to, "/archive/"))
		sim.archived++;
	if (rc == 0 && strstr(to, ".bad"))
		wrong("%s was put aside", from);
	return rc;
}

static int sim_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs, (void)path;
	*total_bytes = 0;
	*free_bytes = (UINT64_C(256) << 20) - sim.short_of;
	return 0;
}

/* --- the recorder ---------------------------------------------------------------------------------------- */

static void file_write(unsigned i)
{
	struct cam *c = &sim.cams[i];
	char *path = keeper_incoming(&sim.box, i, c->start, ".open");
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	REQUIRE(fd >= 0 && write(fd, c->bytes.data + c->written, c->bytes.len - c->written) == (ssize_t)(c->bytes.len - c->written));
	close(fd);
	c->written = c->bytes.len;
	free(path);
}

static void cam_reset(struct cam *c)
{
	buf_finish(&c->bytes);
	c->bytes = (struct buf){0};
	c->open = c->late = false;
	c->fragments = 0;
	c->written = c->told = 0;
}

static void cam_open(unsigned i, int64_t start)
{
	struct cam *c = &sim.cams[i];
	char name[256];

	cam_reset(c);
	c->open = true;
	c->start = c->end = start;
	fixture_init(&c->bytes);
	segment_incoming_name(name, sim.box.cameras[i].id, (struct wall){start}, ".open");
	keeper_say(&sim.box, "open", json_pack("{ss ss ss sI ss}", "camera", sim.box.cameras[i].id, "root", sim.box.root, "file", name,
					       "start", (json_int_t)start, "run", "r"));
}

static void cam_rename(unsigned i)
{
	struct cam *c = &sim.cams[i];
	char *from = keeper_incoming(&sim.box, i, c->start, ".open"), *to = keeper_incoming(&sim.box, i, c->start, ".mp4");

	REQUIRE(rename(from, to) == 0);
	free(from);
	free(to);
	cam_reset(c);
}

static void film_add(struct cam *c)
{
	if (c->film_count % 1024 == 0)
		c->films = xrealloc(c->films, (c->film_count + 1024) * sizeof *c->films);
	c->films[c->film_count++] = (struct film){c->start, c->end, sim.true_us, sim.on_us, false};
	sim.sealed++;
}

static void cam_drop(unsigned i)
{
	struct cam *c = &sim.cams[i];
	char *path = keeper_incoming(&sim.box, i, c->start, ".open"), name[256];

	segment_incoming_name(name, sim.box.cameras[i].id, (struct wall){c->start}, ".open");
	unlink(path);
	free(path);
	keeper_say(&sim.box, "dropped", json_pack("{ss ss ss}", "camera", sim.box.cameras[i].id, "root", sim.box.root, "file", name));
	cam_reset(c);
}

static void cam_close(unsigned i, uint8_t flags)
{
	struct cam *c = &sim.cams[i];

	if (!c->open)
		return;
	if (c->late) {
		cam_rename(i);
		return;
	}
	if (c->fragments == 0) {
		cam_drop(i);
		return;
	}
	keeper_seal(&sim.box, i, &c->bytes, c->start, c->end, c->fragments, flags);
	file_write(i);
	keeper_say_sealed(&sim.box, i, c->start, c->end, c->bytes.len);
	film_add(c);
	c->late = chance(500);
	if (!c->late)
		cam_rename(i);
}

static void cam_film(unsigned i, int64_t until)
{
	struct cam *c = &sim.cams[i];

	if (c->open && (c->late || c->end - c->start > 40 * 60 * US_PER_S)) {
		int64_t at = c->end;
		cam_close(i, 0);
		if (c->open) /* it is late: its place is needed now */
			cam_rename(i);
		cam_open(i, at);
	}
	if (until <= c->end)
		return;
	keeper_fragment(&c->bytes, c->start, c->fragments++, c->end, until);
	c->end = until;
}

static void cam_up(unsigned i, int64_t at)
{
	if (sim.cams[i].late)
		cam_rename(i);
	keeper_say(&sim.box, "up", json_pack("{ss sI}", "camera", sim.box.cameras[i].id, "start", (json_int_t)at));
	sim.cams[i].up = true;
	cam_open(i, at);
}

static void cam_down(unsigned i, int64_t since, const char *cause)
{
	cam_close(i, 0);
	sim.cams[i].up = false;
	keeper_say(&sim.box, "down", json_pack("{ss sI ss ss}", "camera", sim.box.cameras[i].id, "since", (json_int_t)since, "cause",
					       cause, "detail", ""));
}

static void cam_tick(unsigned i, int64_t from, int64_t to)
{
	static const char *const causes[] = {"camera_unreachable", "camera_refused", "stream_stalled", "stream_unusable"};
	struct cam *c = &sim.cams[i];
	const char *cause = causes[dice(4)];

	if (c->up && chance(60)) {
		sim.outages++;
		cam_film(i, between(from, to));
		cam_down(i, c->open ? c->end : from, cause);
	} else if (c->up) {
		cam_film(i, to);
	} else if (chance(2500)) {
		cam_up(i, between(from, to));
		cam_film(i, to);
	} else if (chance(500)) {
		cam_down(i, from, cause);
	}
}

static void say_durable(void)
{
	json_t *files = json_object();

	for (unsigned i = 0; i < sim.cameras; i++) {
		struct cam *c = &sim.cams[i];
		char name[256];
		if (!c->open || c->late || c->bytes.len == c->told)
			continue;
		file_write(i);
		c->told = c->written;
		segment_incoming_name(name, sim.box.cameras[i].id, (struct wall){c->start}, ".open");
		json_object_set_new(files, name, json_integer((json_int_t)c->told));
	}
	keeper_say(&sim.box, "beat", json_pack("{sb s{so}}", "synced", (int)sim.box.clock.is_synced, "durable", sim.box.root, files));
	REQUIRE(journal_sync(sim.box.journal) == 0);
}

static void say_start(void)
{
	char boot[32];

	snprintf(boot, sizeof boot, "boot-%u", sim.boot);
	keeper_say_start(&sim.box, boot);
}

/* What stands in incoming/ after a crash: cut behind the last whole fragment and sealed. */
static void recover(void)
{
	for (unsigned i = 0; i < sim.cameras; i++) {
		struct cam *c = &sim.cams[i];
		c->up = false;
		if (!c->open)
			continue;
		if (!c->late && c->fragments > 0 && chance(3000)) {
			file_write(i); /* a torn tail, which recovery cuts */
			char *path = keeper_incoming(&sim.box, i, c->start, ".open");
			REQUIRE(truncate(path, (off_t)c->bytes.len) == 0);
			free(path);
		}
		cam_close(i, SEAL_RECOVERED);
		if (c->open)
			cam_rename(i);
	}
}

static void keeper_works(void);

static void time_passes(int64_t us, bool on)
{
	sim.true_us += us;
	sim.on_us += on ? us : 0;
	clock_fake_advance(&sim.box.clock, us);
}

/* The recorder dies, and the box with it if `off`; the keeper goes on alone for a while. */
static void recorder_crashes(bool off)
{
	struct err e;
	char *dir = xasprintf("%s/journal", sim.box.place.dir);

	sim.crashes++;
	for (int64_t left = between(US_PER_S, chance(3000) ? 30 * HOUR : HOUR); left > 0; left -= HOUR) {
		time_passes(left < HOUR ? left : HOUR, !off);
		if (!off)
			keeper_works();
	}
	if (off) {
		sim.boot++;
		sim.box.clock.mono.us = US_PER_S;
		keeper_die(&sim.box);
	}
	journal_close(sim.box.journal);
	REQUIRE(journal_open(fs_real(), &sim.box.clock.base, dir, &sim.box.journal, &e) == 0);
	free(dir);
	say_start();
	recover();
	keeper_say(&sim.box, "ready", json_object());
	for (unsigned i = 0; i < sim.cameras; i++) {
		time_passes(US_PER_S, true);
		if (chance(9500))
			cam_up(i, now());
		else
			cam_down(i, now(), "camera_unreachable");
	}
	if (off && keeper_try(&sim.box) < 0)
		wrong("the keeper does not start");
}

static void clock_steps(int64_t us)
{
	sim.steps++;
	for (unsigned i = 0; i < sim.cameras; i++)
		if (sim.cams[i].up) {
			cam_down(i, sim.cams[i].end, "clock_stepped");
			sim.cams[i].up = true;
		}
	sim.box.clock.wall.us += us;
	keeper_say(&sim.box, "clock", json_pack("{sI sb}", "step_us", (json_int_t)us, "synced", (int)sim.box.clock.is_synced));
	for (unsigned i = 0; i < sim.cameras; i++)
		if (sim.cams[i].up)
			cam_up(i, now());
}

static void clock_misbehaves(void)
{
	if (sim.jump_us && sim.true_us >= sim.jump_ends_us) {
		clock_steps(-sim.jump_us);
		sim.jump_us = 0;
		sim.box.clock.is_synced = true;
	} else if (!sim.jump_us && chance(30)) {
		sim.jump_us = chance(2000) ? 200 * US_PER_DAY : between(-3 * HOUR, 3 * HOUR);
		sim.jump_ends_us = sim.true_us + between(HOUR, 40 * HOUR);
		sim.box.clock.is_synced = chance(5000);
		clock_steps(sim.jump_us);
	}
}

static void recorder_lives_an_hour(void)
{
	for (unsigned t = 0; t < TICKS_PER_HOUR; t++) {
		int64_t from = now();
		time_passes(TICK, true);
		for (unsigned i = 0; i < sim.cameras; i++)
			cam_tick(i, from, now());
	}
	say_durable();
	if (!journal_is_long(sim.box.journal) || !sim.box.ix)
		return;
	journal_prune(sim.box.journal, indexer_journal_file(sim.box.ix));
	REQUIRE(journal_rotate(sim.box.journal) == 0);
	keeper_say(&sim.box, "start", json_pack("{sb ss}", "rotated", 1, "boot", "boot-1"));
}

/* --- people -------------------------------------------------------------------------------------------------- */

static void someone_places_a_hold(void)
{
	unsigned camera = (unsigned)dice(sim.cameras);
	int64_t start = now() - between(0, 110 * US_PER_DAY), id;
	struct held h = {.camera = camera, .start = start, .end = start + between(HOUR, 3 * US_PER_DAY),
			 .until_us = sim.true_us + between(HOUR, 20 * US_PER_DAY)};
	struct catalog *c = sim.box.place.catalog;

	REQUIRE(catalog_begin(c) == 0 && hold_place(c, sim.box.clock.wall, sim.box.cameras[camera].id,
		(struct wall_range){{h.start}, {h.end}}, "police", "", "chen", &id) == 0 && catalog_commit(c) == 0);
	h.id = id;
	sim.holds = xrealloc(sim.holds, (sim.hold_count + 1) * sizeof *sim.holds);
	sim.holds[sim.hold_count++] = h;
	sim.placed++;
}

static void holds_run_out(void)
{
	struct catalog *c = sim.box.place.catalog;

	for (unsigned i = 0; i < sim.hold_count;) {
		if (sim.true_us < sim.holds[i].until_us) {
			i++;
			continue;
		}
		REQUIRE(catalog_begin(c) == 0 && hold_release(c, sim.box.clock.wall, sim.holds[i].id, "closed", "li", false) == HOLD_RELEASE_REQUESTED &&
			hold_release(c, sim.box.clock.wall, sim.holds[i].id, "closed", "wang", false) == 0 && catalog_commit(c) == 0);
		sim.holds[i] = sim.holds[--sim.hold_count];
	}
}

/* --- the keeper -------------------------------------------------------------------------------------------------- */

static int work_once(void)
{
	int rc;

	indexer_hint(sim.box.ix);
	rc = keeper_index(&sim.box);
	return rc < 0 ? rc : keeper_reap(&sim.box);
}

static void keeper_suffers(struct fault *fault)
{
	struct fs_fault faulty;

	fs_fault_init(&faulty, &sim.fs, fault, EIO);
	keeper_die(&sim.box);
	sim.box.fs = &faulty.base;
	vfs_fault_use(fault);
	if (keeper_try(&sim.box) == 0)
		work_once();
	vfs_fault_use(fault->stays ? fault : NULL);
	keeper_die(&sim.box);
	vfs_fault_use(NULL);
	sim.box.fs = &sim.fs;
	sim.deaths += fault->stays && fault->hit;
	sim.faults += !fault->stays && fault->hit;
	if (keeper_try(&sim.box) < 0)
		wrong("the keeper does not start again");
}

static void keeper_works(void)
{
	struct fault fault = {.nth = (int)dice(600), .stays = chance(7000)};

	sim.short_of = chance(300) ? dice(100000) : 0;
	if (chance(1000))
		keeper_suffers(&fault);
	int rc = work_once();
	if (rc < 0)
		wrong("the keeper cannot work: %d", rc);
}

/* --- the checks ------------------------------------------------------------------------------------------------------ */

static void check_hour(void)
{
	struct catalog *c = sim.box.place.catalog;
	struct err e = {0};
	unsigned camera = (unsigned)(sim.hours % sim.cameras);

	sim.checks++;
	int64_t rows = ask(c, "SELECT (SELECT count(*) FROM segment) + (SELECT count(*) FROM garbage)");
	if (rows != sim.archived)
		wrong("%" PRId64 " files are archived, %" PRId64 " rows tell of them", sim.archived, rows);
	if (ask(c, "SELECT count(*) FROM garbage") != 0)
		wrong("garbage is left");
	if (catalog_check_tiling(c, sim.box.cameras[camera].id, &e) < 0)
		wrong("%s", e.text);
	if (catalog_check_claims(c, sim.box.cameras[camera].id, &e) < 0)
		wrong("%s", e.text);
}

static bool is_over(unsigned camera, const struct film *f)
{
	const int64_t keep = KEEP_DAYS * US_PER_DAY + KEEP_SLACK_US;

	return !f->gone && sim.true_us - f->made_us >= keep && sim.on_us - f->witnessed_us >= keep && now() - f->end >= keep &&
	       !is_held_by_the_world(camera, f);
}

static void check_day(void)
{
	for (unsigned i = 0; i < sim.cameras; i++)
		for (size_t n = sim.cams[i].first; n < sim.cams[i].film_count; n++)
			if (is_over(i, &sim.cams[i].films[n]))
				wrong("camera %u keeps footage of %" PRId64 " for %.1f days", i, sim.cams[i].films[n].start,
				      (double)(sim.true_us - sim.cams[i].films[n].made_us) / (double)US_PER_DAY);
}

static void check_all(bool full)
{
	struct keeper_findings f = keeper_fsck(&sim.box, full);

	if (f.count)
		wrong("fsck: %u findings, the first: %s", f.count, f.first);
}

/* --- the life ------------------------------------------------------------------------------------------------------------ */

static void live_an_hour(void)
{
	clock_misbehaves();
	recorder_lives_an_hour();
	if (chance(40))
		recorder_crashes(chance(5000));
	if (chance(300))
		someone_places_a_hold();
	keeper_works();
	holds_run_out();
	check_hour();
	sim.hours++;
	if (sim.hours % 24 == 0)
		check_day();
	if (sim.hours % (24 * 7) == 0)
		check_all(false);
}

static void stop_cleanly(void)
{
	for (unsigned i = 0; i < sim.cameras; i++) {
		cam_close(i, 0);
		if (sim.cams[i].open)
			cam_rename(i);
	}
	keeper_say(&sim.box, "stop", json_object());
	REQUIRE(journal_sync(sim.box.journal) == 0);
	if (work_once() < 0)
		wrong("the keeper cannot finish");
	check_all(true);
}

/* The same key in every life, so that the same seed seals the same. */
static void write_key(const char *dir)
{
	static const uint8_t head[16] = {0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20};
	uint8_t der[48];
	char *keys = xasprintf("%s/keys", dir), *path = xasprintf("%s/seal.key", keys);

	memset(der, 0x42, sizeof der);
	memcpy(der, head, sizeof head);
	char *base64 = base64_encode(der, sizeof der);
	char *pem = xasprintf("-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n", base64);
	REQUIRE(fs_mkdirs(fs_real(), keys, 0755) == 0 && fs_replace(fs_real(), path, pem, strlen(pem), 0600) == 0);
	free(pem);
	free(base64);
	free(path);
	free(keys);
}

static void begin(uint64_t seed, unsigned cameras)
{
	char dir[64];

	sim.random = seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
	sim.cameras = cameras;
	sim.fs = *fs_real();
	sim.fs.unlink = sim_unlink;
	sim.fs.rename = sim_rename;
	sim.fs.free_bytes = sim_free_bytes;
	keeper_folder(dir);
	write_key(dir);
	keeper_init_in(&sim.box, dir, cameras);
	keeper_die(&sim.box);
	sim.box.fs = &sim.fs;
	sim.boot = 1;
	REQUIRE(keeper_try(&sim.box) == 0);
	for (unsigned i = 0; i < cameras; i++)
		cam_up(i, now());
}

static void finish(void)
{
	for (unsigned i = 0; i < sim.cameras; i++) {
		cam_reset(&sim.cams[i]);
		free(sim.cams[i].films);
	}
	free(sim.holds);
	keeper_finish(&sim.box);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	unsigned days = argc > 2 ? (unsigned)atoi(argv[2]) : 120, cameras = argc > 3 ? (unsigned)atoi(argv[3]) : 20;
	uint8_t head[SHA256_BYTES];
	char hex[SHA256_HEX_MAX];
	int64_t entries;

	REQUIRE(cameras > 0 && cameras <= KEEPER_CAMERAS);
	vfs_fault_install();
	begin(seed, cameras);
	while (sim.hours < days * 24 && !sim.failed)
		live_an_hour();
	if (!sim.failed)
		stop_cleanly();
	REQUIRE(catalog_ledger_head(sim.box.place.catalog, &entries, head) == 0);
	hex_encode(head, sizeof head, hex);
	printf("outages=%lu recorder_crashes=%lu clock_steps=%lu keeper_deaths=%lu faults=%lu holds=%lu sealed=%lu deleted=%lu\n",
	       sim.outages, sim.crashes, sim.steps, sim.deaths, sim.faults, sim.placed, sim.sealed, sim.unlinked);
	printf("%s seed=%" PRIu64 " days=%u hours_checked=%lu ledger_entries=%" PRId64 " ledger=%s\n", sim.failed ? "FAILED" : "ok", seed,
	       days, sim.checks, entries, hex);
	finish();
	return sim.failed;
}
