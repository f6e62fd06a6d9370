#include "onvif/device.h"

#include "base/buf.h"
#include "base/lang.h"
#include "onvif/answer.h"
#include "onvif/soap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEVICE_SERVICE "http://www.onvif.org/ver10/device/wsdl"
#define MEDIA_SERVICE "http://www.onvif.org/ver10/media/wsdl"
#define MEDIA2_SERVICE "http://www.onvif.org/ver20/media/wsdl"
#define DEVICE_PATH "/onvif/device_service"
#define HALF_SECOND_US (US_PER_S / 2)

/* --- addresses ------------------------------------------------------------------------------ */

int onvif_device_address(struct onvif_device *d, const char *text, struct err *e)
{
	bool whole = strstr(text, "://") != NULL;
	char *full = whole ? xstrdup(text) : xasprintf("http://%s%s", text, strchr(text, '/') ? "" : DEVICE_PATH);
	struct url url;
	bool good = url_parse(full, &url) == URL_FINE &&
		    (strcmp(url.scheme, "http") == 0 || strcmp(url.scheme, "https") == 0);

	if (good) {
		snprintf(d->address, sizeof d->address, "%s", full);
		snprintf(d->host, sizeof d->host, "%s", url.host);
	}
	free(full);
	/* the text is not shown: it may hold a password */
	return good ? 0 : err_set(e, -EINVAL, "%s", lang("不是 ONVIF 地址：请写 192.168.1.11 或 http://192.168.1.11/onvif/device_service",
		"no ONVIF address: write 192.168.1.11 or http://192.168.1.11/onvif/device_service"));
}

/* Where a service is: the path that the device names, at the address that we know leads to it. Behind NAT
 * it names hosts that lead nowhere, and a hostile one would have us call on somebody else. A port of its
 * own host is believed. */
static void service_address(const struct onvif_device *d, const char *peer, const char *named, char out[ONVIF_URI_MAX])
{
	struct url url;

	if (url_parse(named, &url) != URL_FINE || strncmp(url.scheme, "http", 4) != 0) {
		out[0] = '\0';
		return;
	}
	if (strcasecmp(url.host, d->host) == 0 || strcasecmp(url.host, peer) == 0) {
		snprintf(out, ONVIF_URI_MAX, "%s", named);
		return;
	}
	const char *path = strchr(strstr(named, "://") + 3, '/');
	size_t base = strcspn(strstr(d->address, "://") + 3, "/?") + (size_t)(strstr(d->address, "://") + 3 - d->address);
	char *text = xasprintf("%.*s%s", (int)base, d->address, path ? path : "/");
	snprintf(out, ONVIF_URI_MAX, "%.*s", URL_MAX_BYTES, text);
	free(text);
}

/* --- questions -------------------------------------------------------------------------------- */

struct reading {
	struct onvif_device *d;
	struct soap soap;
	struct onvif_services services;
	char peer[64];     /* the address that the host's name led to */
};

static int ask(struct reading *r, const char *url, const char *ns, const char *name, const char *inside, bool secret,
	       xmlDoc **doc, const xmlNode **body, struct err *e)
{
	const struct soap_question q = {url, ns, name, inside, secret};

	return soap_ask(&r->soap, &q, doc, body, e);
}

static void trouble(struct onvif_device *d, int code, const struct err *e)
{
	static const struct { int code; enum onvif_trouble trouble; } known[] = {
		{-ETIMEDOUT, ONVIF_NO_ANSWER}, {-EACCES, ONVIF_REFUSED}, {-EREMOTEIO, ONVIF_FAULT},
		{-EBADMSG, ONVIF_NO_ONVIF},    {-EFBIG, ONVIF_NO_ONVIF},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].code == code)
			d->trouble = known[i].trouble;
	snprintf(d->detail, sizeof d->detail, "%s", e->text);
	text_cut(d->detail, sizeof d->detail);
}

/* The device tells whole seconds: on average it is half a second later than it says. */
static int read_clock(struct reading *r)
{
	struct onvif_device *d = r->d;
	struct err e = {0};
	const xmlNode *body;
	xmlDoc *doc;
	int64_t utc;
	struct mono began = clock_mono(clock_real());
	int rc = ask(r, d->address, DEVICE_SERVICE, "GetSystemDateAndTime", "", false, &doc, &body, &e);
	int64_t took = clock_mono(clock_real()).us - began.us;

	/* some want a login even for this, against the specification: then our own time must do */
	if (rc < 0 && rc != -EACCES && rc != -EREMOTEIO) {
		trouble(d, rc, &e);
		return rc;
	}
	snprintf(r->peer, sizeof r->peer, "%s", soap_peer(&r->soap));
	if (rc == 0 && answer_time(body, &utc, &d->clock_ntp)) {
		d->clock_known = true;
		d->clock_error_us = utc + HALF_SECOND_US - (clock_wall(clock_real()).us - took / 2);
		r->soap.clock_error_us = d->clock_error_us;
	}
	xmlFreeDoc(doc);
	return 0;
}

static int read_services(struct reading *r)
{
	struct onvif_services *s = &r->services;
	struct onvif_device *d = r->d;
	struct err e = {0};
	const xmlNode *body;
	xmlDoc *doc;
	int rc = ask(r, d->address, DEVICE_SERVICE, "GetServices",
		     "<q:IncludeCapability>false</q:IncludeCapability>", false, &doc, &body, &e);

	if (rc == 0)
		answer_services(body, s);
	xmlFreeDoc(doc);
	if (s->media[0] || s->media2[0])
		return 0;
	rc = ask(r, d->address, DEVICE_SERVICE, "GetCapabilities", "<q:Category>All</q:Category>", rc == -EACCES,
		 &doc, &body, &e);
	if (rc == 0)
		answer_capabilities(body, s);
	xmlFreeDoc(doc);
	if (rc < 0)
		trouble(d, rc, &e);
	return rc;
}

