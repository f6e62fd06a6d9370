/* What a store says a bucket holds, believed only as far as it is plain. */
#include "offload/listing.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define LAST HEAD "<Name>b</Name><IsTruncated>false</IsTruncated>"
#define VERSION(key, id, size)                                                                                              \
	"<Version><Key>" key "</Key><VersionId>" id "</VersionId><IsLatest>true</IsLatest><ETag>&quot;x&quot;</ETag><Size>" size \
	"</Size><Owner><ID>o</ID></Owner></Version>"
#define END "</ListVersionsResult>"

static struct listing l;

static int parse(const char *xml) { return listing_parse(xml, strlen(xml), &l); }

static void a_page_is_read(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "<IsTruncated>true</IsTruncated><NextKeyMarker>s/b&amp;c</NextKeyMarker><NextVersionIdMarker>v2"
			       "</NextVersionIdMarker>" VERSION("s/a", "v1", "12") "<DeleteMarker><Key>s/a</Key><VersionId>d</VersionId>"
			       "</DeleteMarker>" VERSION("s/b&amp;c", "v2", "0") END), 0);
	assert_int_equal(l.count, 2);
	assert_string_equal(l.items[0].key, "s/a");
	assert_string_equal(l.items[0].version, "v1");
	assert_int_equal(l.items[0].bytes, 12);
	assert_string_equal(l.items[1].key, "s/b&c");
	assert_true(l.more);
	assert_string_equal(l.next_key, "s/b&c");
	assert_string_equal(l.next_version, "v2");
	listing_finish(&l);
	assert_int_equal(parse(LAST END), 0);
	assert_true(l.count == 0 && !l.more && !l.next_key);
}

static void what_is_not_plain_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"no xml",
		HEAD END,
		"<?xml version=\"1.0\"?><Error><Code>X</Code></Error>",
		"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><ListVersionsResult><IsTruncated>false</IsTruncated>",
		HEAD "<IsTruncated>maybe</IsTruncated>" END,
		HEAD "<IsTruncated>true</IsTruncated>" END,                              /* more, and nobody knows where */
		HEAD "<IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated>" END,
		LAST VERSION("s/a", "v1", "-1") END,
		LAST VERSION("s/a", "v1", "9999999999999999999") END,
		LAST VERSION("s/a", "v1", "1e3") END,
		LAST VERSION("s/&evil;", "v1", "1") END,
		LAST VERSION("s/&#60;", "v1", "1") END,
		LAST VERSION("s/<b>a</b>", "v1", "1") END,
		LAST "<Version><Key>s/a</Key><Size>1</Size></Version>" END,
		LAST "<Version><VersionId>v</VersionId><Size>1</Size></Version>" END,
		LAST "<Version><Key>a</Key><Key>b</Key><VersionId>v</VersionId><Size>1</Size></Version>" END,
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parse(bad[i]) != -EBADMSG)
			fail_msg("was taken: %s", bad[i]);
	assert_int_equal(listing_parse(LAST "\0" END, sizeof LAST + sizeof END, &l), -EBADMSG);
}

/* Cut anywhere, it is refused or is a beginning of itself. */
static void a_cut_page_is_no_other_page(void **state)
{
	static const char page[] = LAST VERSION("s/a", "v1", "12") VERSION("s/b", "v2", "13") END;

	(void)state;
	for (size_t len = 0; len < sizeof page; len++) {
		char *copy = malloc(len + 1); /* so that a byte too far is noticed */
		assert_non_null(copy);
		memcpy(copy, page, len);
		if (listing_parse(copy, len, &l) == 0) {
			assert_true(l.count <= 2);
			listing_finish(&l);
		}
		free(copy);
	}
}

static void keys_and_pages_are_bounded(void **state)
{
	char *xml = malloc(1 << 20);
	size_t at = (size_t)sprintf(xml, "%s<Version><Key>", LAST);

	(void)state;
	assert_non_null(xml);
	memset(xml + at, 'k', LISTING_TEXT_MAX);
	at += LISTING_TEXT_MAX;
	sprintf(xml + at, "</Key><VersionId>v</VersionId><Size>1</Size></Version>" END);
	assert_int_equal(parse(xml), -EBADMSG);
	at = (size_t)sprintf(xml, "%s", LAST);
	for (int i = 0; i <= LISTING_MAX; i++)
		at += (size_t)sprintf(xml + at, "%s", VERSION("a", "v", "1"));
	assert_int_equal(parse(xml), -EBADMSG);
	free(xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_read),
		cmocka_unit_test(what_is_not_plain_is_refused),
		cmocka_unit_test(a_cut_page_is_no_other_page),
		cmocka_unit_test(keys_and_pages_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
