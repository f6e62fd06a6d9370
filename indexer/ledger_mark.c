#include "ledger_mark.h"

#include "base/buf.h"
#include "base/log.h"
#include "catalog_internal.h"
#include "object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define MARK_MAX_BYTES 256

struct mark { int64_t seq; uint8_t hash[SHA256_BYTES]; };

/* --- the file ---------------------------------------------------------------------------- */

static char *mark_path(const struct root *r)
{
	return xasprintf("%s/ledger/head", r->path);
}

static int mark_parse(char *text, struct mark *out)
{
	char *rest;

	text[strcspn(text, "\n")] = '\0';
	errno = 0;
	out->seq = strtoll(text, &rest, 10);
	return errno || out->seq <= 0 || *rest != ' ' ? -EINVAL : hex_decode(rest + 1, out->hash, SHA256_BYTES);
}

/* -ENOENT: there is none that can be read. */
static int mark_load(struct indexer *ix, const struct root *r, struct mark *out)
{
	char *path = mark_path(r), *text = NULL;
	size_t len;
	int rc = fs_read_all(ix->fs, path, MARK_MAX_BYTES, &text, &len);

	if (rc == 0 && mark_parse(text, out) < 0) {
		log_warn("ledger", "path=%s text=\"not a ledger mark; passed over\"", path);
		rc = -ENOENT;
	}
	free(text);
	free(path);
	return rc;
}

/* --- at start ------------------------------------------------------------------------------- */

/* Whether the ledger holds what the mark says of it. */
static int agrees(struct indexer *ix, const struct mark *m, bool *yes)
{
	uint8_t hash[SHA256_BYTES];
	struct db_query q;
	int rc = db_query(ix->catalog->db, &q, "SELECT hash FROM ledger WHERE seq = ?", "i", m->seq);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	*yes = rc > 0 && db_blob_copy(&q, 0, hash, sizeof hash) == 0 && memcmp(hash, m->hash, sizeof hash) == 0;
	db_done(&q);
	return rc < 0 ? rc : 0;
}

static int tell(struct indexer *ix, const struct mark *lost)
{
	uint8_t hash[SHA256_BYTES];
	char hex[SHA256_HEX_MAX];
	int64_t found;
	int rc = catalog_ledger_head(ix->catalog, &found, hash);

	if (rc < 0)
		return rc;
	hex_encode(lost->hash, SHA256_BYTES, hex);
	rc = object_look_again(ix->catalog);
	if (rc < 0)
		return rc;
	int64_t after = lost->seq > found ? lost->seq : found;
	log_error("ledger", "found=%" PRId64 " known=%" PRId64 " text=\"the catalogue is older than the ledger that this "
		  "box wrote: it was put back or made anew\"", found, lost->seq);
	return ledger_append_after(ix->catalog, ix->acc.now, after, "ledger.restored", NULL,
				   json_pack("{sI ss sI}", "known_seq", (json_int_t)lost->seq, "known_hash", hex, "found_seq",
					     (json_int_t)found), NULL);
}

int ledger_mark_check(struct indexer *ix)
{
	struct mark lost = {0};

	for (unsigned i = 0; i < ix->root_count; i++) {
		struct mark m;
		bool yes = true;
		if (!ix->roots[i].present || mark_load(ix, &ix->roots[i], &m) < 0)
			continue;
		int rc = agrees(ix, &m, &yes);
		if (rc < 0)
			return rc;
		if (!yes && m.seq > lost.seq)
			lost = m;
	}
	return lost.seq ? tell(ix, &lost) : 0;
}

/* --- from then on ------------------------------------------------------------------------------ */

/* A disk that refuses is tried again at the next call. */
void indexer_mark_ledger(struct indexer *ix)
{
	struct mark m;
	char text[MARK_MAX_BYTES], hex[SHA256_HEX_MAX];
	bool all = true;

	if (catalog_ledger_head(ix->catalog, &m.seq, m.hash) < 0 || m.seq == ix->marked_seq)
		return;
	hex_encode(m.hash, SHA256_BYTES, hex);
	snprintf(text, sizeof text, "%" PRId64 " %s\n", m.seq, hex);
	for (unsigned i = 0; i < ix->root_count; i++) {
		char *path = mark_path(&ix->roots[i]);
		if (!ix->roots[i].present || fs_replace(ix->fs, path, text, strlen(text), 0644) < 0)
			all = false;
		free(path);
	}
	ix->marked_seq = all ? m.seq : 0;
}
