/* What each process is given of the configuration, as JSON, and back. */
#include "conf/conf.h"

#include "base/buf.h"
#include "conf/rule.h"
#include "conf/schema.h"

#include <errno.h>

/* --- writing ----------------------------------------------------------------- */

static json_t *write_rule(const struct conf_rule *r)
{
	json_t *kinds = json_array();

	for (unsigned i = 0; i < r->must_cover_count; i++)
		json_array_append_new(kinds, json_string(area_kind_name(r->must_cover[i])));
	return json_pack("{s:s, s:s, s:s, s:I, s:o, s:s, s:s}", "id", r->id, "title", r->title,
	                 "article", r->article, "floor_days", (json_int_t)r->floor_days, "must_cover",
	                 kinds, "private_article", r->private_article, "source", r->source);
}

static json_t *write_roots(const struct conf *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < c->root_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:b}", "path", c->roots[i].path,
		                                      "reserve_bytes",
		                                      (json_int_t)c->roots[i].reserve_bytes, "drain",
		                                      (int)c->roots[i].drain));
	return list;
}

static json_t *write_areas(const struct conf *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < c->area_count; i++) {
		const struct conf_area *a = &c->areas[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", a->id, "name", a->name,
		                                      "kind", area_kind_name(a->kind)));
	}
	return list;
}

/* The one place that decides who learns where a camera is and how to enter it. */
static json_t *write_camera(const struct conf_camera *cam, enum conf_role role)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "id", cam->id, "name", cam->name, "area", cam->area);

	json_object_set_new(o, "has_sub", json_boolean(cam->has_sub));
	if (role != CONF_RECORDER)
		return o;
	json_object_set_new(o, "url", json_string(cam->url));
	if (cam->sub_url)
		json_object_set_new(o, "sub_url", json_string(cam->sub_url));
	if (cam->username)
		json_object_set_new(o, "username", json_string(cam->username));
	if (cam->password)
		json_object_set_new(o, "password", json_string(cam->password));
	if (cam->tls_ca)
		json_object_set_new(o, "tls_ca", json_string(cam->tls_ca));
	if (cam->tls_pin)
		json_object_set_new(o, "tls_pin", json_string(cam->tls_pin));
	json_object_set_new(o, "udp", json_boolean(cam->udp));
	json_object_set_new(o, "plain_password", json_boolean(cam->plain_password));
	return o;
}

static json_t *write_cameras(const struct conf *c, enum conf_role role)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < c->camera_count; i++)
		json_array_append_new(list, write_camera(&c->cameras[i], role));
	return list;
}

static void write_net(const struct conf *c, json_t *out)
{
	const struct conf_regulator *r = &c->regulator;
	json_t *list = json_array();

	for (unsigned i = 0; i < c->listen_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:i}", "host", c->listens[i].host, "port",
		                                      (int)c->listens[i].port));
	json_object_set_new(out, "listens", list);
	if (r->url)
		json_object_set_new(out, "regulator",
		                    json_pack("{s:s, s:s*, s:s*, s:s*, s:s*}", "url", r->url, "ca",
		                              r->ca, "cert", r->cert, "key", r->key,
		                              "statement_at", r->statement_at));
}

/* All roles know where footage is copied to; one knows how to enter. */
static json_t *write_offload(const struct conf_offload *o, enum conf_role role)
{
	json_t *out = json_pack("{s:s, s:s, s:s, s:s*}", "url", o->url, "bucket", o->bucket, "region", o->region, "ca", o->ca);

	if (o->releases)
		json_object_set_new(out, "local_days", json_integer(o->local_days));
	if (role != CONF_OFFLOADER)
		return out;
	json_object_set_new(out, "access_key", json_string(o->access_key));
	json_object_set_new(out, "secret_key", json_string(o->secret_key));
	return out;
}