static int read_profiles(struct reading *r, const char *service, const char *ns, const char *inside)
{
	struct onvif_device *d = r->d;
	struct err e = {0};
	const xmlNode *body;
	xmlDoc *doc;
	int rc = ask(r, service, ns, "GetProfiles", inside, true, &doc, &body, &e);

	if (rc == 0)
		answer_profiles(body, d);
	else
		trouble(d, rc, &e);
	xmlFreeDoc(doc);
	return rc;
}

static void read_uri(struct reading *r, const char *service, const char *ns, const char *before, const char *after,
		     struct onvif_profile *p)
{
	struct buf inside = {0};
	struct err e = {0};
	const xmlNode *body;
	xmlDoc *doc;

	buf_add_text(&inside, before);
	xml_escape(&inside, p->token);
	buf_add_text(&inside, after);
	buf_add(&inside, "", 1);
	if (ask(r, service, ns, "GetStreamUri", (const char *)inside.data, true, &doc, &body, &e) == 0)
		answer_stream_uri(body, r->d, r->peer, r->soap.login ? r->soap.login->password : NULL, p);
	xmlFreeDoc(doc);
	buf_finish(&inside);
}

/* --- Media2, else Media -------------------------------------------------------------------------- */

static bool read_media2(struct reading *r)
{
	struct onvif_device *d = r->d;
	char service[ONVIF_URI_MAX];

	service_address(d, r->peer, r->services.media2, service);
	if (!service[0] || read_profiles(r, service, MEDIA2_SERVICE, "<q:Type>All</q:Type>") < 0)
		return false;
	for (unsigned i = 0; i < d->profile_count; i++)
		read_uri(r, service, MEDIA2_SERVICE, "<q:Protocol>RTSP</q:Protocol><q:ProfileToken>",
			 "</q:ProfileToken>", &d->profiles[i]);
	return d->profile_count > 0;
}

static bool read_media(struct reading *r)
{
	struct onvif_device *d = r->d;
	char service[ONVIF_URI_MAX];

	service_address(d, r->peer, r->services.media, service);
	if (!service[0] || read_profiles(r, service, MEDIA_SERVICE, "") < 0)
		return false;
	for (unsigned i = 0; i < d->profile_count; i++)
		read_uri(r, service, MEDIA_SERVICE, "<q:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport>"
			 "<tt:Protocol>RTSP</tt:Protocol></tt:Transport></q:StreamSetup><q:ProfileToken>",
			 "</q:ProfileToken>", &d->profiles[i]);
	return d->profile_count > 0;
}

static void read_names(struct reading *r)
{
	struct onvif_device *d = r->d;
	struct err e = {0};
	const xmlNode *body;
	xmlDoc *doc;

	if (ask(r, d->address, DEVICE_SERVICE, "GetDeviceInformation", "", true, &doc, &body, &e) == 0)
		answer_information(body, d);
	xmlFreeDoc(doc);
	if (d->name.text[0])
		return;
	if (ask(r, d->address, DEVICE_SERVICE, "GetScopes", "", true, &doc, &body, &e) == 0)
		answer_scopes(body, d);
	xmlFreeDoc(doc);
}

static void read_all(struct reading *r)
{
	struct onvif_device *d = r->d;

	if (read_clock(r) < 0 || read_services(r) < 0)
		return;
	if (read_media2(r) || (!r->soap.denied && read_media(r))) {
		d->trouble = ONVIF_FINE;
		d->detail[0] = '\0';
		read_names(r);
	} else if (d->trouble == ONVIF_FINE) {
		d->trouble = ONVIF_NO_PROFILES;
		snprintf(d->detail, sizeof d->detail, "%s", lang("没有视频配置，请在摄像机中恢复视频设置",
			"it has no video profile: reset the camera's video settings"));
	}
	d->auth = r->soap.auth;
}

void onvif_device_read(struct onvif_device *d, const struct onvif_login *login, unsigned timeout_ms)
{
	struct reading r = {.d = d};

	d->trouble = ONVIF_FINE;
	if (soap_init(&r.soap, login, timeout_ms, ONVIF_DEVICE_MAX_MS) < 0) {
		d->trouble = ONVIF_NO_ANSWER;
		return;
	}
	read_all(&r);
	soap_finish(&r.soap);
}

/* --- choosing ------------------------------------------------------------------------------------- */

bool onvif_profile_is_recordable(const struct onvif_profile *p)
{
	const char *c = p->encoding.text;

	return p->uri_fault == ONVIF_URI_FINE &&
	       (strcasecmp(c, "H264") == 0 || strcasecmp(c, "H265") == 0 || strcasecmp(c, "HEVC") == 0);
}

static bool better(const struct onvif_profile *a, const struct onvif_profile *b)
{
	uint64_t pixels_a = (uint64_t)a->width * a->height, pixels_b = (uint64_t)b->width * b->height;

	return pixels_a != pixels_b ? pixels_a > pixels_b : a->kbit_per_s > b->kbit_per_s;
}

bool onvif_device_is_best(const struct onvif_device *d, unsigned i)
{
	const struct onvif_profile *p = &d->profiles[i];

	if (!onvif_profile_is_recordable(p))
		return false;
	for (unsigned j = 0; j < d->profile_count; j++) {
		const struct onvif_profile *o = &d->profiles[j];
		bool rival = j != i && onvif_profile_is_recordable(o) && strcmp(o->source, p->source) == 0;
		if (rival && (better(o, p) || (!better(p, o) && j < i)))
			return false;
	}
	return true;
}
