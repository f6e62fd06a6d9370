#include "api/outgoing.h"

#include "base/require.h"

#include <errno.h>

/* --- what libcurl asks of the loop ------------------------------------------------- */

struct watch { uv_poll_t poll; struct outgoing *o; curl_socket_t fd; };

static void maybe_closed(struct outgoing *o)
{
	if (o->closing && o->open_handles == 0)
		o->closed(o); /* may free o: last line */
}

static void on_watch_closed(uv_handle_t *h)
{
	struct watch *w = h->data;
	struct outgoing *o = w->o;

	free(w);
	o->open_handles--;
	maybe_closed(o);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct outgoing *o = h->data;

	o->open_handles--;
	maybe_closed(o);
}

static void finish_easy(struct outgoing *o)
{
	curl_multi_remove_handle(o->multi, o->easy);
	curl_easy_cleanup(o->easy);
	o->easy = NULL;
	curl_slist_free_all(o->headers);
	o->headers = NULL;
}

static void report(struct outgoing *o, CURLcode code)
{
	long status = 0;
	curl_off_t retry_after = -1;

	curl_easy_getinfo(o->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(o->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (code != CURLE_OK)
		status = 0;
	if (o->why[0] == '\0')
		snprintf(o->why, sizeof o->why, "%s", curl_easy_strerror(code));
	finish_easy(o);
	o->done(o, status, o->why, retry_after > 0 ? (long)retry_after : -1);
}

static void take_results(struct outgoing *o)
{
	CURLMsg *m;
	int left;

	while (o->easy && (m = curl_multi_info_read(o->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			report(o, m->data.result);
}

static void act(struct outgoing *o, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(o->multi, fd, events, &running);
	if (!o->closing)
		take_results(o);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(w->o, w->fd, flags);
}

static void on_timeout(uv_timer_t *t)
{
	act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static struct watch *watch_create(struct outgoing *o, curl_socket_t fd)
{
	struct watch *w = xcalloc(1, sizeof *w);

	w->o = o;
	w->fd = fd;
	w->poll.data = w;
	REQUIRE(uv_poll_init_socket(o->loop, &w->poll, fd) == 0);
	o->open_handles++;
	curl_multi_assign(o->multi, fd, w);
	return w;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *per_socket)
{
	struct outgoing *o = arg;
	struct watch *w = per_socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (!w)
			return 0;
		curl_multi_assign(o->multi, fd, NULL);
		uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		return 0;
	}
	if (!w)
		w = watch_create(o, fd);
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	uv_poll_start(&w->poll, events, on_poll);
	return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct outgoing *o = arg;

	(void)multi;
	if (o->closing)
		return 0;
	if (timeout_ms < 0)
		uv_timer_stop(&o->timer);
	else
		uv_timer_start(&o->timer, on_timeout, (uint64_t)timeout_ms, 0);
	return 0;
}

/* --- interface ------------------------------------------------------------------------- */

int outgoing_init(struct outgoing *o, uv_loop_t *loop)
{
	o->loop = loop;
	o->multi = curl_multi_init();
	REQUIRE(o->multi != NULL);
	uv_timer_init(loop, &o->timer);
	o->timer.data = o;
	o->open_handles = 1;
	curl_multi_setopt(o->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(o->multi, CURLMOPT_SOCKETDATA, o);
	curl_multi_setopt(o->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(o->multi, CURLMOPT_TIMERDATA, o);
	curl_multi_setopt(o->multi, CURLMOPT_MAXCONNECTS, 1L);
	return 0;
}

static size_t discard(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static CURLcode set_tls(CURL *easy, const struct outgoing_tls *tls)
{
	CURLcode rc = CURLE_OK;

	if (tls->ca)
		rc = curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca);
	if (rc == CURLE_OK && tls->cert)
		rc = curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert);
	if (rc == CURLE_OK && tls->key)
		rc = curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key);
	return rc;
}

static CURLcode set_request(struct outgoing *o, const char *url, const struct buf *body, long timeout_ms)
{
	CURL *easy = o->easy;
	CURLcode rc = curl_easy_setopt(easy, CURLOPT_URL, url);

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)body->data);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, o->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, 1L << 20);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, o->why);
	return rc;
}

int outgoing_post(struct outgoing *o, const char *url, const struct outgoing_tls *tls, const char *const *headers,
		  const struct buf *body, long timeout_ms)
{
	if (o->easy || o->closing)
		return -EBUSY;
	o->easy = curl_easy_init();
	REQUIRE(o->easy != NULL);
	o->why[0] = '\0';
	for (; *headers; headers++)
		o->headers = curl_slist_append(o->headers, *headers);
	if (set_request(o, url, body, timeout_ms) != CURLE_OK || set_tls(o->easy, tls) != CURLE_OK ||
	    curl_multi_add_handle(o->multi, o->easy) != CURLM_OK) {
		finish_easy(o);
		return -EINVAL;
	}
	return 0;
}

void outgoing_close(struct outgoing *o)
{
	if (o->closing)
		return;
	o->closing = true;
	if (o->easy)
		finish_easy(o);
	curl_multi_cleanup(o->multi);
	uv_close((uv_handle_t *)&o->timer, on_timer_closed);
}
