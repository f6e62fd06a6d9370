/* The recorder, as a script: real sealed files and a real journal. */
#include "sim.h"

#include <fcntl.h>

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

void cam_reset(struct cam *c)
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
	c->start = c->end = c->told_end = start;
	fixture_init(&c->bytes);
	file_write(i);
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

static void film_add(unsigned i)
{
	struct cam *c = &sim.cams[i];

	if (c->film_count % 1024 == 0)
		c->films = xrealloc(c->films, (c->film_count + 1024) * sizeof *c->films);
	struct film *f = &c->films[c->film_count++];
	*f = (struct film){.start = c->start, .end = c->end, .made_us = sim.true_us, .witnessed_us = sim.on_us, .bytes = c->bytes.len};
	memcpy(f->digest, sim.box.cameras[i].digest, sizeof f->digest);
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
	film_add(i);
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

void cam_up(unsigned i, int64_t at)
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
		c->told_end = c->end;
		segment_incoming_name(name, sim.box.cameras[i].id, (struct wall){c->start}, ".open");
		json_object_set_new(files, name, json_integer((json_int_t)c->told));
	}
	keeper_say(&sim.box, "beat", json_pack("{sb s{so}}", "synced", (int)sim.box.clock.is_synced, "durable", sim.box.root, files));
	REQUIRE(journal_sync(sim.box.journal) == 0);
}

static void say_start(void)
{
	snprintf(sim.boot_name, sizeof sim.boot_name, "boot-%u", sim.boot);
	sim.box.clock.base.boot = sim.boot_name;
	keeper_say_start(&sim.box, sim.boot_name);
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

static void time_passes(int64_t us, bool on)
{
	sim.true_us += us;
	sim.on_us += on ? us : 0;
	clock_fake_advance(&sim.box.clock, us);
}

/* The recorder dies, and the box with it if `off`; the keeper goes on alone for a while. */
void recorder_crashes(bool off)
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

void clock_misbehaves(void)
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

void recorder_lives_an_hour(void)
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

void recorder_stops(void)
{
	for (unsigned i = 0; i < sim.cameras; i++) {
		cam_close(i, 0);
		if (sim.cams[i].open)
			cam_rename(i);
	}
	keeper_say(&sim.box, "stop", json_object());
	REQUIRE(journal_sync(sim.box.journal) == 0);
}
