/* What two names have in common that a reader takes for the same: its letters in lower case, without spaces and
 * punctuation between them, look-alikes of other alphabets (Cyrillic а, full-width Ａ) and of digits (1 and l, 0 and o) as one.
 *
 * Threads: any. Memory: caller's. Source: the idea is Unicode Technical Standard 39's; the table is small and ours. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define SKELETON_MAX 272 /* bytes, NUL included: enough for a name of 256 */

/* "" when the name has nothing that can be seen, is no UTF-8, or is too long. */
const char *skeleton(const char *name, char out[SKELETON_MAX]);
/* A name that hides nothing: UTF-8, no controls, no characters without width, no space at its ends, and a skeleton. */
bool skeleton_is_open(const char *name);
/* Whether a name with this skeleton could be taken for a user of the box ("uid:0"). */
bool skeleton_is_box(const char *key);
