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

char *ledger_sealed_text(const char *site, int64_t seq, const char *at, const json_t *cameras)
{
	struct buf b = {0};
	const json_t *o;
	bool good = json_is_array(cameras);
	size_t i;

	buf_printf(&b, "holdfast sealed\n%s\n%lld\n%s\n", site, (long long)seq, at);
	json_array_foreach(cameras, i, o) {
		const char *camera = json_string_value(json_object_get(o, "camera")), *digest = json_string_value(json_object_get(o, "digest")),
			   *end = json_string_value(json_object_get(o, "end"));
		/* No blank or line break may hide in a text: one list, one text. */
		good &= camera && digest && end && !camera[strcspn(camera, " \r\n\t")] && !digest[strcspn(digest, " \r\n\t")] &&
			!end[strcspn(end, " \r\n\t")];
		if (good)
			buf_printf(&b, "%s %lld %s %s\n", camera, (long long)json_integer_value(json_object_get(o, "sequence")), digest, end);
	}
	buf_add(&b, "", 1);
	if (good)
		return (char *)b.data;
	buf_finish(&b);
	return NULL;
}
