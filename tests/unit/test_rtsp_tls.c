/* TLS towards a camera, in memory: whom it takes, whom it does not, and what it says then. */
#include "recorder/rtsp_tls.h"

#include "base/lang.h"
#include "base/require.h"
#include "base/tls_pin.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DAY_S 86400

/* A camera's key and its certificate of its own making. */
static EVP_PKEY *key;

static void name_it(X509 *x, const char *names)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, &ctx, NID_subject_alt_name, names);
	REQUIRE(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *certificate(const char *names, long from_s, long to_s)
{
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), to_s);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"camera", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	name_it(x, names);
	REQUIRE(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static void pem_of(X509 *x, char out[4096])
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(bio, x);
	int n = BIO_read(bio, out, 4095);
	out[n] = '\0';
	BIO_free(bio);
}

/* --- the two ends ------------------------------------------------------------------- */

struct ends {
	SSL_CTX *ctx;
	SSL *camera;               /* NULL: it speaks plain text */
	BIO *to_camera, *from_camera;
	struct rtsp_tls *tls;
	struct err e;
	size_t piece;              /* bytes that we are fed at once */
};

static void open_camera(struct ends *x, X509 *cert, int max_version)
{
	x->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(x->ctx, 0);
	SSL_CTX_set_min_proto_version(x->ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(x->ctx, max_version);
	REQUIRE(SSL_CTX_use_certificate(x->ctx, cert) == 1 && SSL_CTX_use_PrivateKey(x->ctx, key) == 1);
	x->camera = SSL_new(x->ctx);
	x->to_camera = BIO_new(BIO_s_mem());
	x->from_camera = BIO_new(BIO_s_mem());
	SSL_set_bio(x->camera, x->to_camera, x->from_camera);
	SSL_set_accept_state(x->camera);
}

static void begin(struct ends *x, X509 *cert, int max_version, const struct rtsp_tls_conf *conf)
{
	*x = (struct ends){.piece = SIZE_MAX};
	open_camera(x, cert, max_version);
	assert_int_equal(rtsp_tls_create(conf, &x->tls, &x->e), 0);
}

static void end(struct ends *x)
{
	rtsp_tls_destroy(x->tls);
	SSL_free(x->camera);
	SSL_CTX_free(x->ctx);
}

/* Our bytes to the camera. */
static void deliver(struct ends *x)
{
	struct buf *out = rtsp_tls_output(x->tls);

	if (out->len > 0)
		BIO_write(x->to_camera, out->data, (int)out->len);
	buf_clear(out);
}

static enum rtsp_tls_result shake(struct ends *x)
{
	enum rtsp_tls_result got = rtsp_tls_shake(x->tls, &x->e);
	static uint8_t bytes[65536];

	for (int turn = 0; got == RTSP_TLS_MORE && turn < 20000; turn++) {
		deliver(x);
		SSL_do_handshake(x->camera);
		int n = BIO_read(x->from_camera, bytes, x->piece < sizeof bytes ? (int)x->piece : (int)sizeof bytes);
		if (n <= 0)
			continue;
		rtsp_tls_feed(x->tls, bytes, (size_t)n);
		got = rtsp_tls_shake(x->tls, &x->e);
	}
	deliver(x);
	SSL_do_handshake(x->camera);
	ERR_clear_error();
	return got;
}

static void expect(X509 *cert, const struct rtsp_tls_conf *conf, enum rtsp_tls_result want, const char *says)
{
	struct ends x;

	begin(&x, cert, TLS1_3_VERSION, conf);
	assert_int_equal(shake(&x), want);
	assert_int_equal(SSL_is_init_finished(x.camera) == 1, want == RTSP_TLS_DONE);
	if (says)
		assert_non_null(strstr(x.e.text, says));
	end(&x);
}

/* --- who is taken ---------------------------------------------------------------------- */

static void a_pinned_key_is_enough(void **state)
{
	X509 *expired = certificate("DNS:other", -2 * DAY_S, -DAY_S);
	char pin[TLS_PIN_TEXT_MAX], wrong[TLS_PIN_TEXT_MAX];
	uint8_t sum[SHA256_BYTES];

	(void)state;
	assert_int_equal(tls_pin_of(expired, sum), 0);
	tls_pin_format(sum, pin);
	const struct rtsp_tls_conf right = {.host = "192.0.2.7", .pin = pin};
	expect(expired, &right, RTSP_TLS_DONE, NULL);
	sum[31] ^= 1;
	tls_pin_format(sum, wrong);
	const struct rtsp_tls_conf other = {.host = "192.0.2.7", .pin = wrong};
	expect(expired, &other, RTSP_TLS_BAD, pin); /* it names the key that it saw */
	X509_free(expired);
}

static void an_authority_vouches_for_the_host(void **state)
{
	X509 *good = certificate("IP:192.0.2.7,IP:2001:db8::7,DNS:cam.local", -DAY_S, DAY_S);
	char ca[4096];

	(void)state;
	pem_of(good, ca);
	expect(good, &(struct rtsp_tls_conf){.host = "192.0.2.7", .ca = ca}, RTSP_TLS_DONE, NULL);
	expect(good, &(struct rtsp_tls_conf){.host = "2001:db8::7", .ca = ca}, RTSP_TLS_DONE, NULL);
	expect(good, &(struct rtsp_tls_conf){.host = "cam.local", .ca = ca}, RTSP_TLS_DONE, NULL);
	expect(good, &(struct rtsp_tls_conf){.host = "192.0.2.8", .ca = ca}, RTSP_TLS_BAD, "not for this address");
	expect(good, &(struct rtsp_tls_conf){.host = "cam.other", .ca = ca}, RTSP_TLS_BAD, "not for this address");
	expect(good, &(struct rtsp_tls_conf){.host = "192.0.2.7"}, RTSP_TLS_BAD, "tls_pin: sha256//");
	X509_free(good);
}

static void a_clock_that_is_behind_does_not_stop_the_recording(void **state)
{
	X509 *tomorrow = certificate("IP:192.0.2.7", DAY_S, 2 * DAY_S), *yesterday = certificate("IP:192.0.2.7", -2 * DAY_S, -DAY_S);
	char ca[4096];

	(void)state;
	pem_of(tomorrow, ca);
	expect(tomorrow, &(struct rtsp_tls_conf){.host = "192.0.2.7", .ca = ca}, RTSP_TLS_DONE, NULL);
	pem_of(yesterday, ca);
	expect(yesterday, &(struct rtsp_tls_conf){.host = "192.0.2.7", .ca = ca}, RTSP_TLS_BAD, "expired");
	X509_free(tomorrow);
	X509_free(yesterday);
}

/* Somebody who shows the camera's certificate and has not its key. */
static void a_certificate_without_its_key_is_nobody(void **state)
{
	X509 *good = certificate("IP:192.0.2.7", -DAY_S, DAY_S);
	EVP_PKEY *own = key;
	char pin[TLS_PIN_TEXT_MAX], seen[4096];
	uint8_t sum[SHA256_BYTES];

	(void)state;
	tls_pin_of(good, sum);
	tls_pin_format(sum, pin);
	pem_of(good, seen);
	key = EVP_EC_gen("P-256");
	X509 *forged = certificate("IP:192.0.2.7", -DAY_S, DAY_S);
	expect(forged, &(struct rtsp_tls_conf){.host = "192.0.2.7", .pin = pin}, RTSP_TLS_BAD, "find out why");
	expect(forged, &(struct rtsp_tls_conf){.host = "192.0.2.7", .ca = seen}, RTSP_TLS_BAD, "not trusted");
	EVP_PKEY_free(key);
	key = own;
	X509_free(forged);
	X509_free(good);
}

/* --- what is not TLS, or not enough ------------------------------------------------------- */

static void outdated_tls_is_refused(void **state)
{
	X509 *good = certificate("IP:192.0.2.7", -DAY_S, DAY_S);
	struct ends x;
	char ca[4096];

	(void)state;
	pem_of(good, ca);
	const struct rtsp_tls_conf conf = {.host = "192.0.2.7", .ca = ca};
	begin(&x, good, TLS1_1_VERSION, &conf);
	assert_int_equal(shake(&x), RTSP_TLS_BAD);
	assert_non_null(strstr(x.e.text, "below 1.2"));
	end(&x);
	begin(&x, good, TLS1_2_VERSION, &conf);
	assert_int_equal(shake(&x), RTSP_TLS_DONE);
	end(&x);
	X509_free(good);
}

static void plain_text_is_not_taken_for_a_camera(void **state)
{
	static const char *const answers[] = {"RTSP/1.0 400 Bad Request\r\nCSeq: 0\r\n\r\n", "HTTP/1.1 400 Bad\r\n\r\n"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct rtsp_tls *t;
		struct err e;
		assert_int_equal(rtsp_tls_create(&(struct rtsp_tls_conf){.host = "cam"}, &t, &e), 0);
		assert_int_equal(rtsp_tls_shake(t, &e), RTSP_TLS_MORE);
		rtsp_tls_feed(t, answers[i], strlen(answers[i]));
		assert_int_equal(rtsp_tls_shake(t, &e), RTSP_TLS_BAD);
		assert_non_null(strstr(e.text, "no TLS is spoken there"));
		rtsp_tls_destroy(t);
	}
}

static void what_cannot_be_trusted_is_refused_at_once(void **state)
{
	struct rtsp_tls *t;
	struct err e;

	(void)state;
	assert_true(rtsp_tls_create(&(struct rtsp_tls_conf){.host = "c", .ca = "no PEM"}, &t, &e) < 0);
	assert_true(rtsp_tls_create(&(struct rtsp_tls_conf){.host = "c", .pin = "sha256//x"}, &t, &e) < 0);
	assert_non_null(strstr(e.text, "tls_pin"));
}

/* --- data ------------------------------------------------------------------------------------- */

static void read_back(struct ends *x, size_t want)
{
	static uint8_t bytes[65536], plain[4096];
	enum rtsp_tls_result got;
	size_t len, total = 0;
	int n;

	while ((n = BIO_read(x->from_camera, bytes, (int)(x->piece < sizeof bytes ? x->piece : sizeof bytes))) > 0) {
		rtsp_tls_feed(x->tls, bytes, (size_t)n);
		while ((got = rtsp_tls_read(x->tls, plain, sizeof plain, &len, &x->e)) == RTSP_TLS_DONE)
			for (size_t i = 0; i < len; i++, total++)
				assert_int_equal(plain[i], (uint8_t)(total * 7));
		assert_int_equal(got, RTSP_TLS_MORE);
	}
	assert_int_equal(total, want);
}

static void carries_data_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = {1, 3, 1000, SIZE_MAX};
	X509 *good = certificate("IP:192.0.2.7", -DAY_S, DAY_S);
	static uint8_t media[70000];
	char ca[4096], heard[100];

	(void)state;
	pem_of(good, ca);
	for (size_t i = 0; i < sizeof media; i++)
		media[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct ends x;
		begin(&x, good, TLS1_3_VERSION, &(struct rtsp_tls_conf){.host = "192.0.2.7", .ca = ca});
		x.piece = pieces[i];
		assert_int_equal(shake(&x), RTSP_TLS_DONE);
		assert_int_equal(rtsp_tls_write(x.tls, "OPTIONS", 7), 0);
		assert_null(memmem(rtsp_tls_output(x.tls)->data, rtsp_tls_output(x.tls)->len, "OPTIONS", 7));
		deliver(&x);
		assert_int_equal(SSL_read(x.camera, heard, sizeof heard), 7);
		assert_int_equal(SSL_write(x.camera, media, sizeof media), sizeof media);
		read_back(&x, sizeof media);
		end(&x);
	}
	X509_free(good);
}

