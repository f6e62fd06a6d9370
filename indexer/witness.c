#include "witness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX (BOOT_ID_MAX + 24)

void witness_init(struct witness *w, struct clock *clock)
{
	*w = (struct witness){.clock = clock};
	clock_boot(clock, w->boot);
}

/* "BOOT UP", as it was written below; what is no such text is of no boot. */
static int64_t grown(const struct witness *w, const char *seen, int64_t up)
{
	size_t len = strlen(w->boot);

	if (len == 0 || strncmp(seen, w->boot, len) != 0 || seen[len] != ' ')
		return 0;
	int64_t before = strtoll(seen + len + 1, NULL, 10);
	return before > 0 && up > before ? up - before : 0;
}

int witness_note(struct witness *w, struct catalog *c)
{
	char seen[SEEN_MAX], now[SEEN_MAX];
	const struct mono up = clock_mono(w->clock);
	int64_t total;
	int rc = catalog_state(c, "witness_seen", seen, sizeof seen);

	if (rc == 0)
		rc = catalog_state_int(c, "witnessed_us", &total);
	if (rc == 0)
		rc = catalog_set_state_int(c, "witnessed_us", total + grown(w, seen, up.us));
	snprintf(now, sizeof now, "%s %" PRId64, w->boot, up.us);
	if (rc == 0)
		rc = catalog_set_state(c, "witness_seen", now);
	if (rc == 0)
		w->noted = up;
	return rc;
}

bool witness_is_due(const struct witness *w)
{
	return w->noted.us == 0 || clock_mono(w->clock).us - w->noted.us >= WITNESS_EVERY_US;
}
