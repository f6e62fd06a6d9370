/* A disk that remembers: records every change that the product makes through the file seam and through
 * SQLite, in one order, and says what a power cut behind any of them may leave.
 *
 * What a file system owes (POSIX, fsync(2)): the contents of a file as of its last sync, the names of a folder as
 * of its last sync. Everything since then may be there, may be lost, and may be there in part: bytes by sectors,
 * names one by one, but a name never before the folder that it stands in, nor before an earlier change of the
 * same name; what a synced name needs is synced with it. rename() is atomic. The shared memory of a WAL is nobody's promise and is left out.
 *
 *	crash_disk_init(&d, dir, &clock, whole);     // what lies there is taken to be durable
 *	... run with &d.base, SQLite on its VFS ...
 *	for (k = 0; k <= d.count; k++)          // cut behind operation k
 *		crash_disk_leave(&d, k, how, seed); // the folder is what the cut left
 *
 * Threads: recording any; the rest one. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/require.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CRASH_FDS 1024
#define CRASH_FOLDER (-1)

enum crash_kind { CRASH_CREATE, CRASH_MKDIR, CRASH_RENAME, CRASH_UNLINK, CRASH_SYNC_DIR, CRASH_WRITE, CRASH_TRUNCATE,
		  CRASH_SYNC, CRASH_SYNC_ALL };

struct crash_op {
	enum crash_kind kind;
	char *path, *to;        /* names; path is a note for people in the other kinds */
	int inode;
	int64_t at;             /* WRITE: where; TRUNCATE: the new size */
	uint8_t *data;
	size_t len;
	struct wall when;
};

struct crash_name { char *path; int inode; };
struct crash_names { struct crash_name *items; unsigned count; };

/* A file: what is durable of it, and the operations since. */
struct crash_inode { struct buf durable; uint64_t hash; unsigned *pending, pending_count; };

struct crash_disk {
	struct fs base;
	struct clock *clock;
	const char *dir;
	bool recording, whole;          /* whole: it has a sync for everything */
	pthread_mutex_t lock;
	struct crash_op *ops;
	unsigned count;
	struct crash_names live;        /* while recording */
	int fd_inode[CRASH_FDS];
	int inodes;
	/* the replay, behind `done` operations */
	unsigned done;
	struct crash_names names;       /* durable */
	unsigned *pending, pending_count; /* of names */
	struct crash_inode *files;
};

static struct crash_disk *crash_vfs_disk;

/* --- names ------------------------------------------------------------------------------------------ */

static inline int *crash_names_find(struct crash_names *n, const char *path)
{
	for (unsigned i = 0; i < n->count; i++)
		if (strcmp(n->items[i].path, path) == 0)
			return &n->items[i].inode;
	return NULL;
}

static inline void crash_names_remove(struct crash_names *n, const char *path)
{
	for (unsigned i = 0; i < n->count; i++) {
		if (strcmp(n->items[i].path, path) != 0)
			continue;
		free(n->items[i].path);
		memmove(&n->items[i], &n->items[i + 1], (--n->count - i) * sizeof *n->items);
		return;
	}
}

static inline void crash_names_set(struct crash_names *n, const char *path, int inode)
{
	crash_names_remove(n, path);
	n->items = xrealloc(n->items, (n->count + 1) * sizeof *n->items);
	n->items[n->count++] = (struct crash_name){xstrdup(path), inode};
}

static inline void crash_names_apply(struct crash_names *n, const struct crash_op *op)
{
	int *inode = crash_names_find(n, op->path);

	if (op->kind == CRASH_CREATE || op->kind == CRASH_MKDIR) {
		crash_names_set(n, op->path, op->inode);
	} else if (op->kind == CRASH_UNLINK) {
		crash_names_remove(n, op->path);
	} else if (op->kind == CRASH_RENAME) {
		REQUIRE(inode != NULL);
		int moved = *inode;
		crash_names_remove(n, op->path);
		crash_names_set(n, op->to, moved);
	}
}

static inline void crash_names_finish(struct crash_names *n)
{
	for (unsigned i = 0; i < n->count; i++)
		free(n->items[i].path);
	free(n->items);
	*n = (struct crash_names){0};
}

