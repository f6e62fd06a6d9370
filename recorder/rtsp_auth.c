#include "rtsp_auth.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/require.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECRET_MAX 1024
#define SESSION "-sess"
#define HEX_MAX (2 * EVP_MAX_MD_SIZE + 1)

/* --- reading a challenge ----------------------------------------------------- */

struct param { char name[32], value[RTSP_AUTH_FIELD_MAX]; bool fits; };

static const char *skip_separators(const char *p)
{
	return p + strspn(p, " \t,");
}

static size_t token_len(const char *p)
{
	return strcspn(p, " \t,=\"");
}

static const char *read_quoted(const char *p, struct param *out)
{
	size_t n = 0;

	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
		if (n + 1 < sizeof out->value)
			out->value[n++] = *p;
		else
			out->fits = false;
	}
	out->value[n] = '\0';
	return *p ? p + 1 : p;
}

static const char *read_plain(const char *p, struct param *out)
{
	size_t len = strcspn(p, " \t,");

	out->fits = len < sizeof out->value;
	snprintf(out->value, sizeof out->value, "%.*s", (int)len, p);
	return p + len;
}

/* "name = value" at p: reads it and returns what follows; NULL if there is none (a scheme begins). */
static const char *read_param(const char *p, struct param *out)
{
	size_t len = token_len(p);
	const char *eq = p + len + strspn(p + len, " \t");

	if (*eq != '=')
		return NULL;
	*out = (struct param){.fits = true};
	snprintf(out->name, sizeof out->name, "%.*s", (int)len, p);
	eq++;
	eq += strspn(eq, " \t");
	return *eq == '"' ? read_quoted(eq, out) : read_plain(eq, out);
}

static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = skip_separators(list); *p; p = skip_separators(p)) {
		size_t n = strcspn(p, " \t,");
		if (n == len && strncasecmp(p, word, len) == 0)
			return true;
		p += n;
	}
	return false;
}

/* One challenge as it is read; `unusable` when we could not answer it rightly. */
struct challenge { struct rtsp_auth auth; bool unusable; };

static void take_field(struct challenge *c, char field[RTSP_AUTH_FIELD_MAX], const struct param *p)
{
	c->unusable |= !p->fits;
	memcpy(field, p->value, RTSP_AUTH_FIELD_MAX);
}

static const char *const algorithms[] = {
	[RTSP_AUTH_DIGEST_MD5] = "MD5",
	[RTSP_AUTH_DIGEST_SHA256] = "SHA-256",
	[RTSP_AUTH_DIGEST_SHA512_256] = "SHA-512-256",
};

static const EVP_MD *function_of(enum rtsp_auth_scheme s)
{
	return s == RTSP_AUTH_DIGEST_SHA512_256 ? EVP_sha512_256() :
	       s == RTSP_AUTH_DIGEST_SHA256     ? EVP_sha256() : EVP_md5();
}

static void take_algorithm(struct challenge *c, const char *name)
{
	c->auth.named_algorithm = true;
	for (unsigned s = RTSP_AUTH_DIGEST_MD5; s <= RTSP_AUTH_DIGEST_SHA512_256; s++) {
		size_t len = strlen(algorithms[s]);
		if (strncasecmp(name, algorithms[s], len) != 0 || (name[len] && strcasecmp(name + len, SESSION) != 0))
			continue;
		c->auth.scheme = (enum rtsp_auth_scheme)s;
		c->auth.of_session = name[len] != '\0';
		return;
	}
	c->unusable = true;
}

static void take_param(struct challenge *c, const struct param *p)
{
	if (strcasecmp(p->name, "realm") == 0) {
		take_field(c, c->auth.realm, p);
	} else if (strcasecmp(p->name, "nonce") == 0) {
		take_field(c, c->auth.nonce, p);
	} else if (strcasecmp(p->name, "opaque") == 0) {
		take_field(c, c->auth.opaque, p);
	} else if (c->auth.scheme >= RTSP_AUTH_DIGEST_MD5 && strcasecmp(p->name, "algorithm") == 0) {
		take_algorithm(c, p->value);
	} else if (strcasecmp(p->name, "stale") == 0) {
		c->auth.stale = strcasecmp(p->value, "true") == 0;
	} else if (strcasecmp(p->name, "qop") == 0) {
		c->auth.qop_auth = list_has(p->value, "auth");
		c->unusable |= !c->auth.qop_auth && p->value[0] != '\0';
	}
}

static enum rtsp_auth_scheme scheme_of(const char *name, size_t len)
{
	if (len == 6 && strncasecmp(name, "Digest", 6) == 0)
		return RTSP_AUTH_DIGEST_MD5;
	if (len == 5 && strncasecmp(name, "Basic", 5) == 0)
		return RTSP_AUTH_BASIC;
	return RTSP_AUTH_NONE;
}

static void keep_if_stronger(struct rtsp_auth *a, const struct challenge *c)
{
	bool digest = a->digest_offered || c->auth.scheme >= RTSP_AUTH_DIGEST_MD5;

	a->digest_offered = digest;
	if (c->unusable || c->auth.scheme <= a->scheme)
		return;
	if (c->auth.scheme >= RTSP_AUTH_DIGEST_MD5 && c->auth.nonce[0] == '\0')
		return;
	*a = c->auth;
	a->digest_offered = digest;
}

