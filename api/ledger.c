/* GET /ledger and /ledger/head: the hash-chained list of everything that matters to compliance. */
#include "call.h"
#include "router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

struct walk { json_t *list; int64_t last; };

static int on_entry(void *arg, const struct ledger_entry *e)
{
	struct walk *w = arg;
	json_t *body = json_loads(e->body, JSON_DECODE_ANY, NULL);
	json_t *o = json_pack("{s:I, s:o, s:s, s:o, s:o, s:o}", "seq", (json_int_t)e->seq, "at", json_time(e->at),
			      "kind", e->kind, "camera", e->camera ? json_string(e->camera) : json_null(),
			      "body", body ? body : json_null(), "hash", json_hex(e->hash, SHA256_BYTES));

	/* the hash is over the body's bytes as stored */
	json_object_set_new(o, "body_text", json_string(e->body));
	w->last = e->seq;
	return json_array_append_new(w->list, o);
}

/* With it the first entry of a page, too, can be checked by its hash. */
static int add_previous(struct catalog *cat, int64_t after, json_t *list)
{
	uint8_t hash[SHA256_BYTES];
	int rc = after > 0 && json_array_size(list) ? catalog_ledger_hash(cat, after, hash) : -ENOENT;

	if (rc == 0)
		json_object_set_new(json_array_get(list, 0), "previous", json_hex(hash, sizeof hash));
	return rc == -ENOENT ? 0 : rc;
}

int ledger_list(struct call *c)
{
	struct walk w = {0};
	int64_t after, limit;
	struct catalog *cat;

	if (query_int(&c->query, "after", 0, INT64_MAX, 0, &after, &c->problem) < 0 ||
	    query_int(&c->query, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit, &c->problem) < 0 ||
	    !(cat = call_catalog(c)))
		return -1;
	w.list = json_array();
	w.last = after;
	int rc = catalog_ledger(cat, after, (unsigned)limit, on_entry, &w);
	rc = rc < 0 ? rc : add_previous(cat, after, w.list);
	if (rc < 0) {
		json_decref(w.list);
		return call_broken(c, rc);
	}
	bool full = (int64_t)json_array_size(w.list) == limit;
	json_t *o = json_pack("{s:o}", "entries", w.list);
	json_object_set_new(o, "next", full ? json_integer(w.last) : json_null());
	call_json(c, 200, o);
	return 0;
}

/* Takes text. */
static json_t *sign(struct call *c, char *text)
{
	const struct key *key = c->api->deps.site_key;
	uint8_t sig[SIG_BYTES];

	if (key && text)
		key_sign(key, text, strlen(text), sig);
	json_t *signature = key && text ? json_hex(sig, sizeof sig) : json_null();
	free(text);
	return signature;
}

static json_t *signer(struct call *c)
{
	char print[SHA256_HEX_MAX];

	if (!c->api->deps.site_key)
		return json_null();
	key_fingerprint(c->api->deps.site_key, print);
	return json_string(print);
}

/* What was let out before must be in it; only then it is signed. */
static int answer_head(struct call *c, struct catalog *cat, int64_t seq, const uint8_t hash[SHA256_BYTES])
{
	struct ledger_keep *heads = c->api->deps.heads;
	char hex[SHA256_HEX_MAX], at[WALL_TEXT_MAX];
	struct ledger_kept against;
	int rc = heads ? ledger_keep_sign(heads, cat, seq, hash, &against) : 0;

	if (rc < 0)
		return call_broken(c, rc);
	json_t *cameras;
	const char *site = c->api->deps.conf->site.id;
	int failed = catalog_sealed(cat, &cameras);
	if (failed < 0)
		return call_broken(c, failed);
	hex_encode(hash, SHA256_BYTES, hex);
	wall_format(clock_wall(c->api->deps.clock), at);
	json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o}", "site", site, "seq", (json_int_t)seq, "hash", hex, "at", at,
			      "key", signer(c), "signature", rc == 0 ? sign(c, ledger_head_text(site, seq, hex, at)) : json_null(),
			      "sealed", cameras, "sealed_signature",
			      rc == 0 ? sign(c, ledger_sealed_text(site, seq, at, cameras)) : json_null());
	if (rc > 0)
		json_object_set_new(o, "contradicts", json_pack("{s:I, s:o, s:s}", "seq", (json_int_t)against.seq, "hash",
								json_hex(against.hash, SHA256_BYTES), "receiver", against.who));
	call_json(c, 200, o);
	return 0;
}

int ledger_head(struct call *c)
{
	uint8_t hash[SHA256_BYTES];
	int64_t seq;
	struct catalog *cat = call_catalog(c);
	int rc = cat ? catalog_ledger_head(cat, &seq, hash) : -EAGAIN;

	return rc < 0 ? call_broken(c, rc) : answer_head(c, cat, seq, hash);
}