static inline bool crash_is_parent(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	return path && strncmp(dir, path, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

static inline bool crash_is_above(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	return path && strncmp(dir, path, len) == 0 && path[len] == '/';
}

static inline bool crash_same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

/* b cannot have happened without the earlier a. */
static inline bool crash_needs(const struct crash_op *b, const struct crash_op *a)
{
	if (a->kind == CRASH_MKDIR && (crash_is_above(a->path, b->path) || crash_is_above(a->path, b->to)))
		return true;
	return crash_same(a->path, b->path) || crash_same(a->path, b->to) || crash_same(a->to, b->path) ||
	       crash_same(a->to, b->to);
}

/* --- recording: the file seam ------------------------------------------------------------------------- */

/* Under the lock. */
static inline struct crash_op *crash_add(struct crash_disk *d, enum crash_kind kind, const char *path, int inode)
{
	static struct crash_op none;

	if (!d->recording)
		return &none;
	if ((d->count & (d->count + 1)) == 0)
		d->ops = xrealloc(d->ops, 2 * (d->count + 1) * sizeof *d->ops);
	d->ops[d->count] = (struct crash_op){.kind = kind, .path = xstrdup(path), .inode = inode, .when = clock_wall(d->clock)};
	return &d->ops[d->count++];
}

static inline void crash_add_name(struct crash_disk *d, enum crash_kind kind, const char *path, const char *to, int inode)
{
	if (!d->recording)
		return;
	struct crash_op *op = crash_add(d, kind, path, inode);
	op->to = to ? xstrdup(to) : NULL;
	crash_names_apply(&d->live, op);
}

static inline void crash_add_write(struct crash_disk *d, int inode, const void *data, size_t len, int64_t at)
{
	if (!d->recording)
		return;
	struct crash_op *op = crash_add(d, CRASH_WRITE, "", inode);
	op->data = xcalloc(1, len + 1);
	memcpy(op->data, data, len);
	op->len = len;
	op->at = at;
}

static inline int crash_opened(struct crash_disk *d, const char *path, bool may_create, bool cut)
{
	int *inode = crash_names_find(&d->live, path);

	if (!d->recording)
		return -2;
	if (!inode && may_create) {
		crash_add_name(d, CRASH_CREATE, path, NULL, d->inodes);
		return d->inodes++;
	}
	if (inode && cut)
		crash_add(d, CRASH_TRUNCATE, path, *inode)->at = 0;
	return inode ? *inode : -2;
}

#define CRASH_LOCKED(d, expr)                      \
	({                                         \
		pthread_mutex_lock(&(d)->lock);    \
		__typeof__(expr) out_ = (expr);    \
		pthread_mutex_unlock(&(d)->lock);  \
		out_;                              \
	})
#define CRASH_OF(fs) ((struct crash_disk *)(fs))

static inline int crash_do_open(struct crash_disk *d, const char *path, int flags, mode_t mode)
{
	int fd = fs_real()->open(fs_real(), path, flags, mode);

	REQUIRE(fd < CRASH_FDS);
	if (fd >= 0)
		d->fd_inode[fd] = crash_opened(d, path, flags & O_CREAT, flags & O_TRUNC);
	return fd;
}

static inline int crash_do_write(struct crash_disk *d, int fd, const void *p, size_t n)
{
	struct stat st;
	bool appends = fcntl(fd, F_GETFL) & O_APPEND;

	REQUIRE(fstat(fd, &st) == 0);
	int64_t at = appends ? st.st_size : lseek(fd, 0, SEEK_CUR);
	int rc = fs_real()->write(fs_real(), fd, p, n);
	if (rc == 0)
		crash_add_write(d, d->fd_inode[fd], p, n, at);
	return rc;
}

static inline int crash_do_truncate(struct crash_disk *d, int fd, int64_t n)
{
	int rc = fs_real()->truncate(fs_real(), fd, n);

	if (rc == 0)
		crash_add(d, CRASH_TRUNCATE, "", d->fd_inode[fd])->at = n;
	return rc;
}

static inline int crash_do_name(struct crash_disk *d, enum crash_kind kind, int rc, const char *path, const char *to, int inode)
{
	if (rc == 0)
		crash_add_name(d, kind, path, to, inode);
	return rc;
}

static inline int crash_do_mkdir(struct crash_disk *d, const char *path, mode_t mode)
{
	int rc = fs_real()->mkdir(fs_real(), path, mode);

	if (rc == 0 && crash_is_above(d->dir, path) && !crash_names_find(&d->live, path))
		crash_add_name(d, CRASH_MKDIR, path, NULL, CRASH_FOLDER);
	return rc;
}

static inline int crash_do_sync(struct crash_disk *d, enum crash_kind kind, const char *path, int inode)
{
	crash_add(d, kind, path, inode);
	return 0;
}

static inline int c_open(struct fs *fs, const char *p, int f, mode_t m) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_open(CRASH_OF(fs), p, f, m)); }
static inline int c_write(struct fs *fs, int fd, const void *p, size_t n) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_write(CRASH_OF(fs), fd, p, n)); }
static inline int c_truncate(struct fs *fs, int fd, int64_t n) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_truncate(CRASH_OF(fs), fd, n)); }
static inline int c_datasync(struct fs *fs, int fd) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_sync(CRASH_OF(fs), CRASH_SYNC, "", CRASH_OF(fs)->fd_inode[fd])); }
static inline int c_sync_dir(struct fs *fs, const char *p) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_sync(CRASH_OF(fs), CRASH_SYNC_DIR, p, CRASH_FOLDER)); }
static inline int c_sync_all(struct fs *fs, int fd) { return (void)fd, !CRASH_OF(fs)->whole ? -EOPNOTSUPP : CRASH_LOCKED(CRASH_OF(fs), crash_do_sync(CRASH_OF(fs), CRASH_SYNC_ALL, "", CRASH_FOLDER)); }
static inline int c_mkdir(struct fs *fs, const char *p, mode_t m) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_mkdir(CRASH_OF(fs), p, m)); }
static inline int c_unlink(struct fs *fs, const char *p) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_name(CRASH_OF(fs), CRASH_UNLINK, fs_real()->unlink(fs_real(), p), p, NULL, 0)); }
static inline int c_rename(struct fs *fs, const char *a, const char *b) { return CRASH_LOCKED(CRASH_OF(fs), crash_do_name(CRASH_OF(fs), CRASH_RENAME, fs_real()->rename(fs_real(), a, b), a, b, 0)); }