json_t *conf_part(const struct conf *c, enum conf_role role)
{
	json_t *out = json_pack(
		"{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:b, s:I, s:{s:s, s:s, s:s, s:s}, s:o, s:o, s:o, s:o}",
		"digest", c->digest, "state", c->state, "demo", c->demo, "keep_days",
		(json_int_t)c->keep_days, "scrub_us", (json_int_t)c->scrub_us, "segment_us", (json_int_t)c->segment_us, "gap_after_us",
		(json_int_t)c->gap_after_us, "audio", c->audio, "buffer_bytes",
		(json_int_t)c->buffer_bytes, "site", "id", c->site.id, "name", c->site.name,
		"timezone", c->site.timezone, "language", c->site.language, "rule",
		write_rule(&c->rule), "roots", write_roots(c), "areas", write_areas(c), "cameras",
		write_cameras(c, role));

	if (out && role == CONF_API)
		write_net(c, out);
	if (out && c->offload.url)
		json_object_set_new(out, "offload", write_offload(&c->offload, role));
	return out;
}

/* --- reading: the first fault stays, everything after it is harmless ---------- */

struct reader { struct err *e; int rc; };

static void fault(struct reader *r, const char *key)
{
	if (r->rc == 0)
		r->rc = err_set(r->e, -EPROTO, "configuration part: %s is missing or wrong", key);
}

static char *text_or_null(struct reader *r, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (v && !json_is_string(v))
		fault(r, key);
	return json_is_string(v) ? xstrdup(json_string_value(v)) : NULL;
}

static char *text(struct reader *r, const json_t *o, const char *key)
{
	char *t = text_or_null(r, o, key);

	if (t)
		return t;
	fault(r, key);
	return xstrdup("");
}

static int64_t number(struct reader *r, const json_t *o, const char *key, int64_t most)
{
	const json_t *v = json_object_get(o, key);
	int64_t n = json_integer_value(v);

	if (json_is_integer(v) && n >= 0 && n <= most)
		return n;
	fault(r, key);
	return 0;
}

static size_t list_of(struct reader *r, const json_t *o, const char *key, size_t most, json_t **list)
{
	*list = json_object_get(o, key);
	size_t count = json_array_size(*list);

	if (json_is_array(*list) && count <= most)
		return count;
	fault(r, key);
	return 0;
}

static enum area_kind kind_of(struct reader *r, const char *name)
{
	enum area_kind kind = AREA_OUTDOOR;

	if (!name || area_kind_parse(name, &kind) < 0)
		fault(r, "kind");
	return kind;
}

static void read_site(struct reader *r, const json_t *part, struct conf_site *site)
{
	const json_t *o = json_object_get(part, "site");

	site->id = text(r, o, "id");
	site->name = text(r, o, "name");
	site->timezone = text(r, o, "timezone");
	site->language = text(r, o, "language");
}

static void read_rule(struct reader *r, const json_t *part, struct conf_rule *rule)
{
	const json_t *o = json_object_get(part, "rule");
	json_t *kinds;
	size_t count = list_of(r, o, "must_cover", AREA_PRIVATE + 1, &kinds);

	rule->id = text(r, o, "id");
	rule->title = text(r, o, "title");
	rule->article = text(r, o, "article");
	rule->floor_days = (unsigned)number(r, o, "floor_days", INT32_MAX);
	rule->private_article = text(r, o, "private_article");
	rule->source = text(r, o, "source");
	rule->must_cover = xcalloc(count, sizeof *rule->must_cover);
	for (size_t i = 0; i < count; i++)
		rule->must_cover[rule->must_cover_count++] =
			kind_of(r, json_string_value(json_array_get(kinds, i)));
}

static void read_roots(struct reader *r, const json_t *part, struct conf *c)
{
	json_t *list;
	size_t count = list_of(r, part, "roots", SCHEMA_ROOTS_MAX, &list);

	c->roots = xcalloc(count, sizeof *c->roots);
	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);
		c->roots[c->root_count++] = (struct conf_root){
			text(r, o, "path"), (uint64_t)number(r, o, "reserve_bytes", INT64_MAX),
			json_is_true(json_object_get(o, "drain"))};
	}
}

static void read_areas(struct reader *r, const json_t *part, struct conf *c)
{
	json_t *list;
	size_t count = list_of(r, part, "areas", SCHEMA_AREAS_MAX, &list);

	c->areas = xcalloc(count, sizeof *c->areas);
	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);
		const char *kind = json_string_value(json_object_get(o, "kind"));
		c->areas[c->area_count++] =
			(struct conf_area){text(r, o, "id"), text(r, o, "name"), kind_of(r, kind)};
	}
}

