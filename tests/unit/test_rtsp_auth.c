/* Basic and Digest against the examples of the RFCs, and the choice between challenges. */
#include "recorder/rtsp_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char header[RTSP_AUTH_HEADER_MAX];

static bool has(const char *text)
{
	return strstr(header, text) != NULL;
}

static struct rtsp_auth challenged_by(const char *value)
{
	struct rtsp_auth a = {0};

	rtsp_auth_challenge(&a, value);
	return a;
}

/* RFC 7617 §2. */
static void answers_basic(void **state)
{
	struct rtsp_auth a = challenged_by("Basic realm=\"WallyWorld\"");

	(void)state;
	assert_int_equal(rtsp_auth_answer(&a, "DESCRIBE", "rtsp://c/", "Aladdin", "open sesame", header), 0);
	assert_string_equal(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	assert_true(rtsp_auth_answer(&a, "DESCRIBE", "rtsp://c/", "a:b", "x", header) < 0);
}

/* RFC 2069 errata: the example of a digest without qop. */
static void answers_old_digest(void **state)
{
	struct rtsp_auth a = challenged_by("Digest realm=\"testrealm@host.com\", "
		"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");

	(void)state;
	assert_int_equal(rtsp_auth_answer(&a, "GET", "/dir/index.html", "Mufasa", "CircleOfLife", header), 0);
	assert_true(has("response=\"1949323746fe6a43ef61f9606e7febea\""));
	assert_true(has("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""));
	assert_false(has("qop") || has("cnonce") || has("algorithm"));
}

/* RFC 7616 §3.9.1. */
static void answers_digest_with_qop(void **state)
{
	static const struct { const char *algorithm, *response; } cases[] = {
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	};
	char challenge[400];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(challenge, sizeof challenge, "Digest realm=\"http-auth@example.org\", "
			 "qop=\"auth, auth-int\", algorithm=%s, "
			 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
			 "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"", cases[i].algorithm);
		struct rtsp_auth a = challenged_by(challenge);
		snprintf(a.cnonce, sizeof a.cnonce, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
		assert_int_equal(rtsp_auth_answer(&a, "GET", "/dir/index.html", "Mufasa", "Circle of Life",
						  header), 0);
		assert_true(has(cases[i].response));
		assert_true(has("nc=00000001") && has("qop=auth,") && has(cases[i].algorithm));
		assert_int_equal(rtsp_auth_answer(&a, "GET", "/dir/index.html", "Mufasa", "Circle of Life",
						  header), 0);
		assert_true(has("nc=00000002"));
	}
}

static void chooses_the_strongest(void **state)
{
	struct rtsp_auth a = {0};

	(void)state;
	rtsp_auth_challenge(&a, "Basic realm=\"r\"");
	assert_int_equal(a.scheme, RTSP_AUTH_BASIC);
	rtsp_auth_challenge(&a, "Digest realm=\"r\", nonce=\"n1\", algorithm=SHA-256");
	assert_int_equal(a.scheme, RTSP_AUTH_DIGEST_SHA256);
	rtsp_auth_challenge(&a, "Digest realm=\"r\", nonce=\"n2\"");
	rtsp_auth_challenge(&a, "Digest realm=\"r\", nonce=\"n3\", algorithm=SHA-1");
	assert_string_equal(a.nonce, "n1");
	rtsp_auth_challenge(&a, "Digest realm=\"r\", nonce=\"n4\", algorithm=sha-512-256-sess");
	assert_string_equal(a.nonce, "n4");
	assert_int_equal(a.scheme, RTSP_AUTH_DIGEST_SHA512_256);
	assert_true(a.of_session);

	assert_false(challenged_by("Basic realm=\"r\"").digest_offered);
	a = challenged_by("Basic realm=\"r\", Digest realm=\"r\", nonce=\"n\", algorithm=SHA-1");
	assert_true(a.digest_offered && a.scheme == RTSP_AUTH_BASIC);
	a = challenged_by("Basic realm=\"a, b\", Digest realm=\"x \\\"y\\\"\", nonce=n, stale=TRUE, qop=\"auth\"");
	assert_int_equal(a.scheme, RTSP_AUTH_DIGEST_MD5);
	assert_string_equal(a.realm, "x \"y\"");
	assert_true(a.stale && a.qop_auth);
	assert_int_equal(rtsp_auth_answer(&a, "PLAY", "rtsp://c/", "u", "p", header), 0);
	assert_true(has("realm=\"x \\\"y\\\"\""));
}

static void refuses_what_it_cannot_answer(void **state)
{
	static const char *const bad[] = {
		"", ",,,", "\"", "Negotiate", "Digest", "Digest realm=\"r\"", "Digest nonce=\"n\", algorithm=MD5-sessions",
		"Digest nonce=\"n\", qop=\"auth-int\"", "Digest nonce=\"unclosed", "=", "Digest =x", "Bearer a=\"b\"",
	};
	char longer[RTSP_AUTH_FIELD_MAX + 40] = "Digest nonce=\"";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rtsp_auth a = challenged_by(bad[i]);
		if (i == 8) /* a quote that never ends still names the nonce */
			continue;
		assert_int_equal(a.scheme, RTSP_AUTH_NONE);
		assert_true(rtsp_auth_answer(&a, "PLAY", "u", "u", "p", header) < 0);
	}
	memset(longer + 14, 'a', sizeof longer - 15);
	assert_int_equal(challenged_by(longer).scheme, RTSP_AUTH_NONE);

	struct rtsp_auth a = challenged_by("Digest realm=\"r\", nonce=\"n\"");
	assert_true(rtsp_auth_answer(&a, "PLAY", "u", "a\r\nX: y", "p", header) < 0);
	assert_true(rtsp_auth_answer(&a, "PLAY", "u", NULL, NULL, header) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_basic),
		cmocka_unit_test(answers_old_digest),
		cmocka_unit_test(answers_digest_with_qop),
		cmocka_unit_test(chooses_the_strongest),
		cmocka_unit_test(refuses_what_it_cannot_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
