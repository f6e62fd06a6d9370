/* The api's rights: listens, reads archive/ and catalog.db, writes access.db, talks to the regulator. It
 * cannot write or delete footage or the catalogue, knows no camera's password, and execs nothing. */
#include "api/account.h"
#include "api/api.h"

#include "api/push.h"
#include "api/remote_lines.h"
#include "base/log.h"
#include "daemon/child.h"
#include "media/key_handover.h"
#include "media/key_overlap.h"

#include <stdlib.h>
#include <unistd.h>

#define DNS_PORT 53 /* over TCP, when an answer is long */

struct api_role {
	struct api *api;
	struct access *access;
	struct key *site_key;
	struct key *earlier[PUSH_KEYS_MAX]; /* that sign beside it for a while */
	unsigned earlier_count;
	json_t *handovers;              /* for the ledger; NULL: they could not be read, and nothing is told */
	struct ledger_keep heads;
	struct push *push;              /* NULL: no regulator is told */
	struct link keeper;
	struct child *child;
	bool invited;                   /* to the demo */
	int64_t invitation;             /* its token; 0: none yet */
	char invitation_text[TOKEN_TEXT_MAX];
	int open_parts;                 /* api, push, link: not yet closed */
};

/* --- the keeper --------------------------------------------------------------------------- */

static bool send_to_keeper(void *owner, const json_t *msg)
{
	struct api_role *r = owner;

	return link_send(&r->keeper, msg);
}

/* The supervisor makes it, and hands the other end to the offloader. */
static void want_line(void *owner)
{
	struct api_role *r = owner;

	child_say(r->child, "line");
}

static json_t *regulator_status(void *owner)
{
	struct api_role *r = owner;

	return r->push ? push_status(r->push) : json_null();
}

/* The ledger names every key: told at each connection, written down once. */
static void tell_key(struct api_role *r)
{
	uint8_t public[PUBKEY_BYTES];
	char hex[2 * PUBKEY_BYTES + 1];

	if (!r->handovers)
		return;
	key_public(r->site_key, public);
	hex_encode(public, sizeof public, hex);
	json_t *msg = json_pack("{s:s, s:i, s:s, s:{s:s, s:s, s:O}}", "type", "cmd", "id", 0, "verb", "key.created", "args",
				"name", "site", "public", hex, "handovers", r->handovers);
	link_send(&r->keeper, msg);
	json_decref(msg);
}

/* The demo is entered without a login: by a code in the address, which is traded once for a token of its own; then the next one is
 * printed. The token ends with the demo, and after a day; what a demo left that was killed ends here. */
#define INVITATION "demo "
#define INVITATION_US US_PER_DAY
#define INVITATIONS_MAX 16

struct invitations { int64_t ids[INVITATIONS_MAX]; unsigned count; };

static int find_invitation(void *arg, const struct token *t)
{
	struct invitations *found = arg;

	if (t->role == ROLE_ADMIN && !t->revoked_at.us && strncmp(t->name, INVITATION, strlen(INVITATION)) == 0 && found->count < INVITATIONS_MAX)
		found->ids[found->count++] = t->id;
	return 0;
}

static void end_invitations(struct api_role *r, const struct identity *by)
{
	struct invitations found = {.count = 0};
	struct account_telling *telling;

	access_tokens(r->access, find_invitation, &found);
	for (unsigned i = 0; i < found.count; i++)
		account_revoke(r->api, found.ids[i], by, NULL, NULL, &telling);
}

static void print_invitation(void *owner)
{
	struct api_role *r = owner;
	char code[TICKET_SECRET_ROOM];

	if (!r->invitation)
		return;
	api_invite(r->api, r->invitation_text, code);
	printf("\n  Holdfast demo:  http://127.0.0.1:%u/?code=%s  (works once)\n\n", api_port(r->api, 0), code);
	fflush(stdout);
}

static void on_invited(void *arg, int64_t id, const char *text, const json_t *refusal)
{
	struct api_role *r = arg;

	(void)refusal;
	if (!text)
		return;
	r->invitation = id;
	snprintf(r->invitation_text, sizeof r->invitation_text, "%s", text);
	print_invitation(r);
}

