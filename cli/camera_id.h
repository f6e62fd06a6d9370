/* A camera's id made out of what it calls itself: [a-z0-9-], unique in its list. Pure.
 *
 * Threads: any. Memory: the caller's. */
#pragma once
#include "conf/text.h"

/* From the first of the names that has a letter or digit of ASCII, else "camera"; "-2", "-3" … behind it as long
 * as it is among `taken`. */
void camera_id_make(const char *const *names, unsigned name_count, char (*taken)[ID_MAX_CHARS + 1],
		    unsigned taken_count, char out[ID_MAX_CHARS + 1]);
