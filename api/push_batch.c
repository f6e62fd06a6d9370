#include "api/push_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void push_batch_init(struct push_batch *b)
{
	*b = (struct push_batch){.events = json_array()};
}

int push_batch_add(struct push_batch *b, const char *site, const struct ledger_entry *e)
{
	char time[WALL_TEXT_MAX], hash[SHA256_HEX_MAX];
	json_t *data = json_loads(e->body, 0, NULL);

	if (!data)
		return -EBADMSG;
	hex_encode(e->hash, SHA256_BYTES, hash);
	char *id = xasprintf("%s:%lld", site, (long long)e->seq);
	char *type = xasprintf("holdfast.%s", e->kind), *source = xasprintf("/sites/%s", site);
	json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:s}", "specversion", "1.0", "id", id,
				  "source", source, "type", type, "time", wall_format(e->at, time),
				  "datacontenttype", "application/json", "data", data, "seq",
				  (json_int_t)e->seq, "hash", hash);
	if (e->camera)
		json_object_set_new(event, "subject", json_string(e->camera));
	json_array_append_new(b->events, event);
	free(id);
	free(type);
	free(source);
	if (b->first == 0)
		b->first = e->seq;
	b->last = e->seq;
	memcpy(b->last_hash, e->hash, sizeof b->last_hash);
	return 0;
}

void push_batch_seal(struct push_batch *b, const char *site)
{
	char *text = json_dumps(b->events, JSON_COMPACT | JSON_SORT_KEYS);

	buf_clear(&b->body);
	buf_add_text(&b->body, text);
	free(text);
	snprintf(b->id, sizeof b->id, "%s:%lld-%lld", site, (long long)b->first, (long long)b->last);
}

char *push_batch_sign(const struct push_batch *b, int64_t timestamp_s, const struct key *const *keys, unsigned count)
{
	struct buf signed_bytes = {0}, out = {0};
	uint8_t sig[SIG_BYTES];

	buf_printf(&signed_bytes, "%s.%lld.", b->id, (long long)timestamp_s);
	buf_add(&signed_bytes, b->body.data, b->body.len);
	for (unsigned i = 0; i < count; i++) {
		key_sign(keys[i], signed_bytes.data, signed_bytes.len, sig);
		char *base64 = base64_encode(sig, sizeof sig);
		buf_printf(&out, "%sv1a,%s", i ? " " : "", base64);
		free(base64);
	}
	buf_finish(&signed_bytes);
	buf_add(&out, "", 1);
	return (char *)out.data;
}

void push_batch_finish(struct push_batch *b)
{
	json_decref(b->events);
	buf_finish(&b->body);
	*b = (struct push_batch){0};
}