/* --- recording: SQLite ------------------------------------------------------------------------------------ */

struct crash_vfs_file { sqlite3_file base; sqlite3_file *real; int inode; bool sync_dir; char path[256]; };

#define CRASH_FILE(f) ((struct crash_vfs_file *)(f))
#define CRASH_REAL(f) (CRASH_FILE(f)->real)

static sqlite3_vfs crash_vfs, *crash_vfs_inner;

static inline int cv_close(sqlite3_file *f) { return CRASH_REAL(f)->pMethods->xClose(CRASH_REAL(f)); }
static inline int cv_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return CRASH_REAL(f)->pMethods->xRead(CRASH_REAL(f), p, n, at); }
static inline int cv_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct crash_disk *d = crash_vfs_disk;

	pthread_mutex_lock(&d->lock);
	int rc = CRASH_REAL(f)->pMethods->xWrite(CRASH_REAL(f), p, n, at);
	if (rc == SQLITE_OK && CRASH_FILE(f)->inode >= 0)
		crash_add_write(d, CRASH_FILE(f)->inode, p, (size_t)n, at);
	pthread_mutex_unlock(&d->lock);
	return rc;
}

static inline int cv_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct crash_disk *d = crash_vfs_disk;

	pthread_mutex_lock(&d->lock);
	int rc = CRASH_REAL(f)->pMethods->xTruncate(CRASH_REAL(f), n);
	if (rc == SQLITE_OK && CRASH_FILE(f)->inode >= 0)
		crash_add(d, CRASH_TRUNCATE, CRASH_FILE(f)->path, CRASH_FILE(f)->inode)->at = n;
	pthread_mutex_unlock(&d->lock);
	return rc;
}

static inline char *crash_parent(const char *path)
{
	return xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);
}