static void an_end_is_told_and_damage_is_not_media(void **state)
{
	X509 *good = certificate("IP:192.0.2.7", -DAY_S, DAY_S);
	uint8_t bytes[4096], plain[100];
	struct ends x;
	char ca[4096];
	size_t len;

	(void)state;
	pem_of(good, ca);
	for (int damaged = 0; damaged < 2; damaged++) {
		begin(&x, good, TLS1_2_VERSION, &(struct rtsp_tls_conf){.host = "192.0.2.7", .ca = ca});
		assert_int_equal(shake(&x), RTSP_TLS_DONE);
		if (damaged)
			SSL_write(x.camera, "media", 5);
		else
			SSL_shutdown(x.camera);
		int n = BIO_read(x.from_camera, bytes, sizeof bytes);
		if (damaged)
			bytes[n - 1] ^= 1;
		rtsp_tls_feed(x.tls, bytes, (size_t)n);
		assert_int_equal(rtsp_tls_read(x.tls, plain, sizeof plain, &len, &x.e),
				 damaged ? RTSP_TLS_BAD : RTSP_TLS_ENDED);
		assert_int_equal(len, 0);
		end(&x);
	}
	X509_free(good);
}

static int setup(void **state)
{
	(void)state;
	key = EVP_EC_gen("P-256");
	return key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pinned_key_is_enough),
		cmocka_unit_test(an_authority_vouches_for_the_host),
		cmocka_unit_test(a_clock_that_is_behind_does_not_stop_the_recording),
		cmocka_unit_test(a_certificate_without_its_key_is_nobody),
		cmocka_unit_test(outdated_tls_is_refused),
		cmocka_unit_test(plain_text_is_not_taken_for_a_camera),
		cmocka_unit_test(what_cannot_be_trusted_is_refused_at_once),
		cmocka_unit_test(carries_data_in_pieces_of_any_size),
		cmocka_unit_test(an_end_is_told_and_damage_is_not_media),
	};
	lang_set("en");
	return cmocka_run_group_tests(tests, setup, teardown);
}
