#include "onvif/soap.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/lang.h"
#include "onvif/answer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define WSSE "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
#define NONCE_BYTES 16
#define SHA1_BYTES 20
#define MILLISECONDS_END 23 /* "2026-11-23T03:15:00.120" */

/* --- what is sent -------------------------------------------------------------------------- */

/* Base64(SHA-1(nonce ‖ created ‖ password)): the digest that the profile prescribes. */
static char *token_digest(const uint8_t nonce[NONCE_BYTES], const char *created, const char *password)
{
	uint8_t digest[SHA1_BYTES];
	struct buf b = {0};

	buf_reserve(&b, NONCE_BYTES + strlen(created) + strlen(password));
	buf_add(&b, nonce, NONCE_BYTES);
	buf_add_text(&b, created);
	buf_add_text(&b, password);
	bool made = EVP_Digest(b.data, b.len, digest, NULL, EVP_sha1(), NULL) == 1;
	explicit_bzero(b.data, b.len);
	buf_finish(&b);
	return made ? base64_encode(digest, sizeof digest) : xstrdup("");
}

static void add_token(struct buf *out, const struct onvif_login *login, struct wall created)
{
	uint8_t nonce[NONCE_BYTES];
	char at[WALL_TEXT_MAX];

	/* old firmware reads no more than milliseconds */
	snprintf(wall_format(created, at) + MILLISECONDS_END, sizeof at - MILLISECONDS_END, "Z");
	random_bytes(nonce, sizeof nonce);
	char *digest = token_digest(nonce, at, login->password), *nonce_text = base64_encode(nonce, NONCE_BYTES);
	buf_add_text(out, "<w:Security s:mustUnderstand=\"1\" xmlns:w=\"" WSSE "wssecurity-secext-1.0.xsd\" "
		     "xmlns:u=\"" WSSE "wssecurity-utility-1.0.xsd\"><w:UsernameToken><w:Username>");
	xml_escape(out, login->username);
	buf_printf(out, "</w:Username><w:Password Type=\"" WSSE "username-token-profile-1.0#PasswordDigest\">%s"
		   "</w:Password><w:Nonce EncodingType=\"" WSSE "soap-message-security-1.0#Base64Binary\">%s"
		   "</w:Nonce><u:Created>%s</u:Created></w:UsernameToken></w:Security>", digest, nonce_text, at);
	free(digest);
	free(nonce_text);
}

static bool can_log_in(const struct soap *s)
{
	return s->login && s->login->username && s->login->password;
}

static void compose(const struct soap *s, const struct soap_question *q, enum onvif_auth auth, struct buf *out)
{
	buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		     "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header>");
	if (auth == ONVIF_AUTH_TOKEN)
		add_token(out, s->login, (struct wall){clock_wall(clock_real()).us + s->clock_error_us});
	buf_printf(out, "</s:Header><s:Body><q:%s xmlns:q=\"%s\" xmlns:tt=\"http://www.onvif.org/ver10/schema\">%s"
		   "</q:%s></s:Body></s:Envelope>", q->name, q->ns, q->inside, q->name);
}

/* --- the exchange ----------------------------------------------------------------------------- */

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct buf *b = arg;

	if (size * count > XML_MAX_BYTES - b->len)
		return 0;
	buf_add(b, data, size * count);
	return size * count;
}

static long time_left_ms(const struct soap *s)
{
	int64_t left = (s->deadline.us - clock_mono(clock_real()).us) / US_PER_MS;

	return left <= 0 ? 1 : left < s->timeout_ms ? (long)left : (long)s->timeout_ms;
}

static void set_limits(const struct soap *s)
{
	CURL *c = s->curl;

	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, time_left_ms(s));
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L); /* see soap.h */
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, collect);
}

static void set_http_login(const struct soap *s)
{
	/* Digest alone would send an empty body first, to be challenged; with a second kind in the set (one
	 * for which we hold nothing) curl asks with the whole body, as devices expect. */
	curl_easy_setopt(s->curl, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST | CURLAUTH_BEARER);
	curl_easy_setopt(s->curl, CURLOPT_USERNAME, s->login->username);
	curl_easy_setopt(s->curl, CURLOPT_PASSWORD, s->login->password);
}

static CURLcode exchange(struct soap *s, const struct soap_question *q, enum onvif_auth auth, struct buf *answer,
			 long *status)
{
	struct buf text = {0};
	char *type = xasprintf("Content-Type: application/soap+xml; charset=utf-8; action=\"%s/%s\"", q->ns, q->name);
	struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, type), "Expect:");

	compose(s, q, auth, &text);
	curl_easy_reset(s->curl);
	set_limits(s);
	if (auth == ONVIF_AUTH_HTTP)
		set_http_login(s);
	curl_easy_setopt(s->curl, CURLOPT_URL, q->url);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE, (long)text.len);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, text.data);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, answer);
	CURLcode rc = curl_easy_perform(s->curl);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, status);
	curl_slist_free_all(headers);
	free(type);
	buf_finish(&text);
	return rc;
}

/* --- what came back --------------------------------------------------------------------------- */

