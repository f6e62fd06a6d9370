#include "indexer_inner.h"

#include "aside.h"
#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "copy.h"
#include "gap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct publication {
	struct root *root;
	const char *stem;
	struct file_facts named;     /* what its name says */
	char *incoming, *archived;   /* paths */
	bool moved;                  /* it stands in archive/ already */
	bool synced;                 /* and so its name is durable there */
	struct archive_reading *ahead; /* of the file in archive/; NULL: none, or it was taken */
	int64_t bytes;
	struct segment_scan scan;
};

/* --- reading ---------------------------------------------------------------------------- */

int archive_read(struct fs *fs, struct seal_keys *keys, const char *path, int64_t *bytes, struct segment_scan *out)
{
	struct stat st;
	int fd = fs_open_regular(fs, path);

	if (fd < 0)
		return fd == FS_NO_FILE ? -EBADMSG : fd;
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (rc == 0) {
		*bytes = st.st_size;
		segment_scan_finish(out);
		segment_scan_init(out, true);
		rc = segment_scan(out, fs, fd, st.st_size, keys);
	}
	fs->close(fs, fd);
	return rc;
}

static int take_reading(struct publication *p)
{
	struct archive_reading *r = p->ahead;

	p->ahead = NULL;
	segment_scan_finish(&p->scan);
	p->scan = r->scan;
	r->scan = (struct segment_scan){0};
	p->bytes = r->bytes;
	return r->rc;
}

static int read_whole(struct indexer *ix, struct publication *p)
{
	if (p->moved && p->ahead)
		return take_reading(p);
	return archive_read(ix->fs, ix->seal_keys, p->moved ? p->archived : p->incoming, &p->bytes, &p->scan);
}

/* A key may have been changed since the keys were read: the new one lies there before it signs anything. */
static int read_and_verify(struct indexer *ix, struct publication *p)
{
	int rc = read_whole(ix, p);

	if (rc < 0 || !p->scan.sealed || seal_keys_find(ix->seal_keys, p->scan.seal.key_id))
		return rc;
	int loaded = seal_keys_load(ix->seal_keys, ix->fs, ix->conf->state);
	if (seal_keys_find(ix->seal_keys, p->scan.seal.key_id))
		return read_whole(ix, p);
	return loaded < 0 ? loaded : rc; /* it may be a key that could not be read: nothing is judged by that */
}

static const char *what_is_wrong(struct indexer *ix, const struct publication *p, int rc)
{
	const struct segment_scan *s = &p->scan;
	struct wall_range r = segment_scan_range(s);

	if (rc == -EBADMSG)
		return "it does not parse";
	if (!s->sealed || s->index.count == 0)
		return "it has no seal or no footage";
	if (!s->content_ok)
		return "its bytes are not those that were sealed";
	if (!s->signature_ok)
		return "its seal is not signed by a known key";
	if (strcmp(s->seal.camera, p->named.camera) != 0 || s->seal.start.us != p->named.start.us)
		return "its name and its seal differ";
	if (strcmp(s->seal.site, ix->conf->site.id) != 0)
		return "it belongs to another site";
	if (r.start.us != s->seal.start.us || llabs(r.end.us - s->seal.end.us) > SEALED_SEAM_US ||
	    s->seal.start.us >= s->seal.end.us)
		return "its seal and its footage differ in time";
	return NULL;
}

/* --- a file that is not good ---------------------------------------------------------------- */

int file_lost(struct indexer *ix, const char *kind, const char *stem, const struct file_facts *f, const char *why)
{
	struct catalog *c = ix->catalog;
	int rc = open_row_drop(c, stem);

	log_error(kind, "camera=%s file=%s why=\"%s\"", f->camera, stem, why);
	open_file_forget(ix, stem);
	if (rc == 0)
		rc = account_take_back(&ix->acc, f->camera, f->start, f->end);
	return rc < 0 ? rc : ledger_append(c, ix->acc.now, kind, f->camera,
					   json_pack("{ss ss so so}", "file", stem, "why", why, "start",
						     wall_json(f->start.us), "end", wall_json(f->end.us)), NULL);
}

