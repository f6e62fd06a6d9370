#include "conf/check_url.h"

static void say(const struct check *k, const char *at, const char *key, enum url_fault fault, const char *example)
{
	switch (fault) {
	case URL_FINE:
		return;
	case URL_TOO_LONG:
		check_error(k, at, key, "地址太长：最多 %d 字节", "too long: at most %d bytes",
		            URL_MAX_BYTES);
		return;
	case URL_CHARACTER:
		check_error(k, at, key, "地址中有不允许的字符（空格、中文、引号、# 等）：请改用 %%XX 编码",
		            "a character that a URL may not hold (space, quote, #, non-ASCII …): "
		            "write it "
		            "as %%XX");
		return;
	case URL_SCHEME:
		check_error(k, at, key, "不是完整的地址：请写成 %s 的形式",
		            "is no full URL: write it like %s", example);
		return;
	case URL_USER:
		check_error(k, at, key, "地址中不能写用户名和密码：请改用单独的凭据项（如 username 和 password_file）",
		            "user name and password may not stand in the URL: use the keys for "
		            "credentials "
		            "(username and password_file)");
		return;
	case URL_HOST:
		check_error(k, at, key, "主机名或 IP 地址无效：请写成 %s 的形式",
		            "the host is neither a name nor an address: write it like %s", example);
		return;
	case URL_PORT:
		check_error(k, at, key, "端口无效：请写 1 到 65535，或省略",
		            "the port is not valid: write 1 to 65535, or leave it out");
		return;
	}
}

bool check_url(const struct check *k, const char *at, const char *key, const char *text, const char *example,
               struct url *out)
{
	enum url_fault fault = url_parse(text, out);

	say(k, at, key, fault, example);
	return fault == URL_FINE;
}

bool check_web_url(const struct check *k, const char *at, const char *text, const char *example)
{
	struct url u;

	if (!check_url(k, at, "url", text, example, &u))
		return false;
	bool plain = strcmp(u.scheme, "http") == 0;
	if (!plain && strcmp(u.scheme, "https") != 0) {
		check_error(k, at, "url", "应为 https 地址：请写成 %s 的形式", "must be an https URL: write it like %s", example);
		return false;
	}
	if (plain && !url_host_is_loopback(u.host)) {
		check_error(k, at, "url", "明文 http 只能发往本机：请改用 https://", "plain http goes to loopback only: use https://");
		return false;
	}
	return true;
}
