#include "media/key_handover.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HANDOVER_MAX_BYTES 4096

/* --- a hand-over ------------------------------------------------------------------------------ */

static char *text_of(const struct key_handover *h)
{
	char old[2 * PUBKEY_BYTES + 1], fresh[2 * PUBKEY_BYTES + 1];

	hex_encode(h->old, PUBKEY_BYTES, old);
	hex_encode(h->fresh, PUBKEY_BYTES, fresh);
	return xasprintf("holdfast key handover\n%s\n%s\n%s\n%s\n%s\n%s\n", h->name, h->site, old, fresh, h->at, h->by);
}

static void fingerprint(const uint8_t raw[PUBKEY_BYTES], char out[SHA256_HEX_MAX])
{
	uint8_t digest[SHA256_BYTES];

	sha256(raw, PUBKEY_BYTES, digest);
	hex_encode(digest, sizeof digest, out);
}

json_t *key_handover_sign(const struct key_handover *h, const struct key *signer)
{
	char old[2 * PUBKEY_BYTES + 1], fresh[2 * PUBKEY_BYTES + 1], old_print[SHA256_HEX_MAX], fresh_print[SHA256_HEX_MAX];
	char signature[2 * SIG_BYTES + 1], *text = text_of(h);
	uint8_t sig[SIG_BYTES];

	key_sign(signer, text, strlen(text), sig);
	hex_encode(sig, sizeof sig, signature);
	hex_encode(h->old, PUBKEY_BYTES, old);
	hex_encode(h->fresh, PUBKEY_BYTES, fresh);
	fingerprint(h->old, old_print);
	fingerprint(h->fresh, fresh_print);
	free(text);
	return json_pack("{ss ss ss ss ss ss ss ss ss}", "name", h->name, "site", h->site, "at", h->at, "by", h->by, "public", fresh,
			 "fingerprint", fresh_print, "previous", old, "previous_fingerprint", old_print, "signature", signature);
}

static bool text_is(const json_t *json, const char *key, const char *want)
{
	const char *t = json_string_value(json_object_get(json, key));

	return t && strcmp(t, want) == 0;
}

static bool raw_of(const json_t *json, const char *key, const char *print_key, uint8_t raw[PUBKEY_BYTES])
{
	const char *hex = json_string_value(json_object_get(json, key));
	char print[SHA256_HEX_MAX];

	if (!hex || hex_decode(hex, raw, PUBKEY_BYTES) < 0)
		return false;
	fingerprint(raw, print);
	return text_is(json, print_key, print);
}

/* A line break in a field would move what the next one says. */
static const char *line_of(const json_t *json, const char *key)
{
	const json_t *v = json_object_get(json, key);
	const char *t = json_string_value(v);

	return t && *t && !strchr(t, '\n') && strlen(t) == json_string_length(v) ? t : NULL;
}

bool key_handover_read(const json_t *json, struct key_handover *out)
{
	const char *signature = json_string_value(json_object_get(json, "signature"));
	uint8_t sig[SIG_BYTES];

	*out = (struct key_handover){.name = line_of(json, "name"), .site = line_of(json, "site"), .at = line_of(json, "at"),
				     .by = line_of(json, "by")};
	if (!out->name || !out->site || !out->at || !out->by || !signature || hex_decode(signature, sig, sizeof sig) < 0 ||
	    !raw_of(json, "previous", "previous_fingerprint", out->old) || !raw_of(json, "public", "fingerprint", out->fresh))
		return false;
	struct key *k = key_from_public(out->old);
	char *text = text_of(out);
	bool ok = k && key_verify(k, text, strlen(text), sig);
	free(text);
	key_destroy(k);
	return ok;
}

/* --- many --------------------------------------------------------------------------------------- */

/* What is no JSON hands over nothing. */
static int load_one(struct fs *fs, const char *path, json_t *list)
{
	char *text;
	size_t len;
	int rc = fs_read_all(fs, path, HANDOVER_MAX_BYTES, &text, &len);

	if (rc < 0)
		return rc == -EFBIG ? 0 : rc;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json)
		json_array_append_new(list, json);
	free(text);
	return 0;
}

int key_handovers_load(struct fs *fs, const char *state, const char *name, json_t **out)
{
	char *folder = xasprintf("%s/%s-keys", state, name);
	json_t *list = json_array();
	DIR *d = opendir(folder);
	int rc = d || errno == ENOENT ? 0 : -errno;

	for (struct dirent *x; d && rc == 0 && (x = fs_next(d, &rc)) != NULL;) {
		if (!text_ends_with(x->d_name, ".json"))
			continue;
		char *path = xasprintf("%s/%s", folder, x->d_name);
		rc = load_one(fs, path, list);
		free(path);
	}
	if (d)
		closedir(d);
	free(folder);
	if (rc < 0)
		json_decref(list);
	else
		*out = list;
	return rc;
}

json_t *key_handover_from(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES], struct key_handover *out)
{
	json_t *json;
	size_t i;

	json_array_foreach(handovers, i, json)
		if (key_handover_read(json, out) && strcmp(out->name, name) == 0 && memcmp(out->old, from, PUBKEY_BYTES) == 0)
			return json;
	return NULL;
}

json_t *key_handovers_path(const json_t *handovers, const char *name, const uint8_t from[PUBKEY_BYTES],
			   const uint8_t to[PUBKEY_BYTES])
{
	json_t *path = json_array();
	uint8_t at[PUBKEY_BYTES];

	memcpy(at, from, sizeof at);
	while (memcmp(at, to, sizeof at) != 0) {
		struct key_handover h;
		json_t *json = json_array_size(path) < json_array_size(handovers) ? key_handover_from(handovers, name, at, &h) : NULL;
		if (!json) {
			json_decref(path);
			return NULL;
		}
		json_array_append(path, json);
		memcpy(at, h.fresh, sizeof at);
	}
	return path;
}
