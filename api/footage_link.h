/* Addresses of footage for what cannot send a header: a <video>, a link that saves. POST /cameras/{id}/footage-link makes one,
 * with a code in it (ticket.h). */
#pragma once
#include "api/call.h"

/* Who asks by a code says it here: c->who, and the cookie that goes with the answer. Nobody, if the code opens nothing. */
void footage_link_identify(struct call *c);
