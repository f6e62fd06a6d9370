#include "onvif/answer.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SIDE_MAX 16384
#define FPS_MAX 1000
#define KBIT_MAX 1000000
#define KEY_FRAMES_MAX 100000
#define SCOPE_PREFIX "onvif://www.onvif.org/"
#define SCOPE_MAX 512
#define PASSWORD_MIN_BYTES 4 /* a shorter one stands in any address by chance */
#define MEDIA_NAMESPACE "http://www.onvif.org/ver10/media/wsdl"
#define MEDIA2_NAMESPACE "http://www.onvif.org/ver20/media/wsdl"

static struct quoted words(const xmlNode *node)
{
	char text[1024];

	xml_text(node, text, sizeof text);
	return text_quote(text);
}

static unsigned whole(const xmlNode *node, unsigned max)
{
	double v;

	return xml_number(node, 0, max, &v) ? (unsigned)v : 0;
}

/* --- envelope ---------------------------------------------------------------------------- */

const xmlNode *answer_body(const xmlDoc *doc)
{
	const xmlNode *root = doc ? xmlDocGetRootElement((xmlDoc *)doc) : NULL;
	const xmlNode *body = root && strcmp((const char *)root->name, "Envelope") == 0 ? xml_find(root, "Body") : NULL;

	for (const xmlNode *n = body ? body->children : NULL; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE)
			return n;
	return NULL;
}

bool answer_is_fault(const xmlNode *body, bool *denied, struct quoted *reason)
{
	char code[128], subcode[128];

	if (!body || strcmp((const char *)body->name, "Fault") != 0)
		return false;
	xml_text(xml_find(body, "Code/Subcode/Value"), code, sizeof code);
	xml_text(xml_find(body, "Code/Subcode/Subcode/Value"), subcode, sizeof subcode);
	*denied = strstr(code, "NotAuthorized") || strstr(subcode, "NotAuthorized") ||
		  strstr(code, "FailedAuthentication") || strstr(code, "InvalidSecurity");
	*reason = words(xml_find(body, "Reason/Text"));
	if (!reason->text[0])
		*reason = words(xml_find(body, "faultstring"));
	return true;
}

/* --- device service ---------------------------------------------------------------------- */

static bool read_part(const xmlNode *from, const char *path, int min, int max, int *out)
{
	double v;
	bool good = xml_number(xml_find(from, path), min, max, &v);

	*out = good ? (int)v : 0;
	return good;
}

bool answer_time(const xmlNode *body, int64_t *utc_us, bool *ntp)
{
	const xmlNode *all = xml_find(body, "SystemDateAndTime"), *utc = xml_find(all, "UTCDateTime");
	struct tm t = {0};
	char type[16];

	xml_text(xml_find(all, "DateTimeType"), type, sizeof type);
	*ntp = strcasecmp(type, "NTP") == 0;
	if (!read_part(utc, "Date/Year", 1970, 9999, &t.tm_year) || !read_part(utc, "Date/Month", 1, 12, &t.tm_mon) ||
	    !read_part(utc, "Date/Day", 1, 31, &t.tm_mday) || !read_part(utc, "Time/Hour", 0, 23, &t.tm_hour) ||
	    !read_part(utc, "Time/Minute", 0, 59, &t.tm_min) || !read_part(utc, "Time/Second", 0, 60, &t.tm_sec))
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	*utc_us = (int64_t)timegm(&t) * US_PER_S;
	return true;
}

void answer_services(const xmlNode *body, struct onvif_services *out)
{
	char name[128];

	*out = (struct onvif_services){0};
	for (const xmlNode *s = xml_find(body, "Service"); s; s = xml_next(s)) {
		xml_text(xml_find(s, "Namespace"), name, sizeof name);
		if (strcmp(name, MEDIA2_NAMESPACE) == 0)
			xml_text(xml_find(s, "XAddr"), out->media2, sizeof out->media2);
		else if (strcmp(name, MEDIA_NAMESPACE) == 0)
			xml_text(xml_find(s, "XAddr"), out->media, sizeof out->media);
	}
}

void answer_capabilities(const xmlNode *body, struct onvif_services *out)
{
	*out = (struct onvif_services){0};
	xml_text(xml_find(body, "Capabilities/Media/XAddr"), out->media, sizeof out->media);
}

void answer_information(const xmlNode *body, struct onvif_device *d)
{
	d->maker = words(xml_find(body, "Manufacturer"));
	d->model = words(xml_find(body, "Model"));
	d->firmware = words(xml_find(body, "FirmwareVersion"));
}

