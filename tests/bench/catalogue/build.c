/* bench-catalogue STATE ROOT CAMERAS DAYS: the catalogue of a site that has recorded so long, through the keeper's own
 * writes: segments of 5 minutes in the order in which they would have been published, one or two gaps a camera and day.
 * No footage is made; ROOT gets its identity only. */
#include "base/require.h"
#include "indexer/accounting.h"
#include "indexer/indexer_inner.h"
#include "indexer/lives.h"
#include "media/root_identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE "cn-bench-0001"
#define SEGMENT_US (300 * US_PER_S)
#define FRAGMENT_US (2 * US_PER_S)
#define FRAGMENT_BYTES 500000
#define GAPS_PER_DAY 1.5
#define CAMERAS_MAX 1024

struct cam {
	char id[16];
	int64_t at, run, run_ends; /* the run that is being recorded began and will end */
	uint64_t sequence;
};

static struct cam cams[CAMERAS_MAX];
static unsigned cameras;
static struct accounting acc;
static int64_t root_id, end_us;
static unsigned long segments, gaps;

static uint64_t dice(uint64_t sides)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % sides;
}

static int64_t run_length(void) { return US_PER_S + (int64_t)dice((uint64_t)(2.0 * (double)US_PER_DAY / GAPS_PER_DAY)); }

/* --- rows ------------------------------------------------------------------------------- */

static void fill_index(struct fragment_index *x, int64_t start, int64_t end)
{
	int64_t offset = 900;

	while (start < end) {
		struct fragment f = {.start = {start}, .duration_us = end - start < FRAGMENT_US ? end - start : FRAGMENT_US,
				     .offset = offset, .bytes = FRAGMENT_BYTES / 2 + (uint32_t)dice(FRAGMENT_BYTES), .frames = 30,
				     .crc = (uint32_t)dice(UINT32_MAX), .key = true};
		fragment_index_add(x, &f);
		start += f.duration_us;
		offset += f.bytes;
	}
}

static void add_segment(struct cam *c, int64_t start, int64_t end)
{
	struct segment_scan s = {.moov = {.codec = "avc1", .width = 1920, .height = 1080, .timescale = 1000000},
				 .init_bytes = 900};
	struct seal *seal = &s.seal;

	fill_index(&s.index, start, end);
	*seal = (struct seal){.site = SITE, .sequence = ++c->sequence, .start = {start}, .end = {end}, .frames = 30 * s.index.count,
			      .fragments = s.index.count};
	memcpy(seal->camera, c->id, sizeof c->id);
	for (unsigned i = 0; i < SHA256_BYTES; i++)
		s.seal_digest[i] = (uint8_t)dice(256);
	const struct fragment *last = &s.index.items[s.index.count - 1];
	REQUIRE(segment_row_insert(acc.catalog, root_id, last->offset + last->bytes + 400, &s) == 0);
	fragment_index_finish(&s.index);
	segments++;
}

/* The run is over: its coverage in one go, then a gap. */
static void end_run(struct cam *c)
{
	static const char *const causes[] = {"camera_unreachable", "stream_stalled", "camera_refused", "stream_unusable"};
	int64_t lasts = 3 * US_PER_S + (int64_t)dice((uint64_t)(dice(10) ? 60 * US_PER_S : 1800 * US_PER_S));

	REQUIRE(account_covered(&acc, c->id, LIFE_NONE, (struct wall){c->run}, (struct wall){c->run_ends}) == 0);
	REQUIRE(account_down(&acc, c->id, (struct wall){c->run_ends}, causes[dice(4)], "") == 0);
	c->run = c->at = c->run_ends + lasts;
	c->run_ends = c->run + run_length();
	REQUIRE(account_up(&acc, c->id, (struct wall){c->run}) == 0);
	gaps++;
}

static void record_until(struct cam *c, int64_t until)
{
	while (c->at < until) {
		int64_t end = c->at + SEGMENT_US < c->run_ends ? c->at + SEGMENT_US : c->run_ends;
		add_segment(c, c->at, end);
		c->at = end;
		if (c->at == c->run_ends)
			end_run(c);
	}
}

/* --- the site ---------------------------------------------------------------------------- */

static void make_root(const char *path)
{
	struct root_identity id = {.site = SITE};
	uint8_t sector[ROOT_SECTOR_BYTES];
	char uuid[UUID_TEXT_MAX], *name = xasprintf("%s/.holdfast", path);

	memset(id.root, 7, sizeof id.root);
	root_identity_encode(&id, sector);
	REQUIRE(fs_mkdirs(fs_real(), path, 0755) == 0 && fs_replace(fs_real(), name, sector, sizeof sector, 0644) == 0);
	uuid_format(id.root, uuid);
	REQUIRE(db_run(acc.catalog->db, "INSERT INTO root (path, uuid) VALUES (?, ?)", "tt", path, uuid) == 0);
	root_id = db_last_id(acc.catalog->db);
	free(name);
}

static void begin(int64_t start)
{
	acc.now.us = start;
	for (unsigned i = 0; i < cameras; i++) {
		struct cam *c = &cams[i];
		snprintf(c->id, sizeof c->id, "c%u", i);
		c->run = c->at = start + (int64_t)dice(SEGMENT_US); /* they do not turn over in the same second */
		c->run_ends = c->run + run_length();
		REQUIRE(account_configure(&acc, c->id, c->id, "room") == 0);
		REQUIRE(account_up(&acc, c->id, (struct wall){c->run}) == 0);
	}
}

static void finish(void)
{
	for (unsigned i = 0; i < cameras; i++)
		if (cams[i].at > cams[i].run)
			REQUIRE(account_covered(&acc, cams[i].id, LIFE_NONE, (struct wall){cams[i].run}, (struct wall){cams[i].at}) == 0);
	REQUIRE(catalog_set_state_int(acc.catalog, "settled_at", end_us) == 0);
	REQUIRE(account_settle(&acc, (struct wall){end_us}) == 0);
}

static void live(int64_t from)
{
	for (int64_t day = from; day < end_us; day += US_PER_DAY) {
		REQUIRE(catalog_begin(acc.catalog) == 0);
		acc.now.us = day;
		for (int64_t t = day; t < day + US_PER_DAY && t < end_us; t += SEGMENT_US)
			for (unsigned i = 0; i < cameras; i++)
				record_until(&cams[i], t);
		REQUIRE(catalog_commit(acc.catalog) == 0);
	}
}

int main(int argc, char **argv)
{
	struct err e;

	if (argc != 5)
		return 2;
	cameras = (unsigned)atoi(argv[3]);
	REQUIRE(cameras > 0 && cameras <= CAMERAS_MAX);
	end_us = clock_wall(clock_real()).us - 60 * US_PER_S;
	int64_t start = end_us - atoi(argv[4]) * US_PER_DAY;
	char *path = xasprintf("%s/catalog.db", argv[1]);
	REQUIRE(fs_mkdirs(fs_real(), argv[1], 0700) == 0 && catalog_create(path, &acc.catalog, &e) == 0);
	REQUIRE(catalog_begin(acc.catalog) == 0);
	make_root(argv[2]);
	begin(start);
	REQUIRE(catalog_commit(acc.catalog) == 0);
	live(start);
	REQUIRE(catalog_begin(acc.catalog) == 0);
	finish();
	REQUIRE(catalog_commit(acc.catalog) == 0);
	catalog_close(acc.catalog);
	free(path);
	printf("segments %lu\ngaps %lu\nstart_us %" PRId64 "\nend_us %" PRId64 "\n", segments, gaps, start, end_us);
	return 0;
}