static int put_aside(struct indexer *ix, struct publication *p, const char *why)
{
	struct catalog *c = ix->catalog;
	struct file_facts f = p->named, known;
	char root[INDEXER_PATH_MAX];
	int64_t again = 0;

	f.end.us = f.start.us + ix->conf->segment_us;
	if (open_row_get(c, p->stem, &known, root, sizeof root) == 0 && known.end.us > f.start.us)
		f.end = known.end;
	int rc = db_int(c->db, &again, "SELECT count(*) FROM damaged WHERE file = ? AND camera = ?", "tt", p->stem,
			f.camera);
	if (rc == 0 && again == 0)
		rc = db_run(c->db, "INSERT INTO damaged VALUES (?, ?, ?, ?)", "ttii", p->stem, f.camera, f.start.us,
			    f.end.us);
	if (rc == 0 && again == 0)
		rc = file_lost(ix, "footage.damaged", p->stem, &f, why);
	if (rc == 0 && !p->moved) {
		char *bad = xasprintf("%s/incoming/%s" ASIDE_SUFFIX, p->root->path, p->stem);
		rc = aside_note(c, p->root->id, strrchr(bad, '/') + 1, f.camera, (struct wall_range){f.start, f.end});
		if (rc == 0)
			rc = ix->fs->rename(ix->fs, p->incoming, bad);
		free(bad);
	}
	return rc < 0 ? rc : -EBADMSG;
}

/* 1 it is there, 0 it is not, negative: the disk does not say. */
static int is_there(struct indexer *ix, const char *path)
{
	struct stat st;
	int rc = ix->fs->stat(ix->fs, path, &st);

	return rc == 0 ? 1 : rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

/* --- moving ------------------------------------------------------------------------------------ */

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return xasprintf("%.*s", (int)(slash - path), path);
}

int archive_make_day(struct fs *fs, const char *day)
{
	struct stat st;

	if (fs->stat(fs, day, &st) == 0)
		return 0;
	char *camera = parent_of(day), *archive = parent_of(camera), *root = parent_of(archive);
	int rc = fs_mkdirs(fs, day, 0755);
	if (rc == 0)
		rc = fs->sync_dir(fs, camera);
	if (rc == 0)
		rc = fs->sync_dir(fs, archive);
	if (rc == 0)
		rc = fs->sync_dir(fs, root);
	free(camera);
	free(archive);
	free(root);
	return rc;
}

/* path is taken over. */
static void note_change(struct indexer *ix, struct root *r, char *path)
{
	struct changed_folder *c = ix->changed;

	while (c && strcmp(c->path, path) != 0)
		c = c->next;
	if (c) {
		free(path);
		return;
	}
	c = xcalloc(1, sizeof *c);
	*c = (struct changed_folder){.next = ix->changed, .root = r, .path = path};
	ix->changed = c;
}

/* archive/CAMERA/DAY; what is new of it becomes durable with the rest. */
static int make_day(struct indexer *ix, struct root *r, const char *day)
{
	struct stat st;

	if (ix->fs->stat(ix->fs, day, &st) == 0)
		return 0;
	char *camera = parent_of(day), *archive = parent_of(camera);
	note_change(ix, r, parent_of(archive));
	note_change(ix, r, archive);
	note_change(ix, r, camera);
	return fs_mkdirs(ix->fs, day, 0755);
}

/* Also when it was renamed before: the sync may be what failed then. */
static int move(struct indexer *ix, struct publication *p)
{
	if (p->moved && p->synced)
		return 0;
	char *day = parent_of(p->archived);
	int rc = make_day(ix, p->root, day);

	note_change(ix, p->root, day);
	note_change(ix, p->root, parent_of(p->incoming));
	return rc == 0 && !p->moved ? ix->fs->rename(ix->fs, p->incoming, p->archived) : rc;
}

void publish_forget(struct indexer *ix)
{
	for (struct changed_folder *c = ix->changed, *next; c; c = next) {
		next = c->next;
		free(c->path);
		free(c);
	}
	ix->changed = NULL;
}

static bool has_changed(const struct indexer *ix, const struct root *r)
{
	const struct changed_folder *c = ix->changed;

	while (c && c->root != r)
		c = c->next;
	return c != NULL;
}

