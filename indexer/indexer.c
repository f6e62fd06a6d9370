#include "indexer_inner.h"

#include "base/buf.h"
#include "base/log.h"
#include "disk.h"
#include "gap_gather.h"
#include "ledger_mark.h"
#include "object.h"
#include "object_take.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH_RECORDS 256
#define WALK_BUDGET_US (100 * US_PER_MS)
#define WALK_TRIES 3

/* --- transactions ---------------------------------------------------------------------- */

int transaction_begin(struct indexer *ix)
{
	ix->acc = (struct accounting){.catalog = ix->catalog, .now = clock_wall(ix->clock)};
	int rc = catalog_begin(ix->catalog);
	if (rc < 0 || !witness_is_due(&ix->witness))
		return rc;
	rc = witness_note(&ix->witness, ix->catalog);
	return rc < 0 ? transaction_end(ix, rc) : 0;
}

static int tell_returned(struct indexer *ix)
{
	if (ix->returned.files == 0)
		return 0;
	log_info("footage.returned", "camera=%s files=%lld", ix->returned_camera, (long long)ix->returned.files);
	return ledger_append(ix->catalog, ix->acc.now, "footage.returned", ix->returned_camera, file_sums_json(&ix->returned), NULL);
}

int returned_add(struct indexer *ix, const char *camera, struct wall start, struct wall end, int64_t bytes,
		 const uint8_t seal[SHA256_BYTES])
{
	int rc = strcmp(camera, ix->returned_camera) == 0 ? 0 : tell_returned(ix);

	snprintf(ix->returned_camera, sizeof ix->returned_camera, "%s", camera);
	file_sums_add(&ix->returned, start, end, bytes, seal);
	return rc;
}

int transaction_end(struct indexer *ix, int rc)
{
	if (rc == 0)
		rc = tell_returned(ix);
	file_sums_finish(&ix->returned);
	if (rc == 0)
		rc = publish_sync(ix);
	if (rc == 0)
		rc = catalog_commit(ix->catalog);
	ix->walk_due |= rc < 0 && ix->changed;
	publish_forget(ix);
	if (rc == 0)
		return 0;
	catalog_rollback(ix->catalog);
	open_file_forget(ix, NULL); /* their progress belongs to the rows that were undone */
	ix->witness.noted = (struct mono){0};
	return rc;
}

/* --- configuration ---------------------------------------------------------------------- */

struct retire { struct indexer *ix; char (*ids)[CATALOG_ID_MAX]; unsigned count; };

static int collect_gone(void *arg, const struct catalog_camera *row)
{
	struct retire *r = arg;

	if (row->retired || !*row->area || conf_camera_find(r->ix->conf, row->id))
		return 0;
	r->ids = xrealloc(r->ids, (r->count + 1) * sizeof *r->ids);
	snprintf(r->ids[r->count++], CATALOG_ID_MAX, "%s", row->id);
	return 0;
}

static int configure_cameras(struct indexer *ix)
{
	struct retire gone = {.ix = ix};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < ix->conf->camera_count; i++) {
		const struct conf_camera *cam = &ix->conf->cameras[i];
		rc = account_configure(&ix->acc, cam->id, cam->name, cam->area);
	}
	if (rc == 0)
		rc = catalog_cameras(ix->catalog, NULL, collect_gone, &gone);
	for (unsigned i = 0; rc == 0 && i < gone.count; i++)
		rc = account_retire(&ix->acc, gone.ids[i]);
	free(gone.ids);
	return rc;
}

static int tell_digest(struct indexer *ix)
{
	const char *digest = ix->conf->digest ? ix->conf->digest : "";
	char was[SHA256_HEX_MAX];
	int rc = catalog_state(ix->catalog, "config_digest", was, sizeof was);

	if (rc < 0 || strcmp(was, digest) == 0)
		return rc;
	rc = catalog_set_state(ix->catalog, "config_digest", digest);
	return rc < 0 ? rc : ledger_append(ix->catalog, ix->acc.now, "config.changed", NULL,
					   json_pack("{ss}", "digest", digest), NULL);
}

static int configure_offload(struct indexer *ix)
{
	char *place = conf_offload_place(&ix->conf->offload);
	int rc = object_configure(ix->catalog, ix->acc.now, place);

	ix->filling = true;
	free(place);
	return rc;
}

/* A site of years has more segments than one transaction should hold. */
static int fill_queue(struct indexer *ix, bool *more)
{
	bool left = false;
	int rc = ix->filling ? object_fill(ix->catalog, &left) : 0;

	ix->filling = rc < 0 ? ix->filling : left;
	*more |= left;
	return rc;
}

