/* What can be wrong with an object store, for machines (name) and for people (text).
 *
 * Threads: any. */
#pragma once
#include <stdbool.h>

enum store_trouble {
	STORE_FINE,
	STORE_ABSENT,  /* no such object */
	STORE_AWAY,    /* no answer, or one that says later */
	STORE_DENIED,  /* the keys are wrong, or may not do this */
	STORE_NO_BUCKET,
	STORE_NO_LOCK, /* the bucket has no object lock */
	STORE_CLOCK,   /* ours and the store's differ too much */
	STORE_REFUSED, /* anything else that the store does not do */
	STORE_DIFFERS, /* what was read back is not what was sent, or its lock is not */
	STORE_ENDED,   /* by the receiver of the bytes */
};

const char *store_trouble_name(enum store_trouble t);
const char *store_trouble_text(enum store_trouble t); /* in lang(), with a remedy */
/* From an answer: status 0 for none; code as in the store's XML, "" if it said none. */
enum store_trouble store_trouble_of(long status, const char *code);
