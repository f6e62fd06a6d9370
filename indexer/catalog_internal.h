/* What the catalogue's own files share, and nobody else includes. */
#pragma once
#include "indexer/catalog.h"
#include "indexer/db.h"
#include "indexer/site_state.h"

/* site, site_before: of the one that writes; site_before: when the transaction began. */
struct catalog { struct db *db; struct site_state site, site_before; };

/* Beside the flags of a seal (one byte): the file had been gone, and its time is a gap for good. */
#define CATALOG_RETURNED 0x100

/* No segment is longer (configuration, at most 5 minutes by default): how far before a window a
 * segment that reaches into it can begin. */
#define SEGMENT_LONGEST_US (INT64_C(3600) * US_PER_S)
