/* The sentence that says why a camera is not recorded: bounded, always valid UTF-8 on one line, so that it
 * can go into the journal, the log and the console, whatever a camera put into it.
 * Threads: any. Memory: the caller's. */
#pragma once

#define DETAIL_MAX 256

/* Copies text; control characters and bytes that are not UTF-8 become '_'; cuts between characters.
 * NULL is the empty text. */
void detail_set(char out[DETAIL_MAX], const char *text);
