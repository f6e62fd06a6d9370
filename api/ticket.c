#include "ticket.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

void ticket_secret(char text[TICKET_SECRET_ROOM], uint8_t digest[SHA256_BYTES])
{
	uint8_t secret[TICKET_SECRET_BYTES];

	random_bytes(secret, sizeof secret);
	hex_encode(secret, sizeof secret, text);
	sha256(text, TICKET_SECRET_ROOM - 1, digest);
	OPENSSL_cleanse(secret, sizeof secret);
}

bool ticket_fits(const char *text, size_t len, const uint8_t digest[SHA256_BYTES])
{
	uint8_t of[SHA256_BYTES];

	if (len != TICKET_SECRET_ROOM - 1)
		return false;
	sha256(text, len, of);
	return CRYPTO_memcmp(of, digest, sizeof of) == 0;
}

static bool lives(const struct ticket *o, struct mono now) { return now.us < o->ends.us; }

/* --- making --------------------------------------------------------------------------- */

static bool is_of(const struct ticket *o, const struct identity *who)
{
	return o->token == who->token && strcmp(o->name, who->name) == 0;
}

/* One that has ended; but of who has enough, his oldest. */
static struct ticket *place(struct tickets *t, struct mono now, const struct identity *who)
{
	struct ticket *free_one = NULL, *oldest = NULL;
	unsigned his = 0;

	for (struct ticket *o = t->all; o < t->all + TICKETS_MAX; o++) {
		if (!lives(o, now)) {
			free_one = free_one ? free_one : o;
		} else if (is_of(o, who)) {
			his++;
			if (!oldest || o->made.us < oldest->made.us)
				oldest = o;
		}
	}
	return his >= TICKETS_EACH ? oldest : free_one;
}

int tickets_make(struct tickets *t, struct mono now, const struct identity *who, const struct ticket_for *what,
		 char code[TICKET_SECRET_ROOM])
{
	struct ticket *o = place(t, now, who);

	if (!o)
		return -EBUSY;
	*o = (struct ticket){.what = *what, .token = who->token, .role = who->role, .made = now, .ends.us = now.us + TICKET_FIRST_US};
	snprintf(o->name, sizeof o->name, "%s", who->name);
	ticket_secret(code, o->code);
	return 0;
}

/* --- using ---------------------------------------------------------------------------- */

static bool is_for(const struct ticket *o, const struct ticket_for *what)
{
	return strcmp(o->what.camera, what->camera) == 0 && o->what.segment == what->segment &&
	       o->what.range.start.us == what->range.start.us && o->what.range.end.us == what->range.end.us;
}

static const char *cookie_value(const char *cookies, unsigned number, size_t *len)
{
	char name[sizeof TICKET_COOKIE_NAME + 12];
	size_t n = (size_t)snprintf(name, sizeof name, TICKET_COOKIE_NAME "%u=", number);

	for (const char *at = cookies; at; at = strchr(at, ';')) {
		at += strspn(at, "; ");
		if (strncmp(at, name, n) == 0) {
			*len = strcspn(at + n, "; ");
			return at + n;
		}
	}
	return NULL;
}

static bool come_back(const struct ticket *o, unsigned number, const char *cookies, char value[TICKET_SECRET_ROOM])
{
	size_t len;
	const char *text = cookie_value(cookies, number, &len);

	if (!text || !ticket_fits(text, len, o->cookie))
		return false;
	snprintf(value, TICKET_SECRET_ROOM, "%.*s", (int)len, text);
	return true;
}

const struct ticket *tickets_use(struct tickets *t, struct mono now, const char *code, const char *cookies,
				 const struct ticket_for *what, unsigned *number, char value[TICKET_SECRET_ROOM])
{
	size_t len = strlen(code);

	for (unsigned i = 0; i < TICKETS_MAX; i++) {
		struct ticket *o = &t->all[i];
		if (!lives(o, now) || !ticket_fits(code, len, o->code))
			continue;
		if (!is_for(o, what) || (o->used && !come_back(o, i, cookies, value)))
			return NULL;
		if (!o->used)
			ticket_secret(value, o->cookie);
		o->used = true;
		o->ends.us = now.us + TICKET_AGAIN_US;
		*number = i;
		return o;
	}
	return NULL;
}
