/* Who may see a camera: Basic (RFC 7617) and Digest (RFC 7616, MD5 or SHA-256, with
 * qop=auth; without it as RFC 2069 clients do, MD5 only).
 *
 * Nonces belong to one connection, grow stale with age, and their count must rise.
 *
 * Threads: any. Memory: the caller's; strings are borrowed. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum rtsp_auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_DIGEST_MD5, AUTH_DIGEST_SHA256 };

struct rtsp_auth_config {
	enum rtsp_auth_kind kind;
	const char *user, *password; /* NULL with AUTH_NONE */
	int64_t nonce_life_us;
};

struct rtsp_auth {
	char nonce[33];
	struct mono issued;
	uint32_t last_count;
};

enum rtsp_auth_verdict { AUTH_GRANTED, AUTH_MISSING, AUTH_WRONG, AUTH_STALE };

/* header: the Authorization header, or NULL. url: of the request line. */
enum rtsp_auth_verdict rtsp_auth_check(const struct rtsp_auth_config *cfg, struct rtsp_auth *auth,
				       const char *method, const char *url, const char *header,
				       struct mono now);
/* Appends a WWW-Authenticate header line, with a new nonce where one is needed. */
void rtsp_auth_challenge(const struct rtsp_auth_config *cfg, struct rtsp_auth *auth, bool stale,
			 struct mono now, struct buf *out);
