/* Written units: "5min", "500ms", "10GiB". A number and its unit, nothing between them, no sign,
 * no fraction, no unit left out: "10" is never guessed to be seconds or bytes.
 *
 * Errors: -EINVAL (not of this form), -ERANGE (does not fit). */
#pragma once
#include <stdint.h>

int units_duration(const char *text, int64_t *us); /* ms s min h d → microseconds */
int units_bytes(const char *text, uint64_t *bytes); /* B KiB MiB GiB TiB; at most INT64_MAX */
int units_count(const char *text, unsigned *count); /* digits only */
