#include "channel.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAID_MAX 40 /* of a word that is not ours, in the log */

/* --- the lists ----------------------------------------------------------------- */

static const struct { enum channel_role from, to; const char *type, *verb; } sayings[] = {
	{CHANNEL_RECORDER, CHANNEL_KEEPER, "segment", NULL},
	{CHANNEL_RECORDER, CHANNEL_KEEPER, "journal", NULL},
	{CHANNEL_RECORDER, CHANNEL_KEEPER, "live", NULL},
	{CHANNEL_KEEPER, CHANNEL_RECORDER, "journal_seen", NULL},
	{CHANNEL_KEEPER, CHANNEL_RECORDER, "economy", NULL},
	{CHANNEL_KEEPER, CHANNEL_API, "ledger", NULL},
	{CHANNEL_KEEPER, CHANNEL_API, "live", NULL},
	{CHANNEL_KEEPER, CHANNEL_API, "offload", NULL},
	{CHANNEL_KEEPER, CHANNEL_API, "reply", NULL},
	{CHANNEL_API, CHANNEL_KEEPER, "suspect", NULL},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "hold.place"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "hold.release"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "hold.withdraw"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "retention.release"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "token.made"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "token.revoked"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "token.known"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "gap.explain"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "key.created"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "disk.retire"},
	{CHANNEL_API, CHANNEL_KEEPER, "cmd", "disk.replace"},
	{CHANNEL_OFFLOADER, CHANNEL_KEEPER, "offload", NULL},
	{CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "object.asked"},
	{CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "object.keep"},
	{CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "object.drop"},
	{CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "object.found"},
	{CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "object.listed"},
	{CHANNEL_KEEPER, CHANNEL_OFFLOADER, "reply", NULL},
};

const char *channel_role_name(enum channel_role r)
{
	static const char *const names[] = {"recorder", "keeper", "api", "offloader"};

	return names[r];
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool channel_may_say(enum channel_role from, enum channel_role to, const char *type, const char *verb)
{
	for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++)
		if (sayings[i].from == from && sayings[i].to == to && same(sayings[i].type, type) && same(sayings[i].verb, verb))
			return true;
	return false;
}

/* --- a link -------------------------------------------------------------------- */

static void link_down(struct link *l)
{
	bool was_up = l->up;

	l->up = false;
	if (was_up && l->on_down && !l->closing)
		l->on_down(l);
}

static void link_maybe_closed(struct link *l)
{
	if (l->closing && l->peers == 0 && l->on_closed)
		l->on_closed(l);
}

static void on_gone(struct peer *p)
{
	struct link *l = p->owner;

	if (l->peer == p) {
		l->peer = NULL;
		link_down(l);
	}
	free(p);
	l->peers--;
	link_maybe_closed(l);
}

/* One line when it begins, then at powers of two: who floods does not fill the log. */
static void refuse(struct link *l, const json_t *msg, const char *verb)
{
	char type_text[SAID_MAX], verb_text[SAID_MAX];

	l->refused++;
	if ((l->refused & (l->refused - 1)) == 0)
		log_warn("channel", "from=%s refused=%llu type=\"%s\" verb=\"%s\" text=\"it may not say that\"",
			 channel_role_name(l->other), (unsigned long long)l->refused,
			 log_quote(type_text, sizeof type_text, msg_type(msg)), log_quote(verb_text, sizeof verb_text, verb ? verb : ""));
	if (strcmp(msg_type(msg), "cmd") != 0)
		return;
	json_t *reply = json_pack("{s:s, s:O?, s:b, s:i, s:s}", "type", "reply", "id", json_object_get(msg, "id"), "ok", 0, "status",
				  403, "problem", "not from this process");
	link_send(l, reply);
	json_decref(reply);
}

static void on_msg(struct peer *p, json_t *msg)
{
	struct link *l = p->owner;
	const char *type = msg_type(msg);
	const char *verb = strcmp(type, "cmd") == 0 ? json_string_value(json_object_get(msg, "verb")) : NULL;

	if (l->peer != p || l->closing)
		return;
	if (strcmp(type, "hello") == 0) {
		bool was_up = l->up;
		l->up = true;
		if (!was_up && l->on_up)
			l->on_up(l);
	} else if (channel_may_say(l->other, l->self, type, verb)) {
		l->on_msg(l, msg);
	} else {
		refuse(l, msg, verb);
	}
}

static void drop_end(struct link *l)
{
	struct peer *old = l->peer;

	l->peer = NULL;
	link_down(l);
	if (old)
		peer_close(old);
}

void link_take(struct link *l, int fd)
{
	drop_end(l);
	if (l->closing) {
		close(fd);
		return;
	}
	struct peer *p = xcalloc(1, sizeof *p);
	p->owner = l;
	p->on_msg = on_msg;
	p->on_gone = on_gone;
	l->peers++;
	if (peer_open(p, l->loop, fd) < 0) {
		log_error("channel", "with=%s text=\"the end cannot be used\"", channel_role_name(l->other));
		peer_close(p);
		return;
	}
	l->peer = p;
	json_t *hello = json_pack("{s:s}", "type", "hello");
	peer_send(p, hello);
	json_decref(hello);
}

bool link_send(struct link *l, const json_t *msg)
{
	if (!l->up || !l->peer || l->peer->closing)
		return false;
	peer_send(l->peer, msg);
	return true;
}

void link_close(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	if (l->peer)
		peer_close(l->peer);
	else
		link_maybe_closed(l);
}