static void read_cameras(struct reader *r, const json_t *part, struct conf *c)
{
	json_t *list;
	size_t count = list_of(r, part, "cameras", SCHEMA_CAMERAS_MAX, &list);

	c->cameras = xcalloc(count, sizeof *c->cameras);
	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);
		c->cameras[c->camera_count++] = (struct conf_camera){
			.id = text(r, o, "id"),
			.name = text(r, o, "name"),
			.area = text(r, o, "area"),
			.url = text_or_null(r, o, "url"),
			.sub_url = text_or_null(r, o, "sub_url"),
			.has_sub = json_is_true(json_object_get(o, "has_sub")),
			.username = text_or_null(r, o, "username"),
			.password = text_or_null(r, o, "password"),
			.udp = json_is_true(json_object_get(o, "udp")),
			.plain_password = json_is_true(json_object_get(o, "plain_password")),
			.tls_ca = text_or_null(r, o, "tls_ca"),
			.tls_pin = text_or_null(r, o, "tls_pin"),
		};
	}
}

static void read_listens(struct reader *r, const json_t *part, struct conf *c)
{
	json_t *list;

	if (!json_object_get(part, "listens"))
		return;
	size_t count = list_of(r, part, "listens", SCHEMA_LISTENS_MAX, &list);
	c->listens = xcalloc(count, sizeof *c->listens);
	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);
		c->listens[c->listen_count++] = (struct conf_listen){
			text(r, o, "host"), (uint16_t)number(r, o, "port", UINT16_MAX)};
	}
}

static void read_regulator(struct reader *r, const json_t *part, struct conf_regulator *out)
{
	const json_t *o = json_object_get(part, "regulator");

	if (!o)
		return;
	out->url = text(r, o, "url");
	out->ca = text_or_null(r, o, "ca");
	out->cert = text_or_null(r, o, "cert");
	out->key = text_or_null(r, o, "key");
	out->statement_at = text_or_null(r, o, "statement_at");
}

static void read_offload(struct reader *r, const json_t *part, struct conf_offload *out)
{
	const json_t *o = json_object_get(part, "offload");

	if (!o)
		return;
	out->url = text(r, o, "url");
	out->bucket = text(r, o, "bucket");
	out->region = text(r, o, "region");
	out->ca = text_or_null(r, o, "ca");
	out->releases = json_object_get(o, "local_days") != NULL;
	out->local_days = out->releases ? (unsigned)number(r, o, "local_days", INT32_MAX) : 0;
	out->access_key = text_or_null(r, o, "access_key");
	out->secret_key = text_or_null(r, o, "secret_key");
}

int conf_from_part(const json_t *part, struct conf **out, struct err *e)
{
	struct reader r = {.e = e};
	struct conf *c = xcalloc(1, sizeof *c);

	*out = NULL;
	c->digest = text(&r, part, "digest");
	c->state = text(&r, part, "state");
	c->demo = json_is_true(json_object_get(part, "demo"));
	c->keep_days = (unsigned)number(&r, part, "keep_days", INT32_MAX);
	c->scrub_us = number(&r, part, "scrub_us", INT64_MAX);
	c->segment_us = number(&r, part, "segment_us", INT64_MAX);
	c->gap_after_us = number(&r, part, "gap_after_us", INT64_MAX);
	c->audio = json_is_true(json_object_get(part, "audio"));
	c->buffer_bytes = (uint64_t)number(&r, part, "buffer_bytes", INT64_MAX);
	read_site(&r, part, &c->site);
	read_rule(&r, part, &c->rule);
	read_roots(&r, part, c);
	read_areas(&r, part, c);
	read_cameras(&r, part, c);
	read_listens(&r, part, c);
	read_regulator(&r, part, &c->regulator);
	read_offload(&r, part, &c->offload);
	if (r.rc < 0)
		conf_destroy(c);
	else
		*out = c;
	return r.rc;
}
