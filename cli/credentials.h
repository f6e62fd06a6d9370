/* The user name and password for a camera: the password comes from --password-file, else from standard input,
 * so that it stands in no history and no process list.
 *
 * Threads: one. Memory: credentials_finish() wipes it. */
#pragma once
#include "cli/options.h"

#define CREDENTIALS_PASSWORD_MAX 258 /* 256 bytes, as in the configuration, a line end and NUL */

struct credentials {
	const char *username;   /* NULL: none wanted; borrowed from the options */
	char password[CREDENTIALS_PASSWORD_MAX];
};

/* CLI_YES, or CLI_USAGE or CLI_CANNOT, told. */
int credentials_read(struct credentials *c, const struct options *o);
void credentials_finish(struct credentials *c);
