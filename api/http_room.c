/* Room for connections: strangers may not shut out those who are known, nor one address the others. */
#include "http_conn.h"

#include <string.h>
#include <sys/resource.h>

#define KNOWN_MS (10 * 60 * 1000)
#define FILES_ELSEWHERE 192 /* that the process opens for other things */
#define FILES_EACH 3        /* of a connection: its socket, twice while it sends, and a file */

static bool same(const struct http_address *a, const struct http_address *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool is_known_address(const struct http_server *s, const struct http_address *a)
{
	for (unsigned i = 0; i < HTTP_KNOWN_ADDRESSES; i++)
		if (s->known[i].until_ms > uv_now(s->loop) && same(&s->known[i].address, a))
			return true;
	return false;
}

void http_room_remember(struct http_conn *c)
{
	struct http_server *s = c->listener->server;
	unsigned at = HTTP_KNOWN_ADDRESSES;

	c->known = true;
	for (unsigned i = 0; i < HTTP_KNOWN_ADDRESSES; i++)
		if (same(&s->known[i].address, &c->address))
			at = i;
	if (at == HTTP_KNOWN_ADDRESSES) {
		at = s->known_next;
		s->known_next = (s->known_next + 1) % HTTP_KNOWN_ADDRESSES;
	}
	s->known[at].address = c->address;
	s->known[at].until_ms = uv_now(s->loop) + KNOWN_MS;
}

/* Who goes first. */
enum rank { STRANGER, NEIGHBOUR /* of somebody known */, KNOWN_IDLE, STAYS };

static enum rank rank_of(const struct http_conn *c)
{
	if (c->sm.now == CONN_HANDLING)
		return STAYS;
	if (c->known)
		return c->sm.now == CONN_READING ? KNOWN_IDLE : STAYS;
	return is_known_address(c->listener->server, &c->address) ? NEIGHBOUR : STRANGER;
}

/* The one that goes first, of that address (NULL: of any) and at most of that rank. */
static struct http_conn *first_to_go(const struct http_conn *newcomer, const struct http_address *of, enum rank most)
{
	struct http_conn *first = NULL;
	enum rank lowest = STAYS;

	for (struct http_conn *c = newcomer->listener->server->conns; c; c = c->next) {
		if (c == newcomer || c->sm.now >= CONN_CLOSING || (of && !same(of, &c->address)))
			continue;
		enum rank rank = rank_of(c);
		if (rank > most || rank > lowest)
			continue;
		if (!first || rank < lowest || c->waits_since_ms <= first->waits_since_ms) { /* the list begins with the newest */
			first = c;
			lowest = rank;
		}
	}
	return first;
}

static bool send_away(struct http_conn *c)
{
	if (c)
		http_conn_close(c);
	return c != NULL;
}

bool http_room_make(struct http_conn *newcomer)
{
	const struct http_server *s = newcomer->listener->server;
	unsigned all = 0, here = 0, strangers = 0;

	for (const struct http_conn *c = s->conns; c; c = c->next) {
		if (c->sm.now >= CONN_CLOSING)
			continue;
		all++;
		here += same(&c->address, &newcomer->address);
		strangers += rank_of(c) == STRANGER;
	}
	if (here > s->limits.per_address)
		return send_away(first_to_go(newcomer, &newcomer->address, KNOWN_IDLE));
	if (strangers > s->limits.strangers && rank_of(newcomer) == STRANGER)
		return send_away(first_to_go(newcomer, NULL, STRANGER));
	return all <= s->limits.connections || send_away(first_to_go(newcomer, NULL, KNOWN_IDLE));
}

static void limit(unsigned *n, unsigned most)
{
	if (*n == 0 || *n > most)
		*n = most;
}

void http_room_fit(struct http_limits *l)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_ELSEWHERE + (rlim_t)FILES_EACH * l->connections) {
		l->connections = files.rlim_cur > FILES_ELSEWHERE + 48 ? (unsigned)(files.rlim_cur - FILES_ELSEWHERE) / FILES_EACH : 16;
		limit(&l->per_address, l->connections / 4);
		limit(&l->strangers, l->connections / 2);
	}
	limit(&l->per_address, l->connections);
	limit(&l->strangers, l->connections);
}
