/* bench-catalogue-ask STATE CAMERAS FROM_US TO_US: how long the product's own questions take, beside a scan of the
 * segment table that finds out the same. Prints "name value" lines, times in milliseconds. */
#include "base/require.h"
#include "indexer/catalog_internal.h"
#include "media/fragment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUPS 2000
#define SAMPLES 20
#define REPEATS 5 /* of a question of the whole site; the median counts */

static struct catalog *catalog;
static struct wall from, to;
static unsigned cameras;

static double now_ms(void) { return (double)clock_mono(clock_real()).us / 1000.0; }

static const char *camera(unsigned i)
{
	static char id[16];

	snprintf(id, sizeof id, "c%u", i);
	return id;
}

static int by_value(const void *x, const void *y)
{
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static void print_spread(const char *name, double *v, unsigned n)
{
	qsort(v, n, sizeof *v, by_value);
	printf("%s_median %.4f\n%s_p99 %.4f\n", name, v[n / 2], name, v[n * 99 / 100]);
}

/* --- coverage and gaps ------------------------------------------------------------------------ */

static int add_tile(void *arg, const struct tile *t)
{
	coverage_add(arg, t);
	return 0;
}

static int64_t coverage(const char *id)
{
	struct coverage sum = {0};

	REQUIRE(catalog_tiles(catalog, id, from, to, add_tile, &sum) == 0);
	return sum.covered_us;
}

static int count_gap(void *arg, const struct catalog_gap *g)
{
	(void)g;
	++*(unsigned long *)arg;
	return 0;
}

static unsigned long gaps(const char *id)
{
	struct gap_query q = {.camera = id, .from = from, .to = to, .limit = UINT32_MAX};
	unsigned long n = 0;

	REQUIRE(catalog_gaps(catalog, &q, count_gap, &n) == 0);
	return n;
}

/* The same from the segments: what is covered, and a hole wherever two do not touch. */
static int64_t scan(const char *id, unsigned long *holes)
{
	struct db_query q;
	int64_t covered = 0, end = 0;

	REQUIRE(db_query(catalog->db, &q, "SELECT start, end FROM segment WHERE camera = ? AND start >= ? AND start < ? ORDER BY start",
			 "tii", id, from.us, to.us) == 0);
	while (db_step(&q) > 0) {
		covered += db_i64(&q, 1) - db_i64(&q, 0);
		*holes += end && db_i64(&q, 0) > end;
		end = db_i64(&q, 1);
	}
	db_done(&q);
	return covered;
}

struct sum { int64_t covered; unsigned long holes; double ms; };

static struct sum ask_all(void)
{
	struct sum s = {.ms = -now_ms()};

	for (unsigned i = 0; i < cameras; i++) {
		s.covered += coverage(camera(i));
		s.holes += gaps(camera(i));
	}
	s.ms += now_ms();
	return s;
}

static struct sum scan_all(void)
{
	struct sum s = {.ms = -now_ms()};

	for (unsigned i = 0; i < cameras; i++)
		s.covered += scan(camera(i), &s.holes);
	s.ms += now_ms();
	return s;
}

static struct sum median_of(struct sum (*fn)(void))
{
	struct sum first = fn();
	double ms[REPEATS] = {first.ms};

	for (unsigned i = 1; i < REPEATS; i++)
		ms[i] = fn().ms;
	qsort(ms, REPEATS, sizeof *ms, by_value);
	first.ms = ms[REPEATS / 2];
	return first;
}

static void ask_each(void)
{
	double *each = xcalloc(SAMPLES * cameras, sizeof *each);

	for (unsigned i = 0; i < SAMPLES * cameras; i++) {
		const char *id = camera(i % cameras);
		double began = now_ms();
		coverage(id);
		gaps(id);
		each[i] = now_ms() - began;
	}
	print_spread("camera_ms", each, SAMPLES * cameras);
	free(each);
}

/* --- an instant ---------------------------------------------------------------------------------- */

struct wanted { struct wall at; const char *file; int64_t offset; bool found; };

static int find_fragment(void *arg, const struct catalog_segment *s)
{
	struct wanted *w = arg;
	struct fragment_index x = {0};

	REQUIRE(fragment_index_unpack(s->fragments, s->fragments_len, s->start, s->init_bytes, &x) == 0);
	int at = fragment_index_find(&x, w->at);
	w->found = at >= 0;
	w->offset = at >= 0 ? x.items[at].offset : 0;
	fragment_index_finish(&x);
	return 0;
}

static void look_up(void)
{
	static double each[LOOKUPS];
	unsigned found = 0;

	for (unsigned i = 0; i < LOOKUPS; i++) {
		struct wanted w = {.at.us = from.us + (int64_t)((double)(to.us - from.us) * drand48())};
		const char *id = camera((unsigned)(drand48() * cameras));
		double began = now_ms();
		REQUIRE(catalog_footage(catalog, id, w.at, (struct wall){w.at.us + 1}, find_fragment, &w) == 0);
		each[i] = now_ms() - began;
		found += w.found;
	}
	printf("found %u\n", found);
	print_spread("lookup_ms", each, LOOKUPS);
}

int main(int argc, char **argv)
{
	struct err e;

	if (argc != 5)
		return 2;
	char *path = xasprintf("%s/catalog.db", argv[1]);
	cameras = (unsigned)atoi(argv[2]);
	from.us = strtoll(argv[3], NULL, 10);
	to.us = strtoll(argv[4], NULL, 10);
	REQUIRE(catalog_open(path, &catalog, &e) == 0);
	double first_ms = ask_all().ms;
	struct sum asked = median_of(ask_all), scanned = median_of(scan_all);
	REQUIRE(asked.covered == scanned.covered && asked.holes == scanned.holes);
	printf("site_first_ms %.3f\nsite_ms %.3f\nscan_ms %.1f\ngaps %lu\n", first_ms, asked.ms, scanned.ms, asked.holes);
	ask_each();
	look_up();
	catalog_close(catalog);
	free(path);
	return 0;
}
