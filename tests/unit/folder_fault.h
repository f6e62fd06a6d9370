/* Folders, which are read past the file seam: opening one and each reading of an entry passes a struct fault.
 * For programs that are linked with --wrap=opendir and --wrap=readdir64. */
#pragma once
#include "base/fault.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>

static struct fault *folder_fault; /* NULL: none fails */

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
struct dirent *__real_readdir64(DIR *d);
struct dirent *__wrap_readdir64(DIR *d);

static inline bool folder_fails(void) { return folder_fault && fault_here(folder_fault); }

DIR *__wrap_opendir(const char *path)
{
	if (!folder_fails())
		return __real_opendir(path);
	errno = EIO;
	return NULL;
}

struct dirent *__wrap_readdir64(DIR *d)
{
	if (!folder_fails())
		return __real_readdir64(d);
	errno = EIO;
	return NULL;
}
