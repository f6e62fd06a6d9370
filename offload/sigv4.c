#include "offload/sigv4.h"

#include "base/require.h"

#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVICE "s3"
#define SCOPE_END "aws4_request"
#define HMAC_BYTES SHA256_BYTES

void sigv4_stamp(struct wall now, char out[SIGV4_STAMP_MAX])
{
	time_t s = (time_t)(now.us / US_PER_S);
	struct tm t;

	gmtime_r(&s, &t);
	strftime(out, SIGV4_STAMP_MAX, "%Y%m%dT%H%M%SZ", &t);
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

char *sigv4_encode(const char *text, bool keep_slashes)
{
	struct buf out = {0};

	for (; *text; text++)
		if (is_unreserved(*text) || (keep_slashes && *text == '/'))
			buf_add(&out, text, 1);
		else
			buf_printf(&out, "%%%02X", (unsigned)(unsigned char)*text);
	buf_add(&out, "", 1);
	return (char *)out.data;
}

/* --- the request in the form that is signed ------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	const struct sigv4_header *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct header_list { struct sigv4_header items[SIGV4_HEADERS_MAX + 3]; unsigned count; };

static void collect(struct header_list *l, const struct sigv4_request *r, const char *stamp)
{
	REQUIRE(r->header_count <= SIGV4_HEADERS_MAX);
	for (unsigned i = 0; i < r->header_count; i++)
		l->items[l->count++] = r->headers[i];
	l->items[l->count++] = (struct sigv4_header){"host", r->host};
	l->items[l->count++] = (struct sigv4_header){"x-amz-date", stamp};
	l->items[l->count++] = (struct sigv4_header){"x-amz-content-sha256", r->payload_hex};
	qsort(l->items, l->count, sizeof *l->items, by_name);
}

static void add_names(struct buf *out, const struct header_list *l)
{
	for (unsigned i = 0; i < l->count; i++)
		buf_printf(out, "%s%s", i ? ";" : "", l->items[i].name);
}

static void digest_request(const struct sigv4_request *r, const struct header_list *l, char hex[SHA256_HEX_MAX])
{
	struct buf text = {0};
	uint8_t digest[SHA256_BYTES];

	buf_printf(&text, "%s\n%s\n%s\n", r->method, r->path, r->query);
	for (unsigned i = 0; i < l->count; i++)
		buf_printf(&text, "%s:%s\n", l->items[i].name, l->items[i].value);
	buf_add_text(&text, "\n");
	add_names(&text, l);
	buf_printf(&text, "\n%s", r->payload_hex);
	sha256(text.data, text.len, digest);
	hex_encode(digest, sizeof digest, hex);
	buf_finish(&text);
}

/* --- the signature ---------------------------------------------------------------------- */

static void hmac(const uint8_t *key, size_t key_len, const char *text, uint8_t out[HMAC_BYTES])
{
	unsigned len = HMAC_BYTES;
	uint8_t mac[HMAC_BYTES];

	REQUIRE(HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), mac, &len) != NULL);
	memcpy(out, mac, sizeof mac);
	explicit_bzero(mac, sizeof mac);
}

static void sign(const struct sigv4_key *k, const char *day, const char *text, char hex[SHA256_HEX_MAX])
{
	char *first = xasprintf("AWS4%s", k->secret);
	const char *const steps[] = {k->region, SERVICE, SCOPE_END, text};
	uint8_t key[HMAC_BYTES];

	hmac((const uint8_t *)first, strlen(first), day, key);
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++)
		hmac(key, sizeof key, steps[i], key);
	hex_encode(key, sizeof key, hex);
	explicit_bzero(first, strlen(first));
	free(first);
}

char *sigv4_authorization(const struct sigv4_key *k, const struct sigv4_request *r, struct wall now)
{
	char stamp[SIGV4_STAMP_MAX], day[9], request[SHA256_HEX_MAX], signature[SHA256_HEX_MAX];
	struct header_list l = {.count = 0};
	struct buf names = {0};

	sigv4_stamp(now, stamp);
	snprintf(day, sizeof day, "%.8s", stamp);
	collect(&l, r, stamp);
	digest_request(r, &l, request);
	char *scope = xasprintf("%s/%s/" SERVICE "/" SCOPE_END, day, k->region);
	char *text = xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, request);
	sign(k, day, text, signature);
	add_names(&names, &l);
	char *out = xasprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%.*s, Signature=%s", k->access, scope,
			      (int)names.len, (const char *)names.data, signature);
	buf_finish(&names);
	free(text);
	free(scope);
	return out;
}
