/* What cameras say over ONVIF: XML as hostile input, and what is read out of the answers. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/lang.h"
#include "cli/camera_id.h"
#include "cli/discover.h"
#include "onvif/answer.h"
#include "onvif/discovery.h"
#include "onvif/xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENVELOPE(body) "<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"><e:Body>" body "</e:Body></e:Envelope>"

static int parse(const char *text, xmlDoc **doc)
{
	size_t len = strlen(text);
	char *copy = xcalloc(1, len); /* exactly as long, so that a sanitizer sees a step beyond */

	memcpy(copy, text, len);
	int rc = xml_parse(copy, len, doc);
	free(copy);
	return rc;
}

static xmlDoc *good(const char *text)
{
	xmlDoc *doc;

	assert_int_equal(parse(text, &doc), 0);
	return doc;
}

static void refuses(const char *text, int code)
{
	xmlDoc *doc;

	assert_int_equal(parse(text, &doc), code);
	assert_null(doc);
}

static char *repeated(const char *piece, unsigned times, const char *end)
{
	struct buf b = {0};

	for (unsigned i = 0; i < times; i++)
		buf_add_text(&b, piece);
	buf_add_text(&b, end);
	buf_add(&b, "", 1);
	return (char *)b.data;
}

/* --- xml ----------------------------------------------------------------------------------- */

static void refuses_a_document_type(void **state)
{
	(void)state;
	refuses("<!DOCTYPE a><a/>", -EBADMSG);
	refuses("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", -EBADMSG);
	refuses("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", -EBADMSG);
	refuses("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", -EBADMSG);
	refuses("<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1/\"> %x;]><a/>", -EBADMSG);
	refuses("<a>&undefined;</a>", -EBADMSG);
}

static void refuses_what_is_no_xml(void **state)
{
	(void)state;
	refuses("", -EBADMSG);
	refuses("x", -EBADMSG);
	refuses("<a>", -EBADMSG);
	refuses("<a></b>", -EBADMSG);
	refuses("<a>\x01</a>", -EBADMSG);
}

static void keeps_its_bounds(void **state)
{
	char *deep = repeated("<a>", XML_MAX_DEPTH + 1, ""), *wide = repeated("<b/>", XML_MAX_ELEMENTS, "</a>");
	char *text = xasprintf("<a>%s", wide), *huge = xcalloc(1, XML_MAX_BYTES + 1);
	xmlDoc *doc;

	(void)state;
	refuses(deep, -EFBIG);
	refuses(text, -EFBIG);
	assert_int_equal(xml_parse(huge, XML_MAX_BYTES + 1, &doc), -EFBIG);
	free(deep);
	free(wide);
	free(text);
	free(huge);

	/* as deep as allowed */
	char *open = repeated("<a>", XML_MAX_DEPTH, ""), *close = repeated("</a>", XML_MAX_DEPTH, "");
	text = xasprintf("%s%s", open, close);
	xmlFreeDoc(good(text));
	free(open);
	free(close);
	free(text);
}

