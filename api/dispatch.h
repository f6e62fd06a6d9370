/* From a request to its handler: route, identity, permission, parameters. Threads: loop thread only. */
#pragma once
#include "api/auth.h"
#include "api/http.h"

void dispatch(void *api, struct http_exchange *x); /* an http_request_fn */
struct call;
/* Sets the problem of who is not let in, counts and logs it; -1. */
int dispatch_refuse(struct call *c, enum verdict v);
