/* How far coverage is believed, by the keeper's own clock and nothing that others say (design §2): the present life of the
 * clock ends now, an earlier one where the keeper last saw it, and one second more. What a file claims beyond that is refused:
 * it is pending, told once a run (`coverage.refused`), and does not count later either, because it was made before its time.
 * The file stays where it is.
 *
 * In a transaction. Errors: as catalog.h. */
#pragma once
#include "accounting.h"

/* The bound of what was made before life `before` (LIFE_NONE: by the present one); INT64_MAX: nobody can tell. */
int belief_limit(const struct accounting *a, const char *camera, int64_t before, int64_t *limit);
/* What the file claims of [start, end) counts as far as `before`'s bound. */
int belief_claim(const struct accounting *a, const char *camera, int64_t file, int64_t before, int64_t end);
/* The bound became known: what was believed beyond it is taken back. */
int belief_review(const struct accounting *a);
/* Life `id` begins: when the one before it ended. */
int belief_life_ended(const struct accounting *a, const char *camera, int64_t id, int64_t at);
