/* What people read in a terminal. As fprintf(), but what a %s brings came from cameras, files, other people: its controls, line
 * breaks, bytes that are no UTF-8 and marks that reorder text are told by number (\u001b), so that it ends no line and commands no
 * terminal. The same into a pipe: it may end at one. Machines get JSON.
 *
 * Threads: as stdio. Memory: nothing is kept. */
#pragma once
#include <stdio.h>

__attribute__((format(printf, 2, 3)))
void show(FILE *to, const char *fmt, ...);
