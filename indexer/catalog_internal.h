/* What the catalogue's own files share, and nobody else includes. */
#pragma once
#include "indexer/catalog.h"
#include "indexer/db.h"

struct catalog { struct db *db; };

/* No segment is longer (configuration, at most 5 minutes by default): how far before a window a
 * segment that reaches into it can begin. */
#define SEGMENT_LONGEST_US (INT64_C(3600) * US_PER_S)
