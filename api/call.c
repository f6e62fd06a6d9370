#include "call.h"

#include "base/text.h"
#include "router.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* --- answering ------------------------------------------------------------------- */

void call_drop(struct call *c)
{
	query_finish(&c->query);
	problem_finish(&c->problem);
	OPENSSL_cleanse(&c->who, sizeof c->who);
	free(c);
}

static void call_free(struct call *c)
{
	c->x->on_gone = NULL;
	call_drop(c);
}

void call_headers(struct buf *lines)
{
	http_header_add(lines, "Cache-Control", "no-store");
	http_header_add(lines, "X-Content-Type-Options", "nosniff");
	http_header_add(lines, "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
			"connect-src 'self'; media-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'");
	http_header_add(lines, "Referrer-Policy", "no-referrer");
}

void call_bytes(struct call *c, int status, const char *type, const struct buf *lines, const void *data, size_t len)
{
	struct http_exchange *x = c->x;
	struct buf all = {0};

	call_headers(&all);
	if (lines)
		buf_add(&all, lines->data, lines->len);
	call_free(c);
	http_reply(x, status, type, &all, data, len);
	buf_finish(&all);
}

void call_json(struct call *c, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	call_bytes(c, status, "application/json", NULL, text, strlen(text));
	free(text);
}

static void problem_headers(const struct call *c, struct buf *lines)
{
	if (c->problem.status == 401)
		http_header_add(lines, "WWW-Authenticate", c->who.presented
				? "Bearer realm=\"holdfast\", error=\"invalid_token\"" : "Bearer realm=\"holdfast\"");
	if (c->problem.status == 403)
		http_header_add(lines, "WWW-Authenticate", "Bearer realm=\"holdfast\", error=\"insufficient_scope\"");
	if (c->problem.status == 503 || c->problem.status == 429)
		http_header_add(lines, "Retry-After", "2");
	http_header_add(lines, "Content-Language", c->zh ? "zh-CN" : "en");
}

void call_problem(struct call *c)
{
	char *text = problem_render(&c->problem, c->zh);
	struct buf lines = {0};

	problem_headers(c, &lines);
	call_bytes(c, c->problem.status, "application/problem+json", &lines, text, strlen(text));
	buf_finish(&lines);
	free(text);
}

void call_stream(struct call *c, int status, const char *type, const struct buf *lines, uint64_t length,
		 struct http_source *source)
{
	struct http_exchange *x = c->x;
	struct buf all = {0};

	call_headers(&all);
	buf_add(&all, lines->data, lines->len);
	call_free(c);
	http_reply_stream(x, status, type, &all, length, source);
	buf_finish(&all);
}

/* --- for handlers ------------------------------------------------------------------- */

int call_broken(struct call *c, int rc)
{
	if (rc == -EAGAIN)
		return problem_set(&c->problem, 503, NULL, NULL, "目录尚未就绪", "the catalogue is not ready yet");
	return problem_set(&c->problem, 500, NULL, NULL, "读取数据库失败，详见日志", "the database could not be read; see the log");
}

int call_end_read(struct call *c, struct catalog *cat, int rc)
{
	int ended = catalog_end_read(cat);

	return ended < 0 ? call_broken(c, ended) : rc;
}

int call_absent(struct call *c, const char *zh, const char *en)
{
	return problem_set(&c->problem, 404, c->id[0] ? "id" : NULL, c->id, zh, en);
}

struct catalog *call_catalog(struct call *c)
{
	struct api *a = c->api;
	char path[4096];
	struct err e;

	if (a->catalog)
		return a->catalog;
	snprintf(path, sizeof path, "%s/catalog.db", a->deps.conf->state);
	int rc = catalog_open(path, &a->catalog, &e);
	if (rc == 0)
		return a->catalog;
	a->catalog = NULL;
	call_broken(c, -EAGAIN);
	return NULL;
}

