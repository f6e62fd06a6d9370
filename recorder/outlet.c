#include "recorder/storage_inner.h"

#include "base/lang.h"
#include "base/log.h"
#include "base/require.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- where a camera's segments go ------------------------------------------------------ */

static unsigned cameras_on(const struct storage *s, const struct storage_root *r)
{
	unsigned n = 0;

	for (const struct storage_outlet *o = s->outlets; o; o = o->next)
		n += o->root == r;
	return n;
}

static bool takes(const struct storage_root *r, enum root_state state, size_t bytes)
{
	return r->sm.now == (int)state && worker_has_room(r->disk->worker, bytes);
}

static bool is_better(const struct storage *s, const struct storage_root *a, const struct storage_root *b)
{
	unsigned x = cameras_on(s, a), y = cameras_on(s, b);

	return x != y ? x < y : a->free_bytes > b->free_bytes;
}

static struct storage_root *best_root(const struct storage *s, enum root_state state, bool drain, size_t bytes)
{
	struct storage_root *best = NULL;

	for (unsigned i = 0; i < s->root_count; i++) {
		struct storage_root *r = &s->roots[i];
		if (r->drain == drain && takes(r, state, bytes) && (!best || is_better(s, r, best)))
			best = r;
	}
	return best;
}

/* A root that has not answered yet is taken when there is no better one: its thread looks at the
 * identity before it writes. */
static struct storage_root *place(struct storage_outlet *o, size_t bytes)
{
	if (o->root && !o->root->drain && takes(o->root, ROOT_OK, bytes))
		return o->root;
	static const struct { enum root_state state; bool drain; } order[] = {
		{ROOT_OK, false}, {ROOT_NEW, false}, {ROOT_OK, true}, {ROOT_STALLED, false}, {ROOT_STALLED, true}};
	struct storage_root *r = NULL;

	for (unsigned i = 0; !r && i < sizeof order / sizeof *order; i++)
		r = best_root(o->storage, order[i].state, order[i].drain, bytes);
	return r;
}

bool storage_has_better(const struct storage_root *r)
{
	bool well = r->sm.now == ROOT_OK || r->sm.now == ROOT_NEW;

	return (!well || r->drain) && best_root(r->storage, ROOT_OK, false, 0) != NULL;
}

static enum gap_cause why_none(const struct storage *s)
{
	for (unsigned i = 0; i < s->root_count; i++)
		if (s->roots[i].sm.now == ROOT_FULL)
			return CAUSE_STORAGE_FULL;
	return CAUSE_STORAGE_FAILED;
}

/* --- the end of a segment ---------------------------------------------------------------- */

static void segment_free(struct outlet_segment *s)
{
	struct outlet_segment **at = &s->storage->segments;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	segment_file_destroy(s->file);
	free(s);
}

/* The run has closed it: so it hears nothing more, and the journal says what is missing. */
static void tell_tail(struct outlet_segment *s)
{
	if (s->good_end.us >= s->end.us)
		return;
	storage_journal(s->storage, "lost",
			json_pack("{s:s,s:I,s:I,s:s,s:s}", "camera", s->file->camera, "start",
				  (json_int_t)s->good_end.us, "end", (json_int_t)s->end.us, "cause",
				  gap_cause_name(s->cause), "detail", s->detail));
}

/* What was not promised by now is not believed, even if the disk should write it later. */
static void lose(struct outlet_segment *s, enum gap_cause cause, const char *detail)
{
	unsigned kept;

	if (s->lost)
		return;
	s->lost = true;
	segment_file_condemn(s->file, &kept, &s->good_end);
	s->cause = cause;
	snprintf(s->detail, sizeof s->detail, "%s", detail);
	log_error("segment", "camera=%s root=%s lost=%s detail=\"%s\" kept=%u", s->file->camera,
		  s->file->root, gap_cause_name(cause), s->detail, kept);
	if (s->outlet)
		uv_async_send(&s->storage->soon);
	else
		tell_tail(s);
}

