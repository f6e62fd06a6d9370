#include "ledger_mark.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "media/ledger_kept.h"
#include "object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What the ledger does not hold of that which is kept. */
struct losses {
	struct indexer *ix;
	struct ledger_kept last;        /* the one of the greatest number; seq 0: nothing is lost */
	json_t *heads;
};

static char *mark_path(const struct root *r)
{
	return xasprintf("%s/ledger/head", r->path);
}

/* --- comparing ---------------------------------------------------------------------------- */

static int compare(void *arg, const struct ledger_kept *k)
{
	struct losses *l = arg;
	char hex[SHA256_HEX_MAX];
	bool yes = false;
	int rc = catalog_ledger_extends(l->ix->catalog, k, &yes);

	if (rc < 0 || yes)
		return rc;
	hex_encode(k->hash, SHA256_BYTES, hex);
	json_array_append_new(l->heads, json_pack("{sI ss ss}", "seq", (json_int_t)k->seq, "hash", hex, "receiver", k->who));
	if (k->seq > l->last.seq)
		l->last = *k;
	return 0;
}

static int compare_root(struct losses *l, struct root *r)
{
	char *path = mark_path(r);
	struct ledger_kept k;
	int rc = ledger_kept_load(l->ix->fs, path, &k);

	if (rc == -EBADMSG)
		log_warn("ledger", "path=%s text=\"not a ledger mark; passed over\"", path);
	free(path);
	/* What the disk does not give now is asked for again before it is overwritten. */
	r->mark_compared = rc == 0 || rc == -EBADMSG || rc == -ENOENT;
	if (rc < 0)
		return 0;
	if (!k.who[0])
		snprintf(k.who, sizeof k.who, "disk");
	return compare(l, &k);
}

static int compare_all(struct losses *l)
{
	char *folder = xasprintf("%s/" LEDGER_KEPT_FOLDER, l->ix->conf->state);
	int rc = ledger_kept_each(l->ix->fs, folder, compare, l);

	free(folder);
	for (unsigned i = 0; rc == 0 && i < l->ix->root_count; i++)
		if (l->ix->roots[i].present)
			rc = compare_root(l, &l->ix->roots[i]);
	return rc;
}

static int tell(struct losses *l)
{
	struct indexer *ix = l->ix;
	uint8_t hash[SHA256_BYTES];
	char hex[SHA256_HEX_MAX];
	int64_t found;
	int rc = catalog_ledger_head(ix->catalog, &found, hash);

	if (rc == 0)
		rc = object_look_again(ix->catalog);
	if (rc < 0)
		return rc;
	hex_encode(l->last.hash, SHA256_BYTES, hex);
	int64_t after = l->last.seq > found ? l->last.seq : found;
	log_error("ledger", "found=%" PRId64 " known=%" PRId64 " text=\"the catalogue does not hold the ledger that this box "
		  "wrote: it was put back, made anew or changed\"", found, l->last.seq);
	return ledger_append_after(ix->catalog, ix->acc.now, after, "ledger.restored", NULL,
				   json_pack("{sI ss sI sO}", "known_seq", (json_int_t)l->last.seq, "known_hash", hex, "found_seq",
					     (json_int_t)found, "heads", l->heads), NULL);
}

int ledger_mark_check(struct indexer *ix)
{
	struct losses l = {.ix = ix, .heads = json_array()};
	int rc = compare_all(&l);

	if (rc == 0 && l.last.seq > 0)
		rc = tell(&l);
	json_decref(l.heads);
	return rc;
}

/* --- from then on ------------------------------------------------------------------------------ */

/* A disk that came since knows a ledger of its own: that is asked before it is overwritten. */
static int compare_late(struct indexer *ix)
{
	bool late = false;

	for (unsigned i = 0; i < ix->root_count; i++)
		late |= ix->roots[i].present && !ix->roots[i].mark_compared;
	if (!late)
		return 0;
	int rc = transaction_begin(ix);
	return rc < 0 ? rc : transaction_end(ix, ledger_mark_check(ix));
}

static int mark(struct indexer *ix, const struct root *r, const struct ledger_kept *k)
{
	char *path = mark_path(r);
	int rc = r->present && r->mark_compared ? ledger_kept_save(ix->fs, path, k) : -ENODEV;

	free(path);
	return rc;
}

/* A disk that refuses is tried again at the next call. */
void indexer_mark_ledger(struct indexer *ix)
{
	struct ledger_kept k = {.who = "disk"};
	bool all = true;

	if (compare_late(ix) < 0 || catalog_ledger_head(ix->catalog, &k.seq, k.hash) < 0 || k.seq == ix->marked_seq)
		return;
	for (unsigned i = 0; i < ix->root_count; i++)
		all &= mark(ix, &ix->roots[i], &k) == 0;
	ix->marked_seq = all ? k.seq : 0;
}