int call_number(struct call *c, int64_t *out)
{
	size_t len = strspn(c->id, "0123456789");

	*out = len && len <= 18 && !c->id[len] ? strtoll(c->id, NULL, 10) : 0;
	return *out > 0 ? 0 : call_absent(c, "没有编号为 {} 的记录", "there is no {}");
}

json_t *call_body(struct call *c, const char *allowed)
{
	const char *type = http_request_header(&c->x->request, "content-type");
	const char *key;
	json_t *body, *value;

	if (!type || strncasecmp(type, "application/json", 16) != 0 || !strchr("; ", type[16])) {
		problem_set(&c->problem, 415, "Content-Type", NULL, "请求正文须为 application/json",
			    "the body must be application/json");
		return NULL;
	}
	body = json_loadb(c->x->request.body, c->x->request.body_len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body)) {
		problem_set(&c->problem, 400, NULL, NULL, "请求正文不是 JSON 对象", "the body is not a JSON object");
		json_decref(body);
		return NULL;
	}
	json_object_foreach(body, key, value) {
		if (text_has_word(allowed, key))
			continue;
		problem_set(&c->problem, 400, key, key, "不认识的字段 {}", "unknown field {}");
		json_decref(body);
		return NULL;
	}
	return body;
}

const char *call_text(struct call *c, const json_t *body, const char *key, size_t max, bool optional)
{
	const json_t *value = json_object_get(body, key);
	const char *text = json_string_value(value);

	if (!value && optional)
		return "";
	if (!text || (!optional && !text[strspn(text, " \t\r\n")]))
		problem_set(&c->problem, 400, key, key, "{} 必须是非空文字", "{} must be a text that is not empty");
	else if (json_string_length(value) > max)
		problem_set(&c->problem, 400, key, key, "{} 太长", "{} is too long");
	else if (strlen(text) != json_string_length(value))
		problem_set(&c->problem, 400, key, key, "{} 含有空字符", "{} holds a NUL");
	else
		return text;
	return NULL;
}

/* The number under which it was sent, 0 if the keeper is away. Takes args. */
static json_int_t send_command(struct api *a, const char *verb, json_t *args, const struct identity *by)
{
	json_int_t id = ++a->commands.next_id;

	json_object_set_new(args, "by", json_string(by->name));
	json_object_set_new(args, "by_id", json_integer(by->token));
	if (by->secret[0])
		json_object_set_new(args, "by_secret", json_string(by->secret));
	json_t *msg = json_pack("{s:s, s:I, s:s, s:o}", "type", "cmd", "id", id, "verb", verb, "args", args);
	bool sent = a->deps.send && a->deps.send(a->deps.owner, msg);
	json_decref(msg);
	return sent ? id : 0;
}

bool api_command(struct api *a, const char *verb, json_t *args, const struct identity *by, command_fn *fn, void *owner)
{
	json_int_t id = send_command(a, verb, args, by);

	if (id)
		commands_add(&a->commands, id, fn, owner);
	return id != 0;
}

int call_away(struct call *c)
{
	return problem_set(&c->problem, 503, NULL, NULL, "保管进程暂时不在，未执行", "the keeper is away; nothing was done");
}

int call_command(struct call *c, const char *verb, json_t *args, int status)
{
	json_int_t id = send_command(c->api, verb, args, &c->who);

	if (!id)
		return call_away(c);
	commands_add_call(&c->api->commands, c, id, status);
	return 0;
}

/* --- JSON ------------------------------------------------------------------------------- */

json_t *json_time(struct wall w)
{
	char text[WALL_TEXT_MAX];

	return json_string(wall_format(w, text));
}

json_t *json_time_or_null(bool known, struct wall w)
{
	return known ? json_time(w) : json_null();
}

json_t *json_hex(const uint8_t *data, size_t len)
{
	char text[2 * 64 + 1];

	hex_encode(data, len < 64 ? len : 64, text);
	return json_string(text);
}
