/* The examples that AWS published with the signature's description, and what a path may hold. */
#include "offload/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct sigv4_key key = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
static const struct wall at = {INT64_C(1369353600) * US_PER_S}; /* 2013-05-24T00:00:00Z */

static void expect(const struct sigv4_request *part, const char *names, const char *signature)
{
	struct sigv4_request r = *part;

	r.host = "examplebucket.s3.amazonaws.com";
	char *got = sigv4_authorization(&key, &r, at);
	char *want = xasprintf("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
			       "SignedHeaders=%s, Signature=%s", names, signature);
	assert_string_equal(got, want);
	free(got);
	free(want);
}

static void signs_a_get_of_a_range(void **state)
{
	static const struct sigv4_header range = {"range", "bytes=0-9"};

	(void)state;
	expect(&(struct sigv4_request){.method = "GET", .path = "/test.txt", .query = "", .headers = &range, .header_count = 1,
				       .payload_hex = SIGV4_EMPTY},
	       "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void signs_an_upload_with_its_payload(void **state)
{
	static const struct sigv4_header headers[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
						      {"date", "Fri, 24 May 2013 00:00:00 GMT"}};
	char *path = sigv4_encode("/test$file.text", true);

	(void)state;
	expect(&(struct sigv4_request){.method = "PUT", .path = path, .query = "", .headers = headers, .header_count = 2,
				       .payload_hex = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
	       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
	free(path);
}

static void signs_a_sub_resource(void **state)
{
	(void)state;
	expect(&(struct sigv4_request){.method = "GET", .path = "/", .query = "lifecycle=", .payload_hex = SIGV4_EMPTY},
	       "host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void signs_a_query(void **state)
{
	(void)state;
	expect(&(struct sigv4_request){.method = "GET", .path = "/", .query = "max-keys=2&prefix=J", .payload_hex = SIGV4_EMPTY},
	       "host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void encodes_what_is_not_unreserved(void **state)
{
	char *path = sigv4_encode("/a-b_c.d~/e f+%/\xe5\x9b\xad", true), *value = sigv4_encode("a/b=c&d", false);

	(void)state;
	assert_string_equal(path, "/a-b_c.d~/e%20f%2B%25/%E5%9B%AD");
	assert_string_equal(value, "a%2Fb%3Dc%26d");
	free(path);
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_a_get_of_a_range),
		cmocka_unit_test(signs_an_upload_with_its_payload),
		cmocka_unit_test(signs_a_sub_resource),
		cmocka_unit_test(signs_a_query),
		cmocka_unit_test(encodes_what_is_not_unreserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
