#include "object_kept.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

json_t *object_kept_json(const struct object_kept *k)
{
	char sha[SHA256_HEX_MAX], seal[SHA256_HEX_MAX];

	hex_encode(k->sha256, sizeof k->sha256, sha);
	hex_encode(k->seal_digest, sizeof k->seal_digest, seal);
	return json_pack("{ss sI sI ss ss ss sI ss ss sI}", "camera", k->camera, "start_us", (json_int_t)k->start.us, "end_us", (json_int_t)k->end.us, "place",
			 k->place, "key", k->key, "version", k->version, "bytes", (json_int_t)k->bytes, "sha256", sha,
			 "seal", seal, "retain_until_us", (json_int_t)k->retain_until.us);
}

static const char *text_of(const json_t *args, const char *key)
{
	const char *text = json_string_value(json_object_get(args, key));

	return text && strlen(text) <= OBJECT_TEXT_MAX ? text : NULL;
}

static bool digest_of(const json_t *args, const char *key, uint8_t out[SHA256_BYTES])
{
	const char *hex = json_string_value(json_object_get(args, key));

	return hex && hex_decode(hex, out, SHA256_BYTES) == 0;
}

static bool number_of(const json_t *args, const char *key, int64_t *out)
{
	const json_t *v = json_object_get(args, key);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out > 0;
}

int object_kept_parse(const json_t *args, struct object_kept *out)
{
	*out = (struct object_kept){.camera = text_of(args, "camera"), .place = text_of(args, "place"),
				    .key = text_of(args, "key"), .version = text_of(args, "version")};
	bool fine = out->camera && out->place && out->key && out->version && number_of(args, "start_us", &out->start.us) &&
		    number_of(args, "end_us", &out->end.us) && out->start.us < out->end.us &&
		    number_of(args, "retain_until_us", &out->retain_until.us) && number_of(args, "bytes", &out->bytes) &&
		    digest_of(args, "sha256", out->sha256) && digest_of(args, "seal", out->seal_digest);

	return fine ? 0 : -EINVAL;
}

static const char *const losses[] = {[OBJECT_GONE] = "gone", [OBJECT_ALTERED] = "altered", [OBJECT_UNLOCKED] = "unlocked"};

const char *object_loss_name(enum object_loss l) { return losses[l]; }

int object_loss_parse(const char *name, enum object_loss *out)
{
	for (unsigned i = 0; name && i < sizeof losses / sizeof *losses; i++)
		if (strcmp(name, losses[i]) == 0) {
			*out = (enum object_loss)i;
			return 0;
		}
	return -EINVAL;
}
