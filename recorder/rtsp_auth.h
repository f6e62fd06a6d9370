/* Basic and Digest for RTSP (RFC 7617, RFC 7616, RFC 2069 for old cameras): MD5, SHA-256 and SHA-512-256, each
 * as -sess, too; with qop=auth or without qop.
 *
 * The strongest challenge that we know is answered: Digest SHA-512-256, SHA-256, MD5, Basic.
 * Secrets: the password is borrowed for one call, and never stands in an error; the texts that it
 * went into are wiped. The caller wipes the header that it is given.
 * Threads: one at a time. Memory: the caller's struct; fixed sizes. */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTSP_AUTH_FIELD_MAX 256
#define RTSP_AUTH_HEADER_MAX 2048

/* In order of strength. */
enum rtsp_auth_scheme {
	RTSP_AUTH_NONE, RTSP_AUTH_BASIC, RTSP_AUTH_DIGEST_MD5, RTSP_AUTH_DIGEST_SHA256, RTSP_AUTH_DIGEST_SHA512_256,
};

struct rtsp_auth {
	enum rtsp_auth_scheme scheme;
	char realm[RTSP_AUTH_FIELD_MAX], nonce[RTSP_AUTH_FIELD_MAX], opaque[RTSP_AUTH_FIELD_MAX];
	bool named_algorithm;      /* the challenge named it, so the answer does */
	bool of_session;           /* -sess: what is digested of the password holds both nonces */
	bool qop_auth;
	bool digest_offered;       /* whether or not we can answer it */
	bool stale;                /* only the nonce was too old, not the password wrong */
	char cnonce[64];           /* drawn with the first answer, unless it is set */
	uint32_t count;            /* answers given to this nonce */
};

/* Takes one WWW-Authenticate value (which may hold several challenges); call for each header of the
 * response, after `*a = (struct rtsp_auth){0}`. Keeps the strongest. */
void rtsp_auth_challenge(struct rtsp_auth *a, const char *value);

/* The value for Authorization of one request. 0, or -EINVAL if there is no challenge that we can answer,
 * or the user name cannot be sent. */
int rtsp_auth_answer(struct rtsp_auth *a, const char *method, const char *uri, const char *username,
		     const char *password, char out[RTSP_AUTH_HEADER_MAX]);
