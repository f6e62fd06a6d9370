#include "sim.h"

bool is_held_by_the_world(unsigned camera, const struct film *f)
{
	for (unsigned i = 0; i < sim.hold_count; i++) {
		const struct held *h = &sim.holds[i];
		if (h->camera == camera && h->start < f->end && f->start < h->end)
			return true;
	}
	return false;
}

/* What is asked for is among the oldest or among the newest. */
struct film *film_find(unsigned camera, int64_t start)
{
	struct cam *c = &sim.cams[camera];

	for (size_t old = c->first, new = c->film_count; old < new; old++) {
		struct film *f = &c->films[old], *g = &c->films[--new];
		if (f->start == start && !f->gone)
			return f;
		if (g->start == start && !g->gone)
			return g;
	}
	return NULL;
}

/* By its place in archive/; NULL: nobody made it. */
static struct film *film_at(const char *path, unsigned *camera)
{
	const char *archive = strstr(path, "/archive/cam-");
	char name[64];
	struct wall start;

	if (!archive || sscanf(archive, "/archive/cam-%u/%*[^/]/%63s", camera, name) != 2 || strlen(name) < 5)
		return NULL;
	name[strlen(name) - 4] = '\0';
	return wall_parse_name(name, &start) == 0 ? film_find(*camera, start.us) : NULL;
}

/* Two days of footage in any 24 hours with the box on. */
static void judge_brake(struct cam *c, unsigned camera, const struct film *f)
{
	if (c->going_count % 1024 == 0)
		c->going = xrealloc(c->going, (c->going_count + 1024) * sizeof *c->going);
	c->going[c->going_count++] = (struct going){sim.on_us, f->end - f->start};
	c->going_us += f->end - f->start;
	for (; c->going[c->going_first].on_us <= sim.on_us - US_PER_DAY; c->going_first++)
		c->going_us -= c->going[c->going_first].length_us;
	if (c->going_us > BRAKE_US)
		wrong("camera %u: %.2f days of footage went in a day", camera, (double)c->going_us / (double)US_PER_DAY);
	if (c->going_us > BRAKE_US * 3 / 4)
		c->braked_us = sim.on_us;
}

static void judge_unlink(const char *path)
{
	unsigned camera;
	struct film *f = film_at(path, &camera);

	if (!f || !f->archived) {
		wrong("%s was unlinked, and nobody made it", path);
		return;
	}
	if (sim.true_us - f->made_us < FLOOR_DAYS * US_PER_DAY)
		wrong("%s was unlinked at an age of %.3f days", path, (double)(sim.true_us - f->made_us) / (double)US_PER_DAY);
	else if (is_held_by_the_world(camera, f))
		wrong("%s was unlinked under a hold", path);
	f->gone = true;
	judge_brake(&sim.cams[camera], camera, f);
	for (struct cam *c = &sim.cams[camera]; c->first < c->film_count && c->films[c->first].gone;)
		c->first++;
}

static void judge_rename(const char *from, const char *to)
{
	unsigned camera;
	struct film *f = strstr(to, "/archive/") ? film_at(to, &camera) : NULL;

	if (strstr(to, ".bad"))
		wrong("%s was put aside", from);
	if (!strstr(to, "/archive/"))
		return;
	if (!f || f->archived)
		wrong("%s became %s, and nobody made it", from, to);
	else
		f->archived = true;
	sim.archived++;
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

	if (rc == 0)
		judge_rename(from, to);
	return rc;
}

static int sim_free_bytes(struct fs *fs, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
	(void)fs, (void)path;
	*total_bytes = 0;
	*free_bytes = (UINT64_C(256) << 20) - sim.short_of;
	return 0;
}

void disk_init(struct fs *fs)
{
	*fs = *fs_real();
	fs->unlink = sim_unlink;
	fs->rename = sim_rename;
	fs->free_bytes = sim_free_bytes;
}
