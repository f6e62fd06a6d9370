/* What holds after every hour, day and week. The world's films are one witness, the catalogue the other. */
#include "sim.h"

/* --- rows and files ---------------------------------------------------------------------------- */

static void check_file(const char *camera, const struct film *f)
{
	char name[256];
	struct stat st;

	segment_archive_name(name, camera, (struct wall){f->start});
	char *path = xasprintf("%s/archive/%s", sim.box.root, name);
	if (stat(path, &st) < 0 || st.st_size != (off_t)f->bytes)
		wrong("%s is not there in its size", path);
	free(path);
}

/* camera, start, end, bytes, seal_digest of a new row */
static void check_row(const struct db_query *q)
{
	uint8_t digest[SHA256_BYTES] = {0};
	struct film *f = film_find((unsigned)atoi(db_text(q, 0) + strlen("cam-")), db_i64(q, 1));

	if (!f || !f->archived || f->listed) {
		wrong("a row of %s tells of a file that is not there", db_text(q, 0));
		return;
	}
	f->listed = true;
	check_file(db_text(q, 0), f);
	if (db_i64(q, 2) != f->end || db_i64(q, 3) != (int64_t)f->bytes || db_blob_copy(q, 4, digest, sizeof digest) < 0 ||
	    memcmp(digest, f->digest, sizeof digest) != 0)
		wrong("a row of %s is not what was sealed", db_text(q, 0));
}

static void check_new_rows(struct catalog *c)
{
	struct db_query q;

	REQUIRE(db_query(c->db, &q, "SELECT camera, start, end, bytes, seal_digest, id FROM segment WHERE id > ?", "i", sim.listed) == 0);
	while (db_step(&q) > 0) {
		sim.listed = db_i64(&q, 5);
		check_row(&q);
	}
	db_done(&q);
}

/* New rows have their files and there are as many rows as files: so each has the other. */
static void check_archive(struct catalog *c)
{
	check_new_rows(c);
	int64_t rows = ask(c, "SELECT count(*) FROM segment");
	if (rows != sim.archived)
		wrong("%" PRId64 " files are archived, %" PRId64 " rows tell of them", sim.archived, rows);
	if (ask(c, "SELECT count(*) FROM garbage") != 0)
		wrong("garbage is left");
	for (unsigned i = 0; i < sim.cameras; i++)
		for (size_t n = sim.cams[i].first; n < sim.cams[i].film_count; n++) {
			const struct film *f = &sim.cams[i].films[n];
			if (f->archived && !f->listed)
				wrong("camera %u: no row tells of the footage of %" PRId64, i, f->start);
		}
}

/* --- claims ------------------------------------------------------------------------------------------ */

/* Adds to stretches in order of time; almost always at the end. */
static void stretch_add(struct layer *l, int64_t start, int64_t end)
{
	unsigned at = l->count;

	while (at > 0 && l->items[at - 1].start > start)
		at--;
	if (at > 0 && l->items[at - 1].end >= start) {
		l->items[at - 1].end = end > l->items[at - 1].end ? end : l->items[at - 1].end;
		return;
	}
	layer_add(l, start, end, 0, "");
	if (at + 1 >= l->count)
		return;
	struct layer_item added = l->items[l->count - 1];
	memmove(&l->items[at + 1], &l->items[at], (l->count - 1 - at) * sizeof *l->items);
	l->items[at] = added;
}

/* What is on the disk, as stretches. */
static void load_films(const struct cam *c, struct layer *out)
{
	for (size_t n = c->first; n < c->film_count; n++)
		if (!c->films[n].gone)
			stretch_add(out, c->films[n].start, c->films[n].end);
	if (c->open && !c->late && c->told_end > c->start)
		stretch_add(out, c->start, c->told_end);
}

static bool is_filmed(const struct layer *films, unsigned *at, int64_t start, int64_t end)
{
	while (*at < films->count && films->items[*at].end <= start)
		(*at)++;
	for (unsigned i = *at; i < films->count && films->items[i].start <= start; i++)
		if (films->items[i].end > start && (start = films->items[i].end) >= end)
			return true;
	return false;
}

