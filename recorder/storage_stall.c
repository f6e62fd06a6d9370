/* A disk that does not answer, or answers too slowly: told by the age of its oldest unfinished job, which
 * grows with every kind of lateness, also that of a thread that hangs in the kernel. */
#include "recorder/storage_inner.h"

#define CALM_US (5 * US_PER_S) /* on time for so long: it is well again */

static bool is_working(const struct storage_root *r)
{
	return r->sm.now == ROOT_NEW || r->sm.now == ROOT_OK;
}

static void on_late(struct storage_root *r, uint64_t waits_ms)
{
	char text[80];

	r->late = clock_mono(r->storage->clock);
	snprintf(text, sizeof text, "the disk has not answered for %.1f s", (double)waits_ms / 1000);
	if (is_working(r))
		storage_root_trouble(r, ROOT_STALLED, text);
	if (r->sm.now != ROOT_STALLED || waits_ms < r->storage->give_up_ms)
		return;
	storage_root_trouble(r, ROOT_FAILED, text);
	storage_segments_end(r, CAUSE_STORAGE_FAILED, text);
}

void storage_watch_stall(struct storage_root *r)
{
	uint64_t waits_ms = worker_waits_ms(r->disk->worker);

	if (waits_ms >= r->storage->stall_ms)
		on_late(r, waits_ms);
	else if (r->sm.now == ROOT_STALLED && clock_mono(r->storage->clock).us - r->late.us >= CALM_US)
		storage_root_trouble(r, ROOT_OK, NULL);
}