/* --- scopes -------------------------------------------------------------------------------- */

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* %41 → A; what is no such code stays. */
static void decode_percent(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high = *text == '%' ? hex_value(text[1]) : -1, low = high >= 0 ? hex_value(text[2]) : -1;
		if (low >= 0 && (high || low)) {
			*out++ = (char)(high * 16 + low);
			text += 2;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

void answer_scope(struct onvif_device *d, const char *scope)
{
	const struct { const char *name; struct quoted *out; } known[] = {
		{"name/", &d->name}, {"hardware/", &d->hardware}, {"location/", &d->location},
	};
	char value[SCOPE_MAX];

	if (strncasecmp(scope, SCOPE_PREFIX, strlen(SCOPE_PREFIX)) != 0)
		return;
	scope += strlen(SCOPE_PREFIX);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t len = strlen(known[i].name);
		if (strncasecmp(scope, known[i].name, len) != 0 || known[i].out->text[0])
			continue;
		snprintf(value, sizeof value, "%s", scope + len);
		decode_percent(value);
		*known[i].out = text_quote(value);
	}
}

void answer_scopes(const xmlNode *body, struct onvif_device *d)
{
	char scope[SCOPE_MAX];

	for (const xmlNode *s = xml_find(body, "Scopes"); s; s = xml_next(s))
		if (xml_text(xml_find(s, "ScopeItem"), scope, sizeof scope))
			answer_scope(d, scope);
}

/* --- media ----------------------------------------------------------------------------------- */

static void read_encoder(const xmlNode *encoder, struct onvif_profile *p)
{
	char gop[16];

	p->encoding = words(xml_find(encoder, "Encoding"));
	p->width = whole(xml_find(encoder, "Resolution/Width"), SIDE_MAX);
	p->height = whole(xml_find(encoder, "Resolution/Height"), SIDE_MAX);
	if (!xml_number(xml_find(encoder, "RateControl/FrameRateLimit"), 0, FPS_MAX, &p->fps))
		p->fps = 0;
	p->kbit_per_s = whole(xml_find(encoder, "RateControl/BitrateLimit"), KBIT_MAX);
	/* Media2 has it as an attribute, Media in an element of the codec's */
	if (xml_attribute(encoder, "GovLength", gop, sizeof gop))
		p->key_frames = (unsigned)strtoul(gop, NULL, 10) % (KEY_FRAMES_MAX + 1);
	else
		p->key_frames = whole(xml_find(encoder, "H264/GovLength"), KEY_FRAMES_MAX);
}

static bool read_profile(const xmlNode *node, struct onvif_profile *p)
{
	const xmlNode *set = xml_find(node, "Configurations"); /* Media2 */
	const xmlNode *source = set ? xml_find(set, "VideoSource") : xml_find(node, "VideoSourceConfiguration");
	const xmlNode *encoder = set ? xml_find(set, "VideoEncoder") : xml_find(node, "VideoEncoderConfiguration");

	*p = (struct onvif_profile){.uri_fault = ONVIF_URI_NONE};
	if (!xml_attribute(node, "token", p->token, sizeof p->token) || !encoder)
		return false;
	xml_text(xml_find(source, "SourceToken"), p->source, sizeof p->source);
	p->name = words(xml_find(node, "Name"));
	read_encoder(encoder, p);
	return true;
}

void answer_profiles(const xmlNode *body, struct onvif_device *d)
{
	d->profile_count = 0;
	for (const xmlNode *n = xml_find(body, "Profiles"); n && d->profile_count < ONVIF_PROFILES_MAX; n = xml_next(n))
		d->profile_count += read_profile(n, &d->profiles[d->profile_count]);
}

/* Cuts user information out: a password has no place in an address, and cameras put one there. */
static void strip_user(char *uri)
{
	char *host = strstr(uri, "://");
	char *at = host ? memchr(host + 3, '@', strcspn(host + 3, "/?#")) : NULL;

	if (at)
		memmove(host + 3, at + 1, strlen(at + 1) + 1);
}

/* Plainly or as %XX. */
static bool has_password(const char *uri, const char *password)
{
	char decoded[2 * ONVIF_URI_MAX];

	if (!password || strlen(password) < PASSWORD_MIN_BYTES)
		return false;
	snprintf(decoded, sizeof decoded, "%s", uri);
	decode_percent(decoded);
	return strstr(uri, password) || strstr(decoded, password);
}

static enum onvif_uri_fault judge_uri(const char *uri, const char *host, const char *host2, const char *password)
{
	struct url url;

	if (url_parse(uri, &url) != URL_FINE)
		return strncasecmp(uri, "rtsp", 4) == 0 ? ONVIF_URI_BAD : ONVIF_URI_SCHEME;
	if (strcmp(url.scheme, "rtsp") != 0 && strcmp(url.scheme, "rtsps") != 0)
		return ONVIF_URI_SCHEME;
	if (has_password(uri, password))
		return ONVIF_URI_PASSWORD;
	if (strcasecmp(url.host, host) != 0 && strcasecmp(url.host, host2) != 0)
		return ONVIF_URI_FOREIGN;
	return ONVIF_URI_FINE;
}

void answer_stream_uri(const xmlNode *body, const struct onvif_device *d, const char *host2,
		       const char *password, struct onvif_profile *p)
{
	char uri[2 * ONVIF_URI_MAX];
	const xmlNode *media = xml_find(body, "MediaUri/Uri");

	p->uri_fault = ONVIF_URI_NONE;
	p->uri[0] = '\0';
	if (!xml_text(media ? media : xml_find(body, "Uri"), uri, sizeof uri))
		return;
	strip_user(uri);
	p->uri_fault = judge_uri(uri, d->host, host2, password);
	if (p->uri_fault == ONVIF_URI_FINE || p->uri_fault == ONVIF_URI_FOREIGN)
		snprintf(p->uri, sizeof p->uri, "%.*s", URL_MAX_BYTES, uri);
}
