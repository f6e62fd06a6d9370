#include "rtsp_auth.h"

#include "base/crypto.h"
#include "base/require.h"
#include "rtsp_request.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#define REALM "holdfast-camera"
#define FIELD_MAX 256
#define HEX_MAX (2 * EVP_MAX_MD_SIZE + 1)

/* --- reading the header ------------------------------------------------------------ */

struct digest_fields {
	char username[FIELD_MAX], realm[FIELD_MAX], nonce[FIELD_MAX], uri[FIELD_MAX];
	char response[FIELD_MAX], qop[FIELD_MAX], nc[FIELD_MAX], cnonce[FIELD_MAX];
	char algorithm[FIELD_MAX];
};

static char *field_of(struct digest_fields *f, const char *name, size_t len)
{
	const struct { const char *name; char *room; } table[] = {
		{"username", f->username}, {"realm", f->realm},       {"nonce", f->nonce},
		{"uri", f->uri},           {"response", f->response}, {"qop", f->qop},
		{"nc", f->nc},             {"cnonce", f->cnonce},     {"algorithm", f->algorithm},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strlen(table[i].name) == len && strncasecmp(table[i].name, name, len) == 0)
			return table[i].room;
	return NULL;
}

/* Copies a token or a quoted string to out (FIELD_MAX bytes, may be NULL); returns the
 * text after it, or NULL when it is not well-formed or too long. */
static const char *read_value(const char *p, char *out)
{
	bool quoted = *p == '"';
	size_t n = 0;

	for (p += quoted; *p && (quoted ? *p != '"' : !strchr(", \t", *p)); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		if (n + 1 == FIELD_MAX)
			return NULL;
		if (out)
			out[n] = *p;
		n++;
	}
	if (out)
		out[n] = '\0';
	if (quoted && *p != '"')
		return NULL;
	return p + quoted;
}

static int parse_fields(const char *p, struct digest_fields *f)
{
	memset(f, 0, sizeof *f);
	for (p += strspn(p, ", \t"); *p; p += strspn(p, ", \t")) {
		size_t len = strcspn(p, "=, \t");
		if (len == 0 || p[len] != '=')
			return -EINVAL;
		p = read_value(p + len + 1, field_of(f, p, len));
		if (!p)
			return -EINVAL;
	}
	return 0;
}

/* --- digests ------------------------------------------------------------------------ */

/* Hashes the parts, joined by colons, to lower-case hex. */
static void hash_parts(const EVP_MD *md, const char *const *parts, size_t count, char out[HEX_MAX])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	REQUIRE(ctx && EVP_DigestInit_ex(ctx, md, NULL) == 1);
	for (size_t i = 0; i < count; i++) {
		REQUIRE(i == 0 || EVP_DigestUpdate(ctx, ":", 1) == 1);
		REQUIRE(EVP_DigestUpdate(ctx, parts[i], strlen(parts[i])) == 1);
	}
	REQUIRE(EVP_DigestFinal_ex(ctx, sum, &len) == 1);
	EVP_MD_CTX_free(ctx);
	hex_encode(sum, len, out);
}

#define HASH(md, out, ...)                                                                         \
	hash_parts(md, (const char *const[]){__VA_ARGS__},                                         \
		   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), out)

static bool same_text(const char *a, const char *b)
{
	size_t len = strlen(a);

	return strlen(b) == len && CRYPTO_memcmp(a, b, len) == 0;
}

static bool response_right(const struct rtsp_auth_config *cfg, const struct digest_fields *f,
			   const char *method)
{
	const EVP_MD *md = cfg->kind == AUTH_DIGEST_MD5 ? EVP_md5() : EVP_sha256();
	char a1[HEX_MAX], a2[HEX_MAX], want[HEX_MAX];

	HASH(md, a1, cfg->user, REALM, cfg->password);
	HASH(md, a2, method, f->uri);
	if (f->qop[0])
		HASH(md, want, a1, f->nonce, f->nc, f->cnonce, f->qop, a2);
	else
		HASH(md, want, a1, f->nonce, a2);
	return same_text(want, f->response);
}