/* As os_unix.c: a new WAL or journal syncs its folder with its first sync. */
static inline int cv_sync(sqlite3_file *f, int flags)
{
	struct crash_vfs_file *x = CRASH_FILE(f);
	struct crash_disk *d = crash_vfs_disk;

	(void)flags;
	if (x->inode < 0)
		return SQLITE_OK;
	char *parent = crash_parent(x->path);
	pthread_mutex_lock(&d->lock);
	crash_add(d, CRASH_SYNC, x->path, x->inode);
	if (x->sync_dir)
		crash_add(d, CRASH_SYNC_DIR, parent, CRASH_FOLDER);
	pthread_mutex_unlock(&d->lock);
	x->sync_dir = false;
	free(parent);
	return SQLITE_OK;
}

static inline int cv_size(sqlite3_file *f, sqlite3_int64 *n) { return CRASH_REAL(f)->pMethods->xFileSize(CRASH_REAL(f), n); }
static inline int cv_lock(sqlite3_file *f, int how) { return CRASH_REAL(f)->pMethods->xLock(CRASH_REAL(f), how); }
static inline int cv_unlock(sqlite3_file *f, int how) { return CRASH_REAL(f)->pMethods->xUnlock(CRASH_REAL(f), how); }
static inline int cv_reserved(sqlite3_file *f, int *out) { return CRASH_REAL(f)->pMethods->xCheckReservedLock(CRASH_REAL(f), out); }
static inline int cv_control(sqlite3_file *f, int op, void *arg) { return CRASH_REAL(f)->pMethods->xFileControl(CRASH_REAL(f), op, arg); }
static inline int cv_sector(sqlite3_file *f) { return CRASH_REAL(f)->pMethods->xSectorSize(CRASH_REAL(f)); }
static inline int cv_traits(sqlite3_file *f) { return CRASH_REAL(f)->pMethods->xDeviceCharacteristics(CRASH_REAL(f)); }
static inline int cv_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) { return CRASH_REAL(f)->pMethods->xShmMap(CRASH_REAL(f), page, size, extend, out); }
static inline int cv_shm_lock(sqlite3_file *f, int at, int n, int flags) { return CRASH_REAL(f)->pMethods->xShmLock(CRASH_REAL(f), at, n, flags); }
static inline void cv_shm_barrier(sqlite3_file *f) { CRASH_REAL(f)->pMethods->xShmBarrier(CRASH_REAL(f)); }
static inline int cv_shm_unmap(sqlite3_file *f, int gone) { return CRASH_REAL(f)->pMethods->xShmUnmap(CRASH_REAL(f), gone); }

static inline int cv_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2, .xClose = cv_close, .xRead = cv_read, .xWrite = cv_write, .xTruncate = cv_truncate,
		.xSync = cv_sync, .xFileSize = cv_size, .xLock = cv_lock, .xUnlock = cv_unlock,
		.xCheckReservedLock = cv_reserved, .xFileControl = cv_control, .xSectorSize = cv_sector,
		.xDeviceCharacteristics = cv_traits, .xShmMap = cv_shm_map, .xShmLock = cv_shm_lock,
		.xShmBarrier = cv_shm_barrier, .xShmUnmap = cv_shm_unmap};
	struct crash_vfs_file *x = CRASH_FILE(f);
	struct crash_disk *d = crash_vfs_disk;

	(void)v;
	*x = (struct crash_vfs_file){.real = (sqlite3_file *)(x + 1), .inode = -2};
	pthread_mutex_lock(&d->lock);
	int rc = crash_vfs_inner->xOpen(crash_vfs_inner, name, x->real, flags, out);
	if (rc == SQLITE_OK && name && !(flags & SQLITE_OPEN_DELETEONCLOSE)) {
		snprintf(x->path, sizeof x->path, "%s", name);
		x->inode = crash_opened(d, name, flags & SQLITE_OPEN_CREATE, false);
		x->sync_dir = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL));
	}
	pthread_mutex_unlock(&d->lock);
	f->pMethods = rc == SQLITE_OK ? &methods : NULL;
	return rc;
}

static inline int cv_delete(sqlite3_vfs *v, const char *name, int sync_dir)
{
	struct crash_disk *d = crash_vfs_disk;
	char *parent = crash_parent(name);

	(void)v;
	pthread_mutex_lock(&d->lock);
	int rc = crash_vfs_inner->xDelete(crash_vfs_inner, name, 0);
	if (rc == SQLITE_OK && crash_names_find(&d->live, name)) {
		crash_add_name(d, CRASH_UNLINK, name, NULL, 0);
		if (sync_dir)
			crash_add(d, CRASH_SYNC_DIR, parent, CRASH_FOLDER);
	}
	pthread_mutex_unlock(&d->lock);
	free(parent);
	return rc;
}

