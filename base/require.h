/* Contracts that stay in release builds: a broken one is a bug in this program,
 * and a half-dead process is worse than a restarted one. Never for input. */
#pragma once
#include "log.h"

#include <stdlib.h>

#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			log_error("bug", "file=%s line=%d require=\"%s\"", __FILE__, __LINE__, #cond); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
