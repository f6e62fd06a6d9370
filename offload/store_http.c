#include "offload/store_http.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct transfer {
	struct store *s;
	const struct store_call *c;
	struct store_reply *out;
	int64_t sent;                   /* bytes of the file that were read */
	bool ended;                     /* by the sink */
};

void store_reply_finish(struct store_reply *r)
{
	buf_finish(&r->body);
}

/* --- what libcurl asks --------------------------------------------------------------------- */

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	int64_t left = t->c->bytes - t->sent;
	size_t room = size * count, want = left < (int64_t)room ? (size_t)left : room;
	ssize_t n = want ? pread(t->c->fd, to, want, t->sent) : 0;

	if (n < 0 || (want && n == 0))
		return CURL_READFUNC_ABORT;
	t->sent += n;
	return (size_t)n;
}

/* A kept connection that turns out to be dead: once more from the start. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * count;
	long status = 0;

	curl_easy_getinfo(t->s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->c->sink && status >= 200 && status < 300) {
		size_t taken = t->c->sink(t->c->sink_arg, data, len);
		t->ended |= taken < len;
		return taken;
	}
	if (t->out->body.len + len > STORE_BODY_MAX)
		return 0;
	buf_add(&t->out->body, data, len);
	return len;
}

static bool header_is(const char *line, size_t len, const char *name, char *value, size_t room)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	for (n++; n < len && line[n] == ' '; n++)
		;
	while (len > n && strchr("\r\n ", line[len - 1]))
		len--;
	snprintf(value, room, "%.*s", (int)(len - n), line + n);
	return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct store_object *o = &t->out->object;
	size_t len = size * count;
	char value[STORE_VERSION_MAX];

	if (header_is(line, len, "x-amz-version-id", value, sizeof value))
		memcpy(o->version, value, sizeof value);
	else if (header_is(line, len, "x-amz-object-lock-mode", value, sizeof value))
		o->compliance = strcmp(value, "COMPLIANCE") == 0;
	else if (header_is(line, len, "x-amz-object-lock-retain-until-date", value, sizeof value))
		(void)wall_parse(value, &o->retain_until, NULL); /* else it stays 0: no lock */
	else if (header_is(line, len, "content-length", value, sizeof value))
		o->bytes = strtoll(value, NULL, 10);
	else if (header_is(line, len, "content-range", value, sizeof value))
		snprintf(t->out->content_range, STORE_RANGE_MAX, "%.*s", STORE_RANGE_MAX - 1, value);
	return len;
}

static int on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	const struct store *s = arg;

	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	return atomic_load(&s->stopping);
}

/* --- the request ------------------------------------------------------------------------------ */

static const char *host_of(const char *url) { return strstr(url, "://") + 3; }

static char *path_of(const struct store *s, const char *key)
{
	char *plain = xasprintf("/%s%s%s", s->to->bucket, key ? "/" : "", key ? key : "");
	char *path = sigv4_encode(plain, true);

	free(plain);
	return path;
}

static void add(struct curl_slist **list, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	*list = curl_slist_append(*list, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

static struct curl_slist *signed_headers(struct store *s, const struct store_call *c, const char *path)
{
	const struct sigv4_key key = {s->to->access_key, s->to->secret_key, s->to->region};
	const struct sigv4_request r = {.method = c->method, .host = host_of(s->to->url), .path = path, .query = c->query,
					.headers = c->headers, .header_count = c->header_count, .payload_hex = c->payload_hex};
	struct wall now = clock_wall(s->clock);
	char stamp[SIGV4_STAMP_MAX], *authorization = sigv4_authorization(&key, &r, now);
	struct curl_slist *list = NULL;

	sigv4_stamp(now, stamp);
	for (unsigned i = 0; i < c->header_count; i++)
		add(&list, c->headers[i].name, c->headers[i].value);
	add(&list, "Host", r.host);
	add(&list, "x-amz-date", stamp);
	add(&list, "x-amz-content-sha256", c->payload_hex);
	add(&list, "Authorization", authorization);
	add(&list, "Expect", "");
	free(authorization);
	return list;
}

static void set_method(CURL *easy, const struct store_call *c, struct transfer *t)
{
	if (strcmp(c->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (strcmp(c->method, "DELETE") == 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	if (strcmp(c->method, "PUT") != 0)
		return;
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, t);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->bytes);
}

static CURLcode set_limits(struct store *s)
{
	CURLcode rc = curl_easy_setopt(s->easy, CURLOPT_PROTOCOLS_STR, "http,https");

	curl_easy_setopt(s->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT, s->limit_s ? (long)s->limit_s / 3 : (long)STORE_CONNECT_S);
	curl_easy_setopt(s->easy, CURLOPT_TIMEOUT, (long)s->limit_s);
	curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_TIME, (long)STORE_STALL_S);
	curl_easy_setopt(s->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(s->easy, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(s->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(s->easy, CURLOPT_ERRORBUFFER, s->why);
	if (rc == CURLE_OK && s->to->ca)
		rc = curl_easy_setopt(s->easy, CURLOPT_CAINFO, s->to->ca);
	return rc;
}

static CURLcode perform(struct store *s, const struct store_call *c, struct transfer *t)
{
	char *path = path_of(s, c->key);
	char *url = xasprintf("%s%s%s%s", s->to->url, path, *c->query ? "?" : "", c->query);
	struct curl_slist *headers = signed_headers(s, c, path);

	curl_easy_reset(s->easy); /* keeps its connections */
	s->why[0] = '\0';
	CURLcode rc = set_limits(s);
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	curl_easy_setopt(s->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(s->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(s->easy, CURLOPT_HEADERDATA, t);
	set_method(s->easy, c, t);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(s->easy);
	curl_slist_free_all(headers);
	free(url);
	free(path);
	return rc;
}

/* <Code>NoSuchBucket</Code>: letters only, whatever stands there. */
static void take_code(struct store_reply *r, char code[STORE_CODE_MAX])
{
	buf_add(&r->body, "", 1);
	r->body.len--;
	const char *at = strstr((const char *)r->body.data, "<Code>");
	size_t len = at ? strspn(at + 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") : 0;

	snprintf(code, STORE_CODE_MAX, "%.*s", (int)(len < STORE_CODE_MAX ? len : 0), at ? at + 6 : "");
}

void store_call(struct store *s, const struct store_call *c, struct store_reply *out)
{
	struct transfer t = {.s = s, .c = c, .out = out};
	char code[STORE_CODE_MAX];
	long status = 0;

	*out = (struct store_reply){0};
	CURLcode rc = perform(s, c, &t);
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc != CURLE_OK)
		status = 0;
	out->status = status;
	take_code(out, code);
	out->trouble = t.ended ? STORE_ENDED : store_trouble_of(status, status >= 200 && status < 300 ? "" : code);
	if (status >= 300)
		snprintf(s->why, sizeof s->why, "HTTP %ld %s", status, code);
	else if (rc != CURLE_OK && !s->why[0])
		snprintf(s->why, sizeof s->why, "%s", curl_easy_strerror(rc));
}
