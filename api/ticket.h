/* Codes that may stand in an address, where a token may not: for one file of footage, one use, a minute. The first use buys a
 * cookie with which that browser may ask for the same file again, as a <video> does that seeks, and for no other.
 *
 * Threads: one. Memory: a table of fixed size; of codes and cookies it keeps digests only. */
#pragma once
#include "api/auth.h"
#include "indexer/catalog.h"

#define TICKETS_MAX 256
#define TICKETS_EACH 16 /* of one person: then his oldest goes */
#define TICKET_FIRST_US (60 * US_PER_S)
#define TICKET_AGAIN_US (3600 * US_PER_S) /* since the last use */
#define TICKET_SECRET_BYTES 16
#define TICKET_SECRET_ROOM (2 * TICKET_SECRET_BYTES + 1) /* its text */
#define TICKET_COOKIE_NAME "holdfast-footage-"

struct ticket_for {
	char camera[CATALOG_ID_MAX];
	struct wall_range range;
	int64_t segment;        /* 0: whatever counts */
};

struct ticket {
	struct ticket_for what;
	int64_t token;          /* whose it is; 0: name's, of the box */
	char name[TOKEN_NAME_ROOM];
	enum role role;
	uint8_t code[SHA256_BYTES], cookie[SHA256_BYTES];
	struct mono made, ends;
	bool used;
};

struct tickets { struct ticket all[TICKETS_MAX]; };

/* -EBUSY: others have all that there are. */
int tickets_make(struct tickets *t, struct mono now, const struct identity *who, const struct ticket_for *what,
		 char code[TICKET_SECRET_ROOM]);
/* What the code (the first time) or the code and its cookie open; NULL: nothing, or not that. cookies: the request's header, or
 * NULL. *number and value are of the cookie, to be set (again). */
const struct ticket *tickets_use(struct tickets *t, struct mono now, const char *code, const char *cookies,
				 const struct ticket_for *what, unsigned *number, char value[TICKET_SECRET_ROOM]);

/* Such a secret, and the digest that is kept of it. */
void ticket_secret(char text[TICKET_SECRET_ROOM], uint8_t digest[SHA256_BYTES]);
bool ticket_fits(const char *text, size_t len, const uint8_t digest[SHA256_BYTES]);
