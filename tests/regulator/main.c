/* holdfast-regulator: a regulator's end for the demo. Receives what a site tells, checks the signature
 * against the site's public key, prints one line per event in order, and answers 204.
 *
 *	holdfast-regulator --listen PORT --key SITE.pub
 *
 * The key may appear later than this program: it is read when the first message comes. */
#include "api/http.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/require.h"
#include "base/show.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct regulator {
	uv_loop_t loop;
	struct http_server *server;
	uv_signal_t term;
	const char *key_path;
	struct key *key;
};

/* --- the signature (Standard Webhooks, v1a) ---------------------------------------------- */

/* While a site changes its key, a signature of each stands there, separated by spaces. */
static bool one_holds(const struct key *k, const char *header, const struct buf *text)
{
	char *copy = xstrdup(header), *rest = NULL;
	uint8_t sig[SIG_BYTES];
	bool holds = false;

	for (char *one = strtok_r(copy, " ", &rest); one && !holds; one = strtok_r(NULL, " ", &rest))
		holds = strncmp(one, "v1a,", 4) == 0 && base64_decode(one + 4, sig, SIG_BYTES) == 0 &&
			key_verify(k, text->data, text->len, sig);
	free(copy);
	return holds;
}

static bool signature_holds(struct regulator *r, const struct http_request *q)
{
	struct err e;
	const char *id = http_request_header(q, "webhook-id"), *at = http_request_header(q, "webhook-timestamp"),
		   *signatures = http_request_header(q, "webhook-signature");
	struct buf text = {0};

	if (!r->key && key_load_public(fs_real(), r->key_path, &r->key, &e) < 0)
		return false;
	if (!id || !at || !signatures)
		return false;
	buf_printf(&text, "%s.%s.", id, at);
	buf_add(&text, q->body, q->body_len);
	bool holds = one_holds(r->key, signatures, &text);
	buf_finish(&text);
	return holds;
}

/* --- printing ------------------------------------------------------------------------------- */

static const char *text_of(const json_t *event, const char *key)
{
	const char *v = json_string_value(json_object_get(event, key));

	return v ? v : "";
}

static void print_event(const json_t *event)
{
	char *data = json_dumps(json_object_get(event, "data"), JSON_COMPACT | JSON_ENCODE_ANY);

	show(stdout, "regulator  #%lld  %s  %-26s %-16s %s\n",
	     (long long)json_integer_value(json_object_get(event, "seq")), text_of(event, "time"),
	     text_of(event, "type"), text_of(event, "subject"), data ? data : "");
	free(data);
}

static int take(struct regulator *r, const struct http_request *q)
{
	if (strcmp(q->method, "POST") != 0)
		return 405;
	if (!signature_holds(r, q))
		return 401;
	json_t *events = json_loadb(q->body, q->body_len, 0, NULL), *event;
	size_t i;
	if (!json_is_array(events)) {
		json_decref(events);
		return 400;
	}
	json_array_foreach(events, i, event)
		print_event(event);
	fflush(stdout);
	json_decref(events);
	return 204;
}

static void on_request(void *owner, struct http_exchange *x)
{
	http_reply(x, take(owner, &x->request), NULL, NULL, NULL, 0);
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_term(uv_signal_t *h, int signum)
{
	struct regulator *r = h->data;

	(void)signum;
	uv_close((uv_handle_t *)h, NULL);
	http_server_close(r->server, NULL);
}

static int usage(void)
{
	show(stderr, "usage: holdfast-regulator --listen PORT --key SITE.pub\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct regulator r = {0};
	struct http_limits limits = http_limits_default;
	struct http_listener *listener;
	struct err e;
	int port = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--listen") == 0)
			port = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--key") == 0)
			r.key_path = argv[i + 1];
	}
	if (port <= 0 || port > UINT16_MAX || !r.key_path)
		return usage();
	limits.body_bytes = 4u << 20; /* a hundred events */
	signal(SIGINT, SIG_IGN); /* the terminal's Ctrl-C reaches everyone; the supervisor decides */
	uv_loop_init(&r.loop);
	http_server_create(&r.loop, &limits, on_request, &r, &r.server);
	if (http_listen_tcp(r.server, "127.0.0.1", (uint16_t)port, &listener, &e) < 0) {
		show(stderr, "holdfast-regulator: %s\n", e.text);
		return 3;
	}
	uv_signal_init(&r.loop, &r.term);
	r.term.data = &r;
	uv_signal_start(&r.term, on_term, SIGTERM);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	uv_loop_close(&r.loop);
	key_destroy(r.key);
	return 0;
}
