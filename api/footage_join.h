/* Which files one init serves (media/box.h, struct moov_info). The same that the catalogue calls one init is looked at
 * once, however many files there are.
 *
 * Threads: any. Memory: the plan's. */
#pragma once
#include "api/footage_plan.h"
#include "media/box.h"

struct footage_kind { int64_t init; unsigned part; struct moov_info moov; };

/* What is known of that init, until another is added; NULL: nothing. */
const struct footage_kind *footage_kind_of(const struct footage_plan *p, int64_t init);
void footage_kind_add(struct footage_plan *p, unsigned part, const struct moov_info *moov);
/* When all are known: parts get their pieces; if they are one, the plan its lead. 0, or -EXDEV: there are several. */
int footage_join(struct footage_plan *p);
/* Whether a file of this moov is what the plan was made for. */
bool footage_takes(const struct footage_plan *p, const struct moov_info *moov);