int indexer_configure(struct indexer *ix, const struct conf *conf)
{
	ix->conf = conf;
	archive_walk_finish(&ix->walk); /* it names roots by their places */
	uint8_t hash[SHA256_BYTES];
	int64_t seq;
	int rc = transaction_begin(ix);
	if (rc < 0)
		return rc;
	rc = catalog_ledger_head(ix->catalog, &seq, hash);
	if (rc == 0)
		rc = roots_configure(ix);
	if (rc == 0)
		rc = ledger_mark_check(ix);
	if (rc == 0)
		rc = catalog_set_state(ix->catalog, "site_id", conf->site.id);
	if (rc == 0)
		rc = tell_digest(ix);
	if (rc == 0)
		rc = configure_cameras(ix);
	if (rc == 0)
		rc = configure_offload(ix);
	if (rc == 0)
		rc = object_take_begin(ix, seq == 0);
	if (rc == 0 && seq == 0)
		rc = rebuild_begin(ix);
	ix->scan_due = true;
	return transaction_end(ix, rc);
}

/* --- lifetime ------------------------------------------------------------------------------- */

static int restore(struct indexer *ix)
{
	int rc = catalog_state(ix->catalog, "journal_file", ix->pos.file, sizeof ix->pos.file);

	ix->pos.offset = catalog_site(ix->catalog)->journal_offset;
	if (rc == 0)
		rc = seal_key_restore(ix);
	return rc < 0 ? rc : indexer_configure(ix, ix->conf);
}

int indexer_create(struct fs *fs, struct clock *clock, const struct conf *conf, struct catalog *catalog,
		   struct indexer **out, struct err *e)
{
	struct indexer *ix = xcalloc(1, sizeof *ix);

	*ix = (struct indexer){.fs = fs, .clock = clock, .conf = conf, .catalog = catalog,
			       .heard = clock_mono(clock)};
	ix->journal_dir = xasprintf("%s/journal", conf->state);
	witness_init(&ix->witness, clock);
	int rc = restore(ix);
	if (rc < 0) {
		indexer_destroy(ix);
		return err_set(e, rc, "take up the catalogue: %s", strerror(-rc));
	}
	*out = ix;
	return 0;
}

void indexer_destroy(struct indexer *ix)
{
	if (!ix)
		return;
	open_file_forget(ix, NULL);
	publish_forget(ix);
	archive_walk_finish(&ix->walk);
	rebuild_tail_finish(&ix->tail);
	roots_finish(ix);
	seal_keys_destroy(ix->seal_keys);
	free(ix->journal_dir);
	free(ix);
}

void indexer_read_ahead(struct indexer *ix, unsigned threads)
{
	ix->readers = threads;
}

void indexer_finish(struct indexer *ix)
{
	ix->hurry = true;
	ix->scan_due = true;
}

void indexer_hint(struct indexer *ix)
{
	ix->scan_due = true;
}

bool indexer_knows_archive(const struct indexer *ix)
{
	return ix->archive_seen;
}

int indexer_take_archived(struct indexer *ix, const char *root, const char *const *stems, unsigned count)
{
	struct root *r = root_present(ix, root);
	int rc = r && count > 0 ? transaction_begin(ix) : 0;

	if (!r || count == 0 || rc < 0)
		return rc;
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		rc = publish(ix, r, stems[i]);
		if (rc == -EBADMSG || rc == -ENOENT || rc == -EINVAL)
			rc = 0; /* told, gone again, or no name of ours */
	}
	return transaction_end(ix, rc);
}

const char *indexer_journal_file(const struct indexer *ix)
{
	return ix->pos.file;
}

/* --- one step -------------------------------------------------------------------------------- */

struct batch { struct indexer *ix; unsigned records; };

static int count_and_ingest(void *arg, const json_t *record)
{
	struct batch *b = arg;
	int rc = b->records++ == 0 ? witness_note(&b->ix->witness, b->ix->catalog) : 0;

	return rc < 0 ? rc : ingest(b->ix, record);
}

/* Holes are judged with all files on the table. */
static int settle(struct indexer *ix)
{
	ix->acc.stepped = has_just_stepped(ix);
	return is_recovering(ix) || !ix->archive_seen || object_take_is_awaited(ix) ? 0 : account_settle(&ix->acc, (struct wall){settled_at(ix)});
}

static int read_batch(struct indexer *ix, struct batch *b, struct journal_pos *pos)
{
	int rc = journal_read(ix->fs, ix->journal_dir, pos, BATCH_RECORDS, count_and_ingest, b);

	if (rc == -ENOENT)
		rc = 0; /* no recorder has run here yet */
	if (rc < 0 || b->records == 0)
		return rc;
	rc = catalog_set_state(ix->catalog, "journal_file", pos->file);
	if (rc == 0)
		rc = catalog_set_state_int(ix->catalog, "journal_offset", pos->offset);
	if (rc == 0 && b->records < BATCH_RECORDS)
		rc = own_clock_end(ix);
	/* Holes are judged with the files on the table: after `ready`, a scan comes first. */
	if (rc == 0 && b->records < BATCH_RECORDS && !ix->scan_due)
		rc = settle(ix);
	return rc;
}

