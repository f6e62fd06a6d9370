/* Range, If-Range and If-None-Match for a body of known length (RFC 9110 §13, §14). Pure. */
#pragma once
#include "api/http.h"

enum range_answer {
	RANGE_WHOLE,         /* 200: no range, one we do not take (several), or an If-Range that does not match */
	RANGE_PART,          /* 206 */
	RANGE_NONE,          /* 416 */
	RANGE_NOT_MODIFIED,  /* 304 */
};

/* etag: strong, with its quotes. first and last are set for WHOLE (of a body that is not empty) and PART. */
enum range_answer range_decide(const struct http_request *r, const char *etag, uint64_t length, uint64_t *first,
			       uint64_t *last);
