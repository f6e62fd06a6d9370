#include "offload/store.h"

#include "base/buf.h"
#include "base/require.h"
#include "offload/listing.h"
#include "offload/store_http.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATE_MAX 24

void store_init(struct store *s, const struct conf_offload *to, struct clock *clock)
{
	*s = (struct store){.to = to, .clock = clock, .easy = curl_easy_init()};
	REQUIRE(s->easy != NULL);
}

void store_stop(struct store *s)
{
	atomic_store(&s->stopping, true);
}

void store_finish(struct store *s)
{
	if (s->easy)
		curl_easy_cleanup(s->easy);
	s->easy = NULL;
}

const char *store_why(const struct store *s)
{
	return s->why;
}

static enum store_trouble call(struct store *s, const struct store_call *c, struct store_object *out)
{
	struct store_reply r;

	store_call(s, c, &r);
	if (out)
		*out = r.object;
	store_reply_finish(&r);
	return r.trouble;
}

enum store_trouble store_check_bucket(struct store *s)
{
	const struct store_call c = {.method = "GET", .query = "object-lock=", .payload_hex = SIGV4_EMPTY};
	struct store_reply r;

	store_call(s, &c, &r);
	enum store_trouble trouble = r.trouble == STORE_ABSENT ? STORE_NO_BUCKET : r.trouble;
	if (trouble == STORE_FINE && !strstr((const char *)r.body.data, "<ObjectLockEnabled>Enabled<"))
		trouble = STORE_NO_LOCK;
	store_reply_finish(&r);
	return trouble;
}

enum store_trouble store_head(struct store *s, const char *key, struct store_object *out)
{
	const struct store_call c = {.method = "HEAD", .key = key, .query = "", .payload_hex = SIGV4_EMPTY};

	return call(s, &c, out);
}

/* Whole seconds, never earlier. */
static void date_of(struct wall t, char out[DATE_MAX])
{
	time_t s = (time_t)((t.us + US_PER_S - 1) / US_PER_S);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(out, DATE_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

enum store_trouble store_put(struct store *s, const char *key, int fd, int64_t bytes, const uint8_t sha256[SHA256_BYTES],
			     struct wall retain_until, char version[STORE_VERSION_MAX])
{
	char hex[SHA256_HEX_MAX], date[DATE_MAX], *checksum = base64_encode(sha256, SHA256_BYTES);
	struct store_object made;

	hex_encode(sha256, SHA256_BYTES, hex);
	date_of(retain_until, date);
	const struct sigv4_header headers[] = {{"content-type", "video/mp4"},
					       {"x-amz-checksum-sha256", checksum},
					       {"x-amz-object-lock-mode", "COMPLIANCE"},
					       {"x-amz-object-lock-retain-until-date", date}};
	const struct store_call c = {.method = "PUT", .key = key, .query = "", .headers = headers,
				     .header_count = sizeof headers / sizeof *headers, .payload_hex = hex, .fd = fd, .bytes = bytes};
	enum store_trouble trouble = call(s, &c, &made);
	memcpy(version, made.version, STORE_VERSION_MAX);
	free(checksum);
	return trouble;
}

char *store_version_query(const char *version)
{
	char *id = sigv4_encode(version, false), *query = xasprintf("versionId=%s", id);

	free(id);
	return query;
}

enum store_trouble store_get(struct store *s, const char *key, const char *version, struct store_object *out,
			     store_sink_fn *sink, void *arg)
{
	char *query = store_version_query(version);
	const struct store_call c = {.method = "GET", .key = key, .query = query, .payload_hex = SIGV4_EMPTY, .sink = sink,
				     .sink_arg = arg};
	enum store_trouble trouble = call(s, &c, out);

	free(query);
	return trouble;
}

enum store_trouble store_head_version(struct store *s, const char *key, const char *version, struct store_object *out)
{
	char *query = store_version_query(version);
	const struct store_call c = {.method = "HEAD", .key = key, .query = query, .payload_hex = SIGV4_EMPTY};
	enum store_trouble trouble = call(s, &c, out);

	free(query);
	return trouble;
}

/* --- a page of the bucket ------------------------------------------------------------------- */

#define PAGE_KEYS 500
#define PAGE_MAX_BYTES (2u << 20)

static size_t on_page(void *arg, const void *data, size_t len)
{
	struct buf *page = arg;

	if (page->len + len > PAGE_MAX_BYTES)
		return 0;
	buf_add(page, data, len);
	return len;
}

/* By name, as they are signed. */
static char *list_query(const char *prefix, const char *after_key, const char *after_version)
{
	char *below = sigv4_encode(prefix, false), *key = sigv4_encode(after_key ? after_key : "", false);
	char *version = sigv4_encode(after_version ? after_version : "", false);
	char *query = xasprintf("key-marker=%s&max-keys=%d&prefix=%s&version-id-marker=%s&versions=", key, PAGE_KEYS, below, version);

	free(below);
	free(key);
	free(version);
	return query;
}

enum store_trouble store_list(struct store *s, const char *prefix, const char *after_key, const char *after_version,
			      struct listing *out)
{
	char *query = list_query(prefix, after_key, after_version);
	struct buf page = {0};
	const struct store_call c = {.method = "GET", .query = query, .payload_hex = SIGV4_EMPTY, .sink = on_page, .sink_arg = &page};
	enum store_trouble trouble = call(s, &c, NULL);

	*out = (struct listing){0};
	if (trouble == STORE_FINE && listing_parse((const char *)page.data, page.len, out) < 0) {
		trouble = STORE_REFUSED;
		snprintf(s->why, sizeof s->why, "the list of the bucket cannot be read");
	}
	buf_finish(&page);
	free(query);
	return trouble == STORE_ABSENT ? STORE_NO_BUCKET : trouble == STORE_ENDED ? STORE_REFUSED : trouble;
}

enum store_trouble store_delete(struct store *s, const char *key, const char *version)
{
	char *query = store_version_query(version);
	const struct store_call c = {.method = "DELETE", .key = key, .query = query, .payload_hex = SIGV4_EMPTY};
	enum store_trouble trouble = call(s, &c, NULL);

	free(query);
	return trouble == STORE_ABSENT ? STORE_FINE : trouble;
}