static void on_file_error(struct outlet_segment *s, int error)
{
	bool full = error == -ENOSPC || error == -EDQUOT;
	struct storage_root *r = s->root;

	if (error == -EBADMSG || error == -EPROTO) { /* refused before it was written */
		lose(s, CAUSE_STREAM_UNUSABLE, "the muxed bytes are no fragment that could be read back");
		return;
	}
	if (disk_is_blameless(error)) {
		lose(s, CAUSE_RECORDER_DOWN, lang("录像进程的文件描述符或内存不够（见 ulimit -n）",
						  "the recorder is short of descriptors or memory (see ulimit -n)"));
		return;
	}
	const char *why = s->file->nameless ? disk_nameless_text() : strerror(-error);
	lose(s, full ? CAUSE_STORAGE_FULL : CAUSE_STORAGE_FAILED, why);
	if (r->sm.now == ROOT_OK || r->sm.now == ROOT_STALLED)
		storage_root_trouble(r, full ? ROOT_FULL : ROOT_FAILED, why);
}

/* The seal tells what the bytes say; the run should say the same. */
static void check_end(const struct outlet_segment *s)
{
	int64_t d = segment_file_end_time(s->file, s->file->scan.index.count).us - s->end.us;

	if (!s->lost && !s->file->error && (d > US_PER_MS || d < -US_PER_MS))
		log_warn("segment", "camera=%s note=\"its bytes end %lld us beside its close\"",
			 s->file->camera, (long long)d);
}

static void tell_fate(struct outlet_segment *s, const struct disk_seal *job)
{
	struct storage *st = s->storage;
	struct segment_file *f = s->file;

	if (job->fate == SEGMENT_SEALED) {
		check_end(s);
		storage_journaled(st);
		if (st->events->sealed)
			st->events->sealed(st->owner, f->camera);
	}
	if (f->error)
		on_file_error(s, f->error);
}

void storage_segment_closed(struct disk_seal *job)
{
	struct outlet_segment *s = job->base.owner;
	struct storage *st = s->storage;
	struct chain_head head = job->seal.head;

	if (job->fate == SEGMENT_STALE) {
		free(job);
		turn_again(&st->turns, &s->turn, &head);
		return;
	}
	tell_fate(s, job);
	free(job);
	turn_done(&st->turns, &s->turn, &head);
	segment_free(s);
	storage_check_closing(st);
}

static void on_sealed(struct worker_job *j)
{
	struct disk_seal *job = (struct disk_seal *)j;

	if (!job->waits)
		storage_segment_closed(job);
}

static void on_turn(struct turn *t, const struct chain_head *head)
{
	struct outlet_segment *s =
	    (struct outlet_segment *)((char *)t - offsetof(struct outlet_segment, turn));
	struct disk_seal *job = xcalloc(1, sizeof *job);

	job->base.owner = s;
	job->base.job.done = on_sealed;
	job->file = s->file;
	job->seal = (struct segment_seal){
	    .site = s->root->disk->site, .key = seal_keys_signer(s->storage->keys), .head = *head};
	disk_seal(s->root->disk, job);
}

static void finish(struct outlet_segment *s)
{
	s->outlet = NULL;
	s->turn.go = on_turn;
	turn_ask(&s->storage->turns, s->file->camera, &s->turn);
}

/* The list may change with every call of a run: begin anew after each. */
void storage_tell_lost(struct storage *st)
{
	struct outlet_segment *s = st->segments;

	while (s) {
		if (!s->lost || !s->outlet) {
			s = s->next;
			continue;
		}
		struct outlet *o = &s->outlet->base;
		struct wall good_end = s->good_end;
		finish(s);
		if (o->lost)
			o->lost(o->owner, s, good_end, s->cause, s->detail);
		s = st->segments;
	}
}

