/* The seam below SQLite: every read, write, cut, sync and mapping of a database passes a struct fault, so
 * that the Nth can fail, or all from the Nth on, as when the process dies there.
 *
 *	vfs_fault_install();         // once; it becomes the default VFS
 *	vfs_fault_use(&fault);       // NULL: none fails
 */
#pragma once
#include "base/fault.h"
#include "base/require.h"

#include <sqlite3.h>
#include <stddef.h>

static struct { sqlite3_vfs vfs, *inner; struct fault *fault; } vfs_fault;

struct vfs_fault_file { sqlite3_file base; sqlite3_file *real; };

#define VFS_REAL(f) (((struct vfs_fault_file *)(f))->real)

static inline bool vfs_fails(void) { return vfs_fault.fault && fault_here(vfs_fault.fault); }

static inline int vfs_close(sqlite3_file *f) { return VFS_REAL(f)->pMethods->xClose(VFS_REAL(f)); }
static inline int vfs_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return vfs_fails() ? SQLITE_IOERR_READ : VFS_REAL(f)->pMethods->xRead(VFS_REAL(f), p, n, at);
}
static inline int vfs_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return vfs_fails() ? SQLITE_IOERR_WRITE : VFS_REAL(f)->pMethods->xWrite(VFS_REAL(f), p, n, at);
}
static inline int vfs_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return vfs_fails() ? SQLITE_IOERR_TRUNCATE : VFS_REAL(f)->pMethods->xTruncate(VFS_REAL(f), n);
}
static inline int vfs_sync(sqlite3_file *f, int flags)
{
	return vfs_fails() ? SQLITE_IOERR_FSYNC : VFS_REAL(f)->pMethods->xSync(VFS_REAL(f), flags);
}
static inline int vfs_size(sqlite3_file *f, sqlite3_int64 *n) { return VFS_REAL(f)->pMethods->xFileSize(VFS_REAL(f), n); }
static inline int vfs_lock(sqlite3_file *f, int how) { return VFS_REAL(f)->pMethods->xLock(VFS_REAL(f), how); }
static inline int vfs_unlock(sqlite3_file *f, int how) { return VFS_REAL(f)->pMethods->xUnlock(VFS_REAL(f), how); }
static inline int vfs_reserved(sqlite3_file *f, int *out) { return VFS_REAL(f)->pMethods->xCheckReservedLock(VFS_REAL(f), out); }
static inline int vfs_control(sqlite3_file *f, int op, void *arg) { return VFS_REAL(f)->pMethods->xFileControl(VFS_REAL(f), op, arg); }
static inline int vfs_sector(sqlite3_file *f) { return VFS_REAL(f)->pMethods->xSectorSize(VFS_REAL(f)); }
static inline int vfs_traits(sqlite3_file *f) { return VFS_REAL(f)->pMethods->xDeviceCharacteristics(VFS_REAL(f)); }
static inline int vfs_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return vfs_fails() ? SQLITE_IOERR_SHMMAP : VFS_REAL(f)->pMethods->xShmMap(VFS_REAL(f), page, size, extend, out);
}
static inline int vfs_shm_lock(sqlite3_file *f, int at, int n, int flags) { return VFS_REAL(f)->pMethods->xShmLock(VFS_REAL(f), at, n, flags); }
static inline void vfs_shm_barrier(sqlite3_file *f) { VFS_REAL(f)->pMethods->xShmBarrier(VFS_REAL(f)); }
static inline int vfs_shm_unmap(sqlite3_file *f, int remove) { return VFS_REAL(f)->pMethods->xShmUnmap(VFS_REAL(f), remove); }

static inline int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2, .xClose = vfs_close, .xRead = vfs_read, .xWrite = vfs_write, .xTruncate = vfs_truncate,
		.xSync = vfs_sync, .xFileSize = vfs_size, .xLock = vfs_lock, .xUnlock = vfs_unlock,
		.xCheckReservedLock = vfs_reserved, .xFileControl = vfs_control, .xSectorSize = vfs_sector,
		.xDeviceCharacteristics = vfs_traits, .xShmMap = vfs_shm_map, .xShmLock = vfs_shm_lock,
		.xShmBarrier = vfs_shm_barrier, .xShmUnmap = vfs_shm_unmap};
	struct vfs_fault_file *x = (struct vfs_fault_file *)f;

	(void)v;
	*x = (struct vfs_fault_file){.real = (sqlite3_file *)(x + 1)};
	if (vfs_fails())
		return SQLITE_CANTOPEN;
	int rc = vfs_fault.inner->xOpen(vfs_fault.inner, name, x->real, flags, out);
	f->pMethods = rc == SQLITE_OK ? &methods : NULL;
	return rc;
}

static inline void vfs_fault_install(void)
{
	vfs_fault.inner = sqlite3_vfs_find(NULL);
	vfs_fault.vfs = *vfs_fault.inner;
	vfs_fault.vfs.zName = "fault";
	vfs_fault.vfs.pNext = NULL;
	vfs_fault.vfs.szOsFile += (int)sizeof(struct vfs_fault_file);
	vfs_fault.vfs.xOpen = vfs_open;
	REQUIRE(sqlite3_vfs_register(&vfs_fault.vfs, 1) == SQLITE_OK);
}

static inline void vfs_fault_use(struct fault *f) { vfs_fault.fault = f; }
