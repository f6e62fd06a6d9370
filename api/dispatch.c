#include "dispatch.h"

#include "base/log.h"
#include "call.h"
#include "footage_link.h"
#include "router.h"

#include <stdlib.h>
#include <string.h>

#define STRIKES_MAX 5 /* failed attempts that a connection has before it is dropped */

static void on_gone(struct http_exchange *x)
{
	struct call *c = x->user;

	if (c->cancel)
		c->cancel(c);
	call_drop(c);
}

static int find_route(struct call *c)
{
	char methods[ROUTE_METHODS_MAX];

	c->route = router_find(c->x->request.method, c->x->request.path, c->id, methods);
	if (c->route)
		return 0;
	if (!methods[0])
		return problem_set(&c->problem, 404, NULL, NULL, "没有这个网址", "there is nothing at this address");
	problem_add(&c->problem, "allow", json_string(methods));
	return problem_set(&c->problem, 405, NULL, methods, "此网址只接受 {}", "this address takes {} only");
}

/* An address is kept and shown in many places: histories, bookmarks, logs of proxies. */
static int refuse_secret(struct call *c)
{
	problem_remedy(&c->problem, "以 Authorization: Bearer 发送令牌；播放录像用 POST …/footage-link 取得一次性网址",
		       "send the token as Authorization: Bearer; for a player, POST .../footage-link gives an address that works once");
	return problem_set(&c->problem, 400, "access_token", NULL, "令牌不得写在网址中；此令牌可能已泄露，请撤销并更换",
			   "no token may stand in an address; revoke this one and make another, for it may have been seen");
}

static int refuse_code(struct call *c)
{
	problem_remedy(&c->problem, "重新取得一次性网址：POST …/footage-link", "get a new one: POST .../footage-link");
	return problem_set(&c->problem, 401, "code", NULL, "此一次性代码已用过、已过期，或属于其他录像",
			   "this code was used, has run out or is for something else");
}

static void log_refusal(struct call *c, int status)
{
	unsigned attempts;
	const char *from;

	refusals_note(&c->api->refused_from, c->x->peer->from, clock_mono(c->api->deps.clock), &attempts, &from);
	if (attempts)
		log_warn("auth", "from=%s who=%s path=%s refused=%d attempts=%u", from, c->who.name, c->route->pattern, status, attempts);
}

int dispatch_refuse(struct call *c, enum verdict v)
{
	c->api->refused++;
	if (c->who.presented || v == AUTH_NO)
		log_refusal(c, v == AUTH_NO ? 403 : 401);
	if (c->who.presented && ++c->x->peer->strikes >= STRIKES_MAX) {
		http_close_after(c->x);
		return problem_set(&c->problem, 429, NULL, NULL, "失败次数过多，连接已断开",
				   "too many failed attempts; the connection is closed");
	}
	if (c->x->peer->is_unix || v == AUTH_NO)
		return problem_set(&c->problem, 403, NULL, NULL, "此身份无权执行该操作", "this identity may not do that");
	if (query_get(&c->query, "code"))
		return refuse_code(c);
	problem_remedy(&c->problem, "用 holdfast token add 生成令牌，并以 Authorization: Bearer 发送",
		       "make a token with holdfast token add and send it as Authorization: Bearer");
	return problem_set(&c->problem, 401, NULL, NULL, "需要有效的令牌", "a token in force is needed");
}

static int refuse_ours(struct call *c)
{
	c->api->refused++;
	log_error("auth", "pid=%lld path=\"%s\" refused=403 text=\"one of our own processes at the socket for people: it was taken over\"",
		  (long long)c->x->peer->pid, c->route->pattern);
	return problem_set(&c->problem, 403, NULL, NULL, "本系统的进程不得使用此接口", "this is for people, not for a process of ours");
}

static int admit(struct call *c)
{
	enum verdict v;

	if (c->x->peer->is_unix && api_is_ours(c->api, c->x->peer->pid))
		return refuse_ours(c);
	if (query_names(c->x->request.query, "access_token"))
		return refuse_secret(c);
	auth_identify(c->api->deps.access, c->x, &c->who);
	if (c->who.role == ROLE_NONE && !c->who.presented && c->route->action == ACTION_FOOTAGE && query_get(&c->query, "code"))
		footage_link_identify(c);
	if (c->who.unknown && c->route->action != ACTION_PUBLIC)
		return problem_set(&c->problem, 503, NULL, NULL, "暂时无法核对令牌，请稍后重试",
				   "tokens cannot be checked just now; try again");
	if (c->who.role != ROLE_NONE)
		http_known(c->x);
	v = auth_decide(&c->who, c->route->action, c->id[0] ? c->id : NULL, NULL);
	return v == AUTH_YES ? 0 : dispatch_refuse(c, v);
}

void dispatch(void *api, struct http_exchange *x)
{
	struct call *c = xcalloc(1, sizeof *c);
	struct problem query_problem = {0};

	c->api = api;
	c->x = x;
	x->user = c;
	x->on_gone = on_gone;
	c->zh = problem_wants_zh(http_request_header(&x->request, "accept-language"));
	c->api->requests++;
	int rc = find_route(c);
	if (rc == 0) {
		/* who asks is settled before what is wrong with the question is told */
		int query_rc = query_parse(&c->query, x->request.query, c->route->parameters, &query_problem);
		rc = admit(c);
		if (rc == 0 && query_rc < 0) {
			c->problem = query_problem;
			rc = -1;
		}
	}
	if (rc == 0)
		rc = c->route->handler(c);
	if (rc < 0)
		call_problem(c);
}
