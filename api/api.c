#include "api.h"

#include "account.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/msg.h"
#include "call.h"
#include "dispatch.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- listening ------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static int listen_one(struct api *a, const struct conf_listen *l, struct err *e)
{
	struct http_listener *listener;

	if (!is_loopback(l->host))
		return err_set(e, -EINVAL, "listen on %.60s: plain HTTP is for loopback only", l->host);
	int rc = http_listen_tcp(a->server, l->host, l->port, &listener, e);
	if (rc < 0)
		return rc;
	a->listening = xrealloc(a->listening, (a->listening_count + 1) * sizeof *a->listening);
	a->listening[a->listening_count++] = (struct api_listening){listener, xstrdup(l->host), l->port};
	log_info("listen", "host=%s port=%u", l->host, (unsigned)http_listener_port(listener));
	return 0;
}

int api_listen(struct api *a, struct err *e)
{
	const struct conf *conf = a->deps.conf;
	char path[4096];

	snprintf(path, sizeof path, "%s/api.sock", conf->state);
	int rc = http_listen_unix(a->server, path, &a->local, e);
	for (unsigned i = 0; rc == 0 && i < conf->listen_count; i++)
		rc = listen_one(a, &conf->listens[i], e);
	return rc;
}

static bool wants(const struct conf *conf, const struct api_listening *have)
{
	for (unsigned i = 0; i < conf->listen_count; i++)
		if (conf->listens[i].port == have->port && strcmp(conf->listens[i].host, have->host) == 0)
			return true;
	return false;
}

static bool has(const struct api *a, const struct conf_listen *want)
{
	for (unsigned i = 0; i < a->listening_count; i++)
		if (a->listening[i].port == want->port && strcmp(a->listening[i].host, want->host) == 0)
			return true;
	return false;
}

int api_reload(struct api *a, const struct conf *conf, struct err *e)
{
	unsigned kept = 0;
	int rc = 0;

	a->deps.conf = conf;
	for (unsigned i = 0; i < a->listening_count; i++) {
		if (wants(conf, &a->listening[i])) {
			a->listening[kept++] = a->listening[i];
			continue;
		}
		http_listener_close(a->listening[i].listener);
		free(a->listening[i].host);
	}
	a->listening_count = kept;
	for (unsigned i = 0; i < conf->listen_count; i++)
		if (!has(a, &conf->listens[i]) && listen_one(a, &conf->listens[i], e) < 0)
			rc = e->code;
	return rc;
}

uint16_t api_port(const struct api *a, unsigned listen)
{
	return listen < a->listening_count ? http_listener_port(a->listening[listen].listener) : 0;
}

/* --- what the keeper says ----------------------------------------------------------- */

void api_on_live(struct api *a, const json_t *cameras)
{
	if (!json_is_object(cameras))
		return;
	json_object_update(a->live, (json_t *)cameras);
	a->live_heard = clock_mono(a->deps.clock);
}

static void on_offload(struct api *a, const json_t *msg)
{
	json_object_clear(a->offload);
	json_object_update(a->offload, (json_t *)msg);
}

void api_on_msg(struct api *a, const json_t *msg)
{
	const char *type = msg_type(msg);

	if (strcmp(type, "live") == 0)
		api_on_live(a, json_object_get(msg, "cameras"));
	else if (strcmp(type, "offload") == 0)
		on_offload(a, msg);
	else if (strcmp(type, "reply") == 0)
		commands_on_reply(&a->commands, msg);
}

void api_on_keeper(struct api *a, bool up)
{
	if (up == a->keeper_up)
		return;
	a->keeper_up = up;
	a->keeper_since = clock_wall(a->deps.clock);
	log_info("keeper", "state=%s", up ? "up" : "down");
	if (up)
		accounts_tell(a);
	else
		commands_fail_all(&a->commands);
}

struct remote_lines *api_lines(struct api *a)
{
	return &a->lines;
}

void api_on_rights(struct api *a, const json_t *msg)
{
	json_decref(a->rights);
	a->rights = json_deep_copy(msg);
}

bool api_is_ours(const struct api *a, int64_t pid)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(a->rights, "pids"), i, one)
		if (json_integer_value(one) == pid)
			return true;
	return false;
}

/* --- lifetime -------------------------------------------------------------------------- */

int api_create(const struct api_deps *deps, struct api **out)
{
	struct api *a = xcalloc(1, sizeof *a);
	int rc;

	a->deps = *deps;
	a->live = json_object();
	a->offload = json_object();
	a->started_at = a->keeper_since = clock_wall(deps->clock);
	rc = commands_open(&a->commands, deps->loop);
	if (rc == 0)
		rc = remote_gate_open(&a->remote, deps->loop);
	if (rc == 0)
		rc = remote_lines_open(&a->lines, deps->loop, deps->want_line, deps->owner);
	if (rc == 0)
		rc = http_server_create(deps->loop, NULL, dispatch, a, &a->server);
	*out = a;
	return rc;
}

static void part_closed(struct api *a)
{
	if (--a->open_parts > 0)
		return;
	api_closed_fn *cb = a->on_closed;
	void *owner = a->deps.owner;

	catalog_close(a->catalog);
	json_decref(a->live);
	json_decref(a->offload);
	json_decref(a->rights);
	for (unsigned i = 0; i < a->listening_count; i++)
		free(a->listening[i].host);
	free(a->listening);
	OPENSSL_cleanse(&a->invitation, sizeof a->invitation);
	free(a);
	if (cb)
		cb(owner);
}

static void on_server_closed(void *owner)
{
	part_closed(owner);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct commands *q = h->data;

	part_closed((struct api *)((char *)q - offsetof(struct api, commands)));
}

static void on_lines_closed(struct remote_lines *l)
{
	part_closed((struct api *)((char *)l - offsetof(struct api, lines)));
}

/* Who is inside may still take one. */
static void on_gate_closed(struct remote_gate *g)
{
	struct api *a = (struct api *)((char *)g - offsetof(struct api, remote));

	remote_lines_close(&a->lines, on_lines_closed);
}

void api_close(struct api *a, api_closed_fn *cb)
{
	a->closing = true;
	commands_fail_all(&a->commands);
	a->on_closed = cb;
	a->open_parts = 3;
	uv_close((uv_handle_t *)&a->commands.timer, on_timer_closed);
	http_server_close(a->server, on_server_closed);
	remote_gate_close(&a->remote, on_gate_closed);
}
