/* An answer of an ONVIF device, or one to a discovery: whatever it is, each reader gets it. What comes out is fit
 * to be printed, and leads to the host that was asked. */
#include "base/require.h"
#include "onvif/answer.h"
#include "onvif/discovery.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HOST "192.168.1.11"
#define PASSWORD "se<cr&et"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_words(const struct quoted *q)
{
	REQUIRE(memchr(q->text, 0, sizeof q->text) && text_is_utf8(q->text, strlen(q->text)) && !text_has_control(q->text));
}

static void check_profile(const struct onvif_profile *p)
{
	struct url url;

	check_words(&p->name);
	check_words(&p->encoding);
	if (p->uri_fault == ONVIF_URI_FINE) {
		REQUIRE(url_parse(p->uri, &url) == URL_FINE && strcmp(url.host, HOST) == 0);
		REQUIRE(strncmp(p->uri, "rtsp", 4) == 0 && !strstr(p->uri, PASSWORD));
	}
	REQUIRE(p->fps >= 0 && p->fps <= 1000);
}

static void check_device(const struct onvif_device *d)
{
	const struct quoted *const words[] = {&d->name, &d->hardware, &d->location, &d->maker, &d->model, &d->firmware};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		check_words(words[i]);
	REQUIRE(d->profile_count <= ONVIF_PROFILES_MAX);
	for (unsigned i = 0; i < d->profile_count; i++)
		check_profile(&d->profiles[i]);
}

static void read_all(const xmlNode *body, struct onvif_device *d)
{
	struct onvif_services services;
	struct quoted reason;
	int64_t utc_us;
	bool flag;

	if (answer_is_fault(body, &flag, &reason))
		check_words(&reason);
	answer_time(body, &utc_us, &flag);
	answer_services(body, &services);
	answer_capabilities(body, &services);
	answer_information(body, d);
	answer_scopes(body, d);
	answer_profiles(body, d);
	for (unsigned i = 0; i < d->profile_count; i++)
		answer_stream_uri(body, d, "", PASSWORD, &d->profiles[i]);
	struct onvif_profile alone = {0};
	answer_stream_uri(body, d, "", PASSWORD, &alone);
	check_profile(&alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct onvif_device found[4];
	struct onvif_device *d = calloc(1, sizeof *d);
	unsigned count = 0;
	xmlDoc *doc;

	REQUIRE(d);
	strcpy(d->host, HOST);
	if (xml_parse(data, len, &doc) == 0) {
		read_all(answer_body(doc), d);
		check_device(d);
		xmlFreeDoc(doc);
	}
	free(d);
	discovery_answer(data, len, HOST, found, 4, &count);
	for (unsigned i = 0; i < count; i++) {
		REQUIRE(strcmp(found[i].host, HOST) == 0);
		check_device(&found[i]);
	}
	return 0;
}
