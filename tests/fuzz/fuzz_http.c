/* Hostile HTTP requests: whatever the bytes, the parser stays inside them and within its bounds, and
 * it finds the same requests however the bytes are cut. */
#include "api/http_parse.h"
#include "base/require.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUESTS_MAX 32

/* What was found: a digest of each request, and how it ended. */
struct found { uint64_t digest; unsigned requests; int status; };

static void mix(struct found *f, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		f->digest = (f->digest ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
	f->digest = (f->digest ^ 0x100) * UINT64_C(1099511628211);
}

static void check(struct http_parser *p, struct found *f)
{
	struct http_request r;
	unsigned hosts = 0;

	http_parser_request(p, &r);
	REQUIRE(r.path[0] == '/' && r.header_count <= HTTP_HEADERS_MAX);
	REQUIRE(r.body_len <= http_limits_default.body_bytes && r.body[r.body_len] == '\0');
	mix(f, r.method, strlen(r.method));
	mix(f, r.path, strlen(r.path));
	mix(f, r.query, strlen(r.query));
	for (unsigned i = 0; i < r.header_count; i++) {
		REQUIRE(r.headers[i].name[0] != '\0');
		hosts += strcasecmp(r.headers[i].name, "host") == 0;
		mix(f, r.headers[i].name, strlen(r.headers[i].name));
		mix(f, r.headers[i].value, strlen(r.headers[i].value));
	}
	REQUIRE(hosts <= 1);
	REQUIRE(!http_request_header(&r, "content-length") || !http_request_header(&r, "transfer-encoding"));
	mix(f, r.body, r.body_len);
	f->requests++;
}

/* As a connection does it: feed, take requests until more is needed. */
static bool drain(struct http_parser *p, struct buf *in, struct found *f)
{
	for (;;) {
		switch (http_parser_feed(p, in)) {
		case HTTP_PARSE_MORE:     return true;
		case HTTP_PARSE_CONTINUE: p->expects = false; break;
		case HTTP_PARSE_BAD:
			REQUIRE(p->status >= 400 && p->status < 600 && p->why);
			f->status = p->status;
			return false;
		case HTTP_PARSE_DONE:
			check(p, f);
			http_parser_finish(p);
			http_parser_init(p, &http_limits_default);
			if (f->requests == REQUESTS_MAX)
				return false;
			break;
		}
	}
}

static struct found parse(const uint8_t *data, size_t size, size_t step)
{
	struct found f = {.digest = UINT64_C(14695981039346656037)};
	struct http_parser p;
	struct buf in = {0};

	http_parser_init(&p, &http_limits_default);
	for (size_t at = 0; at < size; at += step) {
		buf_add(&in, data + at, size - at < step ? size - at : step);
		if (!drain(&p, &in, &f))
			break;
		REQUIRE(in.len <= http_limits_default.head_bytes + step);
	}
	http_parser_finish(&p);
	buf_finish(&in);
	return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct found whole = parse(data, size, size), bytes = parse(data, size, 1);

	REQUIRE(whole.requests == bytes.requests && whole.digest == bytes.digest && whole.status == bytes.status);
	return 0;
}
