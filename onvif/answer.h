/* Reads the answers of ONVIF services (the first element in the SOAP body) into device.h. Pure.
 *
 * Hostile input: numbers are taken only within bounds, texts are cleaned, the rest is passed over.
 * Threads: any. Memory: the caller's structs.
 * Source: ONVIF Core, Media and Media2 specifications; www.onvif.org/ver10/schema/onvif.xsd. */
#pragma once
#include "onvif/device.h"
#include "onvif/xml.h"

/* Body of a SOAP envelope: its first element; NULL if there is none. */
const xmlNode *answer_body(const xmlDoc *doc);
/* A SOAP fault: true, and what it says. *denied: user name or password. */
bool answer_is_fault(const xmlNode *body, bool *denied, struct quoted *reason);

/* GetSystemDateAndTime: UTC in µs, whole seconds. False: it tells no UTC. */
bool answer_time(const xmlNode *body, int64_t *utc_us, bool *ntp);
/* GetServices, and GetCapabilities of older devices: what is empty is not offered. */
void answer_services(const xmlNode *body, struct onvif_services *out);
void answer_capabilities(const xmlNode *body, struct onvif_services *out);
void answer_information(const xmlNode *body, struct onvif_device *d);
/* GetScopes (ScopeItem), or the list in a discovery answer. Only what d does not know yet. */
void answer_scope(struct onvif_device *d, const char *scope);
void answer_scopes(const xmlNode *body, struct onvif_device *d);
/* GetProfiles of Media and of Media2. */
void answer_profiles(const xmlNode *body, struct onvif_device *d);
/* GetStreamUri of both; password: what must not stand in it (NULL: none). host2: another name of d->host,
 * or "". */
void answer_stream_uri(const xmlNode *body, const struct onvif_device *d, const char *host2,
		       const char *password, struct onvif_profile *p);