static bool form_right(const struct rtsp_auth_config *cfg, const struct digest_fields *f,
		       const char *url)
{
	bool md5 = cfg->kind == AUTH_DIGEST_MD5;
	const char *algorithm = md5 ? "MD5" : "SHA-256";

	if (strcmp(f->username, cfg->user) != 0 || strcmp(f->realm, REALM) != 0)
		return false;
	if (f->algorithm[0] ? strcasecmp(f->algorithm, algorithm) != 0 : !md5)
		return false;
	if (f->qop[0] ? strcmp(f->qop, "auth") != 0 || !f->cnonce[0] || strlen(f->nc) != 8 : !md5)
		return false;
	return strcmp(rtsp_url_path(f->uri), rtsp_url_path(url)) == 0;
}

static bool count_rises(struct rtsp_auth *auth, const char *nc)
{
	uint8_t bytes[4];

	if (!nc[0])
		return true;
	if (hex_decode(nc, bytes, sizeof bytes) < 0 || get_u32be(bytes) <= auth->last_count)
		return false;
	auth->last_count = get_u32be(bytes);
	return true;
}

static enum rtsp_auth_verdict check_digest(const struct rtsp_auth_config *cfg,
					   struct rtsp_auth *auth, const char *method,
					   const char *url, const char *text, struct mono now)
{
	struct digest_fields f;

	if (parse_fields(text, &f) < 0 || !form_right(cfg, &f, url) || !response_right(cfg, &f, method))
		return AUTH_WRONG;
	if (!auth->nonce[0] || strcmp(f.nonce, auth->nonce) != 0 ||
	    now.us - auth->issued.us > cfg->nonce_life_us)
		return AUTH_STALE;
	return count_rises(auth, f.nc) ? AUTH_GRANTED : AUTH_STALE;
}

/* --- Basic -------------------------------------------------------------------------- */

static enum rtsp_auth_verdict check_basic(const struct rtsp_auth_config *cfg, const char *text)
{
	char *plain = xasprintf("%s:%s", cfg->user, cfg->password);
	char *want = base64_encode(plain, strlen(plain));
	bool right = same_text(want, text + strspn(text, " \t"));

	free(want);
	free(plain);
	return right ? AUTH_GRANTED : AUTH_WRONG;
}

/* --- both --------------------------------------------------------------------------- */

enum rtsp_auth_verdict rtsp_auth_check(const struct rtsp_auth_config *cfg, struct rtsp_auth *auth,
				       const char *method, const char *url, const char *header,
				       struct mono now)
{
	const char *scheme = cfg->kind == AUTH_BASIC ? "Basic " : "Digest ";

	if (cfg->kind == AUTH_NONE)
		return AUTH_GRANTED;
	if (!header)
		return AUTH_MISSING;
	if (strncasecmp(header, scheme, strlen(scheme)) != 0)
		return AUTH_WRONG;
	if (cfg->kind == AUTH_BASIC)
		return check_basic(cfg, header + strlen(scheme));
	return check_digest(cfg, auth, method, url, header + strlen(scheme), now);
}

static void renew_nonce(struct rtsp_auth *auth, struct mono now)
{
	uint8_t random[16];

	random_bytes(random, sizeof random);
	hex_encode(random, sizeof random, auth->nonce);
	auth->issued = now;
	auth->last_count = 0;
}

void rtsp_auth_challenge(const struct rtsp_auth_config *cfg, struct rtsp_auth *auth, bool stale,
			 struct mono now, struct buf *out)
{
	if (cfg->kind == AUTH_BASIC || cfg->kind == AUTH_NONE) {
		buf_add_text(out, "WWW-Authenticate: Basic realm=\"" REALM "\"\r\n");
		return;
	}
	renew_nonce(auth, now);
	buf_printf(out, "WWW-Authenticate: Digest realm=\"" REALM "\", nonce=\"%s\", algorithm=%s, "
		   "qop=\"auth\"%s\r\n", auth->nonce, cfg->kind == AUTH_DIGEST_MD5 ? "MD5" : "SHA-256",
		   stale ? ", stale=true" : "");
}
