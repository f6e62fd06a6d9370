/* api, regulator */
#include "conf/check.h"

#include "base/buf.h"
#include "conf/check_url.h"
#include "conf/text.h"

#include <stdlib.h>

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define HTTPS_EXAMPLE "https://regulator.example/api/holdfast"

/* --- api --------------------------------------------------------------------- */

static bool listen_exists(const struct check *k, const struct url *u)
{
	for (unsigned i = 0; i < k->conf->listen_count; i++) {
		const struct conf_listen *l = &k->conf->listens[i];
		if (l->port == u->port && strcmp(l->host, u->host) == 0)
			return true;
	}
	return false;
}

static void check_tls(const struct check *k, const char *at, const struct raw_listen *raw)
{
	const struct { const char *key, *value; } keys[] = {
		{"cert", raw->cert}, {"key", raw->key}, {"client_ca", raw->client_ca}, {"role", raw->role},
	};

	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].value)
			check_error(k, at, keys[i].key,
			            "本版本未内置 TLS：请在前面架设 TLS 反向代理并只监听 127.0.0.1，或删除此项",
			            "TLS is not built into this version: put a TLS reverse proxy "
			            "in front and "
			            "listen on 127.0.0.1, or remove this key");
}

static void check_address(const struct check *k, const char *at, const struct raw_listen *raw,
                          struct url *u)
{
	bool tls = raw->cert || raw->key || raw->client_ca || raw->role;

	if (strcmp(u->host, "localhost") == 0)
		snprintf(u->host, sizeof u->host, "127.0.0.1");
	if (!url_host_is_address(u->host))
		check_error(k, at, "listen", "“%s”不是 IP 地址：请写 IP 地址，例如 " LISTEN_DEFAULT,
		            "\"%s\" is not an IP address: write one, such as " LISTEN_DEFAULT,
		            text_quote(u->host).text);
	else if (!url_host_is_loopback(u->host) && !tls)
		check_error(k, at, "listen",
		            "明文 HTTP 只能监听本机回环地址：请改为 127.0.0.1:%u，对外由 TLS 反向代理提供",
		            "plain HTTP is loopback only: write 127.0.0.1:%u, and let a TLS "
		            "reverse proxy "
		            "face the network", u->port);
	else if (listen_exists(k, u))
		check_error(k, at, "listen", "监听地址重复：请删除其中一项",
		            "this address is listed twice: remove one");
}

static void check_listen(const struct check *k, unsigned nth)
{
	const struct raw_listen *raw = &k->raw->api[nth];
	struct check_at at = check_at("api", nth);
	struct url u = {{0}};

	check_tls(k, at.text, raw);
	if (url_parse_host(raw->listen, (unsigned)strlen(raw->listen), &u) != URL_FINE || !u.port) {
		check_error(k, at.text, "listen", "“%s”不是“地址:端口”：请写成 " LISTEN_DEFAULT
		            " 或 [::1]:8080 的形式", "\"%s\" is not address:port: write it like "
		            LISTEN_DEFAULT " or [::1]:8080", text_quote(raw->listen).text);
		return;
	}
	check_address(k, at.text, raw, &u);
	k->conf->listens[k->conf->listen_count++] = (struct conf_listen){xstrdup(u.host), u.port};
}

void check_api(const struct check *k)
{
	unsigned count = k->raw->api_count;

	k->conf->listens = xcalloc(count + 1, sizeof *k->conf->listens);
	if (count == 0 && shape_has(k->shape, "api"))
		check_error(k, "", "api", "列表为空：请写上监听地址，或删除此项（默认 " LISTEN_DEFAULT "）",
		            "the list is empty: write an address, or remove the key (then "
		            LISTEN_DEFAULT ")");
	for (unsigned i = 0; i < count; i++)
		check_listen(k, i);
	if (count == 0)
		k->conf->listens[k->conf->listen_count++] =
			(struct conf_listen){xstrdup("127.0.0.1"), 8080};
}

/* --- regulator --------------------------------------------------------------- */

/* "00:00" to "23:59" */
static bool is_time_of_day(const char *t)
{
	if (strlen(t) != 5 || t[2] != ':' || strspn(t, "0123456789:") != 5)
		return false;
	int hour = (t[0] - '0') * 10 + t[1] - '0', minute = (t[3] - '0') * 10 + t[4] - '0';
	return t[0] != ':' && t[1] != ':' && t[3] != ':' && t[4] != ':' && hour < 24 && minute < 60;
}

static void check_statement(const struct check *k, const char *text)
{
	if (!is_time_of_day(text))
		check_error(k, "regulator", "statement_at", "“%s”不是时刻：请加引号写成 \"00:30\" 的形式",
		            "\"%s\" is no time of day: write it in quotes, like \"00:30\"",
		            text_quote(text).text);
	else
		check_warning(k, "regulator", "statement_at", "本版本不发送每日报表，此项暂不起作用：可以保留或删除",
		              "this version does not send daily statements, so this has no "
		              "effect yet: "
		              "keep or remove it");
}

static char *check_pem(const struct check *k, const char *key, const char *path, bool secret)
{
	return path ? check_file(k, "regulator", key, path, secret) : NULL;
}

void check_regulator(const struct check *k)
{
	const struct raw_regulator *raw = &k->raw->regulator;
	struct conf_regulator *out = &k->conf->regulator;

	if (!raw->url)
		return;
	check_web_url(k, "regulator", raw->url, HTTPS_EXAMPLE);
	out->url = xstrdup(raw->url);
	out->ca = check_pem(k, "ca", raw->ca, false);
	out->cert = check_pem(k, "cert", raw->cert, false);
	out->key = check_pem(k, "key", raw->key, true);
	if (!raw->cert != !raw->key)
		check_error(k, "regulator", raw->cert ? "cert" : "key",
		            "cert 与 key 必须同时给出：请补上另一项，或两项都删除",
		            "cert and key belong together: add the other, or remove both");
	if (raw->statement_at) {
		check_statement(k, raw->statement_at);
		out->statement_at = xstrdup(raw->statement_at);
	}
}
