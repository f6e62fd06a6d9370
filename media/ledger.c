#include "media/ledger.h"

#include "base/buf.h"

#include <string.h>

void ledger_hash(const uint8_t prev[SHA256_BYTES], const struct ledger_entry *e, uint8_t out[SHA256_BYTES])
{
	struct hash *h = hash_create();
	uint8_t n[16];

	put_u64be(n, (uint64_t)e->seq);
	put_u64be(n + 8, (uint64_t)e->at.us);
	hash_add(h, prev, SHA256_BYTES);
	hash_add(h, n, sizeof n);
	hash_add(h, e->kind, strlen(e->kind) + 1); /* with the 0x00 */
	hash_add(h, e->camera ? e->camera : "", e->camera ? strlen(e->camera) + 1 : 1);
	hash_add(h, e->body, strlen(e->body));
	hash_peek(h, out);
	hash_destroy(h);
}

char *ledger_head_text(const char *site, int64_t seq, const char *hash, const char *at)
{
	return xasprintf("holdfast ledger head\n%s\n%lld\n%s\n%s\n", site, (long long)seq, hash, at);
}
