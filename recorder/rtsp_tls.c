#include "rtsp_tls.h"

#include "base/lang.h"
#include "base/require.h"
#include "base/tls_pin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

struct rtsp_tls {
	SSL_CTX *ctx;
	SSL *ssl;
	const uint8_t *in;     /* fed and not yet read */
	size_t in_len;
	struct buf out;
	bool pinned;
	uint8_t pin[SHA256_BYTES];
	uint8_t seen[SHA256_BYTES]; /* the camera's key */
	bool has_seen;
	int refused;           /* X509_V_ERR_…: why its certificate was not taken */
};

/* --- the network's side: OpenSSL reads what was fed, and writes into a buf ----------- */

static int on_bio_read(BIO *bio, char *out, int room)
{
	struct rtsp_tls *t = BIO_get_data(bio);
	size_t n = t->in_len < (size_t)room ? t->in_len : (size_t)room;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, t->in, n);
	t->in += n;
	t->in_len -= n;
	return (int)n;
}

static int on_bio_write(BIO *bio, const char *data, int len)
{
	struct rtsp_tls *t = BIO_get_data(bio);

	buf_add(&t->out, data, (size_t)len);
	return len;
}

static long on_bio_ctrl(BIO *bio, int command, long n, void *p)
{
	(void)bio;
	(void)n;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static const BIO_METHOD *memory_method(void)
{
	static BIO_METHOD *method;

	if (method)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rtsp_tls");
	REQUIRE(method != NULL);
	BIO_meth_set_read(method, on_bio_read);
	BIO_meth_set_write(method, on_bio_write);
	BIO_meth_set_ctrl(method, on_bio_ctrl);
	return method;
}

/* --- who the camera is ---------------------------------------------------------------- */

static int on_certificate_error(int ok, X509_STORE_CTX *store)
{
	return ok || X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_NOT_YET_VALID;
}

static int refuse(struct rtsp_tls *t, X509_STORE_CTX *store, int error)
{
	X509_STORE_CTX_set_error(store, error);
	t->refused = error;
	return 0;
}

static int on_certificate(X509_STORE_CTX *store, void *arg)
{
	struct rtsp_tls *t = arg;

	t->has_seen = tls_pin_of(X509_STORE_CTX_get0_cert(store), t->seen) == 0;
	if (t->pinned && t->has_seen && memcmp(t->seen, t->pin, sizeof t->pin) == 0)
		return 1;
	if (t->pinned)
		return refuse(t, store, X509_V_ERR_APPLICATION_VERIFICATION);
	if (X509_verify_cert(store) == 1)
		return 1;
	int error = X509_STORE_CTX_get_error(store);
	return refuse(t, store, error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
}

static int trust(struct rtsp_tls *t, const char *pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	int added = 0;
	X509 *x;

	REQUIRE(bio != NULL);
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		added += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	/* A camera's own certificate may stand there in place of its authority's. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(t->ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return added > 0 ? 0 : -EINVAL;
}

static int set_host(struct rtsp_tls *t, const char *name)
{
	char host[256];
	struct in6_addr v6;
	struct in_addr v4;
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);

	snprintf(host, sizeof host, "%.*s", (int)strcspn(name, "%"), name); /* no certificate names a zone */
	if (inet_pton(AF_INET, host, &v4) == 1 || inet_pton(AF_INET6, host, &v6) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 : -EINVAL;
	if (SSL_set_tlsext_host_name(t->ssl, host) != 1)
		return -EINVAL;
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 ? 0 : -EINVAL;
}

/* --- lifetime -------------------------------------------------------------------------- */

static int set_identity(struct rtsp_tls *t, const struct rtsp_tls_conf *conf)
{
	t->pinned = conf->pin != NULL;
	if (conf->pin)
		return tls_pin_parse(conf->pin, t->pin);
	if (conf->ca)
		return trust(t, conf->ca);
	return SSL_CTX_set_default_verify_paths(t->ctx) == 1 ? 0 : -EIO;
}

static void open_ssl(struct rtsp_tls *t)
{
	BIO *bio = BIO_new(memory_method());

	t->ssl = SSL_new(t->ctx);
	REQUIRE(bio != NULL && t->ssl != NULL);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_connect_state(t->ssl);
}

int rtsp_tls_create(const struct rtsp_tls_conf *conf, struct rtsp_tls **out, struct err *e)
{
	struct rtsp_tls *t = xcalloc(1, sizeof *t);

	*out = NULL;
	t->ctx = SSL_CTX_new(TLS_client_method());
	REQUIRE(t->ctx != NULL && SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) == 1);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, on_certificate_error);
	SSL_CTX_set_cert_verify_callback(t->ctx, on_certificate, t);
	int rc = set_identity(t, conf);
	if (rc == 0) {
		open_ssl(t);
		rc = set_host(t, conf->host);
	}
	if (rc == 0) {
		*out = t;
		return 0;
	}
	rtsp_tls_destroy(t);
	return err_set(e, rc, "%s", lang("无法验证摄像机的证书,请检查 tls_ca 和 tls_pin",
		"the camera's certificate cannot be checked: look at tls_ca and tls_pin"));
}

void rtsp_tls_destroy(struct rtsp_tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	buf_finish(&t->out);
	free(t);
}

/* --- why not ------------------------------------------------------------------------------ */

static enum rtsp_tls_result bad_key(const struct rtsp_tls *t, struct err *e)
{
	char pin[TLS_PIN_TEXT_MAX];

	tls_pin_format(t->seen, pin);
	if (t->pinned)
		err_set(e, -EACCES, "%s %s", lang("摄像机的密钥与 tls_pin 不符,请查明是否有人冒充;若换过证书,请改为",
			"not the key of tls_pin: find out why; if its certificate was changed, write"), pin);
	else if (t->refused == X509_V_ERR_CERT_HAS_EXPIRED)
		err_set(e, -EACCES, "%s tls_pin: %s", lang("摄像机的证书已过期,请更新,或核对其密钥后写",
			"the camera's certificate has expired: renew it, or check its key and write"), pin);
	else if (t->refused == X509_V_ERR_HOSTNAME_MISMATCH || t->refused == X509_V_ERR_IP_ADDRESS_MISMATCH)
		err_set(e, -EACCES, "%s tls_pin: %s", lang("摄像机的证书不是给这个地址的,请核对其密钥后写",
			"the certificate is not for this address: check the camera's key and write"), pin);
	else
		err_set(e, -EACCES, "%s tls_pin: %s", lang("摄像机的证书不可信,请设置 tls_ca,或核对其密钥后写",
			"the certificate is not trusted: set tls_ca, or check the camera's key and write"), pin);
	return RTSP_TLS_BAD;
}

static enum rtsp_tls_result bad_shake(struct rtsp_tls *t, unsigned long code, struct err *e)
{
	int reason = ERR_GET_REASON(code);

	if (t->has_seen && t->refused != X509_V_OK)
		return bad_key(t, e);
	if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG)
		err_set(e, -EPROTO, "%s", lang("该端口不说 TLS,请检查端口,并在摄像机中开启 RTSPS",
			"no TLS is spoken there: check the port, and turn RTSPS on in the camera"));
	else if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
		err_set(e, -EPROTO, "%s", lang("摄像机只支持过时的 TLS (低于 1.2),请更新其固件",
			"the camera speaks outdated TLS only (below 1.2): update its firmware"));
	else
		err_set(e, -EPROTO, "%s: %s", lang("与摄像机的 TLS 握手失败,请更新其固件或证书",
			"no TLS with the camera, update its firmware or certificate"),
			code ? ERR_reason_error_string(code) : "?");
	return RTSP_TLS_BAD;
}

