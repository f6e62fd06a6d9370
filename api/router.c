#include "router.h"

#include <string.h>

#define X(method, pattern, action, parameters, handler) \
	{#method, pattern, parameters, ACTION_##action, handler},
const struct route routes[] = {ROUTES(X)};
#undef X
const unsigned route_count = sizeof routes / sizeof *routes;

static const char id_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* {id} stands for 1 … 64 characters of id_chars that are not "." or ".."; nothing in our paths needs
 * percent-encoding, so a '%' matches nothing. */
static bool match(const char *pattern, const char *path, char id[ROUTE_ID_MAX])
{
	const char *hole = strstr(pattern, "{id}");
	size_t head = hole ? (size_t)(hole - pattern) : strlen(pattern) + 1;

	if (!hole)
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, head) != 0)
		return false;
	size_t len = strspn(path + head, id_chars);
	if (len == 0 || len >= ROUTE_ID_MAX || path[head] == '.' || strcmp(path + head + len, hole + 4) != 0)
		return false;
	memcpy(id, path + head, len);
	id[len] = '\0';
	return true;
}

const struct route *router_find(const char *method, const char *path, char id[ROUTE_ID_MAX],
				char methods[ROUTE_METHODS_MAX])
{
	const char *want = strcmp(method, "HEAD") == 0 ? "GET" : method;

	methods[0] = '\0';
	for (unsigned i = 0; i < route_count; i++) {
		id[0] = '\0';
		if (!match(routes[i].pattern, path, id))
			continue;
		if (strcmp(routes[i].method, want) == 0)
			return &routes[i];
		if (methods[0])
			strncat(methods, ", ", ROUTE_METHODS_MAX - strlen(methods) - 1);
		strncat(methods, routes[i].method, ROUTE_METHODS_MAX - strlen(methods) - 1);
		if (strcmp(routes[i].method, "GET") == 0)
			strncat(methods, ", HEAD", ROUTE_METHODS_MAX - strlen(methods) - 1);
	}
	return NULL;
}
