#include "indexer/backup.h"

#include "base/buf.h"
#include "indexer/catalog.h"
#include "indexer/db.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE_MAX (1u << 20)

struct run {
	struct backup *b;
	json_t *files, *keys;  /* what stands in backup.json */
	struct err *e;
};

static int fail(struct run *r, int rc, const char *doing, const char *path)
{
	return err_set(r->e, rc, "%s %s: %s", doing, path, strerror(-rc));
}

/* --- what is in the folder ------------------------------------------------------------------ */

/* Makes the file durable and enters it. */
static int enter(struct run *r, const char *name)
{
	struct fs *fs = r->b->fs;
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_MAX], *path = xasprintf("%s/%s", r->b->dir, name);
	int64_t bytes = 0;
	int fd = fs->open(fs, path, O_RDWR, 0), rc = fd < 0 ? fd : fs->datasync(fs, fd);

	if (rc == 0)
		rc = fs_digest(fs, fd, digest, &bytes);
	if (fd >= 0)
		fs->close(fs, fd);
	if (rc < 0) {
		fail(r, rc, "read back", path);
	} else {
		hex_encode(digest, sizeof digest, hex);
		r->b->bytes += (uint64_t)bytes;
		json_array_append_new(r->files, json_pack("{s:s, s:I, s:s}", "name", name, "bytes", (json_int_t)bytes,
							  "sha256", hex));
	}
	free(path);
	return rc;
}

/* --- databases --------------------------------------------------------------------------------- */

static int check_copy(struct db *d, const char *path, struct run *r)
{
	struct db_query q;
	int rc = db_query(d, &q, "PRAGMA quick_check(1)", "");

	if (rc == 0)
		rc = db_step(&q);
	bool good = rc > 0 && strcmp(db_text(&q, 0), "ok") == 0;
	db_done(&q);
	return good ? 0 : fail(r, -EBADMSG, "check the copy", path);
}

static int copy_db(struct run *r, const char *name)
{
	char *from = xasprintf("%s/%s", r->b->conf->state, name), *to = xasprintf("%s/%s", r->b->dir, name);
	struct db *d = NULL;
	int rc = db_open_reader(from, &d, r->e);

	if (rc == 0) {
		rc = db_run(d, "VACUUM INTO ?", "t", to);
		if (rc < 0)
			fail(r, rc, "copy", from);
		db_close(d);
	}
	if (rc == 0 && (rc = db_open_reader(to, &d, r->e)) == 0) {
		rc = check_copy(d, to, r);
		db_close(d);
	}
	free(from);
	free(to);
	return rc < 0 ? rc : enter(r, name);
}

static int read_head(struct run *r)
{
	char *path = xasprintf("%s/catalog.db", r->b->dir);
	struct catalog *c;
	int64_t entries;
	int rc = catalog_open(path, &c, r->e);

	if (rc == 0) {
		rc = catalog_check_ledger(c, &entries, r->e);
		if (rc == 0 && (rc = catalog_ledger_head(c, &r->b->ledger_seq, r->b->ledger_hash)) < 0)
			fail(r, rc, "read", path);
		catalog_close(c);
	}
	free(path);
	return rc;
}

/* --- small files --------------------------------------------------------------------------------- */

static int copy_file(struct run *r, const char *from, const char *name, mode_t mode)
{
	char *to = xasprintf("%s/%s", r->b->dir, name), *text = NULL;
	size_t len;
	int rc = fs_read_all(r->b->fs, from, SMALL_FILE_MAX, &text, &len);

	if (rc == 0)
		rc = fs_replace(r->b->fs, to, text, len, mode);
	if (rc < 0)
		fail(r, rc, "copy", from);
	if (text)
		explicit_bzero(text, len);
	free(text);
	free(to);
	return rc < 0 ? rc : enter(r, name);
}

