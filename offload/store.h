/* An S3-compatible object store: one bucket, one request at a time, blocking.
 *
 * Every request is signed with the digest of its payload. Redirects are not followed, no proxy is asked. A connection that
 * carries nothing for STORE_STALL_S is given up.
 * Threads: one at a time; made for a worker. store_stop() from any: what is under way ends at once, as STORE_AWAY.
 * Memory:  caller's; store_finish(). conf is borrowed.
 * Secrets: neither key is ever part of a text from here.
 * Errors:  enum store_trouble; store_why() says what the store or the network said. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"
#include "conf/conf.h"
#include "offload/store_trouble.h"

#include <curl/curl.h>
#include <stdatomic.h>

#define STORE_STALL_S 30
#define STORE_CONNECT_S 10
#define STORE_VERSION_MAX 1025

struct store {
	const struct conf_offload *to;
	struct clock *clock;
	CURL *easy;
	atomic_bool stopping;
	unsigned limit_s;               /* of a whole request, its connection within a third; 0: none but the above */
	char why[CURL_ERROR_SIZE];
};

/* What the store says of one version of an object. */
struct store_object {
	int64_t bytes;
	char version[STORE_VERSION_MAX];
	bool compliance;                /* nobody may delete it before: */
	struct wall retain_until;
};

/* Nobody can delete it before `until`. */
static inline bool store_object_is_locked(const struct store_object *o, struct wall until)
{
	return o->compliance && o->retain_until.us >= until.us;
}

void store_init(struct store *s, const struct conf_offload *to, struct clock *clock);
void store_stop(struct store *s);
void store_finish(struct store *s);
const char *store_why(const struct store *s);

/* Whether the bucket is there, is ours to ask, and locks objects. */
enum store_trouble store_check_bucket(struct store *s);
/* The newest version. STORE_ABSENT: there is none. */
enum store_trouble store_head(struct store *s, const char *key, struct store_object *out);
/* Of that version. */
enum store_trouble store_head_version(struct store *s, const char *key, const char *version, struct store_object *out);
/* A page of all versions under names that begin with prefix, by name, behind those; NULL: from the beginning. STORE_REFUSED
 * too when the answer is none. */
struct listing;
enum store_trouble store_list(struct store *s, const char *prefix, const char *after_key, const char *after_version,
			      struct listing *out);
/* Uploads `bytes` bytes of fd, under lock until then; *version: of what was made. The store checks the digest. */
enum store_trouble store_put(struct store *s, const char *key, int fd, int64_t bytes, const uint8_t sha256[SHA256_BYTES],
			     struct wall retain_until, char version[STORE_VERSION_MAX]);
/* Deletes this version. STORE_FINE too when it is not there; STORE_DENIED while its lock is on. */
enum store_trouble store_delete(struct store *s, const char *key, const char *version);
/* len bytes of that version from `at` on, of `total`. STORE_DIFFERS: something else was answered, or more, or less. */
enum store_trouble store_get_range(struct store *s, const char *key, const char *version, int64_t total, int64_t at,
				   uint32_t len, uint8_t *out);
/* Returns less than len: stop, STORE_ENDED. */
typedef size_t store_sink_fn(void *arg, const void *data, size_t len);
enum store_trouble store_get(struct store *s, const char *key, const char *version, struct store_object *out,
			     store_sink_fn *sink, void *arg);
