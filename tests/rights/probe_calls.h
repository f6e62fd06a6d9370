/* The calls that a role which was taken over would make. Each fails, in every role that is not in `allowed`. */
#pragma once
#include "base/channel.h"

struct probe { enum channel_role role; const char *state, *root; int keeper_fd; };

struct probe_call {
	const char *name;
	int (*attempt)(struct probe *p); /* negative, with errno, if it was not done */
	unsigned allowed;                /* 1 << role */
	int needs_abi;                   /* of Landlock: below, nothing forbids it */
};

extern const struct probe_call probe_calls[]; /* ends with a NULL name */
