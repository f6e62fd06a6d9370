/* Heads of the ledger: what somebody outside of the box kept of it. */
#include "verify_inner.h"

#include "base/buf.h"
#include "base/lang.h"
#include "media/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_FILE_MAX_BYTES (16u << 20)

static const char *text_or_null(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static char *copy_of(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* The site of an event: "/sites/SITE". */
static const char *site_of(const json_t *o)
{
	const char *source = text_or_null(o, "source"), *slash = source ? strrchr(source, '/') : NULL;

	return slash ? slash + 1 : text_or_null(o, "site");
}

bool verify_head_read(const json_t *o, struct verify_head *out)
{
	const json_t *inner = json_object_get(o, "head");
	const json_t *h = json_is_object(inner) ? inner : o;
	const char *hash = text_or_null(h, "hash");

	*out = (struct verify_head){.point.seq = json_integer_value(json_object_get(h, "seq"))};
	if (out->point.seq <= 0 || !hash || hex_decode(hash, out->point.hash, SHA256_BYTES) < 0)
		return false;
	bool is_event = text_or_null(h, "specversion") != NULL;
	if (!is_event && (!text_or_null(h, "site") || !text_or_null(h, "at")))
		return false;
	out->site = copy_of(site_of(h));
	out->at = is_event ? NULL : copy_of(text_or_null(h, "at"));
	out->signature = copy_of(text_or_null(h, "signature"));
	out->sealed_signature = copy_of(text_or_null(h, "sealed_signature"));
	out->sealed = json_deep_copy(json_object_get(h, "sealed"));
	return true;
}

void verify_head_finish(struct verify_head *h)
{
	free(h->file);
	free(h->site);
	free(h->at);
	free(h->signature);
	free(h->sealed_signature);
	json_decref(h->sealed);
	*h = (struct verify_head){0};
}

/* Takes text. */
static bool is_signed(const struct verify *v, char *text, const char *signature)
{
	uint8_t sig[SIG_BYTES];
	bool ok = false;

	if (text && signature && hex_decode(signature, sig, sizeof sig) == 0)
		for (unsigned i = 0; i < v->key_count && !ok; i++)
			ok = key_verify(v->keys[i].key, text, strlen(text), sig);
	free(text);
	return ok;
}

bool verify_head_is_signed(const struct verify *v, const struct verify_head *h)
{
	char hex[SHA256_HEX_MAX];

	hex_encode(h->point.hash, SHA256_BYTES, hex);
	return h->at && is_signed(v, ledger_head_text(h->site ? h->site : "", h->point.seq, hex, h->at), h->signature);
}

bool verify_head_seals(const struct verify *v, const struct verify_head *h)
{
	return h->sealed && h->at && h->site && is_signed(v, ledger_sealed_text(h->site, h->point.seq, h->at, h->sealed), h->sealed_signature);
}

/* --- what the asker kept ------------------------------------------------------------------------- */

static unsigned take(struct verify *v, const char *path, const json_t *o)
{
	struct verify_head h;
	unsigned taken = 0;
	const json_t *item;
	size_t i;

	if (json_is_array(o)) {
		json_array_foreach(o, i, item)
			taken += take(v, path, item);
		return taken;
	}
	if (!verify_head_read(o, &h))
		return 0;
	h.file = xstrdup(path);
	h.given = true;
	v->heads = xrealloc(v->heads, (v->head_count + 1) * sizeof *v->heads);
	v->heads[v->head_count++] = h;
	return 1;
}

/* One JSON text behind the other: a head, a list, or the lines of a dump. */
static unsigned take_all(struct verify *v, const char *path, const char *text, size_t len)
{
	unsigned taken = 0;

	for (size_t at = 0; at < len;) {
		json_error_t where;
		json_t *o = json_loadb(text + at, len - at, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &where);
		if (!o)
			break;
		taken += take(v, path, o);
		json_decref(o);
		at += (size_t)where.position;
	}
	return taken;
}

int verify_add_head(struct verify *v, const char *path, struct err *e)
{
	char *text = NULL;
	size_t len;
	int rc = fs_read_all(v->setup.fs, path, HEAD_FILE_MAX_BYTES, &text, &len);

	if (rc < 0)
		return err_set(e, rc, "%s: %s", path, strerror(-rc));
	unsigned taken = take_all(v, path, text, len);
	free(text);
	if (taken == 0)
		return err_set(e, -EINVAL, lang("%s 中没有台账头：需要 /ledger/head 的回答、完整的台账导出或推送的事件",
						"%s holds no head of a ledger: an answer of /ledger/head, a whole dump, or a push is needed"), path);
	return 0;
}
