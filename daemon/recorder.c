/* The recorder's rights: the network towards cameras, incoming/ of each root, its own state, the journal.
 * No archive, no database, no listening, no exec. It alone holds the seal key. */
#include "recorder/recorder.h"

#include "base/lang.h"
#include "base/log.h"
#include "daemon/child.h"
#include "media/seal_keys.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEPT_BYTES (8 << 20) /* larger than any usual fragment */
#define TRIM_EVERY_MS 2000
#define ALIVE_MS 2000
#define CAMERA_BYTES (UINT64_C(32) << 20) /* more than any needs */
#define REST_MS 20 /* of a camera with a 100 Mbit/s port no more than 250 kB: sockets must hold that */

struct recorder_role {
	uv_timer_t trim;
	struct recorder *recorder;
	struct seal_keys *keys;
};

/* Left alone, the allocator maps each fragment anew and gives it back when it is written: to have its pages
 * cleared and entered costs more than all that is done with them. So it keeps them, and gives back at each trim what lies free
 * between the fragments of other cameras, a fifth of all it has. */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES / 4);
}

static void on_trim(uv_timer_t *t)
{
	(void)t;
	malloc_trim(0);
}

/* A connection, two sockets of UDP, a name that is looked up, the segment and the one before, which closes. */
#define DESCRIPTORS_A_CAMERA 8
#define DESCRIPTORS_A_ROOT 16 /* the folder, recovery, probes */
#define DESCRIPTORS_ELSE 64

/* Before it is confined. What is missing is a gap of some camera later, so it is told now. */
static void take_descriptors(const struct conf *conf)
{
	rlim_t want = DESCRIPTORS_ELSE + (rlim_t)conf->camera_count * DESCRIPTORS_A_CAMERA +
		      (rlim_t)conf->root_count * DESCRIPTORS_A_ROOT;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= want)
		return;
	struct rlimit more = {want, l.rlim_max > want ? l.rlim_max : want};
	if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
		log_info("descriptors", "limit=%llu raised_to=%llu", (unsigned long long)l.rlim_cur, (unsigned long long)want);
		return;
	}
	more = (struct rlimit){l.rlim_max, l.rlim_max};
	setrlimit(RLIMIT_NOFILE, &more);
	log_error("descriptors", "limit=%llu needed=%llu text=\"%s\"", (unsigned long long)l.rlim_max, (unsigned long long)want,
		  lang("打开文件数的上限（ulimit -n，systemd 的 LimitNOFILE）对这么多摄像机不够：有的会录不上。请提高上限",
		       "the limit of open files (ulimit -n, LimitNOFILE of systemd) is too small for so many cameras: some will not be recorded. Raise it"));
}

/* --- the steps ----------------------------------------------------------------------------- */

static int construct(struct child *c, struct err *e)
{
	struct recorder_role *r = xcalloc(1, sizeof *r);
	char *path = state_path(c->conf, "keys/seal.key");
	struct key *key;
	bool made;

	c->state = r;
	take_descriptors(c->conf);
	r->keys = seal_keys_create();
	int rc = key_load_or_make(fs_real(), path, &key, &made, e);
	free(path);
	if (rc < 0)
		return rc;
	seal_keys_load(r->keys, fs_real(), c->conf->state);
	seal_keys_sign_with(r->keys, key);
	return 0;
}

static void confine(struct child *c, struct sandbox *s)
{
	const unsigned all = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CREATE | SANDBOX_REMOVE | SANDBOX_RENAME;

	for (unsigned i = 0; i < c->conf->root_count; i++) {
		const char *root = c->conf->roots[i].path;
		sandbox_allow(s, SANDBOX_LIST, "%s", root);
		sandbox_allow(s, SANDBOX_READ, "%s/.holdfast", root);
		sandbox_allow(s, all | SANDBOX_NO_LINK, "%s/incoming", root);
	}
	sandbox_allow(s, all, "%s/journal", c->conf->state);
	sandbox_allow(s, all, "%s/recorder", c->conf->state);
	child_allow_system(s);
	s->calls = SANDBOX_CALLS_CHANGE | SANDBOX_CALLS_CONNECT | (conf_wants_udp(c->conf) ? SANDBOX_CALLS_BIND : 0);
	s->any_port = true;
	s->memory_bytes = CHILD_MEMORY_BYTES + c->conf->buffer_bytes + c->conf->camera_count * CAMERA_BYTES;
}

static void on_fatal(void *owner, const char *text)
{
	child_fatal(owner, text);
}

static void on_closed(void *owner)
{
	child_stopped(owner);
}

static int begin(struct child *c, struct err *e)
{
	static const struct recorder_events events = {on_fatal, on_closed};
	struct recorder_role *r = c->state;
	int rc = recorder_create(&c->loop, fs_real(), clock_real(), c->conf, r->keys, &events, c, &r->recorder, e);

	uv_timer_init(&c->loop, &r->trim);
	uv_timer_start(&r->trim, on_trim, TRIM_EVERY_MS, TRIM_EVERY_MS);
	return rc;
}

static void take_channel(struct child *c, enum channel_role other, int end)
{
	struct recorder_role *r = c->state;

	if (other == CHANNEL_KEEPER)
		recorder_take_channel(r->recorder, end);
	else
		close(end);
}

static void reload(struct child *c)
{
	struct recorder_role *r = c->state;

	recorder_reload(r->recorder, c->conf);
}

static void take_key(struct child *c, const char *pem)
{
	struct recorder_role *r = c->state;
	struct key *key = pem ? key_from_pem(pem, strlen(pem)) : NULL;
	char print[SHA256_HEX_MAX];

	if (!key)
		return;
	key_fingerprint(key, print);
	seal_keys_sign_with(r->keys, key);
	recorder_key_changed(r->recorder);
	log_info("key", "name=seal fingerprint=%s text=\"seals are signed by it from now on\"", print);
}

static void stop(struct child *c)
{
	struct recorder_role *r = c->state;

	recorder_close(r->recorder);
	uv_close((uv_handle_t *)&r->trim, NULL);
}

static void destroy(struct child *c)
{
	struct recorder_role *r = c->state;

	if (!r)
		return;
	seal_keys_destroy(r->keys);
	free(r);
}

static const struct child_role role = {
	.name = "recorder", .part = CONF_RECORDER, .alive_ms = ALIVE_MS, .rest_ms = REST_MS, .construct = construct,
	.confine = confine, .begin = begin, .take_channel = take_channel, .reload = reload, .take_key = take_key, .stop = stop, .destroy = destroy};

int main(void)
{
	keep_memory();
	return child_main(&role);
}