static inline void crash_vfs_install(struct crash_disk *d)
{
	crash_vfs_disk = d;
	crash_vfs_inner = sqlite3_vfs_find(NULL);
	crash_vfs = *crash_vfs_inner;
	crash_vfs.zName = "crash";
	crash_vfs.pNext = NULL;
	crash_vfs.szOsFile += (int)sizeof(struct crash_vfs_file);
	crash_vfs.xOpen = cv_open;
	crash_vfs.xDelete = cv_delete;
	REQUIRE(sqlite3_vfs_register(&crash_vfs, 1) == SQLITE_OK);
}

/* --- the beginning ------------------------------------------------------------------------------------------ */

static inline struct crash_inode *crash_file(struct crash_disk *d, int inode) { return &d->files[inode]; }

static inline void crash_take_up(struct crash_disk *d, const char *path)
{
	DIR *dp = opendir(path);

	REQUIRE(dp != NULL);
	for (struct dirent *x; (x = readdir(dp)) != NULL;) {
		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0)
			continue;
		char *sub = xasprintf("%s/%s", path, x->d_name), *data;
		size_t len;
		if (x->d_type == DT_DIR) {
			crash_names_set(&d->live, sub, CRASH_FOLDER);
			crash_take_up(d, sub);
		} else if (fs_read_all(fs_real(), sub, 1 << 24, &data, &len) == 0) {
			crash_names_set(&d->live, sub, d->inodes);
			d->files = xrealloc(d->files, (size_t)(d->inodes + 1) * sizeof *d->files);
			d->files[d->inodes] = (struct crash_inode){.hash = (uint64_t)d->inodes};
			buf_add(&d->files[d->inodes++].durable, data, len);
			free(data);
		}
		free(sub);
	}
	closedir(dp);
}

static inline void crash_disk_init(struct crash_disk *d, const char *dir, struct clock *clock, bool whole)
{
	*d = (struct crash_disk){.base = *fs_real(), .clock = clock, .dir = dir, .recording = true, .whole = whole};
	d->base.open = c_open;
	d->base.write = c_write;
	d->base.datasync = c_datasync;
	d->base.truncate = c_truncate;
	d->base.rename = c_rename;
	d->base.unlink = c_unlink;
	d->base.mkdir = c_mkdir;
	d->base.sync_dir = c_sync_dir;
	d->base.sync_all = c_sync_all;
	pthread_mutex_init(&d->lock, NULL);
	crash_take_up(d, dir);
	for (unsigned i = 0; i < d->live.count; i++)
		crash_names_set(&d->names, d->live.items[i].path, d->live.items[i].inode);
}

/* From now on nothing is recorded, and syncs still cost nothing. */
static inline void crash_disk_stop(struct crash_disk *d)
{
	int known = 0;

	for (unsigned i = 0; i < d->names.count; i++)
		known += d->names.items[i].inode >= 0;
	d->recording = false;
	d->files = xrealloc(d->files, (size_t)d->inodes * sizeof *d->files);
	for (int i = known; i < d->inodes; i++)
		d->files[i] = (struct crash_inode){.hash = (uint64_t)i};
}

static inline void crash_disk_finish(struct crash_disk *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		free(d->ops[i].path);
		free(d->ops[i].to);
		free(d->ops[i].data);
	}
	for (int i = 0; i < d->inodes; i++) {
		buf_finish(&d->files[i].durable);
		free(d->files[i].pending);
	}
	crash_names_finish(&d->live);
	crash_names_finish(&d->names);
	free(d->ops);
	free(d->files);
	free(d->pending);
	pthread_mutex_destroy(&d->lock);
}

/* --- the replay ------------------------------------------------------------------------------------------------- */

static inline void crash_list_add(unsigned **list, unsigned *count, unsigned op)
{
	*list = xrealloc(*list, (*count + 1) * sizeof **list);
	(*list)[(*count)++] = op;
}