static void invite(struct api_role *r)
{
	char name[TOKEN_NAME_MAX];
	struct identity by = {.role = ROLE_ADMIN};

	r->invited = true;
	snprintf(name, sizeof name, INVITATION "%lld", (long long)(clock_wall(clock_real()).us / US_PER_S));
	snprintf(by.name, sizeof by.name, "uid:%u", (unsigned)geteuid());
	end_invitations(r, &by);
	const struct account_order order = {.name = name, .role = ROLE_ADMIN, .by = &by,
					    .expires_at.us = clock_wall(clock_real()).us + INVITATION_US};
	account_make(r->api, &order, on_invited, r, NULL);
}

static void on_keeper_up(struct link *l)
{
	struct api_role *r = l->owner;

	tell_key(r);
	api_on_keeper(r->api, true);
	if (r->child->conf->demo && !r->invited)
		invite(r);
}

static void on_keeper_down(struct link *l)
{
	struct api_role *r = l->owner;

	api_on_keeper(r->api, false);
}

static void on_keeper_msg(struct link *l, json_t *msg)
{
	struct api_role *r = l->owner;

	api_on_msg(r->api, msg);
	if (r->push && strcmp(msg_type(msg), "ledger") == 0)
		push_poke(r->push);
}

/* --- the steps ------------------------------------------------------------------------------ */

static int open_access(struct child *c, struct api_role *r, struct err *e)
{
	char *path = state_path(c->conf, "access.db");
	int rc = access_open(path, clock_real(), &r->access, e);

	free(path);
	return rc;
}

/* Without them the key in force signs alone: that must not keep the api away. */
static void open_earlier_keys(const char *state, struct api_role *r)
{
	int rc = key_handovers_load(fs_real(), state, "site", &r->handovers);

	if (rc == 0)
		rc = key_overlap_load(fs_real(), state, clock_wall(clock_real()), r->earlier, PUSH_KEYS_MAX, &r->earlier_count);
	if (rc < 0)
		log_warn("key", "name=site text=\"the keys of before cannot be read (%s): the one in force signs alone\"", strerror(-rc));
}

static int open_key(struct child *c, struct api_role *r, struct err *e)
{
	char *path = state_path(c->conf, "keys/site.key");
	bool made;
	int rc = key_load_or_make(fs_real(), path, &r->site_key, &made, e);

	free(path);
	if (rc == 0)
		open_earlier_keys(c->conf->state, r);
	return rc;
}

static int construct(struct child *c, struct err *e)
{
	struct api_role *r = xcalloc(1, sizeof *r);
	int rc;

	c->state = r;
	r->child = c;
	if ((rc = open_access(c, r, e)) < 0 || (rc = open_key(c, r, e)) < 0)
		return rc;
	r->heads = (struct ledger_keep){.fs = fs_real(), .state = c->conf->state};
	const struct api_deps deps = {.loop = &c->loop, .conf = c->conf, .clock = clock_real(), .fs = fs_patient(),
				      .access = r->access, .heads = &r->heads, .site_key = r->site_key, .send = send_to_keeper, .want_line = want_line,
				      .regulator = regulator_status, .entered = print_invitation, .owner = r};
	rc = api_create(&deps, &r->api);
	if (rc < 0)
		return err_set(e, rc, "make the api: %s", strerror(-rc));
	return api_listen(r->api, e);
}

static void allow_tls(struct sandbox *s, const struct conf_regulator *to)
{
	const char *const files[] = {to->ca, to->cert, to->key};

	for (int i = 0; i < 3; i++)
		if (files[i])
			sandbox_allow(s, SANDBOX_READ, "%s", files[i]);
}

