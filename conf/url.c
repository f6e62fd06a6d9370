#include "conf/url.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

bool url_host_is_address(const char *host)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool url_host_is_loopback(const char *host)
{
	uint8_t v4[4];
	struct in6_addr v6;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, v4) == 1)
		return v4[0] == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static enum url_fault parse_port(const char *text, size_t len, uint16_t *port)
{
	unsigned n = 0;

	if (len == 0 || len > 5 || strspn(text, DIGITS) < len)
		return URL_PORT;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	if (n < 1 || n > 65535)
		return URL_PORT;
	*port = (uint16_t)n;
	return URL_FINE;
}

/* An IPv6 address, of a link-local camera with its interface: fe80::1%25eth0 (RFC 6874). */
static bool is_v6(const char *host)
{
	const char *zone = strstr(host, "%25");
	char address[URL_HOST_MAX];
	uint8_t bytes[16];

	snprintf(address, sizeof address, "%.*s", zone ? (int)(zone - host) : (int)strlen(host), host);
	if (zone && (zone[3] == '\0' || strspn(zone + 3, LETTERS DIGITS ".-_") != strlen(zone + 3)))
		return false;
	return inet_pton(AF_INET6, address, bytes) == 1;
}

static enum url_fault copy_host(const char *text, size_t len, bool bracketed, struct url *out)
{
	if (len == 0 || len >= sizeof out->host)
		return URL_HOST;
	memcpy(out->host, text, len);
	out->host[len] = '\0';
	if (bracketed)
		return is_v6(out->host) ? URL_FINE : URL_HOST;
	bool plain = strspn(out->host, LETTERS DIGITS ".-_") == len && text[0] != '-' && text[0] != '.';
	return plain ? URL_FINE : URL_HOST;
}

enum url_fault url_parse_host(const char *text, unsigned len, struct url *out)
{
	bool bracketed = len > 0 && text[0] == '[';
	const char *close = bracketed ? memchr(text, ']', len) : NULL;
	const char *colon = close ? close + 1 : memchr(text, ':', len);
	const char *end = text + len;

	if (bracketed && !close)
		return URL_HOST;
	if (!colon)
		colon = end;
	const char *host_end = close ? close : colon;
	enum url_fault f =
		copy_host(text + bracketed, (size_t)(host_end - text) - bracketed, bracketed, out);
	if (f != URL_FINE)
		return f;
	out->port = 0;
	if (colon == end)
		return URL_FINE;
	return *colon == ':' ? parse_port(colon + 1, (size_t)(end - colon) - 1, &out->port) : URL_HOST;
}

enum url_fault url_parse(const char *text, struct url *out)
{
	static const char allowed[] = LETTERS DIGITS "-._~:/?[]@!$&'()*+,;=%";
	size_t len = strlen(text);
	const char *mark = strstr(text, "://");

	*out = (struct url){0};
	if (len > URL_MAX_BYTES)
		return URL_TOO_LONG;
	if (!mark || mark == text || (size_t)(mark - text) >= sizeof out->scheme)
		return URL_SCHEME;
	memcpy(out->scheme, text, (size_t)(mark - text));
	const char *host = mark + 3;
	size_t host_len = strcspn(host, "/?");
	if (memchr(host, '@', host_len))
		return URL_USER;
	if (strspn(text, allowed) != len)
		return URL_CHARACTER;
	return url_parse_host(host, (unsigned)host_len, out);
}
