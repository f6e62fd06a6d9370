/* What an ONVIF camera (Core 2.x device service, Media ver10 and ver20) says of itself.
 *
 * Everything here came from the network. Texts for people are cut, valid UTF-8 and without control
 * characters (text_quote()); tokens are only ever sent back; a stream's address was judged.
 * Threads: any. Memory: the caller's struct, nothing to free. Units: in the names. */
#pragma once
#include "base/err.h"
#include "conf/text.h"
#include "conf/url.h"

#include <stdbool.h>
#include <stdint.h>

#define ONVIF_PROFILES_MAX 32
#define ONVIF_TOKEN_MAX 65      /* tt:ReferenceToken has at most 64 characters */
#define ONVIF_URI_MAX (URL_MAX_BYTES + 1)

/* What is wrong with an address that the camera names for its stream. */
enum onvif_uri_fault {
	ONVIF_URI_FINE,
	ONVIF_URI_NONE,     /* it named none */
	ONVIF_URI_BAD,      /* it is no URL as conf/url.h takes it */
	ONVIF_URI_SCHEME,   /* not rtsp and not rtsps */
	ONVIF_URI_FOREIGN,  /* it leads to another host */
	ONVIF_URI_PASSWORD, /* our password stands in it */
};

struct onvif_profile {
	char token[ONVIF_TOKEN_MAX];
	char source[ONVIF_TOKEN_MAX]; /* the lens that it shows */
	struct quoted name;
	struct quoted encoding;       /* as the camera writes it: "H264", "H265", "JPEG" */
	unsigned width, height;       /* 0: not told, as are the following */
	double fps;                   /* the most that it sends */
	unsigned kbit_per_s;
	unsigned key_frames;          /* pictures from one key frame to the next */
	enum onvif_uri_fault uri_fault;
	char uri[ONVIF_URI_MAX];      /* without user information; "" unless FINE or FOREIGN */
};

/* Where the services of a device are, in the order in which they are preferred. */
struct onvif_services { char media2[ONVIF_URI_MAX], media[ONVIF_URI_MAX]; };

enum onvif_auth { ONVIF_AUTH_NONE, ONVIF_AUTH_TOKEN /* WS-Security digest */, ONVIF_AUTH_HTTP /* HTTP Digest */ };

/* Why less is known of a device than could be. */
enum onvif_trouble {
	ONVIF_FINE,
	ONVIF_NO_ANSWER,
	ONVIF_NO_ONVIF,     /* what answers there does not speak it, or not so that it can be believed */
	ONVIF_REFUSED,      /* user name or password */
	ONVIF_FAULT,        /* it says that it cannot */
	ONVIF_NO_PROFILES,
};

struct onvif_device {
	char address[ONVIF_URI_MAX]; /* of its device service */
	char host[URL_HOST_MAX];
	struct quoted name, hardware, location;      /* from its scopes; "": not told */
	struct quoted maker, model, firmware;
	bool clock_known;
	int64_t clock_error_us;      /* the camera's clock minus ours; to 0.5 s and half the answer's delay */
	bool clock_ntp;              /* it says that it gets its time by NTP */
	enum onvif_auth auth;        /* what the camera took */
	enum onvif_trouble trouble;
	char detail[200];            /* the trouble in other words, in lang(); fit to be printed */
	struct onvif_profile profiles[ONVIF_PROFILES_MAX];
	unsigned profile_count;
};

struct onvif_login { const char *username, *password; }; /* NULL: none */

/* Makes the address of a device service out of what a person wrote: a host, host:port, or a URL. 0, or
 * -EINVAL: it is none; e says why, in lang(). */
int onvif_device_address(struct onvif_device *d, const char *text, struct err *e);

/* Asks the device at d->address for the rest; scopes that are known already stay. Blocking; each request
 * takes timeout_ms at most, all of them ONVIF_DEVICE_MAX_MS. A wrong password is tried once per way of
 * logging in: cameras lock an account after a few. */
#define ONVIF_DEVICE_MAX_MS 30000
void onvif_device_read(struct onvif_device *d, const struct onvif_login *login, unsigned timeout_ms);

/* The best profile that can be recorded of each lens, by size, then bitrate: whether i is one. */
bool onvif_device_is_best(const struct onvif_device *d, unsigned i);
/* H.264 or H.265, and an address that leads to the camera. */
bool onvif_profile_is_recordable(const struct onvif_profile *p);
