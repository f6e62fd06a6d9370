/* The end of the storage.
 *
 *	0  working; once closing: until every segment is sealed and every thread is quiet
 *	1  the disk and recovery threads end
 *	2  `stop` is written, the journal's thread ends
 *	3  the handles close, then `closed`
 *
 * After CLOSE_PATIENCE_MS the threads that hang are left to themselves. */
#include "recorder/storage_inner.h"

#include "base/log.h"

#include <stdlib.h>

#define CLOSE_PATIENCE_MS 10000

#define JOURNAL_PATIENCE_MS 2000

/* Storages of which a thread hangs: it may come back and use them. Reachable for ever. Loop thread. */
static struct storage *kept_storages;

void storage_count_worker(struct storage *s) { s->open_workers++; }

/* --- 3: handles -------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *h)
{
	struct storage *s = h->data;

	if (--s->open_handles == 0 && s->events->closed)
		s->events->closed(s->owner); /* may free s: last line */
}

static void close_handles(struct storage *s)
{
	s->phase = 3;
	uv_close((uv_handle_t *)&s->timer, on_handle_closed);
	uv_close((uv_handle_t *)&s->deadline, on_handle_closed);
	uv_close((uv_handle_t *)&s->soon, on_handle_closed);
}

/* --- 2: the journal ------------------------------------------------------------------------ */

static void on_deadline(uv_timer_t *t);

static void on_journal_closed(void *arg)
{
	struct storage *s = arg;

	s->journal = NULL;
	close_handles(s);
}

static void end_journal(struct storage *s)
{
	if (!s->gave_up)
		storage_journal(s, "stop", json_object());
	else
		uv_timer_start(&s->deadline, on_deadline, JOURNAL_PATIENCE_MS, 0);
	s->phase = 2;
	worker_close(s->journal, on_journal_closed, s);
}

/* --- 1: the disks ---------------------------------------------------------------------------- */

static void one_less(struct storage *s)
{
	if (--s->open_workers == 0)
		end_journal(s);
}

static void on_disk_closed(void *arg)
{
	struct storage_root *r = arg;

	r->disk->worker = NULL;
	one_less(r->storage);
}

static void on_recovery_closed(void *arg)
{
	struct storage_root *r = arg;

	r->recovery = NULL;
	one_less(r->storage);
}

/* A thread with something unanswered, after all this time, hangs. */
static void end_worker(struct storage_root *r, struct worker *w, worker_closed_fn *closed)
{
	if (!w)
		return;
	if (r->storage->gave_up && worker_pending(w) > 0)
		worker_abandon(w, closed, r);
	else
		worker_close(w, closed, r);
}

static void end_disks(struct storage *s)
{
	s->phase = 1;
	if (s->open_workers == 0) {
		end_journal(s);
		return;
	}
	for (unsigned i = 0; i < s->root_count; i++) {
		end_worker(&s->roots[i], s->roots[i].disk->worker, on_disk_closed);
		end_worker(&s->roots[i], s->roots[i].recovery, on_recovery_closed);
	}
}

static void abandon_disks(struct storage *s)
{
	for (unsigned i = 0; i < s->root_count; i++) {
		struct storage_root *r = &s->roots[i];
		if (r->disk->worker)
			worker_abandon(r->disk->worker, on_disk_closed, r);
		if (r->recovery)
			worker_abandon(r->recovery, on_recovery_closed, r);
	}
}

static void on_deadline(uv_timer_t *t)
{
	struct storage *s = t->data;

	s->gave_up = true;
	log_error(
	    "storage",
	    "phase=%d note=\"a disk does not answer: given up; what is open is recovered at the next start\"",
	    s->phase);
	if (s->phase == 0) {
		for (unsigned i = 0; i < s->root_count; i++)
			storage_segments_end(&s->roots[i], CAUSE_STORAGE_FAILED, "the disk did not answer at the end");
		end_disks(s);
	}
	else if (s->phase == 1)
		abandon_disks(s);
	else if (s->phase == 2)
		worker_abandon(s->journal, on_journal_closed, s);
}

/* --- 0: quiet ----------------------------------------------------------------------------------- */

static bool is_quiet(const struct storage *s)
{
	if (s->segments || s->turns.count)
		return false;
	for (unsigned i = 0; i < s->root_count; i++) {
		const struct storage_root *r = &s->roots[i];
		if (r->tick_out || r->try_out || r->surveys || r->items)
			return false;
	}
	return true;
}

void storage_check_closing(struct storage *s)
{
	if (s->closing && s->phase == 0 && is_quiet(s))
		end_disks(s);
}

void storage_close(struct storage *s)
{
	if (s->closing)
		return;
	s->closing = true;
	uv_timer_start(&s->deadline, on_deadline, CLOSE_PATIENCE_MS, 0);
	turns_release(&s->turns);
	storage_check_closing(s);
}

/* --- memory --------------------------------------------------------------------------------------- */

static void free_roots(struct storage *s)
{
	for (unsigned i = 0; i < s->root_count; i++) {
		json_decref(s->roots[i].seen);
		disk_destroy(s->roots[i].disk);
	}
	free(s->roots);
}

void storage_destroy(struct storage *s)
{
	if (!s)
		return;
	if (s->gave_up) {
		s->next_kept = kept_storages;
		kept_storages = s;
		return;
	}
	while (s->outlets)
		storage_outlet_destroy(&s->outlets->base);
	turns_finish(&s->turns);
	chain_close(s->chain);
	json_decref(s->book);
	free(s->state);
	free_roots(s);
	free(s);
}
