/* The api: what the role process constructs. It listens, asks the catalogue, streams footage, and
 * passes commands to the keeper. It writes nothing but access.db.
 *
 * Threads: loop thread only; footage is read on libuv's thread pool.
 * Memory:  api_create() allocates; api_close() frees everything, then calls back.
 *
 * What the process must do around it:
 *   access_open(STATE/access.db), key of the site, link to the keeper; then api_create(), api_listen().
 *   Every message of the keeper's link goes to api_on_msg(); link up and down to api_on_keeper().
 *   Paths it needs after confinement: STATE (catalog.db, catalog.db-wal, -shm: read; access.db*: write;
 *   api.sock: create, remove), STATE/keys/site.pub (read), every ROOT (read). Network: listen.
 *
 * Commands to the keeper (base/msg.h), times as RFC 3339 texts, each with "by", "by_id" and "by_secret" (who asked, indexer/command.h):
 *   hold.place    {camera, start, end, reason, reference, by}  → body {id, start, end, protected_start, protected_end}
 *   hold.release  {id, reason, by}                             → body {state}, 202 while another has to approve
 *   hold.withdraw {id, by}                                     → body {state}
 *   token.made    {id, name, role, hash, by}                   → body {seq}
 *   token.revoked {id, by}                                     → body {}
 *   token.known   {tokens: [{id, name, role, maker, hash, named_before?}]} → body {made, revoked, last}
 *   gap.explain   {id, text, by}                               → body {} */
#pragma once
#include "api/access.h"
#include "api/ledger_keep.h"
#include "api/ticket.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/fs.h"
#include "conf/conf.h"

#include <jansson.h>
#include <uv.h>

struct api;
struct remote_lines;

struct api_deps {
	uv_loop_t *loop;
	const struct conf *conf;      /* borrowed until api_reload() or the closed callback */
	struct clock *clock;
	struct fs *fs;
	struct access *access;        /* borrowed; closed by the caller after the closed callback */
	struct ledger_keep *heads;    /* borrowed; what was signed before; NULL: heads are not kept */
	const struct key *site_key;   /* borrowed; signs the ledger's head; NULL: heads are unsigned */
	/* Sends a message to the keeper; false: not connected. msg is borrowed. */
	bool (*send)(void *owner, const json_t *msg);
	/* One more line to the offloader, please (remote_lines.h). */
	void (*want_line)(void *owner);
	/* How the regulator's push stands, for /site (new reference); NULL: nobody is told. */
	json_t *(*regulator)(void *owner);
	/* An invitation was used (api_invite()); NULL: nobody asks. */
	void (*entered)(void *owner);
	void *owner;
};

int api_create(const struct api_deps *deps, struct api **out);
/* The Unix socket STATE/api.sock and every configured listener; only loopback addresses. */
int api_listen(struct api *a, struct err *e);
/* Listeners that went are closed, new ones opened, the others and their connections kept. A listener
 * that cannot be opened is reported; the rest works. */
int api_reload(struct api *a, const struct conf *conf, struct err *e);
void api_on_msg(struct api *a, const json_t *msg);       /* live, reply; others are ignored */
void api_on_live(struct api *a, const json_t *cameras);  /* {id: {state, since, …}} */
void api_on_keeper(struct api *a, bool up);
struct remote_lines *api_lines(struct api *a);           /* what the supervisor hands over goes there */
/* What confines each role, and which processes are ours, as the supervisor says (base/msg.h, `rights`). */
void api_on_rights(struct api *a, const json_t *msg);
/* A code that may stand in the page's address: whoever brings it first to POST /session is told that token. One at a time. */
void api_invite(struct api *a, const char *token, char code[TICKET_SECRET_ROOM]);
uint16_t api_port(const struct api *a, unsigned listen); /* of the n-th configured listener */
typedef void api_closed_fn(void *owner);
void api_close(struct api *a, api_closed_fn *cb);        /* cb gets deps.owner */