static int sync_whole(struct indexer *ix, const struct root *r)
{
	int fd = ix->fs->open(ix->fs, r->path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	int rc = ix->fs->sync_all(ix->fs, fd);
	ix->fs->close(ix->fs, fd);
	return rc;
}

static int sync_root(struct indexer *ix, const struct root *r)
{
	int rc = sync_whole(ix, r);

	if (rc != -EOPNOTSUPP)
		return rc;
	rc = 0;
	for (struct changed_folder *c = ix->changed; rc == 0 && c; c = c->next)
		if (c->root == r)
			rc = ix->fs->sync_dir(ix->fs, c->path);
	return rc;
}

int publish_sync(struct indexer *ix)
{
	int first = 0;

	for (unsigned i = 0; i < ix->root_count; i++) {
		struct root *r = &ix->roots[i];
		int rc = has_changed(ix, r) ? sync_root(ix, r) : 0;
		if (rc == 0)
			continue;
		r->barred = true;
		log_warn("publish", "root=%s error=%d text=\"its names are not durable: tried again later\"", r->path, rc);
		first = first ? first : rc;
	}
	return first;
}

/* A power cut may have taken what was durable by the journal's word, and recovery what it could not believe. */
static int enter(struct indexer *ix, struct publication *p)
{
	const struct seal *s = &p->scan.seal;
	struct file_facts believed;
	char root[INDEXER_PATH_MAX];
	int known = open_row_get(ix->catalog, p->stem, &believed, root, sizeof root), rc = known == -ENOENT ? 0 : known;

	if (rc == 0)
		rc = segment_row_insert(ix->catalog, p->root->id, p->bytes, &p->scan);
	if (rc == 0)
		rc = open_row_drop(ix->catalog, p->stem);
	open_file_forget(ix, p->stem);
	if (rc == 0 && known == 0)
		rc = account_take_back(&ix->acc, s->camera, s->end, believed.end);
	return rc < 0 ? rc : file_covers(ix, s->camera, (int64_t)s->sequence, s->start, s->end);
}

/* 1: this file had been gone, and is back; 0, or negative. */
static int is_returning(struct indexer *ix, const struct publication *p)
{
	int64_t known = 0;
	int rc = db_int(ix->catalog->db, &known, "SELECT count(*) FROM missing WHERE camera = ? AND start = ? AND seal_digest = ?", "tib",
			p->scan.seal.camera, p->scan.seal.start.us, p->scan.seal_digest, sizeof p->scan.seal_digest);

	return rc < 0 ? rc : known > 0;
}

/* It plays again; what was a gap meanwhile stays one. */
static int come_back(struct indexer *ix, const struct publication *p)
{
	const struct seal *s = &p->scan.seal;
	struct db *db = ix->catalog->db;
	int rc = segment_row_insert(ix->catalog, p->root->id, p->bytes, &p->scan);

	if (rc == 0)
		rc = db_run(db, "UPDATE segment SET flags = flags | ?3 WHERE camera = ?1 AND start = ?2", "tii", s->camera, s->start.us,
			    (int64_t)CATALOG_RETURNED);
	if (rc == 0)
		rc = db_run(db, "DELETE FROM missing WHERE camera = ? AND start = ?", "ti", s->camera, s->start.us);
	return rc < 0 ? rc : returned_add(ix, s->camera, s->start, s->end, p->bytes, p->scan.seal_digest);
}

static int take_up(struct indexer *ix, struct publication *p)
{
	int rc = is_returning(ix, p);

	return rc < 0 ? rc : rc > 0 ? come_back(ix, p) : enter(ix, p);
}

/* --- a second copy ------------------------------------------------------------------------------ */

/* The row names the same footage on another disk, and this catalogue, made anew or restored, does not know that it is here,
 * too. From now on it does, and the mover keeps or clears it. A row that was the object store's is this file's again: whether
 * it may go is asked anew. */
static int adopt_copy(struct indexer *ix, struct publication *p)
{
	struct segment_place row;
	int64_t known;
	int rc = segment_row_is_here(ix->catalog, p->named.camera, p->named.start.us, p->root->id, &known);

	if (rc < 0 || known || is_there(ix, p->archived) <= 0)
		return rc;
	rc = copy_find_segment(ix->catalog, p->named.camera, p->named.start, &row);
	if (rc <= 0)
		return rc;
	p->moved = true;
	rc = read_and_verify(ix, p);
	if (rc == 0 && !what_is_wrong(ix, p, rc) && memcmp(p->scan.seal_digest, row.seal_digest, SHA256_BYTES) == 0)
		rc = row.root == CATALOG_STORE_ROOT ? copy_switch(ix->catalog, &row, p->root->id)
						    : copy_set(ix->catalog, &row, p->root->id, "kept");
	free(row.root_path);
	return rc == -EBADMSG ? 0 : rc;
}

/* --- all of it ------------------------------------------------------------------------------------ */

/* Whether there is something to do: 0, -ENOENT, or 1: it has its row. */
static int locate(struct indexer *ix, struct publication *p)
{
	uint8_t digest[SHA256_BYTES];
	if (p->root->barred)
		return -EAGAIN;
	int in = is_there(ix, p->incoming), moved = is_there(ix, p->archived);

	if (in < 0 || moved < 0)
		return in < 0 ? in : moved;
	int rc = segment_row_find(ix->catalog, p->named.camera, p->named.start.us, digest);
	if (rc != 0)
		return rc < 0 ? rc : in ? -EEXIST : 1;
	p->moved = moved;
	if (in && moved)
		return -EEXIST;
	return in || moved ? 0 : -ENOENT;
}

static int publish_named(struct indexer *ix, struct publication *p)
{
	int rc = locate(ix, p);

	if (rc == 1) {
		rc = open_row_drop(ix->catalog, p->stem);
		return rc < 0 ? rc : adopt_copy(ix, p);
	}
	if (rc == -EEXIST)
		return put_aside(ix, p, "footage with this camera and start is in the archive already");
	if (rc < 0)
		return rc;
	if (!ix->seal_key_known)
		return -EAGAIN; /* no journal was read yet: nobody can say whether its seal holds */
	rc = read_and_verify(ix, p);
	if (rc < 0 && rc != -EBADMSG)
		return rc;
	const char *wrong = what_is_wrong(ix, p, rc);
	if (wrong)
		return put_aside(ix, p, wrong);
	rc = move(ix, p);
	return rc < 0 ? rc : take_up(ix, p);
}

static int publish_stem(struct indexer *ix, struct root *r, const char *stem, bool synced, struct archive_reading *ahead)
{
	struct publication p = {.root = r, .stem = stem, .synced = synced, .ahead = ahead};
	char name[256], file[STEM_MAX + 8];

	snprintf(file, sizeof file, "%s.mp4", stem);
	if (segment_parse_incoming(file, ".mp4", p.named.camera, &p.named.start) < 0)
		return -EINVAL;
	segment_archive_name(name, p.named.camera, p.named.start);
	p.incoming = xasprintf("%s/incoming/%s", r->path, file);
	p.archived = xasprintf("%s/archive/%s", r->path, name);
	segment_scan_init(&p.scan, true);
	int rc = publish_named(ix, &p);
	segment_scan_finish(&p.scan);
	free(p.incoming);
	free(p.archived);
	return rc;
}

int publish(struct indexer *ix, struct root *r, const char *stem)
{
	return publish_stem(ix, r, stem, false, NULL);
}

/* What is such a failure, is logged and kept. */
static void note_failure(const char *stem, int rc, int *first_error)
{
	if (rc >= 0 || rc == -EBADMSG || rc == -ENOENT || rc == -EAGAIN || rc == -EINVAL)
		return;
	log_warn("publish", "file=%s error=%d", stem, rc);
	if (*first_error == 0)
		*first_error = rc;
}

int publish_among(struct indexer *ix, struct root *r, const char *stem, bool synced, struct archive_reading *ahead, int *first_error)
{
	struct db *db = ix->catalog->db;
	int rc = db_savepoint(db);

	if (rc < 0)
		return rc;
	int done = publish_stem(ix, r, stem, synced, ahead);
	note_failure(stem, done, first_error);
	bool undo = done < 0 && done != -EBADMSG;
	if (undo)
		open_file_forget(ix, NULL);
	return db_savepoint_end(db, undo ? done : 0);
}