static void finds_and_reads(void **state)
{
	xmlDoc *doc = good("<r xmlns:n='u'><n:a k=' v '> t<![CDATA[<&]]>&lt; </n:a><a>2</a><a>inf</a><b><c>3.5</c></b></r>");
	const xmlNode *root = xmlDocGetRootElement(doc), *a = xml_find(root, "a");
	char out[8], tiny[3];
	double v;

	(void)state;
	assert_true(xml_text(a, out, sizeof out));
	assert_string_equal(out, "t<&<");
	assert_false(xml_text(a, tiny, sizeof tiny));
	assert_string_equal(tiny, "");
	assert_true(xml_attribute(a, "k", out, sizeof out));
	assert_string_equal(out, "v");
	assert_false(xml_attribute(a, "none", out, sizeof out));
	assert_true(xml_number(xml_next(a), 0, 2, &v));
	assert_false(xml_number(xml_next(a), 0, 1.9, &v));
	assert_false(xml_number(xml_next(xml_next(a)), 0, 2, &v));
	assert_null(xml_next(xml_next(xml_next(a))));
	assert_true(xml_number(xml_find(root, "b/c"), 0, 9, &v));
	assert_true(v > 3.4 && v < 3.6);
	assert_null(xml_find(root, "b/d"));
	assert_false(xml_text(NULL, out, sizeof out));
	xmlFreeDoc(doc);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool time_of(const char *date, int64_t *us)
{
	char *text = xasprintf(ENVELOPE("<R><SystemDateAndTime><DateTimeType>NTP</DateTimeType><UTCDateTime>%s</UTCDateTime>"
					"</SystemDateAndTime></R>"), date);
	xmlDoc *doc = good(text);
	bool ntp, known = answer_time(answer_body(doc), us, &ntp);

	assert_true(ntp);
	xmlFreeDoc(doc);
	free(text);
	return known;
}

static void reads_the_time(void **state)
{
	int64_t us;

	(void)state;
	assert_true(time_of("<Time><Hour>3</Hour><Minute>15</Minute><Second>0</Second></Time>"
			    "<Date><Year>2026</Year><Month>11</Month><Day>23</Day></Date>", &us));
	assert_int_equal(us, 1795403700 * US_PER_S);
	assert_false(time_of("<Time><Hour>24</Hour><Minute>15</Minute><Second>0</Second></Time>"
			     "<Date><Year>2026</Year><Month>11</Month><Day>23</Day></Date>", &us));
	assert_false(time_of("<Time><Hour>3</Hour><Minute>15</Minute><Second>0</Second></Time>", &us));
	assert_false(time_of("", &us));
}

static void tells_a_fault_from_a_refusal(void **state)
{
	struct quoted reason;
	bool denied;
	xmlDoc *doc = good(ENVELOPE("<e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>ter:NotAuthorized</e:Value>"
				    "</e:Subcode></e:Code><e:Reason><e:Text>no\xe2\x80\xae</e:Text></e:Reason></e:Fault>"));

	(void)state;
	assert_true(answer_is_fault(answer_body(doc), &denied, &reason));
	assert_true(denied);
	assert_string_equal(reason.text, "no?");
	xmlFreeDoc(doc);
	doc = good(ENVELOPE("<e:Fault><faultcode>x</faultcode><faultstring>old</faultstring></e:Fault>"));
	assert_true(answer_is_fault(answer_body(doc), &denied, &reason));
	assert_false(denied);
	assert_string_equal(reason.text, "old");
	xmlFreeDoc(doc);
	doc = good("<html><Body><p/></Body></html>");
	assert_null(answer_body(doc));
	assert_false(answer_is_fault(NULL, &denied, &reason));
	xmlFreeDoc(doc);
}

static void keeps_numbers_within_sense(void **state)
{
	struct onvif_device d = {0};
	xmlDoc *doc = good(ENVELOPE("<R><Profiles/><Profiles token='none'/><Profiles token='t'><VideoEncoderConfiguration>"
				    "<Encoding>H264</Encoding><Resolution><Width>-1</Width><Height>99999999999</Height></Resolution>"
				    "<RateControl><FrameRateLimit>1e400</FrameRateLimit><BitrateLimit>0x10</BitrateLimit></RateControl>"
				    "<H264><GovLength>many</GovLength></H264></VideoEncoderConfiguration></Profiles></R>"));

	(void)state;
	answer_profiles(answer_body(doc), &d);
	assert_int_equal(d.profile_count, 1);
	const struct onvif_profile *p = &d.profiles[0];
	assert_true(p->width == 0 && p->height == 0 && p->fps <= 0 && p->kbit_per_s == 0 && p->key_frames == 0);
	xmlFreeDoc(doc);
}

static void takes_no_more_profiles_than_there_is_room_for(void **state)
{
	struct onvif_device d = {0};
	char *many = repeated("<P:Profiles token='t'><VideoEncoderConfiguration/></P:Profiles>", ONVIF_PROFILES_MAX + 5, "");
	char *text = xasprintf("<Envelope xmlns:P='p'><Body><R>%s</R></Body></Envelope>", many);
	xmlDoc *doc = good(text);

	(void)state;
	answer_profiles(answer_body(doc), &d);
	assert_int_equal(d.profile_count, ONVIF_PROFILES_MAX);
	xmlFreeDoc(doc);
	free(many);
	free(text);
}

static void scopes_name_the_device(void **state)
{
	struct onvif_device d = {0};

	(void)state;
	answer_scope(&d, "onvif://www.onvif.org/name/%E6%B4%BB%E5%8A%A8%0A%00%zz%");
	answer_scope(&d, "onvif://www.onvif.org/name/second");
	answer_scope(&d, "ONVIF://www.onvif.org/Hardware/DS-2CD");
	answer_scope(&d, "http://elsewhere/location/x");
	assert_string_equal(d.name.text, "活动?%00%zz%");
	assert_string_equal(d.hardware.text, "DS-2CD");
	assert_string_equal(d.location.text, "");
}

/* --- discovery ---------------------------------------------------------------------------------- */

static unsigned discovered(const char *addresses, struct onvif_device out[2])
{
	char *text = xasprintf(ENVELOPE("<ProbeMatches><ProbeMatch><XAddrs>%s</XAddrs></ProbeMatch></ProbeMatches>"), addresses);
	unsigned count = 0;

	discovery_answer(text, strlen(text), "192.168.1.11", out, 2, &count);
	discovery_answer(text, strlen(text), "192.168.1.11", out, 2, &count); /* once more: still one */
	free(text);
	return count;
}

static void an_answer_speaks_for_its_sender_only(void **state)
{
	static struct onvif_device d[2];

	(void)state;
	assert_int_equal(discovered("http://[fe80::1]/x http://192.168.1.12/x http://192.168.1.11:8000/x", d), 1);
	assert_string_equal(d[0].address, "http://192.168.1.11:8000/x");
	assert_string_equal(d[0].host, "192.168.1.11");
	assert_int_equal(discovered("http://192.168.1.12/x file:///etc/passwd", d), 1);
	assert_string_equal(d[0].address, "http://192.168.1.11/onvif/device_service");
	assert_int_equal(discovered("", d), 1);
	assert_string_equal(d[0].address, "http://192.168.1.11/onvif/device_service");
}

static void answers_that_are_none_add_nothing(void **state)
{
	static struct onvif_device d[2];
	unsigned count = 0;

	(void)state;
	discovery_answer("", 0, "192.168.1.11", d, 2, &count);
	discovery_answer("\xff\xff", 2, "192.168.1.11", d, 2, &count);
	discovery_answer("<Envelope><Body/></Envelope>", 28, "192.168.1.11", d, 2, &count);
	assert_int_equal(count, 0);
}

/* --- addresses, ids, advice ------------------------------------------------------------------------ */

static void addresses_that_a_person_writes(void **state)
{
	struct onvif_device d = {0};
	struct err e;

	(void)state;
	assert_int_equal(onvif_device_address(&d, "192.168.1.11:8000", &e), 0);
	assert_string_equal(d.address, "http://192.168.1.11:8000/onvif/device_service");
	assert_int_equal(onvif_device_address(&d, "https://cam.local/x", &e), 0);
	assert_string_equal(d.host, "cam.local");
	const char *const bad[] = {"", "rtsp://1.2.3.4/", "http://u:p@1.2.3.4/", "file:///x", "a b", "1.2.3.4:99999"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(onvif_device_address(&d, bad[i], &e), -EINVAL);
}

static void ids_are_safe_and_unique(void **state)
{
	static char taken[3][ID_MAX_CHARS + 1];
	const char *const names[] = {"活动室", "../..", "HIKVISION DS-2CD2143G2-I(S) ------ and a very long name of it"};
	const char *const none[] = {"", "活"};

	(void)state;
	camera_id_make(names, 3, taken, 0, taken[0]);
	camera_id_make(names, 3, taken, 1, taken[1]);
	camera_id_make(none, 2, taken, 2, taken[2]);
	assert_string_equal(taken[0], "hikvision-ds-2cd2143g2-i-s-and-a-very-lo");
	assert_string_equal(taken[1], "hikvision-ds-2cd2143g2-i-s-and-a-very-lo-2");
	assert_string_equal(taken[2], "camera");
	for (int i = 0; i < 3; i++)
		assert_true(text_is_id(taken[i], ID_MAX_CHARS));
}

static void the_clock_is_judged_in_both_languages(void **state)
{
	struct onvif_device d = {.clock_known = true, .clock_error_us = 1900 * US_PER_MS};

	(void)state;
	lang_set("en");
	assert_null(discover_clock_problem(&d));
	d.clock_error_us = -2100 * US_PER_MS;
	assert_non_null(strstr(discover_clock_problem(&d), "set NTP"));
	d.clock_ntp = true;
	assert_non_null(strstr(discover_clock_problem(&d), "check its NTP server"));
	lang_set("zh-CN");
	assert_non_null(strstr(discover_clock_problem(&d), "时区"));
	lang_set("en");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_document_type),
		cmocka_unit_test(refuses_what_is_no_xml),
		cmocka_unit_test(keeps_its_bounds),
		cmocka_unit_test(finds_and_reads),
		cmocka_unit_test(reads_the_time),
		cmocka_unit_test(tells_a_fault_from_a_refusal),
		cmocka_unit_test(keeps_numbers_within_sense),
		cmocka_unit_test(takes_no_more_profiles_than_there_is_room_for),
		cmocka_unit_test(scopes_name_the_device),
		cmocka_unit_test(an_answer_speaks_for_its_sender_only),
		cmocka_unit_test(answers_that_are_none_add_nothing),
		cmocka_unit_test(addresses_that_a_person_writes),
		cmocka_unit_test(ids_are_safe_and_unique),
		cmocka_unit_test(the_clock_is_judged_in_both_languages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
