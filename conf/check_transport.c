/* cameras: url, sub_url, transport, tls_ca, tls_pin, plain_password */
#include "conf/check.h"

#include "base/buf.h"
#include "base/tls_pin.h"
#include "conf/check_url.h"
#include "conf/file.h"
#include "conf/text.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define RTSP_EXAMPLE "rtsp://192.168.1.11:554/path"
#define PIN_EXAMPLE "\"sha256//AAAA…=\""
#define CA_MAX_BYTES 8192

static bool is_rtsps(const char *url)
{
	return strncmp(url, "rtsps://", 8) == 0;
}

static bool check_camera_url(const struct check *k, const char *at, const char *key, const char *text, struct url *url)
{
	if (!check_url(k, at, key, text, RTSP_EXAMPLE, url))
		return false;
	if (strcmp(url->scheme, "rtsp") == 0 || strcmp(url->scheme, "rtsps") == 0)
		return true;
	check_error(k, at, key, "只支持 rtsp:// 和 rtsps:// 地址：请写成 %s 的形式",
	            "only rtsp:// and rtsps:// are spoken: write it like %s", RTSP_EXAMPLE);
	return false;
}

/* It is asked with the same credentials, and with the same trust: so it is of the same camera, as well protected. */
static void check_streams(const struct check *k, const char *at, const struct raw_camera *raw)
{
	struct url url, sub;
	bool fine = check_camera_url(k, at, "url", raw->url, &url);

	if (!raw->sub_url || !check_camera_url(k, at, "sub_url", raw->sub_url, &sub) || !fine)
		return;
	if (strcmp(raw->url, raw->sub_url) == 0)
		check_error(k, at, "sub_url", "与 url 相同：请写摄像机的第二路（较小的）码流，或删除此项",
		            "is the same as url: write the camera's second, smaller stream, or remove the key");
	else if (strcmp(url.host, sub.host) != 0 || strcmp(url.scheme, sub.scheme) != 0)
		check_error(k, at, "sub_url", "须与 url 同协议、同主机（同一台摄像机、同一套密码）：请改正，或删除此项",
		            "must have the scheme and the host of url (the same camera, the same password): write those, or "
		            "remove the key");
}

static bool check_udp(const struct check *k, const char *at, const struct raw_camera *raw)
{
	const char *text = raw->transport;

	if (!text || strcmp(text, "tcp") == 0)
		return false;
	if (strcmp(text, "udp") != 0)
		check_error(k, at, "transport", "没有“%s”这种传输方式：请写 tcp 或 udp，或删除此项",
		            "there is no transport \"%s\": write tcp or udp, or remove the key",
		            text_quote(text).text);
	else if (is_rtsps(raw->url))
		check_error(k, at, "transport", "rtsps 的画面只能经 tcp 加密传输：请改为 tcp 或删除此项",
		            "rtsps protects the pictures over tcp only: write tcp, or remove the key");
	else
		return true;
	return false;
}

static bool has_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	bool has = x != NULL;

	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return has;
}

static char *read_ca(const struct check *k, const char *at, const char *path)
{
	char *full = check_file(k, at, "tls_ca", path, false), *pem = NULL;
	size_t len;

	if (!full)
		return NULL;
	int rc = file_read(full, CA_MAX_BYTES, &pem, &len);
	if (rc < 0 || strlen(pem) != len || !text_is_utf8(pem, len) || !has_certificate(pem)) {
		check_error(k, at, "tls_ca", "%.160s 中应有 PEM 格式的证书（最多 %d 字节）：请换成摄像机或其签发机构的证书",
		            "%.160s must hold a certificate in PEM (at most %d bytes): take that of the "
		            "camera or of who issued it", full, CA_MAX_BYTES);
		free(pem);
		pem = NULL;
	}
	free(full);
	return pem;
}

static char *take_pin(const struct check *k, const char *at, const char *text)
{
	uint8_t pin[SHA256_BYTES];

	if (tls_pin_parse(text, pin) == 0)
		return xstrdup(text);
	check_error(k, at, "tls_pin", "应为 " PIN_EXAMPLE "（sha256// 加 44 个字符的 base64）：请抄录 holdfast probe 显示的值",
	            "must be " PIN_EXAMPLE " (sha256// and 44 characters of base64): copy it from what "
	            "holdfast probe says");
	return NULL;
}

static void check_camera_tls(const struct check *k, const char *at, const struct raw_camera *raw,
                             struct conf_camera *cam)
{
	const char *key = raw->tls_pin ? "tls_pin" : "tls_ca";

	if (!raw->tls_ca && !raw->tls_pin)
		return;
	if (!is_rtsps(raw->url))
		check_error(k, at, key, "只对 rtsps:// 地址有意义：请把 url 改为 rtsps://，或删除此项",
		            "has a meaning for rtsps:// only: write rtsps:// in url, or remove the key");
	if (raw->tls_ca && raw->tls_pin)
		check_error(k, at, key, "tls_ca 与 tls_pin 只能写一个：请删除其中一项",
		            "tls_ca and tls_pin exclude each other: remove one");
	if (raw->tls_ca)
		cam->tls_ca = read_ca(k, at, raw->tls_ca);
	if (raw->tls_pin)
		cam->tls_pin = take_pin(k, at, raw->tls_pin);
}

static void check_plain_password(const struct check *k, const char *at, const struct raw_camera *raw,
                                 struct conf_camera *cam)
{
	cam->plain_password = check_switch(k, at, "plain_password", raw->plain_password);
	if (cam->plain_password && (!raw->username || is_rtsps(raw->url)))
		check_error(k, at, "plain_password", "只对有 username 的 rtsp:// 地址有意义：请删除此项",
		            "has a meaning for rtsp:// and a username only: remove the key");
}

void check_transport(const struct check *k, const char *at, const struct raw_camera *raw,
                     struct conf_camera *cam)
{
	check_streams(k, at, raw);
	cam->udp = check_udp(k, at, raw);
	check_camera_tls(k, at, raw, cam);
	check_plain_password(k, at, raw, cam);
}