static int consume(struct indexer *ix, unsigned *records)
{
	struct batch b = {.ix = ix};
	struct journal_pos pos = ix->pos;
	int rc = transaction_begin(ix);

	if (rc < 0)
		return rc;
	rc = own_clock_begin(ix, true);
	rc = rc < 0 ? rc : read_batch(ix, &b, &pos);
	rc = transaction_end(ix, rc < 0 ? rc : gap_gather_tell(ix->catalog, ix->acc.now));
	if (rc < 0)
		return rc;
	ix->pos = pos;
	ix->drained |= b.records < BATCH_RECORDS;
	*records = b.records;
	if (b.records > 0)
		ix->heard = clock_mono(ix->clock);
	return 0;
}

/* A file that can never be taken up must not keep the others waiting. */
static int end_walk(struct indexer *ix, bool *more)
{
	int rc = ix->walk.failed;
	unsigned long taken = ix->walk.taken;
	bool seen = rc == 0 || ++ix->walk.tries >= WALK_TRIES;

	archive_walk_finish(&ix->walk);
	if (!seen)
		return rc;
	*more = is_rebuilding(ix);
	ix->archive_seen = !*more;
	if (*more)
		rebuild_tail_begin(ix, taken);
	return 0;
}

static int end_rebuild(struct indexer *ix, bool *more)
{
	int rc = transaction_begin(ix), some = rc < 0 ? rc : rebuild_tail_step(ix, WALK_BUDGET_US);

	if (rc == 0)
		rc = transaction_end(ix, some < 0 ? some : 0);
	*more = rc == 0 && some == 0;
	ix->archive_seen = rc == 0 && some > 0;
	if (!*more)
		rebuild_tail_finish(&ix->tail);
	return rc;
}

/* Before a journal named a key nobody can say whether a seal holds. */
bool has_to_walk(const struct indexer *ix)
{
	return !ix->archive_seen && !ix->hurry && ix->seal_key_known;
}

/* *more: there are files left. */
static int walk(struct indexer *ix, bool *more)
{
	if (!has_to_walk(ix))
		return 0;
	if (ix->tail.running)
		return end_rebuild(ix, more);
	if (!ix->walk.running)
		archive_walk_begin(ix, is_rebuilding(ix));
	if (archive_walk_step(ix, WALK_BUDGET_US))
		return end_walk(ix, more);
	*more = true;
	return 0;
}

/* All of the archive is looked at, and no hole is judged before. */
static void begin_walk_again(struct indexer *ix)
{
	archive_walk_finish(&ix->walk);
	rebuild_tail_finish(&ix->tail);
	ix->archive_seen = ix->walk_due = false;
	ix->walk.tries = 0;
}

static int scan(struct indexer *ix)
{
	int rc = scan_incoming(ix);

	ix->scan_due = rc < 0;
	ix->scanned = clock_mono(ix->clock);
	int opened = transaction_begin(ix);
	if (opened < 0)
		return opened;
	ix->walk_again = false;
	int done = rebuild_awaited(ix);
	if (done == 0 && !is_recovering(ix))
		done = scan_lost(ix);
	if (done == 0 && !ix->walk_again)
		done = settle(ix);
	done = transaction_end(ix, done);
	if (done == 0 && ix->walk_again)
		begin_walk_again(ix);
	return rc < 0 ? rc : done;
}

/* Silence is no absence while files grow, nor before all that lies on the disks is on the table. */
static int judge_silence(struct indexer *ix)
{
	int rc = 0;

	if (scan_finds_writing(ix))
		return 0;
	if (ix->scanned.us <= ix->heard.us + INDEXER_SILENCE_US)
		rc = scan(ix);
	return rc < 0 ? rc : watch_silence(ix);
}

int indexer_step(struct indexer *ix, bool *more)
{
	unsigned records = 0;
	int rc = consume(ix, &records);

	*more = rc == 0 && records == BATCH_RECORDS;
	if (rc < 0 || *more)
		return rc;
	if (ix->walk_due)
		begin_walk_again(ix);
	struct mono now = clock_mono(ix->clock);
	rc = walk(ix, more);
	if (rc < 0)
		return rc;
	if (ix->scan_due || now.us - ix->scanned.us >= INDEXER_SCAN_EVERY_US)
		rc = scan(ix);
	if (rc == 0 && !ix->hurry)
		rc = disk_clear_lost(ix, more);
	if (rc == 0 && !ix->hurry)
		rc = fill_queue(ix, more);
	if (rc == 0 && now.us - ix->heard.us > INDEXER_SILENCE_US)
		rc = judge_silence(ix);
	*more |= rc == 0 && has_to_walk(ix);
	return rc;
}