/* By its fingerprint people know which key a file holds. */
static int name_key(struct run *r, const char *path, const char *name)
{
	char print[SHA256_HEX_MAX];
	struct key *k;
	int rc = key_load_public(r->b->fs, path, &k, r->e);

	if (rc < 0)
		return rc;
	key_fingerprint(k, print);
	json_array_append_new(r->keys, json_pack("{s:s, s:s}", "file", name, "fingerprint", print));
	key_destroy(k);
	return 0;
}

static int copy_keys(struct run *r, const char *folder)
{
	char *from = xasprintf("%s/%s", r->b->conf->state, folder), *to = xasprintf("%s/%s", r->b->dir, folder);
	int rc = r->b->fs->mkdir(r->b->fs, to, 0700), read = 0;
	DIR *d = opendir(from);

	if (rc < 0)
		fail(r, rc, "make", to);
	else if (!d && errno != ENOENT)
		rc = fail(r, -errno, "read", from);
	for (struct dirent *x; rc == 0 && d && (x = fs_next(d, &read)) != NULL;) {
		bool secret = text_ends_with(x->d_name, ".key"), public = text_ends_with(x->d_name, ".pub");
		if (!public && !text_ends_with(x->d_name, ".json") && !(secret && r->b->with_keys))
			continue;
		char *path = xasprintf("%s/%s", from, x->d_name), *name = xasprintf("%s/%s", folder, x->d_name);
		rc = copy_file(r, path, name, secret ? 0600 : 0644);
		if (rc == 0 && public)
			rc = name_key(r, path, name);
		free(path);
		free(name);
	}
	if (rc == 0 && read < 0)
		rc = fail(r, read, "read", from);
	if (d)
		closedir(d);
	free(from);
	free(to);
	return rc;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static int make_dir(struct run *r)
{
	int rc = r->b->fs->mkdir(r->b->fs, r->b->dir, 0700), names = 0;
	DIR *d = rc == 0 ? opendir(r->b->dir) : NULL;

	if (!d)
		return fail(r, rc < 0 ? rc : -errno, "make", r->b->dir);
	while (fs_next(d, &rc))
		names++;
	closedir(d);
	if (rc < 0)
		return fail(r, rc, "read", r->b->dir);
	return names > 2 ? fail(r, -ENOTEMPTY, "use", r->b->dir) : 0;
}

static int write_manifest(struct run *r)
{
	const struct conf *c = r->b->conf;
	char hex[SHA256_HEX_MAX], at[WALL_TEXT_MAX], *path = xasprintf("%s/backup.json", r->b->dir);

	hex_encode(r->b->ledger_hash, SHA256_BYTES, hex);
	json_t *o = json_pack("{s:s, s:s, s:s, s:{s:I, s:s}, s:b, s:O, s:O}", "site", c->site.id, "at",
			      wall_format(clock_wall(r->b->clock), at), "version", HOLDFAST_VERSION, "ledger", "seq",
			      (json_int_t)r->b->ledger_seq, "hash", hex, "private_keys", r->b->with_keys, "keys", r->keys,
			      "files", r->files);
	char *text = json_dumps(o, JSON_INDENT(2));
	int rc = fs_replace(r->b->fs, path, text, strlen(text), 0644);

	if (rc < 0)
		fail(r, rc, "write", path);
	free(text);
	json_decref(o);
	free(path);
	return rc;
}

int backup_run(struct backup *b, struct err *e)
{
	struct run r = {.b = b, .files = json_array(), .keys = json_array(), .e = e};
	int rc = make_dir(&r);

	b->bytes = 0;
	if (rc == 0)
		rc = copy_db(&r, "catalog.db");
	if (rc == 0)
		rc = read_head(&r);
	if (rc == 0)
		rc = copy_db(&r, "access.db");
	if (rc == 0)
		rc = copy_keys(&r, "keys");
	if (rc == 0)
		rc = copy_keys(&r, "seal-keys");
	if (rc == 0)
		rc = copy_keys(&r, "site-keys");
	if (rc == 0)
		rc = copy_file(&r, b->conf->path, "holdfast.yaml", 0644);
	if (rc == 0)
		rc = write_manifest(&r);
	json_decref(r.files);
	json_decref(r.keys);
	return rc;
}
