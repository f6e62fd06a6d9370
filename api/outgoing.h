/* Outgoing HTTP on the loop: libcurl's multi interface driven by libuv. One POST at a time.
 *
 * Redirects are not followed, only http and https exist, the answer's body is not kept.
 * Threads: loop thread (libcurl resolves names in a thread of its own).
 * Memory:  caller's struct; free in or after the closed callback. Strings are copied. */
#pragma once
#include "base/buf.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

struct outgoing_tls { const char *ca, *cert, *key; }; /* PEM files; NULL: the system's, none */

struct outgoing {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	CURL *easy;               /* NULL while idle */
	struct curl_slist *headers;
	/* status: HTTP status, or 0 when there was no answer (then why says so). retry_after_s: -1 if not told. */
	void (*done)(struct outgoing *o, long status, const char *why, long retry_after_s);
	void (*closed)(struct outgoing *o);
	void *owner;
	char why[CURL_ERROR_SIZE];
	int open_handles;
	bool closing;
};

int outgoing_init(struct outgoing *o, uv_loop_t *loop);
/* body is borrowed until `done`. headers: NULL-ended list of "Name: value". Returns 0 or -EBUSY, -EINVAL. */
int outgoing_post(struct outgoing *o, const char *url, const struct outgoing_tls *tls, const char *const *headers,
		  const struct buf *body, long timeout_ms);
void outgoing_close(struct outgoing *o); /* drops what is under way, without `done` */