static int tell_transfer(CURLcode code, struct err *e)
{
	if (code == CURLE_WRITE_ERROR)
		return err_set(e, -EFBIG, lang("答复超过 %u KiB，不是正常的 ONVIF 设备",
			"the answer is longer than %u KiB: that is no ONVIF device in order"), XML_MAX_BYTES >> 10);
	if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_HTTP2)
		return err_set(e, -EBADMSG, "%s", lang("该端口不是 HTTP，请核对地址和端口",
			"what answers there is no HTTP: check address and port"));
	return err_set(e, -ETIMEDOUT, "%s (%s)", lang("没有应答，请检查地址、网线，并在摄像机中开启 ONVIF",
		"no answer: check address and cable, and enable ONVIF in the camera"), curl_easy_strerror(code));
}

static int tell_denied(const struct soap *s, struct err *e)
{
	if (!can_log_in(s))
		return err_set(e, -EACCES, "%s", lang("需要登录，请加上 --username（很多摄像机有单独的 ONVIF 用户）",
			"a login is wanted: give --username (many cameras have users of their own for ONVIF)"));
	return err_set(e, -EACCES, "%s", lang("用户名或密码不对，请检查；很多摄像机要先单独添加 ONVIF 用户",
		"user name or password wrong: check them; many cameras want a user of its own for ONVIF"));
}

static bool is_redirect(long status)
{
	return status >= 300 && status < 400;
}

static int tell_unreadable(long status, int rc, struct err *e)
{
	if (is_redirect(status))
		return err_set(e, -EBADMSG, lang("转到别处 (HTTP %ld)，不跟随：请核对地址",
			"it redirects elsewhere (HTTP %ld), which is not followed: check the address"), status);
	if (rc == -EFBIG)
		return err_set(e, -EFBIG, "%s", lang("答复的层次或元素过多，不是正常的 ONVIF 设备",
			"the answer is too deep or too long: that is no ONVIF device in order"));
	return err_set(e, -EBADMSG, lang("答复不是 ONVIF (HTTP %ld)，请核对地址，并在摄像机中开启 ONVIF",
		"the answer is no ONVIF (HTTP %ld): check the address, and enable ONVIF in the camera"), status);
}

/* One try in one way of logging in. */
static int ask_once(struct soap *s, const struct soap_question *q, enum onvif_auth auth, xmlDoc **doc,
		    const xmlNode **body, struct err *e)
{
	struct buf answer = {0};
	struct quoted reason = {{0}};
	bool denied = false;
	long status = 0;
	CURLcode code = exchange(s, q, auth, &answer, &status);
	int rc = code == CURLE_OK && status != 401 ? xml_parse(answer.data, answer.len, doc) : 0;

	buf_finish(&answer);
	if (code != CURLE_OK)
		return tell_transfer(code, e);
	if (status == 401)
		return tell_denied(s, e);
	*body = answer_body(*doc);
	if (rc < 0 || !*body || is_redirect(status))
		return tell_unreadable(status, rc, e);
	if (!answer_is_fault(*body, &denied, &reason))
		return 0;
	if (denied)
		return tell_denied(s, e);
	return err_set(e, -EREMOTEIO, "%s: %s", lang("摄像机拒绝了请求", "the camera declined"), reason.text);
}

static int try_way(struct soap *s, const struct soap_question *q, enum onvif_auth auth, xmlDoc **doc,
		   const xmlNode **body, struct err *e)
{
	int rc = ask_once(s, q, auth, doc, body, e);

	if (rc < 0) {
		xmlFreeDoc(*doc);
		*doc = NULL;
		*body = NULL;
	}
	if (rc == 0 && q->secret && auth != ONVIF_AUTH_NONE)
		s->auth = auth;
	return rc;
}

int soap_ask(struct soap *s, const struct soap_question *q, xmlDoc **doc, const xmlNode **body, struct err *e)
{
	*doc = NULL;
	*body = NULL;
	if (q->secret && s->denied)
		return tell_denied(s, e);
	if (!q->secret || !can_log_in(s))
		return try_way(s, q, ONVIF_AUTH_NONE, doc, body, e);
	int rc = try_way(s, q, s->auth == ONVIF_AUTH_HTTP ? ONVIF_AUTH_HTTP : ONVIF_AUTH_TOKEN, doc, body, e);
	if (rc == -EACCES && s->auth == ONVIF_AUTH_NONE)
		rc = try_way(s, q, ONVIF_AUTH_HTTP, doc, body, e);
	s->denied = rc == -EACCES && s->auth == ONVIF_AUTH_NONE;
	return rc;
}

/* --- lifetime ----------------------------------------------------------------------------------- */

int soap_init(struct soap *s, const struct onvif_login *login, unsigned timeout_ms, unsigned all_ms)
{
	*s = (struct soap){.curl = curl_easy_init(), .login = login, .timeout_ms = timeout_ms,
			   .deadline = {clock_mono(clock_real()).us + (int64_t)all_ms * US_PER_MS}};
	return s->curl ? 0 : -ENOMEM;
}

void soap_finish(struct soap *s)
{
	curl_easy_cleanup(s->curl);
	s->curl = NULL;
}

const char *soap_peer(const struct soap *s)
{
	char *ip = NULL;

	curl_easy_getinfo(s->curl, CURLINFO_PRIMARY_IP, &ip);
	return ip ? ip : "";
}
