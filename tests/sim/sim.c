/* Months in seconds: cameras that fail, a clock that steps, a keeper that dies between any two calls of the
 * file system or the database, holds, a full disk. The recorder is a script that writes real sealed files
 * and a real journal; indexer, catalogue and retention are the product's own, on a fake clock.
 *
 *	sim [SEED [DAYS [CAMERAS [calm]]]]
 *
 * After every hour, of every camera: each file in the archive has its row, with the size and the seal that it was
 * given, and each row its file; no garbage; the tiles join; no time is claimed as recorded that is not on the disk;
 * nothing was unlinked under the floor or under a hold, nor of a camera more than two days of footage in a day. After
 * every day: nothing over keep is left unheld. Every week fsck over everything, at the end with every seal. The last line
 * has the head of the ledger: the same seed gives the same. With `calm` nothing fails, and no day may give the ledger more than
 * CALM_ENTRIES. */
#include "sim.h"
#include "tests/unit/vfs_fault.h"

#include <errno.h>

struct sim sim;

/* --- the world's dice -------------------------------------------------------------------------------- */

uint64_t dice(uint64_t sides)
{
	uint64_t x = sim.random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	sim.random = x;
	return (x * UINT64_C(2685821657736338717) >> 16) % sides;
}

int64_t between(int64_t from, int64_t to) { return from + (int64_t)dice((uint64_t)(to - from)); }
bool chance(unsigned of_ten_thousand) { return dice(10000) < of_ten_thousand && !sim.calm; }
int64_t now(void) { return sim.box.clock.wall.us; }

void wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("WRONG after %lu hours: ", sim.hours);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	sim.failed = true;
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
		(struct wall_range){{h.start}, {h.end}}, "police", "", &chen, &id) == 0 && catalog_commit(c) == 0);
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
		REQUIRE(catalog_begin(c) == 0 && hold_release(c, sim.box.clock.wall, sim.holds[i].id, "closed", &li) == CONSENT_ASK &&
			hold_release(c, sim.box.clock.wall, sim.holds[i].id, "closed", &bureau) == 0 && catalog_commit(c) == 0);
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

void keeper_works(void)
{
	struct fault fault = {.nth = (int)dice(600), .stays = chance(7000)};

	sim.short_of = chance(300) ? dice(100000) : 0;
	if (chance(1000))
		keeper_suffers(&fault);
	int rc = work_once();
	if (rc < 0)
		wrong("the keeper cannot work: %d", rc);
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
	recorder_stops();
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
	disk_init(&sim.fs);
	keeper_folder(dir);
	write_key(dir);
	keeper_init_in(&sim.box, dir, cameras);
	keeper_die(&sim.box);
	sim.box.fs = &sim.fs;
	sim.boot = 1;
	REQUIRE(keeper_try(&sim.box) == 0);
	check_begin();
	for (unsigned i = 0; i < cameras; i++)
		cam_up(i, now());
}

static void finish(void)
{
	check_end();
	for (unsigned i = 0; i < sim.cameras; i++) {
		cam_reset(&sim.cams[i]);
		free(sim.cams[i].films);
		free(sim.cams[i].going);
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
	sim.calm = argc > 4 && strcmp(argv[4], "calm") == 0;
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
	printf("%s seed=%" PRIu64 " days=%u hours_checked=%lu ledger_entries=%" PRId64 " most_a_day=%" PRId64 " ledger=%s\n",
	       sim.failed ? "FAILED" : "ok", seed, days, sim.checks, entries, sim.most_a_day, hex);
	finish();
	return sim.failed;
}
