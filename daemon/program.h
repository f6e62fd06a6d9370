/* Where the other programs of this installation are: each process has its own, so that it loads the
 * libraries of its role and no others.
 *
 * Beside the one that asks, in the build folder's places, or in libexec/holdfast. Threads: any. */
#pragma once

/* The path, malloc'd; NULL: it is not there. */
char *program_find(const char *name);
