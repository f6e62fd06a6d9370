/* The route table: every route names its permission and the query parameters it knows; a route
 * without a permission does not compile. openapi.yaml is checked against this table.
 *
 * Threads: any. Memory: static. */
#pragma once
#include "api/auth.h"

#include <stdbool.h>

struct call;
/* Answers now or later and returns 0, or sets call->problem and returns -1. */
typedef int route_fn(struct call *c);

#define API_BASE "/api/v1"

/*	method  pattern                                  permission  query parameters    handler */
#define ROUTES(X)                                                                                             \
	X(GET,    "/",                                   PUBLIC,     "code",             page_index)          \
	X(GET,    "/page.js",                            PUBLIC,     "",                 page_script)         \
	X(GET,    "/page.css",                           PUBLIC,     "",                 page_style)          \
	X(GET,    "/healthz",                            PUBLIC,     "",                 health_alive)        \
	X(GET,    "/readyz",                             PUBLIC,     "",                 health_ready)        \
	X(GET,    "/metrics",                            METRICS,    "",                 metrics_get)         \
	X(GET,    API_BASE "/site",                      READ,       "",                 site_get)            \
	X(GET,    API_BASE "/areas",                     READ,       "",                 area_list)           \
	X(GET,    API_BASE "/cameras",                   READ,       "",                 camera_list)         \
	X(GET,    API_BASE "/cameras/{id}",              READ,       "",                 camera_get)          \
	X(GET,    API_BASE "/cameras/{id}/footage.mp4",  FOOTAGE,    "start end segment code", footage_get) \
	X(POST,   API_BASE "/cameras/{id}/footage-link", FOOTAGE,   "",                 footage_link_make)   \
	X(GET,    API_BASE "/coverage",                  READ,       "from to camera area", coverage_get)     \
	X(GET,    API_BASE "/gaps",                      READ,       "from to camera cause open cursor limit", gap_list) \
	X(GET,    API_BASE "/gaps/{id}",                 READ,       "",                 gap_get)             \
	X(POST,   API_BASE "/gaps/{id}/explanation",     EXPLAIN,    "",                 gap_explain)         \
	X(GET,    API_BASE "/ledger",                    READ,       "after limit",      ledger_list)         \
	X(GET,    API_BASE "/ledger/head",               READ,       "",                 ledger_head)         \
	X(GET,    API_BASE "/segments",                  READ,       "camera from to cursor limit", segment_list) \
	X(GET,    API_BASE "/holds",                     READ,       "camera released",  hold_list)           \
	X(POST,   API_BASE "/holds",                     HOLD,       "",                 hold_place_post)     \
	X(POST,   API_BASE "/holds/{id}/release",        RELEASE,    "",                 hold_release_post)   \
	X(DELETE, API_BASE "/holds/{id}/release",        RELEASE,    "",                 hold_release_delete) \
	X(GET,    API_BASE "/retention",                 READ,       "",                 retention_get)       \
	X(POST,   API_BASE "/retention/release",         RELEASE,    "",                 retention_release_post) \
	X(GET,    API_BASE "/disks",                     READ,       "",                 disk_list)           \
	X(POST,   API_BASE "/disks/retire",              DISKS,      "",                 disk_retire_post)    \
	X(POST,   API_BASE "/disks/replace",             DISKS,      "",                 disk_replace_post)   \
	X(POST,   API_BASE "/session",                   PUBLIC,     "",                 session_open)        \
	X(GET,    API_BASE "/tokens",                    TOKENS,     "",                 token_list)          \
	X(POST,   API_BASE "/tokens",                    TOKENS,     "",                 token_make)          \
	X(DELETE, API_BASE "/tokens/{id}",               TOKENS,     "",                 token_revoke)

#define X(method, pattern, action, parameters, handler) route_fn handler;
ROUTES(X)
#undef X

struct route {
	const char *method, *pattern, *parameters;
	enum action action;
	route_fn *handler;
};

extern const struct route routes[];
extern const unsigned route_count;

#define ROUTE_ID_MAX 65
#define ROUTE_METHODS_MAX 40

/* The route for a method and a path as it was sent; HEAD goes where GET goes. NULL: none; then
 * methods lists what the path knows ("GET, POST"), "" if there is no such path. id: the {id}. */
const struct route *router_find(const char *method, const char *path, char id[ROUTE_ID_MAX],
				char methods[ROUTE_METHODS_MAX]);
