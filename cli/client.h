/* A person's command speaks to the running server over STATE/api.sock (HTTP, identity by the kernel).
 *
 * Threads: one. Blocking: a command has nothing else to do.
 * Errors are told on stderr in lang(), and become an exit code of cli.h. */
#pragma once
#include "cli/cli.h"

#include <jansson.h>

struct options;

/* One request; query and body may be NULL (both borrowed). CLI_YES and *answer (a new reference, never
 * NULL), or CLI_NO when the server said no (its problem was told), CLI_CANNOT when it is not there. */
int client_call(const struct options *o, const char *method, const char *path, const json_t *query,
			  const json_t *body, json_t **answer);
/* GET, following `next` to the end and joining the arrays called `list`. */
int client_list(const struct options *o, const char *path, const json_t *query, const char *list,
			  json_t **items);
