/* One caller of SOAP 1.2 services over HTTP, who shows who he is by a WS-Security UsernameToken digest
 * in the device's own time, or by HTTP Digest where that is not taken.
 *
 * The password never goes over the wire, so neither plain HTTP nor a certificate that nobody signed (which
 * is what cameras have) gives it away. Redirects are not followed; an answer has XML_MAX_BYTES at most.
 * Threads: one. Blocking. Memory: soap_finish() frees.
 * Source: WS-Security UsernameToken Profile 1.0 §3.1, RFC 7616, ONVIF Core §5.9. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "onvif/device.h"
#include "onvif/xml.h"

#include <curl/curl.h>

struct soap {
	CURL *curl;
	const struct onvif_login *login;  /* borrowed */
	unsigned timeout_ms;              /* of one request */
	struct mono deadline;             /* of all */
	int64_t clock_error_us;           /* the device's clock minus ours */
	enum onvif_auth auth;             /* how to show who we are; NONE: not known yet */
	bool denied;                      /* nothing that we can show is taken: not tried again */
};

int soap_init(struct soap *s, const struct onvif_login *login, unsigned timeout_ms, unsigned all_ms);
void soap_finish(struct soap *s);

/* `name` of the service `ns` with these elements inside; secret: with credentials, if there are any. 0 and
 * *doc, *body (what is in the SOAP body; borrowed from *doc, which the caller frees); or
 * -ETIMEDOUT: no answer; -EACCES: user name or password; -EREMOTEIO: a fault; -EBADMSG: no SOAP; -EFBIG:
 * too much. e says it in lang(). */
struct soap_question { const char *url, *ns, *name, *inside; bool secret; };
int soap_ask(struct soap *s, const struct soap_question *q, xmlDoc **doc, const xmlNode **body, struct err *e);

/* The address at which the device answered last; "" if it never did. */
const char *soap_peer(const struct soap *s);
