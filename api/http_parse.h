/* One HTTP/1.1 request from bytes, strictly: llhttp without leniency, and before it our own look at
 * the whole head, because llhttp 8.1.0 (Debian 12) lets folded lines, empty names and names with spaces through.
 *
 * Threads: any, one at a time. Memory: http_parser_finish() frees; a request points into it.
 * Errors: a status and an English sentence for the answer. */
#pragma once
#include "api/http.h"

#include <llhttp.h>

enum http_parse {
	HTTP_PARSE_MORE,     /* feed again when more has come */
	HTTP_PARSE_CONTINUE, /* the client waits for "100 Continue"; send it, feed again */
	HTTP_PARSE_DONE,     /* a whole request; what follows it stays in the input */
	HTTP_PARSE_BAD,      /* answer `status` with `why` and close */
};

struct http_parser {
	llhttp_t llhttp;
	const struct http_limits *limits; /* borrowed */
	struct buf text;                  /* target, names and values, each ended by NUL */
	struct { size_t name, value; } at[HTTP_HEADERS_MAX]; /* offsets into text */
	struct http_header headers[HTTP_HEADERS_MAX];
	unsigned header_count;
	size_t target_len;
	struct buf body;
	uint64_t declared;                /* bytes the client says the body has */
	size_t head_seen, wire_bytes;     /* searched for the head's end; body bytes with framing */
	bool head_done, head_ended, complete, keep_alive, expects;
	int status;
	const char *why;
};

void http_parser_init(struct http_parser *p, const struct http_limits *limits);
enum http_parse http_parser_feed(struct http_parser *p, struct buf *in); /* takes from the front */
void http_parser_request(struct http_parser *p, struct http_request *out); /* after DONE */
void http_parser_finish(struct http_parser *p);
