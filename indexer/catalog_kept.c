#include "catalog_internal.h"

#include "base/buf.h"
#include "media/ledger_kept.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static bool is_entry(const struct ledger_kept *k, const json_t *o, const char *seq, const char *hash)
{
	const char *hex = json_string_value(json_object_get(o, hash));
	uint8_t raw[SHA256_BYTES];

	return json_integer_value(json_object_get(o, seq)) == k->seq && hex && hex_decode(hex, raw, sizeof raw) == 0 &&
	       memcmp(raw, k->hash, sizeof raw) == 0;
}

/* It is named as lost, or stood in the span of which nothing is left. */
static bool says_lost(const json_t *body, const struct ledger_kept *k)
{
	const json_t *head;
	size_t i;

	json_array_foreach(json_object_get(body, "heads"), i, head)
		if (is_entry(k, head, "seq", "hash"))
			return true;
	return is_entry(k, body, "known_seq", "known_hash") ||
	       (k->seq > json_integer_value(json_object_get(body, "found_seq")) &&
		k->seq < json_integer_value(json_object_get(body, "known_seq")));
}

/* Only by an entry behind it: one of a lower number says nothing that a receiver who has k will ever be sent. */
static int find_lost(struct catalog *c, const struct ledger_kept *k, bool *yes)
{
	struct db_query q;
	int rc = db_query(c->db, &q, "SELECT body FROM ledger WHERE kind = 'ledger.restored' AND seq > ?", "i", k->seq);

	if (rc < 0)
		return rc;
	while (!*yes && (rc = db_step(&q)) > 0) {
		json_t *body = json_loads(db_text(&q, 0), 0, NULL);
		*yes = says_lost(body, k);
		json_decref(body);
	}
	db_done(&q);
	return rc < 0 ? rc : 0;
}

int catalog_ledger_extends(struct catalog *c, const struct ledger_kept *k, bool *yes)
{
	struct db_query q;
	uint8_t hash[SHA256_BYTES];
	int rc = db_query(c->db, &q, "SELECT hash FROM ledger WHERE seq = ?", "i", k->seq);

	if (rc < 0)
		return rc;
	rc = db_step(&q);
	bool has = rc > 0;
	rc = has ? db_blob_copy(&q, 0, hash, sizeof hash) : rc;
	db_done(&q);
	*yes = rc == 0 && has && memcmp(hash, k->hash, sizeof hash) == 0;
	return rc == 0 && !*yes ? find_lost(c, k, yes) : rc;
}