void rtsp_auth_challenge(struct rtsp_auth *a, const char *value)
{
	const char *p = skip_separators(value);

	while (*p) {
		size_t len = token_len(p);
		struct challenge c = {.auth.scheme = scheme_of(p, len)};
		struct param param;
		const char *next;

		p = skip_separators(p + len);
		while (*p && (next = read_param(p, &param))) {
			take_param(&c, &param);
			p = skip_separators(next);
		}
		keep_if_stronger(a, &c);
		if (len == 0 && *p)
			p++; /* a stray quote: go on behind it */
	}
}

/* --- answering --------------------------------------------------------------- */

static bool sendable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* Hex digest of the parts joined by ':'. */
static void digest(const struct rtsp_auth *a, char out[HEX_MAX], unsigned parts, ...)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	va_list ap;

	REQUIRE(ctx != NULL);
	REQUIRE(EVP_DigestInit_ex(ctx, function_of(a->scheme), NULL) == 1);
	va_start(ap, parts);
	for (unsigned i = 0; i < parts; i++) {
		const char *part = va_arg(ap, const char *);
		REQUIRE(EVP_DigestUpdate(ctx, ":", i > 0) == 1);
		REQUIRE(EVP_DigestUpdate(ctx, part, strlen(part)) == 1);
	}
	va_end(ap);
	REQUIRE(EVP_DigestFinal_ex(ctx, sum, &len) == 1);
	EVP_MD_CTX_free(ctx); /* wipes its state */
	hex_encode(sum, len, out);
	OPENSSL_cleanse(sum, sizeof sum);
}

static void quote(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_add(b, "\\", 1);
		buf_add(b, value, 1);
	}
	buf_add_text(b, "\", ");
}

static void answer_digest(struct rtsp_auth *a, struct buf *b, const char *method, const char *uri,
			  const char *username, const char *password)
{
	char ha1[HEX_MAX], ha2[HEX_MAX], response[HEX_MAX], nc[9];

	a->count++;
	if (a->cnonce[0] == '\0') {
		uint8_t random[8];
		random_bytes(random, sizeof random);
		hex_encode(random, sizeof random, a->cnonce);
	}
	snprintf(nc, sizeof nc, "%08x", a->count);
	digest(a, ha1, 3, username, a->realm, password);
	if (a->of_session)
		digest(a, ha1, 3, ha1, a->nonce, a->cnonce);
	digest(a, ha2, 2, method, uri);
	if (a->qop_auth)
		digest(a, response, 6, ha1, a->nonce, nc, a->cnonce, "auth", ha2);
	else
		digest(a, response, 3, ha1, a->nonce, ha2);
	OPENSSL_cleanse(ha1, sizeof ha1);

	buf_add_text(b, "Digest ");
	quote(b, "username", username);
	quote(b, "realm", a->realm);
	quote(b, "nonce", a->nonce);
	quote(b, "uri", uri);
	if (a->opaque[0])
		quote(b, "opaque", a->opaque);
	if (a->named_algorithm)
		buf_printf(b, "algorithm=%s%s, ", algorithms[a->scheme], a->of_session ? SESSION : "");
	if (a->qop_auth)
		buf_printf(b, "qop=auth, nc=%s, ", nc);
	if (a->qop_auth || a->of_session)
		quote(b, "cnonce", a->cnonce);
	buf_printf(b, "response=\"%s\"", response);
}

static int answer_basic(struct buf *b, const char *username, const char *password)
{
	char pair[SECRET_MAX];
	int n = snprintf(pair, sizeof pair, "%s:%s", username, password);
	bool fits = n >= 0 && (size_t)n < sizeof pair && !strchr(username, ':');

	if (fits) {
		char *text = base64_encode(pair, (size_t)n);
		buf_reserve(b, strlen(text) + 8); /* so that no copy is left behind by growth */
		buf_add_text(b, "Basic ");
		buf_add_text(b, text);
		OPENSSL_cleanse(text, strlen(text));
		free(text);
	}
	OPENSSL_cleanse(pair, sizeof pair);
	return fits ? 0 : -EINVAL;
}

int rtsp_auth_answer(struct rtsp_auth *a, const char *method, const char *uri, const char *username,
		     const char *password, char out[RTSP_AUTH_HEADER_MAX])
{
	struct buf b = {0};
	int rc = 0;

	if (a->scheme == RTSP_AUTH_NONE || !username || !password || !sendable(username))
		return -EINVAL;
	if (a->scheme == RTSP_AUTH_BASIC)
		rc = answer_basic(&b, username, password);
	else
		answer_digest(a, &b, method, uri, username, password);
	if (rc == 0 && b.len >= RTSP_AUTH_HEADER_MAX)
		rc = -EINVAL;
	if (rc == 0)
		snprintf(out, RTSP_AUTH_HEADER_MAX, "%.*s", (int)b.len, (const char *)b.data);
	if (b.data)
		OPENSSL_cleanse(b.data, b.room);
	buf_finish(&b);
	return rc;
}