static inline void crash_resize(struct buf *b, size_t len)
{
	if (len > b->len) {
		size_t was = b->len;
		buf_reserve(b, len - was);
		memset(b->data + was, 0, len - was);
	}
	b->len = len;
}

/* Bytes [from, to) of a write, or a cut of the file. */
static inline void crash_apply(struct buf *b, const struct crash_op *op, size_t from, size_t to)
{
	if (op->kind == CRASH_TRUNCATE) {
		crash_resize(b, (size_t)op->at);
		return;
	}
	if (b->len < (size_t)op->at + to)
		crash_resize(b, (size_t)op->at + to);
	if (to > from)
		memcpy(b->data + op->at + from, op->data + from, to - from);
}

static inline uint64_t crash_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
	return h ^ h >> 29;
}

static inline void crash_sync_file(struct crash_disk *d, int inode)
{
	struct crash_inode *f = crash_file(d, inode);

	for (unsigned i = 0; i < f->pending_count; i++) {
		const struct crash_op *op = &d->ops[f->pending[i]];
		crash_apply(&f->durable, op, 0, op->len);
		f->hash = crash_mix(crash_mix(f->hash, f->pending[i]), op->len);
	}
	f->pending_count = 0;
}

/* The names of this folder, and what they need. */
static inline void crash_sync_dir(struct crash_disk *d, const char *dir)
{
	bool *now = xcalloc(d->pending_count + 1, sizeof *now);
	unsigned kept = 0;

	for (unsigned i = d->pending_count; i-- > 0;) {
		const struct crash_op *op = &d->ops[d->pending[i]];
		now[i] |= crash_is_parent(dir, op->path) || crash_is_parent(dir, op->to);
		for (unsigned j = 0; now[i] && j < i; j++)
			now[j] |= crash_needs(op, &d->ops[d->pending[j]]);
	}
	for (unsigned i = 0; i < d->pending_count; i++) {
		if (now[i])
			crash_names_apply(&d->names, &d->ops[d->pending[i]]);
		else
			d->pending[kept++] = d->pending[i];
	}
	d->pending_count = kept;
	free(now);
}

static inline void crash_sync_all(struct crash_disk *d)
{
	for (int i = 0; i < d->inodes; i++)
		crash_sync_file(d, i);
	for (unsigned i = 0; i < d->pending_count; i++)
		crash_names_apply(&d->names, &d->ops[d->pending[i]]);
	d->pending_count = 0;
}

static inline void crash_forward(struct crash_disk *d, unsigned count)
{
	for (; d->done < count; d->done++) {
		const struct crash_op *op = &d->ops[d->done];
		if (op->kind == CRASH_SYNC)
			crash_sync_file(d, op->inode);
		else if (op->kind == CRASH_SYNC_DIR)
			crash_sync_dir(d, op->path);
		else if (op->kind == CRASH_SYNC_ALL)
			crash_sync_all(d);
		else if (op->kind == CRASH_WRITE || op->kind == CRASH_TRUNCATE)
			crash_list_add(&crash_file(d, op->inode)->pending, &crash_file(d, op->inode)->pending_count, d->done);
		else
			crash_list_add(&d->pending, &d->pending_count, d->done);
	}
}

/* --- what a cut leaves --------------------------------------------------------------------------------------------- */

enum crash_bytes { CRASH_ALL, CRASH_NONE, CRASH_ZEROS, CRASH_TORN, CRASH_SCATTERED };
struct crash_how { const char *name; enum crash_bytes names, bytes; unsigned sector; };

static inline uint64_t crash_dice(uint64_t *seed) { return (*seed = crash_mix(*seed + 1, 77)) >> 16; }

static inline struct crash_names crash_left_names(struct crash_disk *d, const struct crash_how *how, uint64_t *seed)
{
	struct crash_names left = {0};
	bool *lost = xcalloc(d->pending_count + 1, sizeof *lost);

	for (unsigned i = 0; i < d->names.count; i++)
		crash_names_set(&left, d->names.items[i].path, d->names.items[i].inode);
	for (unsigned i = 0; i < d->pending_count; i++) {
		const struct crash_op *op = &d->ops[d->pending[i]];
		lost[i] = how->names == CRASH_NONE || (how->names == CRASH_SCATTERED && crash_dice(seed) % 2);
		for (unsigned j = 0; !lost[i] && j < i; j++)
			lost[i] = lost[j] && crash_needs(op, &d->ops[d->pending[j]]);
		if (!lost[i])
			crash_names_apply(&left, op);
	}
	free(lost);
	return left;
}

