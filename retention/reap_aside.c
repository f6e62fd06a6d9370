#include "retention/reap_aside.h"

#include "base/buf.h"
#include "base/log.h"
#include "indexer/aside.h"
#include "indexer/gap.h"
#include "indexer/garbage.h"
#include "retention/claim.h"

#include <errno.h>
#include <stdlib.h>

struct aside_place {
	struct reaper *r;
	const struct retention_state *state;
	int64_t root;
	const char *path;
	struct brake_waiting *waiting;
};

static char *path_of(const struct aside_place *p, const struct aside_file *f)
{
	return xasprintf("%s/incoming/%s", p->path, f->name);
}

/* --- claimed ------------------------------------------------------------------------------------- */

static struct retention_item item_of(const struct aside_file *f)
{
	return (struct retention_item){f->start, f->end, clock_zone_offset_us(f->end), f->witnessed_us};
}

/* 1 it may go, 0 it may not, or negative. */
static int judge(const struct aside_place *p, const struct aside_file *f)
{
	const struct retention_item item = item_of(f);
	struct retention_hold *holds;
	size_t count;
	int rc = claim_holds(p->r->catalog, f->camera, &holds, &count);

	if (rc == 0)
		rc = retention_deletes(retention_judge(&item, holds, count, p->state, false));
	free(holds);
	return rc;
}

/* The same, and it need not wait. */
static int is_due(const struct aside_place *p, const struct aside_file *f)
{
	const struct retention_item item = item_of(f);
	int rc = judge(p, f);

	if (rc <= 0)
		return rc;
	rc = brake_holds(p->r->catalog, f->camera, BRAKE_HERE, p->state, &item);
	if (rc > 0)
		brake_wait(p->waiting, f->camera, f->start, false);
	return rc < 0 ? rc : rc == 0;
}

/* What the ledger will say of it: nobody can look any more then. */
static int digest(const struct aside_place *p, struct aside_file *f)
{
	struct fs *fs = p->r->fs;
	char *path = path_of(p, f);
	int fd = fs_open_regular(fs, path);
	int rc = fd < 0 ? fd : fs_digest(fs, fd, f->sha256, &f->bytes);

	if (fd >= 0)
		fs->close(fs, fd);
	free(path);
	return rc;
}

static int write_claim(const struct aside_place *p, const struct aside_file *f)
{
	const struct retention_item item = item_of(f);
	int rc = catalog_begin(p->r->catalog);

	if (rc < 0)
		return rc;
	rc = aside_claim(p->r->catalog, p->root, f);
	if (rc == 0)
		rc = brake_count(p->r->catalog, f->camera, BRAKE_HERE, p->state->witnessed_us, &item);
	return catalog_end(p->r->catalog, rc);
}

static int forget(const struct aside_place *p, const struct aside_file *f)
{
	int rc = catalog_begin(p->r->catalog);

	if (rc < 0)
		return rc;
	return catalog_end(p->r->catalog, aside_drop(p->r->catalog, p->root, f->name));
}

/* 1 it is claimed, 0 it stays, or negative. Nobody places a hold between the check and the commit: the keeper does both.
 * One that cannot be read stays, and that is told. */
static int claim(const struct aside_place *p, struct aside_file *f)
{
	int rc = f->claimed ? 1 : is_due(p, f);

	if (rc <= 0 || f->claimed)
		return rc;
	rc = digest(p, f);
	if (rc == -ENOENT)
		return forget(p, f);
	if (rc == 0)
		rc = write_claim(p, f);
	return rc < 0 ? rc : 1;
}

/* --- gone ---------------------------------------------------------------------------------------- */

/* A hold may have come after the claim. */
static int remove_one(const struct aside_place *p, const struct aside_file *f)
{
	char *path = path_of(p, f);
	int rc = judge(p, f);

	if (rc > 0)
		rc = p->r->fs->unlink(p->r->fs, path);
	else if (rc == 0)
		rc = -EBUSY;
	free(path);
	return rc == -ENOENT ? 0 : rc; /* a crash came between */
}

static int drop(const struct aside_place *p, const struct aside_file *f)
{
	int rc = catalog_begin(p->r->catalog);

	if (rc < 0)
		return rc;
	return catalog_end(p->r->catalog, aside_expire(p->r->catalog, p->root, f->name));
}

static int remove_claimed(const struct aside_place *p, const struct aside_file *f, unsigned *deleted)
{
	char *folder = xasprintf("%s/incoming", p->path);
	int rc = remove_one(p, f);

	if (rc == 0)
		rc = p->r->fs->sync_dir(p->r->fs, folder);
	if (rc == 0 && !garbage_root_is_ours(p->r->fs, p->r->catalog, p->r->conf->site.id, p->root, p->path))
		rc = -ENODEV; /* what is not there counts as deleted only while the disk itself is there */
	if (rc == 0)
		rc = drop(p, f);
	if (rc == 0) {
		log_info("retention", "root=%s aside=%s text=\"deleted: past keep\"", p->path, f->name);
		++*deleted;
	}
	free(folder);
	return rc == -EBUSY ? 0 : rc;
}

static int reap_one(const struct aside_place *p, struct aside_file *f, unsigned *deleted)
{
	int rc = claim(p, f);

	return rc > 0 ? remove_claimed(p, f, deleted) : rc;
}

int reap_aside(struct reaper *r, const struct retention_state *s, int64_t root, const char *path, struct brake_waiting *waiting,
	       unsigned *deleted)
{
	const struct aside_place p = {r, s, root, path, waiting};
	const struct wall end = retention_bound(s, false).end;
	struct aside_file f = {.end = {INT64_MIN}};
	unsigned before = *deleted;
	int failed = 0, rc;

	while (*deleted - before < REAP_ASIDE && (rc = aside_next(r->catalog, root, end, &f)) > 0) {
		rc = reap_one(&p, &f, deleted);
		failed = failed < 0 ? failed : rc;
	}
	return rc < 0 ? rc : failed;
}
