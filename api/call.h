/* One request on its way through the api, and the object that serves it. Internal to api/.
 *
 * Memory: the dispatcher allocates a call; answering frees it. A handler that answers later sets
 *         `cancel`, which is called when the client leaves (the call is freed behind it). */
#pragma once
#include "api/api.h"
#include "api/auth.h"
#include "api/command.h"
#include "api/http.h"
#include "api/query.h"
#include "api/refusals.h"
#include "api/remote_gate.h"
#include "api/remote_lines.h"
#include "api/ticket.h"
#include "indexer/catalog.h"

struct route;

/* A code for a token, until somebody brings it (session.c). */
struct invitation { char token[TOKEN_TEXT_MAX]; uint8_t code[SHA256_BYTES]; };

struct api_listening { struct http_listener *listener; char *host; uint16_t port; };

struct api {
	struct api_deps deps;
	struct http_server *server;
	struct http_listener *local;
	struct api_listening *listening;
	unsigned listening_count;
	struct catalog *catalog;        /* NULL until it could be opened */
	struct commands commands;
	struct refusals refused_from;
	struct tickets tickets;
	struct invitation invitation;   /* token "": none */
	struct remote_gate remote;      /* to the object store */
	struct remote_lines lines;      /* to the offloader */
	json_t *live;                   /* camera id → state, as last heard */
	struct mono live_heard;
	json_t *offload; /* how copying to the object store stands, as last told; empty: not told */
	bool keeper_up, closing;
	struct wall keeper_since, started_at;
	json_t *rights;                 /* as the supervisor told last; NULL: not yet */
	uint64_t requests, refused, footage_bytes, footage_damaged, footage_store_bytes; /* for /metrics */
	unsigned open_parts;            /* parts not yet closed */
	api_closed_fn *on_closed;
};

struct call {
	struct api *api;
	struct http_exchange *x;
	const struct route *route;
	struct identity who;
	struct query query;
	struct problem problem;
	bool zh;
	char id[CATALOG_ID_MAX];        /* the {id} of the path, or "" */
	char cookie[300];               /* goes with the answer, or "" */
	void (*cancel)(struct call *c);
	void *later;                    /* of the handler that answers later */
};

void call_drop(struct call *c); /* its client has left */
/* Answers; each frees the call. */
void call_json(struct call *c, int status, json_t *body); /* takes body */
void call_bytes(struct call *c, int status, const char *type, const struct buf *lines, const void *data, size_t len);
void call_problem(struct call *c);
/* Hands the exchange to a stream; frees the call. */
void call_stream(struct call *c, int status, const char *type, const struct buf *lines, uint64_t length,
		 struct http_source *source);
/* One of our own roles: it may have been taken over, and is nobody at the socket for people. */
bool api_is_ours(const struct api *a, int64_t pid);
/* Headers that every answer of the api has. */
void call_headers(struct buf *lines);

/* For handlers: set the problem and return -1. */
/* Ends a view (catalog_begin_read()), before the answer: what could not be read in it is not told, whatever was made of it. */
int call_end_read(struct call *c, struct catalog *cat, int rc);
int call_broken(struct call *c, int rc);    /* a negative code of the catalogue or of access.db */
int call_absent(struct call *c, const char *zh, const char *en);
/* The catalogue, or NULL with the problem set (503 until the keeper made it). */
struct catalog *call_catalog(struct call *c);
/* The {id} as a positive number, else a 404. */
int call_number(struct call *c, int64_t *out);
/* The JSON object of a request's body whose members are all in `allowed`; NULL with the problem set. */
json_t *call_body(struct call *c, const char *allowed);
/* A text member of at most max bytes; NULL with the problem set. optional: absent is "". */
const char *call_text(struct call *c, const json_t *body, const char *key, size_t max, bool optional);

/* Sends a command to the keeper, answers the call when it was committed; 503 if it is away. Takes args. */
int call_command(struct call *c, const char *verb, json_t *args, int status);
int call_away(struct call *c); /* the keeper is: sets the problem, -1 */
/* The same for what no call waits for; false: it is away, and fn is not called. */
bool api_command(struct api *a, const char *verb, json_t *args, const struct identity *by, command_fn *fn, void *owner);

json_t *json_time(struct wall w);
json_t *json_time_or_null(bool known, struct wall w);
json_t *json_hex(const uint8_t *data, size_t len);
