#include "auth.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DO(action) (1u << (action))

/* A regulator sees whether there is footage and why not, never the children in it; of a release, he is the second
 * person only (hold.c). */
static const unsigned may[] = {
	[ROLE_NONE] = DO(ACTION_PUBLIC),
	[ROLE_ADMIN] = DO(ACTION_PUBLIC) | DO(ACTION_READ) | DO(ACTION_METRICS) | DO(ACTION_FOOTAGE) |
		       DO(ACTION_EXPLAIN) | DO(ACTION_HOLD) | DO(ACTION_RELEASE) | DO(ACTION_DISKS) | DO(ACTION_TOKENS),
	[ROLE_OPERATOR] = DO(ACTION_PUBLIC) | DO(ACTION_READ) | DO(ACTION_METRICS) | DO(ACTION_FOOTAGE) |
			  DO(ACTION_EXPLAIN) | DO(ACTION_HOLD),
	[ROLE_REGULATOR] = DO(ACTION_PUBLIC) | DO(ACTION_READ) | DO(ACTION_METRICS) | DO(ACTION_RELEASE),
	[ROLE_INVESTIGATOR] = DO(ACTION_PUBLIC) | DO(ACTION_READ) | DO(ACTION_FOOTAGE),
};

static void identify_local(const struct http_peer *peer, struct identity *out)
{
	if (peer->uid == 0 || peer->uid == geteuid()) {
		out->role = ROLE_ADMIN;
		snprintf(out->name, sizeof out->name, "uid:%u", peer->uid);
	} else {
		out->presented = true;
	}
}

static const char *bearer(const struct http_request *r)
{
	const char *value = http_request_header(r, "authorization");

	if (!value || strncasecmp(value, "bearer ", 7) != 0)
		return NULL;
	return value + 7 + strspn(value + 7, " ");
}

void auth_identify(struct access *a, const struct http_exchange *x, struct identity *out)
{
	const char *text = bearer(&x->request);
	struct token t = {0};

	*out = (struct identity){0};
	if (x->peer->is_unix) {
		identify_local(x->peer, out);
		return;
	}
	out->presented = http_request_header(&x->request, "authorization");
	if (!text || strlen(text) != TOKEN_TEXT_MAX - 1)
		return;
	int rc = access_token_check(a, text, &t, out->name);
	out->unknown = rc < 0 && rc != -ENOENT;
	out->presented &= !out->unknown;
	if (rc < 0)
		return;
	out->role = t.role;
	out->token = t.id;
	snprintf(out->secret, sizeof out->secret, "%s", text);
	out->presented = false;
}

enum verdict auth_decide(const struct identity *who, enum action action, const char *camera,
			 const struct wall_range *range)
{
	(void)camera; /* roles of version 1 reach every camera and time of their site */
	(void)range;
	if (may[who->role] & DO(action))
		return AUTH_YES;
	return who->role == ROLE_NONE ? AUTH_WHO : AUTH_NO;
}