/* --- the conversation ------------------------------------------------------------------------ */

void rtsp_tls_feed(struct rtsp_tls *t, const void *data, size_t len)
{
	REQUIRE(t->in_len == 0);
	t->in = data;
	t->in_len = len;
}

enum rtsp_tls_result rtsp_tls_shake(struct rtsp_tls *t, struct err *e)
{
	ERR_clear_error();
	int rc = SSL_do_handshake(t->ssl);

	if (rc == 1)
		return RTSP_TLS_DONE;
	if (SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_READ)
		return RTSP_TLS_MORE;
	return bad_shake(t, ERR_peek_error(), e);
}

enum rtsp_tls_result rtsp_tls_read(struct rtsp_tls *t, void *out, size_t room, size_t *len, struct err *e)
{
	ERR_clear_error();
	int rc = SSL_read(t->ssl, out, room > INT_MAX ? INT_MAX : (int)room);

	*len = rc > 0 ? (size_t)rc : 0;
	if (rc > 0)
		return RTSP_TLS_DONE;
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:   return RTSP_TLS_MORE;
	case SSL_ERROR_ZERO_RETURN: return RTSP_TLS_ENDED;
	}
	unsigned long code = ERR_peek_error();
	err_set(e, -EPROTO, "%s: %s", lang("TLS 数据已损坏", "the TLS stream is broken"),
		code ? ERR_reason_error_string(code) : "?");
	return RTSP_TLS_BAD;
}

int rtsp_tls_write(struct rtsp_tls *t, const void *data, size_t len)
{
	ERR_clear_error();
	return len <= INT_MAX && SSL_write(t->ssl, data, (int)len) == (int)len ? 0 : -EIO;
}

struct buf *rtsp_tls_output(struct rtsp_tls *t)
{
	return &t->out;
}
