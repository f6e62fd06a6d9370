/* One signed request of a store (inside offload/). */
#pragma once
#include "offload/sigv4.h"
#include "offload/store.h"

#define STORE_CODE_MAX 64
#define STORE_RANGE_MAX 96

struct store_call {
	const char *method;
	const char *key;                /* NULL: of the bucket */
	const char *query;              /* canonical (sigv4.h) */
	const struct sigv4_header *headers; /* names in lower case */
	unsigned header_count;
	const char *payload_hex;
	int fd;                         /* of an upload: `bytes` bytes from its start */
	int64_t bytes;
	store_sink_fn *sink;            /* of a 2xx answer's body; NULL: kept in `body` */
	void *sink_arg;
};

struct store_reply {
	enum store_trouble trouble;
	struct store_object object;
	long status;                    /* 0: none */
	char content_range[STORE_RANGE_MAX]; /* "" if there was none */
	struct buf body;                /* at most STORE_BODY_MAX; NUL-terminated beyond len */
};

#define STORE_BODY_MAX (64u << 10)

char *store_version_query(const char *version); /* malloc'd */
void store_call(struct store *s, const struct store_call *c, struct store_reply *out);
void store_reply_finish(struct store_reply *r);
