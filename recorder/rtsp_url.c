#include "rtsp_url.h"

#include "base/lang.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SCHEME "rtsp://"
#define SCHEME_TLS "rtsps://"

static bool clean(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= 0x20 || *p == 0x7f || *p == '"' || *p == '<' || *p == '>')
			return false;
	return true;
}

static bool copy(char *out, size_t room, const char *from, size_t len)
{
	if (len >= room)
		return false;
	memmove(out, from, len);
	out[len] = '\0';
	return true;
}

/* Without a fragment: it is never sent. */
static size_t path_len(const char *path)
{
	return strcspn(path, "#");
}

static bool parse_port(const char *text, size_t len, uint16_t *out)
{
	unsigned v = 0;

	if (len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	*out = (uint16_t)v;
	return v >= 1 && v <= 65535;
}

static uint16_t default_port(const struct rtsp_url *u)
{
	return u->tls ? RTSP_URL_DEFAULT_TLS_PORT : RTSP_URL_DEFAULT_PORT;
}

/* authority: "host", "host:port", "[v6]", "[v6]:port", "host:" */
static bool parse_authority(const char *a, size_t len, struct rtsp_url *out)
{
	bool bracket = len > 0 && a[0] == '[';
	const char *host = bracket ? a + 1 : a;
	const char *end = memchr(a, bracket ? ']' : ':', len);

	if (bracket && !end)
		return false;
	size_t host_len = end ? (size_t)(end - host) : len;
	const char *rest = end ? end + bracket : a + len;
	size_t rest_len = (size_t)(a + len - rest);

	out->port = default_port(out);
	if (rest_len > 1 && (rest[0] != ':' || !parse_port(rest + 1, rest_len - 1, &out->port)))
		return false;
	if (rest_len == 1 && rest[0] != ':')
		return false;
	if (host_len == 0 || !copy(out->host, sizeof out->host, host, host_len))
		return false;
	char *zone = bracket ? strstr(out->host, "%25") : NULL;
	if (zone)
		memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
	return strpbrk(out->host, "[]\\") == NULL;
}

static int fail(const char **why, const char *text)
{
	if (why)
		*why = text;
	return -EINVAL;
}

int rtsp_url_parse(const char *text, struct rtsp_url *out, const char **why)
{
	*out = (struct rtsp_url){.tls = strncasecmp(text, SCHEME_TLS, strlen(SCHEME_TLS)) == 0};
	if (!out->tls && strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return fail(why, lang("地址必须以 rtsp:// 或 rtsps:// 开头",
				      "the address must begin with rtsp:// or rtsps://"));
	if (!clean(text))
		return fail(why, lang("地址中有空格或控制字符,请用 %20 之类的写法",
				      "the address holds a space or control character: write it as %20"));
	const char *auth = text + strlen(out->tls ? SCHEME_TLS : SCHEME);
	size_t len = strcspn(auth, "/?#");
	if (memchr(auth, '@', len))
		return fail(why, lang("地址中不要写用户名和密码,请用 username 和 password_file",
				      "no user or password in the address: use username and password_file"));
	if (!parse_authority(auth, len, out))
		return fail(why, lang("主机名或端口不对,应如 192.168.1.11:554",
				      "the host or port is wrong: write it like 192.168.1.11:554"));
	const char *path = auth + len;
	bool slash = *path == '?'; /* "rtsp://host?x" means "rtsp://host/?x" */
	if (path_len(path) + slash >= sizeof out->path)
		return fail(why, lang("地址太长", "the address is too long"));
	snprintf(out->path, sizeof out->path, "%s%.*s", slash ? "/" : "", (int)path_len(path), path);
	return 0;
}

char *rtsp_url_format(const struct rtsp_url *u, char out[RTSP_URL_TEXT_MAX])
{
	bool v6 = strchr(u->host, ':') != NULL;
	int host_len = (int)(v6 ? strcspn(u->host, "%") : strlen(u->host));
	char port[8] = "";

	if (u->port != default_port(u))
		snprintf(port, sizeof port, ":%u", u->port);
	snprintf(out, RTSP_URL_TEXT_MAX, "%s%s%.*s%s%s%s", u->tls ? SCHEME_TLS : SCHEME, v6 ? "[" : "", host_len,
		 u->host, v6 ? "]" : "", port, u->path);
	return out;
}

/* The path of "scheme://authority/path", or NULL if ref is not absolute. */
static const char *absolute_path(const char *ref)
{
	size_t scheme = strspn(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (scheme == 0 || strncmp(ref + scheme, "://", 3) != 0)
		return NULL;
	const char *auth = ref + scheme + 3;
	return auth + strcspn(auth, "/?#");
}

static bool goes_on_from(const char *path, const char *base)
{
	size_t len = strlen(base);

	while (len > 0 && base[len - 1] == '/')
		len--;
	return len > 0 && strncmp(path, base, len) == 0;
}

static bool append(struct rtsp_url *out, const char *ref)
{
	char joined[RTSP_URL_PATH_MAX];
	size_t len = strlen(out->path);
	bool have = len > 0 && out->path[len - 1] == '/';

	while (have && *ref == '/')
		ref++;
	bool need = !have && *ref != '/' && *ref != '?';
	int n = snprintf(joined, sizeof joined, "%s%s%.*s", out->path, need ? "/" : "",
			 (int)path_len(ref), ref);
	return n >= 0 && (size_t)n < sizeof joined && copy(out->path, sizeof out->path, joined, (size_t)n);
}

int rtsp_url_resolve(const struct rtsp_url *base, const char *ref, struct rtsp_url *out)
{
	if (out != base)
		*out = *base;
	if (!ref || *ref == '\0' || strcmp(ref, "*") == 0)
		return 0;
	if (!clean(ref))
		return -EINVAL;
	const char *path = absolute_path(ref);
	if (!path && *ref == '/' && goes_on_from(ref, base->path))
		path = ref;
	if (!path)
		return append(out, ref) ? 0 : -EINVAL;
	if (*path == '?')
		return -EINVAL;
	return copy(out->path, sizeof out->path, path, path_len(path)) ? 0 : -EINVAL;
}

/* Where the path begins in "//host[:port]/path", "host[:port]/path" (our host) or "/path"; NULL: it is none of them. */
static const char *schemeless_path(const struct rtsp_url *base, const char *ref)
{
	size_t host = strlen(base->host);

	if (strncmp(ref, "//", 2) == 0)
		return ref + 2 + strcspn(ref + 2, "/?#");
	if (*ref == '/')
		return ref;
	if (strncasecmp(ref, base->host, host) == 0 && (ref[host] == ':' || ref[host] == '/'))
		return ref + host + strcspn(ref + host, "/?#");
	return NULL;
}

int rtsp_url_resolve_base(const struct rtsp_url *base, const char *ref, struct rtsp_url *out)
{
	const char *path = ref ? schemeless_path(base, ref) : NULL;

	if (!path || *path != '/')
		return rtsp_url_resolve(base, ref, out);
	if (!clean(ref))
		return -EINVAL;
	*out = *base;
	return copy(out->path, sizeof out->path, path, path_len(path)) ? 0 : -EINVAL;
}

bool rtsp_url_same_host(const struct rtsp_url *a, const struct rtsp_url *b)
{
	return a->tls == b->tls && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}
