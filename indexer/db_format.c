#include "db_format.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/lang.h"
#include "base/log.h"
#include "indexer/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>

struct found { int64_t version, tables, min_reader; char copy[256]; }; /* copy "": none was made */

static int read_format_row(struct db *db, struct found *f)
{
	struct db_query q;
	int rc = db_query(db, &q, "SELECT min_reader, copy FROM format", "");

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		const char *copy = db_text(&q, 1);
		f->min_reader = db_i64(&q, 0);
		snprintf(f->copy, sizeof f->copy, "%s", copy ? copy : "");
	}
	db_done(&q);
	return rc < 0 ? rc : 0;
}

static int look(struct db *db, struct found *f)
{
	int64_t has = 0;
	int rc = db_int(db, &f->version, "PRAGMA user_version", "");

	*f = (struct found){.version = f->version, .min_reader = f->version};
	if (rc == 0)
		rc = db_int(db, &f->tables, "SELECT count(*) FROM sqlite_master", "");
	if (rc == 0)
		rc = db_int(db, &has, "SELECT count(*) FROM sqlite_master WHERE name = 'format'", "");
	return rc == 0 && has ? read_format_row(db, f) : rc;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int newer(const struct found *f, const char *path, int version, struct err *e)
{
	return err_set(e, -ENOTSUP, lang("%.40s 的格式是 %lld，本程序只认到 %d：请装回较新的版本，或停止后运行 holdfast downgrade（放回升级前的副本）",
					 "%.40s has format %lld, this program knows %d: install the newer one again, or stop and run "
					 "`holdfast downgrade` (puts the copy from before back)"),
		       name_of(path), (long long)f->version, version);
}

int db_format_check(struct db *db, const char *path, int version, struct err *e)
{
	struct found f = {0};
	int rc = look(db, &f);

	if (rc < 0)
		return err_set(e, rc, "read the format of %s", path);
	if (f.min_reader > version)
		return newer(&f, path, version, e);
	if (f.version < version)
		return err_set(e, -EAGAIN, f.tables ? "%s is of an earlier version: `holdfast run` takes it over" : "%s is not ready", path);
	return 0;
}

/* --- taking over ---------------------------------------------------------------------- */

/* Whole and durable as `to`.part. What fails leaves nothing: half a copy would keep the state's last room. */
static int make_part(struct db *db, const char *to)
{
	struct fs *fs = fs_real();
	char *part = xasprintf("%s.part", to);
	int rc = fs->unlink(fs, part), fd = -1;

	rc = rc == -ENOENT ? 0 : rc;
	if (rc == 0) { /* who may read the database may read the copy: it has tokens' hashes in it */
		fd = fs->open(fs, part, O_RDWR | O_CREAT | O_EXCL, 0600);
		rc = fd < 0 ? fd : db_copy(db, part);
	}
	if (rc == 0)
		rc = fs->datasync(fs, fd);
	if (fd >= 0)
		fs->close(fs, fd);
	if (rc < 0 && fd >= 0)
		fs->unlink(fs, part);
	free(part);
	return rc;
}

static int name_part(const char *to)
{
	struct fs *fs = fs_real();
	char *part = xasprintf("%s.part", to), *dir = xstrdup(to);
	int rc = fs->rename(fs, part, to);

	if (rc == 0)
		rc = fs->sync_dir(fs, dirname(dir));
	free(dir);
	free(part);
	return rc;
}

static int note(struct db *db, const struct db_format *f, const char *copy)
{
	char pragma[48];

	snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", f->version);
	int rc = db_exec(db, pragma);
	if (rc == 0)
		rc = db_exec(db, "CREATE TABLE IF NOT EXISTS format (one INTEGER PRIMARY KEY CHECK (one = 1), min_reader INTEGER NOT NULL, "
				 "copy TEXT)");
	return rc < 0 ? rc : db_run(db, "INSERT INTO format VALUES (1, ?1, ?2) ON CONFLICT (one) DO UPDATE SET min_reader = ?1, "
					"copy = ifnull(?2, copy)", "it", (int64_t)f->min_reader, copy);
}

static int make(struct db *db, const struct db_format *f, const char *copy)
{
	int rc = db_begin(db);

	if (rc < 0)
		return rc;
	if (copy)
		rc = db_exec(db, f->upgrade);
	if (rc == 0)
		rc = db_exec(db, f->schema);
	if (rc == 0 && copy && f->convert)
		rc = f->convert(db);
	if (rc == 0)
		rc = note(db, f, copy);
	return db_end(db, rc);
}

static int take_over(struct db *db, const char *path, const struct db_format *f, struct err *e)
{
	char *to = xasprintf("%s.before-%d", path, f->version);
	int rc = make_part(db, to);

	if (rc == 0)
		rc = name_part(to);
	if (rc < 0)
		err_set(e, rc, lang("%.80s 升级前无法复制：%s", "%.80s cannot be copied before it is taken over: %s"), path, strerror(-rc));
	else if ((rc = make(db, f, name_of(to))) < 0)
		err_set(e, rc, lang("%.80s 无法升级（未作改动）", "%.80s cannot be taken over (it is as it was)"), path);
	else
		log_info("database", "path=%s format=%d copy=%s text=\"taken over from an earlier version\"", path, f->version, to);
	free(to);
	return rc;
}

int db_format_make(struct db *db, const char *path, const struct db_format *f, struct err *e)
{
	struct found found = {0};
	int rc = look(db, &found);

	if (rc == 0 && found.min_reader > f->version)
		return newer(&found, path, f->version, e);
	if (rc == 0 && found.version > f->version)
		return 0; /* it is another program's, which says that this one may use it */
	if (rc == 0 && found.version < f->version && found.tables)
		return take_over(db, path, f, e);
	if (rc == 0)
		rc = make(db, f, NULL);
	return rc < 0 ? err_set(e, rc, lang("数据库 %.80s 无法使用：是否损坏，或另一程序正在使用？",
					    "the database %.80s cannot be used: is it damaged, or in use by another program?"), path) : 0;
}

/* --- putting back ---------------------------------------------------------------------- */

/* Whether the copy can be used by this program. */
static int open_copy(const char *path, int version, struct db **out, struct err *e)
{
	struct found f = {0};
	int rc = db_open_reader(path, out, e);

	if (rc < 0)
		return rc;
	rc = look(*out, &f);
	if (rc == 0 && f.min_reader > version)
		rc = newer(&f, path, version, e);
	else if (rc < 0)
		err_set(e, rc, "read %s", path);
	if (rc < 0)
		db_close(*out);
	return rc;
}

static int put_back(const char *state, const char *name, const char *copy, int version, struct wall now, char *to, struct err *e)
{
	char *path = xasprintf("%s/%s", state, name), *from = xasprintf("%s/%s", state, copy);
	struct db *db;
	int rc = open_copy(from, version, &db, e);

	if (rc == 0) { /* the copy first: without room for it the newer one stays where it is */
		if ((rc = make_part(db, path)) < 0)
			err_set(e, rc, "copy %s to %s: %s", from, path, strerror(-rc));
		else if ((rc = db_put_aside(state, name, now, to, e)) == 0 && (rc = name_part(path)) < 0)
			err_set(e, rc, "rename %s.part to %s: %s", path, path, strerror(-rc));
		db_close(db);
	}
	free(from);
	free(path);
	return rc;
}

int db_format_put_back(const char *state, const char *name, int version, struct wall now, char *to, struct err *e)
{
	char *path = xasprintf("%s/%s", state, name);
	struct found f = {0};
	struct db *db;
	int rc = db_open_reader(path, &db, e);

	*to = '\0';
	free(path);
	if (rc < 0)
		return rc;
	rc = look(db, &f);
	db_close(db);
	if (rc < 0)
		return err_set(e, rc, "read the format of %s", name);
	if (f.min_reader <= version)
		return 0;
	return *f.copy ? put_back(state, name, f.copy, version, now, to, e)
		       : err_set(e, -ENOENT, lang("%s 没有升级前的副本", "of %s there is no copy from before"), name);
}
