/* Footage that is in the object store and of which this catalogue, made anew, knows nothing, comes back: its row is the store's
 * (object.h), its time is recorded again. What the offloader read of it is held against its seal, whose signature is verified
 * here. While files on the disks are still being taken up nothing is: what is there needs no copy. */
#include "object_take.h"

#include "base/log.h"
#include "catalog_internal.h"
#include "indexer_inner.h"
#include "object.h"
#include "object_found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_US (600 * US_PER_S) /* without a word of the offloader, holes are judged without it */

/* --- waiting for the store ----------------------------------------------------------------------------- */

int object_take_begin(struct indexer *ix, bool is_new)
{
	ix->store_heard = clock_mono(ix->clock);
	if (!is_new || !ix->conf->offload.url)
		return 0;
	return catalog_set_state_int(ix->catalog, "offload_awaited", 1);
}

bool object_take_is_awaited(struct indexer *ix)
{
	return ix->conf->offload.url && clock_mono(ix->clock).us - ix->store_heard.us < PATIENCE_US &&
	       catalog_site(ix->catalog)->offload_awaited != 0;
}

/* --- judging -------------------------------------------------------------------------------------------- */

/* Before anything is judged. Negative: the key may be one that is here and cannot be read. */
static int know_key(struct indexer *ix, const struct object_found *f)
{
	if (seal_keys_find(ix->seal_keys, f->scan.seal.key_id))
		return 0;
	int rc = seal_keys_load(ix->seal_keys, ix->fs, ix->conf->state);
	return seal_keys_find(ix->seal_keys, f->scan.seal.key_id) ? 0 : rc;
}

static bool is_signed(struct indexer *ix, const struct object_found *f)
{
	const struct key *k = seal_keys_find(ix->seal_keys, f->scan.seal.key_id);

	return k && seal_verify(f->box, f->box_len, &f->scan.seal, k);
}

static bool fits(const struct object_found *f)
{
	const struct fragment_index *x = &f->scan.index;
	const struct seal *s = &f->scan.seal;
	int64_t at = f->scan.init_bytes, end = s->start.us, frames = 0;

	for (unsigned i = 0; i < x->count; i++) {
		at += x->items[i].bytes;
		end += x->items[i].duration_us;
		frames += x->items[i].frames;
		if (fragment_is_damaged(&x->items[i]))
			return false;
	}
	return x->count == s->fragments && frames == s->frames && llabs(end - s->end.us) <= SEALED_SEAM_US &&
	       at + (int64_t)f->box_len == f->kept.bytes;
}

static const char *what_is_wrong(struct indexer *ix, const struct object_found *f)
{
	const struct object_kept *k = &f->kept;
	const struct seal *s = &f->scan.seal;

	if (strcmp(s->site, ix->conf->site.id) != 0)
		return "it belongs to another site";
	if (strcmp(s->camera, k->camera) != 0 || s->start.us != k->start.us || s->end.us != k->end.us ||
	    memcmp(f->scan.seal_digest, k->seal_digest, SHA256_BYTES) != 0)
		return "its name and its seal differ";
	if (!is_signed(ix, f))
		return "its seal is not signed by a known key";
	return fits(f) ? NULL : "its seal and its footage differ";
}

/* --- taking ---------------------------------------------------------------------------------------------- */

static int enter(struct indexer *ix, const struct object_found *f)
{
	const struct seal *s = &f->scan.seal;
	int rc = segment_row_insert(ix->catalog, CATALOG_STORE_ROOT, f->kept.bytes, &f->scan);

	if (rc == 0)
		rc = object_recover(ix->catalog, ix->acc.now, &f->kept);
	if (rc == 0)
		rc = rebuild_found(ix, s);
	if (rc == 0)
		rc = file_covers(ix, s->camera, (int64_t)s->sequence, s->start, s->end);
	return rc < 0 ? rc : catalog_set_state_int(ix->catalog, "offload_found", catalog_site(ix->catalog)->offload_found + 1);
}

static int take(struct indexer *ix, const struct object_found *f)
{
	int known = catalog_object_is_known(ix->catalog, f->kept.camera, f->kept.start);
	int rc = known == 0 ? know_key(ix, f) : 0;

	if (known != 0 || rc < 0)
		return known < 0 ? known : rc;
	const char *wrong = what_is_wrong(ix, f);
	if (wrong) {
		log_warn("offload", "camera=%s key=%s text=\"not taken back: %s\"", f->kept.camera, f->kept.key, wrong);
		return -EBADMSG;
	}
	return enter(ix, f);
}

int object_take(struct indexer *ix, const json_t *args)
{
	struct object_found f;

	ix->store_heard = clock_mono(ix->clock);
	if (!ix->archive_seen || is_rebuilding(ix) || !ix->seal_key_known || !ix->seal_keys)
		return -EAGAIN;
	int rc = object_found_parse(args, &f);
	if (rc < 0)
		return rc;
	rc = take(ix, &f);
	object_found_finish(&f);
	return rc;
}

/* How long the box has witnessed that they are there: as when a catalogue is made again of files (rebuild_tail.c). */
static int restore_age(struct indexer *ix)
{
	return db_run(ix->catalog->db,
		      "UPDATE segment SET witnessed_us = min(witnessed_us, ?1 - x.later) FROM (SELECT id, coalesce(sum(end - start) "
		      "OVER (PARTITION BY camera ORDER BY sequence DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS later "
		      "FROM segment) AS x WHERE x.id = segment.id AND segment.root = ?2", "ii", catalog_site(ix->catalog)->witnessed_us,
		      (int64_t)CATALOG_STORE_ROOT);
}

int object_take_end(struct indexer *ix, const json_t *args)
{
	const char *place = json_string_value(json_object_get(args, "place"));
	char *ours = conf_offload_place(&ix->conf->offload);
	bool same = place && ours && strcmp(place, ours) == 0;
	int64_t files = catalog_site(ix->catalog)->offload_found;

	free(ours);
	if (!same)
		return -EINVAL;
	if (!ix->archive_seen || is_rebuilding(ix))
		return -EAGAIN;
	int rc = catalog_set_state(ix->catalog, "offload_listed", place);
	if (rc == 0)
		rc = catalog_set_state_int(ix->catalog, "offload_awaited", 0);
	if (rc < 0 || files == 0)
		return rc;
	rc = catalog_set_state_int(ix->catalog, "offload_found", 0);
	if (rc == 0)
		rc = restore_age(ix);
	return rc < 0 ? rc : ledger_append(ix->catalog, ix->acc.now, "offload.recovered", NULL,
					   json_pack("{ss sI}", "place", place, "files", (json_int_t)files), NULL);
}