void storage_segments_end(struct storage_root *r, enum gap_cause cause, const char *detail)
{
	for (struct outlet_segment *s = r->storage->segments; s; s = s->next)
		if (s->root == r)
			lose(s, cause, detail);
}

void storage_segment_progress(struct outlet_segment *s, const struct disk_progress *p)
{
	s->confirmed = p->confirmed;
	if (p->error)
		on_file_error(s, p->error);
}

/* --- what a run asks ------------------------------------------------------------------------ */

static void on_written(struct worker_job *j)
{
	struct disk_write *w = (struct disk_write *)j;
	struct outlet_segment *s = w->base.owner;

	if (w->error)
		on_file_error(s, w->error);
	free(w);
}

static struct disk_write *write_job(struct outlet_segment *s, struct buf *bytes)
{
	struct disk_write *w = xcalloc(1, sizeof *w);

	w->base.owner = s;
	w->base.job.done = on_written;
	w->file = s->file;
	w->bytes = *bytes;
	*bytes = (struct buf){0};
	return w;
}

static struct outlet_segment *outlet_begin(struct outlet *base, struct outlet_begin *b, enum gap_cause *cause)
{
	struct storage_outlet *o = (struct storage_outlet *)base;
	struct storage *st = o->storage;
	struct storage_root *r = st->closing || st->fatal ? NULL : place(o, b->init.room);

	if (!r) {
		buf_finish(&b->init);
		*cause = why_none(st);
		return NULL;
	}
	struct outlet_segment *s = xcalloc(1, sizeof *s);
	o->root = s->root = r;
	s->storage = st;
	s->outlet = o;
	s->file = segment_file_make(st->fs, r->disk->path, o->camera, b->start, b->run, b->flags);
	s->file->owner = s;
	s->next = st->segments;
	st->segments = s;
	disk_open(r->disk, write_job(s, &b->init));
	return s;
}

static int outlet_add(struct outlet_segment *s, struct buf *bytes, const struct fragment *f)
{
	struct storage_root *r = s->root;

	(void)f; /* the disk thread reads the bytes themselves */
	if (s->lost) {
		buf_finish(bytes);
		return -EIO;
	}
	if (!worker_has_room(r->disk->worker, bytes->room)) {
		buf_finish(bytes);
		lose(s, CAUSE_STORAGE_FAILED, "disk too slow");
		if (r->sm.now == ROOT_OK || r->sm.now == ROOT_STALLED)
			storage_root_trouble(r, ROOT_FAILED, "disk too slow: its queue is full");
		return -ENOBUFS;
	}
	disk_add(r->disk, write_job(s, bytes));
	return 0;
}

static bool outlet_leaves(const struct outlet_segment *s) { return storage_has_better(s->root); }

static void outlet_close(struct outlet_segment *s, struct wall end)
{
	REQUIRE(s->outlet != NULL);
	s->end = end;
	if (s->lost)
		tell_tail(s); /* it was about to hear of it */
	finish(s);
}

const struct outlet_ops *storage_outlet_ops(void)
{
	static const struct outlet_ops ops = {outlet_begin, outlet_add, outlet_leaves, outlet_close};

	return &ops;
}

/* --- an outlet's lifetime ---------------------------------------------------------------------- */

struct outlet *storage_outlet_create(struct storage *s, const char *camera)
{
	struct storage_outlet *o = xcalloc(1, sizeof *o);

	o->base.ops = storage_outlet_ops();
	o->storage = s;
	snprintf(o->camera, sizeof o->camera, "%s", camera);
	o->next = s->outlets;
	s->outlets = o;
	return &o->base;
}

void storage_outlet_destroy(struct outlet *base)
{
	struct storage_outlet *o = (struct storage_outlet *)base, **at;

	if (!o)
		return;
	for (struct outlet_segment *s = o->storage->segments; s; s = s->next)
		REQUIRE(s->outlet != o);
	for (at = &o->storage->outlets; *at != o;)
		at = &(*at)->next;
	*at = o->next;
	free(o);
}
