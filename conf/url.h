/* The few URLs that a configuration may hold, taken strictly (RFC 3986, without user info and
 * fragment): scheme://host[:port][/path][?query], printable ASCII only.
 *
 * A URL is never quoted in a message: what should not stand in it may be a password. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define URL_MAX_BYTES 500
#define URL_HOST_MAX 256

struct url {
	char scheme[8];          /* lower case as it must be written: "rtsp" */
	char host[URL_HOST_MAX]; /* without brackets */
	uint16_t port;           /* 0: not given */
};

enum url_fault {
	URL_FINE,
	URL_TOO_LONG,
	URL_CHARACTER, /* outside what RFC 3986 allows */
	URL_SCHEME,    /* no "scheme://" */
	URL_USER,      /* user info before the host */
	URL_HOST,
	URL_PORT,
};

enum url_fault url_parse(const char *text, struct url *out);
/* "host", "host:port" or "[v6]:port" of len bytes: fills host and port. */
enum url_fault url_parse_host(const char *text, unsigned len, struct url *out);
bool url_host_is_address(const char *host); /* IPv4 or IPv6, not a name */
bool url_host_is_loopback(const char *host);
