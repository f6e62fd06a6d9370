/* From a request to its handler: route, identity, permission, parameters. Threads: loop thread only. */
#pragma once
#include "api/http.h"

void dispatch(void *api, struct http_exchange *x); /* an http_request_fn */