/* What is claimed from *since on was not filmed; false: all was. */
static bool claims_too_much(struct catalog *c, unsigned i, int64_t *since)
{
	struct layer films = {0};
	struct db_query q;
	unsigned at = 0;
	bool wrongly = false;

	load_films(&sim.cams[i], &films);
	REQUIRE(db_query(c->db, &q, "SELECT start, end FROM span WHERE camera = ? AND state = 'recorded' ORDER BY start", "t",
			 sim.box.cameras[i].id) == 0);
	while (!wrongly && db_step(&q) > 0) {
		*since = db_i64(&q, 0);
		wrongly = !is_filmed(&films, &at, *since, db_i64(&q, 1));
	}
	db_done(&q);
	layer_finish(&films);
	return wrongly;
}

/* Half of the cameras, by a thread with a view of its own. */
struct half { struct catalog *catalog; unsigned from, to; char found[300]; };

static void check_cameras(void *piece)
{
	struct half *h = piece;
	struct err e = {0};
	int64_t since;

	for (unsigned i = h->from; i < h->to && !*h->found; i++)
		if (catalog_check_tiling(h->catalog, sim.box.cameras[i].id, &e) < 0)
			snprintf(h->found, sizeof h->found, "%s", e.text);
		else if (claims_too_much(h->catalog, i, &since))
			snprintf(h->found, sizeof h->found, "camera %u: what is claimed from %" PRId64 " on was not filmed", i, since);
}

static struct half second;

void check_begin(void)
{
	char *path = xasprintf("%s/catalog.db", sim.box.place.dir);
	struct err e;

	second = (struct half){.from = sim.cameras / 2, .to = sim.cameras};
	REQUIRE(catalog_open(path, &second.catalog, &e) == 0);
	sim.helper = crew_create(1, 1, check_cameras);
	free(path);
}

void check_end(void)
{
	crew_destroy(sim.helper, NULL);
	catalog_close(second.catalog);
}

static void check_all_cameras(struct catalog *c)
{
	struct half first = {.catalog = c, .to = second.from};

	REQUIRE(catalog_begin_read(second.catalog) == 0);
	crew_give(sim.helper, &second);
	check_cameras(&first);
	REQUIRE(crew_take(sim.helper, CREW_FOR_EVER) == &second);
	catalog_end_read(second.catalog);
	if (*first.found)
		wrong("%s", first.found);
	if (*second.found)
		wrong("%s", second.found);
}

void check_hour(void)
{
	struct catalog *c = sim.box.place.catalog;
	struct err e = {0};

	sim.checks++;
	REQUIRE(catalog_begin_read(c) == 0);
	check_archive(c);
	check_all_cameras(c);
	/* The same by the rows of the files and the rule of the clock's lives: costly; of all cameras every week. */
	if (sim.hours % 6 == 0 && catalog_check_claims(c, sim.box.cameras[sim.hours / 6 % sim.cameras].id, &e) < 0)
		wrong("%s", e.text);
	catalog_end_read(c);
}

/* --- retention --------------------------------------------------------------------------------------- */

static bool is_over(unsigned camera, const struct film *f)
{
	const int64_t keep = KEEP_DAYS * US_PER_DAY + KEEP_SLACK_US, braked_us = sim.cams[camera].braked_us;

	if (braked_us && sim.on_us - braked_us < BRAKED_SLACK_US)
		return false; /* a hold over days was released */

	return !f->gone && sim.true_us - f->made_us >= keep && sim.on_us - f->witnessed_us >= keep && now() - f->end >= keep &&
	       !is_held_by_the_world(camera, f);
}

/* The ledger is frugal: what happens by the clock is told for all cameras at once. */
static void check_entries(void)
{
	const int64_t entries = ask(sim.box.place.catalog, "SELECT max(seq) FROM ledger"), today = entries - sim.entries;
	const int64_t enrolled = sim.entries == 0 ? sim.cameras : 0;

	sim.entries = entries;
	sim.most_a_day = today > sim.most_a_day ? today : sim.most_a_day;
	if (sim.calm && today - enrolled > CALM_ENTRIES)
		wrong("%" PRId64 " entries of the ledger on a day on which nothing happened", today);
}

void check_day(void)
{
	check_entries();
	for (unsigned i = 0; i < sim.cameras; i++)
		for (size_t n = sim.cams[i].first; n < sim.cams[i].film_count; n++)
			if (is_over(i, &sim.cams[i].films[n]))
				wrong("camera %u keeps footage of %" PRId64 " for %.1f days", i, sim.cams[i].films[n].start,
				      (double)(sim.true_us - sim.cams[i].films[n].made_us) / (double)US_PER_DAY);
}

void check_all(bool full)
{
	struct keeper_findings f = keeper_fsck(&sim.box, full);

	if (f.count)
		wrong("fsck: %u findings, the first: %s", f.count, f.first);
}

