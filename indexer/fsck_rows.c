/* Rows → files, by threads that look while the rows are read; what they saw is judged in the order of the rows. */
#include "indexer/fsck_inner.h"

#include "base/buf.h"
#include "base/crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64

/* --- looking: any thread ----------------------------------------------------------------------- */

static void look_at(const struct fsck_walk *w, struct fsck_look *l)
{
	struct fs *fs = w->f->fs;
	struct stat st;

	l->fd = fs_open_regular(fs, l->path);
	if (l->fd < 0)
		return;
	l->sized = fstat(l->fd, &st) == 0 && st.st_size == l->bytes;
	segment_scan_init(&l->scan, w->f->full && l->sized);
	if (w->f->full && l->sized)
		l->rc = segment_scan(&l->scan, fs, l->fd, l->bytes, w->keys);
	if (!w->f->decode || !w->f->full)
		fs->close(fs, l->fd);
}

static void look_at_all(void *piece)
{
	struct fsck_batch *b = piece;

	for (unsigned i = 0; i < b->count; i++)
		look_at(b->w, &b->looks[i]);
}

/* --- judging ------------------------------------------------------------------------------------ */

/* NULL: it holds. */
static const char *what_is_wrong(const struct fsck_walk *w, const struct fsck_look *l)
{
	const struct segment_scan *scan = &l->scan;

	if (l->rc < 0)
		return "damaged";
	if (!scan->sealed)
		return "the seal is missing";
	if (!scan->content_ok || memcmp(scan->seal_digest, l->digest, SHA256_BYTES) != 0)
		return "the bytes are not those that were sealed";
	if (!scan->signature_ok)
		return "the seal is not signed by a key of this box";
	if (w->chained && l->sequence == w->sequence + 1 && memcmp(scan->seal.previous, w->digest, SHA256_BYTES) != 0)
		return "does not follow the segment before it";
	return NULL;
}

static void check_video(struct fsck_walk *w, const struct fsck_look *l)
{
	struct fsck_decoded d = {0};
	char at[WALL_TEXT_MAX];

	if (!w->f->decode)
		return;
	w->f->decode(w->f->arg, l->fd, l->bytes, &d);
	w->f->pictures += d.pictures;
	if (d.faults > 0)
		fsck_find(w->f, "%s: its video does not decode at %s: %s (%lu faults, %lu pictures)", l->path,
			  wall_format((struct wall){l->start.us + d.first_us}, at), d.why, d.faults, d.pictures);
}

static void check_seal(struct fsck_walk *w, const struct fsck_look *l)
{
	const char *wrong = what_is_wrong(w, l);

	if (wrong && catalog_is_damaged(w->catalog, l->camera, l->start) > 0)
		w->f->known++;
	else if (wrong)
		fsck_find(w->f, "%s: %s (byte %lld)", l->path, wrong, (long long)l->scan.whole_bytes);
	else
		check_video(w, l);
}

void fsck_note_row(struct fsck_walk *w, const char *camera, uint64_t sequence, const uint8_t digest[SHA256_BYTES])
{
	w->chained = true;
	w->sequence = sequence;
	memcpy(w->digest, digest, SHA256_BYTES);
	if ((json_int_t)sequence > json_integer_value(json_object_get(w->newest, camera)))
		json_object_set_new(w->newest, camera, json_integer((json_int_t)sequence));
}

/* Retention may have taken the file, or a drain. */
static bool row_is_gone(struct fsck_walk *w, const struct fsck_look *l)
{
	bool there;

	return fsck_ask_again(w, l->camera, l->start, l->path, &there) && !there;
}

static void judge(struct fsck_walk *w, const struct fsck_look *l)
{
	if (l->fd < 0) {
		if (!row_is_gone(w, l))
			fsck_find(w->f, "%s: %s", l->path, l->fd == FS_NO_FILE ? "is no regular file" : strerror(-l->fd));
		return;
	}
	if (!l->sized && catalog_is_damaged(w->catalog, l->camera, l->start) > 0)
		w->f->known++;
	else if (!l->sized)
		fsck_find(w->f, "%s: has another size than the catalogue says", l->path);
	else if (w->f->full)
		check_seal(w, l);
	if (w->f->decode && w->f->full)
		w->f->fs->close(w->f->fs, l->fd);
	fsck_note_row(w, l->camera, l->sequence, l->digest);
}

static void judge_oldest(struct fsck_walk *w)
{
	struct fsck_batch *b = crew_take(w->crew, CREW_FOR_EVER);

	for (unsigned i = 0; i < b->count; i++) {
		judge(w, &b->looks[i]);
		segment_scan_finish(&b->looks[i].scan);
		free(b->looks[i].path);
	}
	free(b);
}

/* --- rows ------------------------------------------------------------------------------------------ */

static void give(struct fsck_walk *w)
{
	if (!crew_has_room(w->crew))
		judge_oldest(w);
	crew_give(w->crew, w->batch);
	w->batch = NULL;
}

void fsck_row(struct fsck_walk *w, const struct catalog_segment *s, const char *path)
{
	const unsigned room = w->f->full ? 1 : BATCH;

	if (!w->batch)
		w->batch = xcalloc(1, sizeof *w->batch + room * sizeof *w->batch->looks);
	w->batch->w = w;
	struct fsck_look *l = &w->batch->looks[w->batch->count++];
	*l = (struct fsck_look){.start = s->start, .bytes = s->bytes, .sequence = s->sequence, .path = xstrdup(path)};
	snprintf(l->camera, sizeof l->camera, "%s", s->camera);
	memcpy(l->digest, s->seal_digest, sizeof l->digest);
	if (w->batch->count == room)
		give(w);
}

void fsck_rows_judge(struct fsck_walk *w)
{
	if (w->batch)
		give(w);
	while (crew_out(w->crew) > 0)
		judge_oldest(w);
}

void fsck_rows_begin(struct fsck_walk *w)
{
	w->crew = crew_create(w->f->threads, 2 * w->f->threads + 1, look_at_all);
}

void fsck_rows_finish(struct fsck_walk *w)
{
	crew_destroy(w->crew, NULL);
	w->crew = NULL;
}