static inline void crash_scatter(struct buf *b, const struct crash_op *op, unsigned sector, uint64_t *seed, uint64_t *hash)
{
	if (op->kind == CRASH_TRUNCATE && crash_dice(seed) % 2)
		crash_apply(b, op, 0, 0);
	for (size_t from = 0; op->kind == CRASH_WRITE && from < op->len;) {
		size_t to = (((size_t)op->at + from) / sector + 1) * sector - (size_t)op->at;
		to = to < op->len ? to : op->len;
		if (crash_dice(seed) % 2)
			crash_apply(b, op, from, to);
		from = to;
	}
	*hash = crash_mix(*hash, *seed);
}

/* A part of a write that ends with a sector. */
static inline size_t crash_tear(const struct crash_op *op, unsigned sector, uint64_t *seed)
{
	size_t end = (size_t)op->at + (op->len ? crash_dice(seed) % op->len : 0);

	end -= end % sector;
	return end > (size_t)op->at ? end - (size_t)op->at : 0;
}

static inline struct buf crash_left_bytes(struct crash_disk *d, int inode, const struct crash_how *how, uint64_t *seed,
					  uint64_t *hash)
{
	const struct crash_inode *f = crash_file(d, inode);
	struct buf b = {0};
	unsigned until = how->bytes == CRASH_NONE ? 0 : f->pending_count;

	buf_add(&b, f->durable.data ? f->durable.data : (const uint8_t *)"", f->durable.len);
	*hash = f->hash;
	if (how->bytes == CRASH_TORN && until)
		until = 1 + (unsigned)(crash_dice(seed) % until);
	for (unsigned i = 0; i < until; i++) {
		const struct crash_op *op = &d->ops[f->pending[i]];
		size_t to = how->bytes == CRASH_TORN && i == until - 1 ? crash_tear(op, how->sector, seed) : op->len;
		if (how->bytes == CRASH_SCATTERED) {
			crash_scatter(&b, op, how->sector, seed, hash);
			continue;
		}
		if (how->bytes == CRASH_ZEROS && op->kind == CRASH_WRITE) {
			if (b.len < (size_t)op->at + op->len)
				crash_resize(&b, (size_t)op->at + op->len);
			*hash = crash_mix(*hash, 3);
		} else {
			crash_apply(&b, op, 0, to);
		}
		*hash = crash_mix(crash_mix(*hash, f->pending[i]), to);
	}
	return b;
}

static inline int crash_wipe_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type;
	return f->level == 0 ? 0 : remove(path);
}

static inline uint64_t crash_text_hash(const char *text)
{
	uint64_t h = 5381;

	while (*text)
		h = crash_mix(h, (uint8_t)*text++);
	return h;
}

/* Lays out what the cut behind `count` operations (which never falls) left. Returns what tells it from others. */
static inline uint64_t crash_disk_leave(struct crash_disk *d, unsigned count, const struct crash_how *how, uint64_t seed)
{
	uint64_t all = 0, hash;

	crash_forward(d, count);
	struct crash_names left = crash_left_names(d, how, &seed);
	REQUIRE(nftw(d->dir, crash_wipe_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
	for (unsigned i = 0; i < left.count; i++)
		if (left.items[i].inode == CRASH_FOLDER)
			REQUIRE(fs_mkdirs(fs_real(), left.items[i].path, 0755) == 0);
	for (unsigned i = 0; i < left.count; i++) {
		const struct crash_name *n = &left.items[i];
		hash = 0;
		if (n->inode != CRASH_FOLDER) {
			struct buf b = crash_left_bytes(d, n->inode, how, &seed, &hash);
			int fd = open(n->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
			REQUIRE(fd >= 0 && (b.len == 0 || write(fd, b.data, b.len) == (ssize_t)b.len) && close(fd) == 0);
			buf_finish(&b);
		}
		all += crash_mix(crash_text_hash(n->path), hash);
	}
	crash_names_finish(&left);
	return all;
}
