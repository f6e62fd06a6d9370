/* GET /site and /areas: what this box is, and how it is. */
#include "call.h"
#include "router.h"

#include <errno.h>
#include <string.h>

static json_t *rule_json(const struct conf_rule *r)
{
	return json_pack("{s:s, s:s, s:i, s:s}", "id", r->id, "title", r->title ? r->title : "",
			 "floor_days", (int)r->floor_days, "source", r->source ? r->source : "");
}

/* What the keeper wrote of itself or the recorder: JSON, or a bare word. */
static json_t *state_json(struct catalog *cat, const char *key)
{
	char text[4096];

	if (!cat || catalog_state(cat, key, text, sizeof text) < 0 || !text[0])
		return json_null();
	json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
	return v && !json_is_number(v) ? v : (json_decref(v), json_string(text));
}

/* state: as the recorder last told it. A disk that does not answer has no numbers. */
static json_t *root_json(struct api *a, struct catalog *cat, const struct conf_root *r)
{
	uint64_t free_bytes = 0, total = 0;
	char key[4200];
	int rc = a->deps.fs->free_bytes(a->deps.fs, r->path, &free_bytes, &total);
	json_t *o = json_pack("{s:s, s:I, s:s}", "path", r->path, "reserve_bytes", (json_int_t)r->reserve_bytes, "state",
			      "unknown");

	json_object_set_new(o, "free_bytes", rc < 0 ? json_null() : json_integer((json_int_t)free_bytes));
	json_object_set_new(o, "total_bytes", rc < 0 ? json_null() : json_integer((json_int_t)total));
	snprintf(key, sizeof key, "storage:%s", r->path);
	json_t *told = state_json(cat, key);
	if (json_is_object(told))
		json_object_update(o, told);
	json_decref(told);
	return o;
}

static json_t *roots_json(struct api *a, struct catalog *cat)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < a->deps.conf->root_count; i++)
		json_array_append_new(list, root_json(a, cat, &a->deps.conf->roots[i]));
	return list;
}

static json_t *fingerprint_json(const json_t *hex)
{
	uint8_t raw[PUBKEY_BYTES], digest[SHA256_BYTES];

	if (!json_is_string(hex) || hex_decode(json_string_value(hex), raw, sizeof raw) < 0)
		return json_null();
	sha256(raw, sizeof raw, digest);
	return json_hex(digest, sizeof digest);
}

static json_t *site_key_json(struct api *a)
{
	uint8_t pub[PUBKEY_BYTES];
	char path[4096];
	struct key *key = NULL;
	struct err e;
	json_t *site = json_null();

	snprintf(path, sizeof path, "%s/keys/site.pub", a->deps.conf->state);
	if (a->deps.site_key || key_load_public(fs_real(), path, &key, &e) == 0) {
		key_public(a->deps.site_key ? a->deps.site_key : key, pub);
		site = json_hex(pub, sizeof pub);
	}
	key_destroy(key);
	return site;
}

/* By the fingerprints people compare what they have been given. */
static json_t *keys_json(struct api *a, struct catalog *cat)
{
	json_t *seal = state_json(cat, "seal_key"), *site = site_key_json(a);

	return json_pack("{s:o, s:o, s:o, s:o}", "seal_fingerprint", fingerprint_json(seal), "site_fingerprint",
			 fingerprint_json(site), "seal", seal, "site", site);
}

/* Footage that is in the store only; also when none is configured any more. */
static void add_stored(struct catalog *cat, json_t *o)
{
	int64_t files, bytes;

	if (!cat || catalog_stored(cat, &files, &bytes) < 0)
		return;
	json_object_set_new(o, "stored", json_integer((json_int_t)files));
	json_object_set_new(o, "stored_bytes", json_integer((json_int_t)bytes));
}

/* As the offloader last told it. */
static json_t *offload_json(const struct api *a, struct catalog *cat)
{
	if (!a->deps.conf->offload.url)
		return json_null();
	json_t *o = json_deep_copy(a->offload);
	add_stored(cat, o);
	json_object_del(o, "type");
	if (!json_object_get(o, "state"))
		json_object_set_new(o, "state", json_string("unknown"));
	return o;
}

/* The api's own stands in front: that was all there was in version 0.1. */
static json_t *sandbox_json(const struct api *a)
{
	json_t *roles = json_object_get(a->rights, "roles"), *own = json_object_get(roles, "api");
	json_t *o = own ? json_deep_copy(own) : json_object();

	json_object_del(o, "refused");
	json_object_set(o, "roles", roles ? roles : json_null());
	return o;
}

int site_get(struct call *c)
{
	struct api *a = c->api;
	const struct conf *conf = a->deps.conf;
	struct catalog *cat = call_catalog(c); /* the site is told without it too */
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:i, s:b}", "id", conf->site.id, "name", conf->site.name,
			      "timezone", conf->site.timezone, "language", conf->site.language,
			      "version", HOLDFAST_VERSION, "rule", rule_json(&conf->rule),
			      "keep_days", (int)conf->keep_days, "demo", conf->demo);

	json_object_set_new(o, "now", json_time(clock_wall(a->deps.clock)));
	json_object_set_new(o, "clock_synced", json_boolean(a->deps.clock->synced(a->deps.clock)));
	json_object_set_new(o, "catalog_ready", json_boolean(cat != NULL));
	json_object_set_new(o, "recorder", state_json(cat, "recorder"));
	json_object_set_new(o, "keeper", json_pack("{s:s, s:o}", "state", a->keeper_up ? "up" : "down",
						   "since", json_time(a->keeper_since)));
	json_object_set_new(o, "sandbox", sandbox_json(a));
	json_object_set_new(o, "keys", keys_json(a, cat));
	json_object_set_new(o, "roots", roots_json(a, cat));
	json_object_set_new(o, "regulator", a->deps.regulator ? a->deps.regulator(a->deps.owner) : json_null());
	json_object_set_new(o, "offload", offload_json(a, cat));
	call_json(c, 200, o);
	return 0;
}

int area_list(struct call *c)
{
	const struct conf *conf = c->api->deps.conf;
	json_t *list = json_array();

	for (unsigned i = 0; i < conf->area_count; i++) {
		json_t *cameras = json_array();
		for (unsigned k = 0; k < conf->camera_count; k++)
			if (strcmp(conf->cameras[k].area, conf->areas[i].id) == 0)
				json_array_append_new(cameras, json_string(conf->cameras[k].id));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "id", conf->areas[i].id,
						      "name", conf->areas[i].name,
						      "kind", area_kind_name(conf->areas[i].kind), "cameras", cameras));
	}
	call_json(c, 200, json_pack("{s:o}", "areas", list));
	return 0;
}
