#include "cli/client.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "cli/options.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 60L
#define ANSWER_MAX_BYTES (256u << 20)

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct buf *b = arg;

	if (b->len + size * count > ANSWER_MAX_BYTES)
		return 0;
	buf_add(b, data, size * count);
	return size * count;
}

/* --- composing -------------------------------------------------------------------- */

static char *make_url(CURL *curl, const char *path, const json_t *query)
{
	struct buf url = {0};
	const char *key;
	json_t *value;
	char separator = '?';

	buf_printf(&url, "http://holdfast/api/v1%s", path);
	json_object_foreach((json_t *)query, key, value) {
		char *escaped = curl_easy_escape(curl, json_string_value(value), 0);
		buf_printf(&url, "%c%s=%s", separator, key, escaped);
		curl_free(escaped);
		separator = '&';
	}
	buf_add(&url, "", 1);
	return (char *)url.data;
}

static CURLcode perform(CURL *curl, const struct options *o, const char *method, const char *url, const char *body,
			struct buf *answer)
{
	char *sock = xasprintf("%s/api.sock", o->state);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

	headers = curl_slist_append(headers, lang_is_zh() ? "Accept-Language: zh-CN" : "Accept-Language: en");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, sock);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
	CURLcode rc = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	free(sock);
	return rc;
}

/* --- judging ------------------------------------------------------------------------ */

static int tell_problem(const json_t *answer, long status)
{
	const char *detail = json_string_value(json_object_get(answer, "detail"));
	const char *field = json_string_value(json_object_get(answer, "field"));

	if (!detail)
		detail = json_string_value(json_object_get(answer, "title"));
	show(stderr, "holdfast: %s%s%s (HTTP %ld)\n", field ? field : "", field ? ": " : "", detail ? detail : "?",
	     status);
	return status >= 500 ? CLI_CANNOT : CLI_NO;
}

static int tell_absent(const struct options *o, CURLcode code)
{
	show(stderr, "holdfast: %s (%s/api.sock: %s)\n",
	     lang("服务没有运行，请先启动 holdfast run", "the server does not answer; is `holdfast run` running?"),
	     o->state, curl_easy_strerror(code));
	return CLI_CANNOT;
}

static int judge(CURL *curl, const struct buf *bytes, json_t **answer)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	*answer = bytes->len ? json_loadb((const char *)bytes->data, bytes->len, 0, NULL) : NULL;
	if (!*answer)
		*answer = json_object();
	if (status >= 200 && status < 300)
		return CLI_YES;
	int rc = tell_problem(*answer, status);
	json_decref(*answer);
	*answer = NULL;
	return rc;
}

int client_call(const struct options *o, const char *method, const char *path, const json_t *query,
			  const json_t *body, json_t **answer)
{
	CURL *curl = curl_easy_init();
	char *url = make_url(curl, path, query), *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct buf bytes = {0};
	CURLcode code = perform(curl, o, method, url, text, &bytes);
	int rc = code == CURLE_OK ? judge(curl, &bytes, answer) : tell_absent(o, code);

	buf_finish(&bytes);
	free(text);
	free(url);
	curl_easy_cleanup(curl);
	return rc;
}

int client_list(const struct options *o, const char *path, const json_t *query, const char *list,
			  json_t **items)
{
	json_t *q = query ? json_deep_copy(query) : json_object();
	int rc = CLI_YES;

	*items = json_array();
	for (bool more = true; more && rc == CLI_YES;) {
		json_t *page = NULL;
		rc = client_call(o, "GET", path, q, NULL, &page);
		json_array_extend(*items, json_object_get(page, list));
		json_t *next = json_object_get(page, "next");
		more = json_is_string(next);
		if (more)
			json_object_set(q, "cursor", next);
		json_decref(page);
	}
	json_decref(q);
	return rc;
}
