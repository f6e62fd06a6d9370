#include "conf/conf.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "conf/check.h"
#include "conf/file.h"
#include "conf/raw.h"
#include "conf/report.h"
#include "conf/rule.h"
#include "conf/text.h"

#include <errno.h>
#include <stdlib.h>

#define CONF_MAX_BYTES (1u << 20)

/* --- lookup ------------------------------------------------------------------ */

bool conf_wants_udp(const struct conf *c)
{
	for (unsigned i = 0; i < c->camera_count; i++)
		if (c->cameras[i].udp)
			return true;
	return false;
}

uint16_t conf_url_port(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len = host ? strcspn(host + 3, "/?#") : 0;
	const char *colon = host ? memrchr(host + 3, ':', len) : NULL;
	const char *bracket = host ? memrchr(host + 3, ']', len) : NULL;

	if (colon && colon > bracket)
		return (uint16_t)strtoul(colon + 1, NULL, 10);
	return strncmp(url, "https", 5) == 0 ? 443 : 80;
}

const struct conf_camera *conf_camera_find(const struct conf *c, const char *id)
{
	for (unsigned i = 0; i < c->camera_count; i++)
		if (strcmp(c->cameras[i].id, id) == 0)
			return &c->cameras[i];
	return NULL;
}

const struct conf_area *conf_area_find(const struct conf *c, const char *id)
{
	for (unsigned i = 0; i < c->area_count; i++)
		if (strcmp(c->areas[i].id, id) == 0)
			return &c->areas[i];
	return NULL;
}

char *conf_offload_place(const struct conf_offload *o)
{
	return o->url ? xasprintf("%s/%s", o->url, o->bucket) : NULL;
}

/* --- lifetime ---------------------------------------------------------------- */

static void secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void camera_finish(struct conf_camera *cam)
{
	secret_free(cam->password);
	free(cam->password_file);
	free(cam->tls_ca);
	free(cam->tls_pin);
	free(cam->username);
	free(cam->sub_url);
	free(cam->url);
	free(cam->area);
	free(cam->name);
	free(cam->id);
}

static void lists_finish(struct conf *c)
{
	for (unsigned i = 0; i < c->root_count; i++)
		free(c->roots[i].path);
	for (unsigned i = 0; i < c->area_count; i++) {
		free(c->areas[i].id);
		free(c->areas[i].name);
	}
	for (unsigned i = 0; i < c->camera_count; i++)
		camera_finish(&c->cameras[i]);
	for (unsigned i = 0; i < c->listen_count; i++)
		free(c->listens[i].host);
	free(c->roots);
	free(c->areas);
	free(c->cameras);
	free(c->listens);
}

static void offload_finish(struct conf_offload *o)
{
	secret_free(o->access_key);
	secret_free(o->secret_key);
	free(o->access_key_file);
	free(o->secret_key_file);
	free(o->url);
	free(o->bucket);
	free(o->region);
	free(o->ca);
}

void conf_destroy(struct conf *c)
{
	if (!c)
		return;
	lists_finish(c);
	rule_finish(&c->rule);
	free(c->site.id);
	free(c->site.name);
	free(c->site.timezone);
	free(c->site.language);
	free(c->regulator.url);
	free(c->regulator.ca);
	free(c->regulator.cert);
	free(c->regulator.key);
	free(c->regulator.statement_at);
	offload_finish(&c->offload);
	free(c->state);
	free(c->digest);
	free(c->path);
	free(c);
}

/* --- loading ----------------------------------------------------------------- */

static void build(struct conf *c, const struct raw_conf *raw, const struct shape *shape,
                  const char *dir, struct conf_report *report)
{
	struct check k = {.raw = raw, .shape = shape, .dir = dir, .conf = c, .report = report};

	check_site(&k);
	check_rule(&k);
	check_retention(&k);
	check_recording(&k);
	check_storage(&k);
	check_areas(&k);
	check_cameras(&k);
	check_api(&k);
	check_regulator(&k);
	check_offload(&k);
}

static void name_file(struct conf *c, const char *path, const char *data, size_t len)
{
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_MAX];

	sha256(data, len, digest);
	hex_encode(digest, sizeof digest, hex);
	c->digest = xstrdup(hex);
	c->path = xstrdup(path);
}

static struct conf *load_text(const char *path, const char *data, size_t len,
                              struct conf_report *report)
{
	struct shape shape = {0};
	struct conf *c = NULL;
	void *raw;

	if (raw_load(data, len, &schema_conf, &raw, &shape, report) == 0) {
		char *dir = text_dir(path);
		c = xcalloc(1, sizeof *c);
		name_file(c, path, data, len);
		build(c, raw, &shape, dir, report);
		free(dir);
		raw_free(&schema_conf, raw);
	}
	shape_finish(&shape);
	return c;
}

static int say_unreadable(struct conf_report *report, int rc)
{
	if (rc == -EFBIG)
		report_add(report, false, 0, "", "文件超过 %u 字节：这不像是配置文件，请检查 -c 后的路径",
		           "the file has more than %u bytes: this is hardly a configuration; "
		           "check the "
		           "path after -c", CONF_MAX_BYTES);
	else if (rc == -EISDIR)
		report_add(report, false, 0, "", "不是普通文件：请检查 -c 后的路径",
		           "is not a regular file: check the path after -c");
	else
		report_add(report, false, 0, "", "打不开文件（%s）：请检查 -c 后的路径和读取权限",
		           "cannot open the file (%s): check the path after -c and the permissions",
		           file_reason(-rc));
	return rc;
}

int conf_load(const char *path, struct conf **out, struct conf_report *report)
{
	char *data;
	size_t len;

	*out = NULL;
	*report = (struct conf_report){0};
	int rc = file_read(path, CONF_MAX_BYTES, &data, &len);
	if (rc < 0)
		return say_unreadable(report, rc);
	struct conf *c = load_text(path, data, len, report);
	free(data);
	if (!report_has_error(report)) {
		*out = c;
		return 0;
	}
	conf_destroy(c);
	return -EINVAL;
}