static void confine(struct child *c, struct sandbox *s)
{
	char *catalog = state_path(c->conf, "catalog.db"), *access = state_path(c->conf, "access.db");

	for (unsigned i = 0; i < c->conf->root_count; i++)
		sandbox_allow(s, SANDBOX_READ, "%s", c->conf->roots[i].path);
	child_allow_db(s, catalog, SANDBOX_READ);
	child_allow_db(s, access, SANDBOX_READ | SANDBOX_WRITE);
	sandbox_allow(s, SANDBOX_LIST, "%s", c->conf->state);
	sandbox_allow(s, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CREATE | SANDBOX_REMOVE | SANDBOX_RENAME, "%s/" LEDGER_KEPT_FOLDER,
		      c->conf->state); /* what it let out of the ledger's head: api/ledger_keep.h */
	allow_tls(s, &c->conf->regulator);
	child_allow_system(s);
	s->calls = SANDBOX_CALLS_CONNECT | SANDBOX_CALLS_ACCEPT | SANDBOX_CALLS_CHANGE;
	s->memory_bytes = CHILD_MEMORY_BYTES;
	sandbox_allow_port(s, DNS_PORT);
	if (c->conf->regulator.url)
		sandbox_allow_port(s, conf_url_port(c->conf->regulator.url));
	free(catalog);
	free(access);
}

static void start_push(struct api_role *r)
{
	push_also_sign(r->push, r->earlier, r->earlier_count);
	push_keep_heads(r->push, &r->heads);
}

static int begin(struct child *c, struct err *e)
{
	struct api_role *r = c->state;
	char *catalog = state_path(c->conf, "catalog.db");
	int rc = 0;

	r->keeper = (struct link){.self = CHANNEL_API, .other = CHANNEL_KEEPER, .loop = &c->loop, .owner = r, .on_msg = on_keeper_msg, .on_up = on_keeper_up,
				  .on_down = on_keeper_down};
	r->open_parts = 2;
	if (c->conf->regulator.url) {
		rc = push_create(&c->loop, c->conf, access_db(r->access), catalog, r->site_key, clock_real(), &r->push, e);
		if (rc == 0)
			start_push(r);
		r->open_parts += rc == 0;
	}
	free(catalog);
	return rc;
}

static void reload(struct child *c)
{
	struct api_role *r = c->state;
	struct err e = {0};

	if (api_reload(r->api, c->conf, &e) < 0)
		log_error("listen", "text=\"%s\"", e.text);
}

static void take_channel(struct child *c, enum channel_role other, int end)
{
	struct api_role *r = c->state;

	if (other == CHANNEL_KEEPER)
		link_take(&r->keeper, end);
	else if (other == CHANNEL_OFFLOADER)
		remote_lines_give(api_lines(r->api), end);
	else
		close(end);
}

static void hear(struct child *c, const json_t *msg)
{
	struct api_role *r = c->state;

	if (strcmp(msg_type(msg), "rights") == 0)
		api_on_rights(r->api, msg);
}

static void on_part_closed(void *owner)
{
	struct api_role *r = owner;

	if (--r->open_parts == 0)
		child_stopped(r->child);
}

static void on_link_closed(struct link *l)
{
	on_part_closed(l->owner);
}

static void stop(struct child *c)
{
	struct api_role *r = c->state;

	if (r->invitation) /* the keeper is told when a demo starts again */
		access_token_revoke(r->access, r->invitation, "demo", 0);
	r->keeper.on_closed = on_link_closed;
	link_close(&r->keeper);
	api_close(r->api, on_part_closed);
	if (r->push)
		push_close(r->push, on_part_closed, r);
}

static void destroy(struct child *c)
{
	struct api_role *r = c->state;

	if (!r)
		return;
	access_close(r->access);
	key_destroy(r->site_key);
	for (unsigned i = 0; i < r->earlier_count; i++)
		key_destroy(r->earlier[i]);
	json_decref(r->handovers);
	free(r);
}

static const struct child_role role = {
	.name = "api", .part = CONF_API, .construct = construct, .confine = confine, .begin = begin,
	.reload = reload, .take_channel = take_channel, .hear = hear, .stop = stop, .destroy = destroy};

int main(void) { return child_main(&role); }
