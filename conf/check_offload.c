/* offload */
#include "conf/check.h"

#include "base/buf.h"
#include "conf/check_url.h"
#include "conf/text.h"
#include "conf/units.h"

#include <stdlib.h>

#define AT "offload"
#define STORE_EXAMPLE "https://s3.example.com"
#define REGION_DEFAULT "us-east-1"
#define KEY_MAX_BYTES 256
#define BUCKET_MIN_CHARS 3
#define BUCKET_MAX_CHARS 63

/* The store's own address: objects are named below it as /bucket/key. */
static void check_store_url(const struct check *k, const char *text)
{
	if (!check_web_url(k, AT, text, STORE_EXAMPLE))
		return;
	const char *host = strstr(text, "://") + 3;
	if (strpbrk(host, "/?"))
		check_error(k, AT, "url", "只写到主机和端口，不要带路径：例如 %s（存储桶写在 bucket）",
		            "ends with the host and its port, without a path: like %s (the bucket stands in bucket)",
		            STORE_EXAMPLE);
}

static bool is_made_of(const char *text, const char *characters)
{
	return *text && text[strspn(text, characters)] == '\0';
}

static void check_bucket(const struct check *k, const char *text)
{
	size_t len = strlen(text);

	if (len < BUCKET_MIN_CHARS || len > BUCKET_MAX_CHARS ||
	    !is_made_of(text, "abcdefghijklmnopqrstuvwxyz0123456789-"))
		check_error(k, AT, "bucket", "“%s”不可用：请写 3 至 63 个小写字母、数字或 -，并在建桶时启用对象锁定",
		            "\"%s\" cannot be used: 3 to 63 lower-case letters, digits or -, and made with object lock",
		            text_quote(text).text);
}

static void check_region(const struct check *k, const char *text)
{
	if (!is_made_of(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
		check_error(k, AT, "region", "“%s”不可用：只能用字母、数字、- 和 _；不确定时删除此项（默认 " REGION_DEFAULT "）",
		            "\"%s\" cannot be used: letters, digits, - and _; if in doubt remove it (then " REGION_DEFAULT ")",
		            text_quote(text).text);
}

/* Absent: local files stay until retention deletes them. After retention, which says how long that is. */
static void check_local_days(const struct check *k, const char *text, struct conf_offload *out)
{
	out->releases = text != NULL;
	if (text && (units_count(text, &out->local_days) < 0 || out->local_days >= k->conf->keep_days))
		check_error(k, AT, "local_days",
		            "“%s”不可用：请写小于 retention.keep_days（%u）的整数，例如 30；删除此项则本机录像照常保留",
		            "\"%s\" cannot be used: write a whole number below retention.keep_days (%u), such as 30; without it "
		            "local footage stays as long as the rest", text_quote(text).text, k->conf->keep_days);
}

static char *check_key(const struct check *k, const char *key, const char *path, char **file)
{
	*file = check_file(k, AT, key, path, true);
	return *file ? check_secret(k, AT, key, *file, KEY_MAX_BYTES) : NULL;
}

void check_offload(const struct check *k)
{
	const struct raw_offload *raw = &k->raw->offload;
	struct conf_offload *out = &k->conf->offload;
	const char *region = raw->region ? raw->region : REGION_DEFAULT;

	if (!raw->url)
		return;
	check_store_url(k, raw->url);
	check_bucket(k, raw->bucket);
	check_region(k, region);
	out->url = xstrdup(raw->url);
	out->bucket = xstrdup(raw->bucket);
	out->region = xstrdup(region);
	check_local_days(k, raw->local_days, out);
	out->access_key = check_key(k, "access_key_file", raw->access_key_file, &out->access_key_file);
	out->secret_key = check_key(k, "secret_key_file", raw->secret_key_file, &out->secret_key_file);
	out->ca = raw->ca ? check_file(k, AT, "ca", raw->ca, false) : NULL;
}
