/* rtsp:// and rtsps:// addresses: the only kinds that we talk to.
 *
 * Input is a configuration, a redirect or a camera's SDP, so it is hostile: bounded, without control
 * characters or spaces, without user information (a password in a URL ends up in a log).
 * Threads: any. Memory: the caller's structs; nothing is allocated.
 * Source: RFC 2326 §3.2 and C.1.1, RFC 7826 §4.2 (rtsps), RFC 3986. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTSP_URL_HOST_MAX 256
#define RTSP_URL_PATH_MAX 1024
#define RTSP_URL_TEXT_MAX (RTSP_URL_HOST_MAX + RTSP_URL_PATH_MAX + 24)
#define RTSP_URL_DEFAULT_PORT 554
#define RTSP_URL_DEFAULT_TLS_PORT 322

struct rtsp_url {
	bool tls;                     /* rtsps */
	char host[RTSP_URL_HOST_MAX]; /* a name, an IPv4 or an IPv6 address without brackets; its zone
	                                 is behind a '%' and never sent (RFC 6874) */
	uint16_t port;
	char path[RTSP_URL_PATH_MAX]; /* from the first '/' on, with the query; may be empty */
};

/* 0, or -EINVAL and *why: a sentence in lang() that tells what is wrong and what to write. */
int rtsp_url_parse(const char *text, struct rtsp_url *out, const char **why);

/* "rtsp[s]://host[:port]path"; the default port is left out. Returns out. */
char *rtsp_url_format(const struct rtsp_url *u, char out[RTSP_URL_TEXT_MAX]);

/* What `ref` (Content-Base, Location of a control attribute: absolute, relative, empty or "*") means
 * beside `base`. The host and port stay those of base whatever ref says: cameras behind NAT name
 * addresses that lead nowhere, and hostile ones would lead us to somebody else.
 * A relative one is appended after a '/', as cameras and clients do, also behind a query; an
 * absolute path counts as one only if it goes on from base's own path.
 * 0, or -EINVAL when it is too long or holds characters that no URL may hold; *out may be base. */
int rtsp_url_resolve(const struct rtsp_url *base, const char *ref, struct rtsp_url *out);
/* The same for Content-Base and Content-Location, which some cameras write without the scheme: what begins with '/'
 * is the path, "//host/path" and "host/path" name it behind the host. */
int rtsp_url_resolve_base(const struct rtsp_url *base, const char *ref, struct rtsp_url *out);

bool rtsp_url_same_host(const struct rtsp_url *a, const struct rtsp_url *b); /* and port, and TLS or not */
