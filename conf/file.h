/* Reading the small files that a configuration consists of and names.
 *
 * Memory: *data is the caller's, NUL-terminated beyond *len.
 * Errors: -errno of open/read; -EISDIR not a regular file; -EFBIG more than max bytes. */
#pragma once
#include <stddef.h>

/* Why a file cannot be opened, for a person. error is an errno. */
const char *file_reason(int error);

int file_read(const char *path, size_t max, char **data, size_t *len);
