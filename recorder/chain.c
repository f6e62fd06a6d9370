#include "recorder/chain.h"

#include "base/buf.h"
#include "base/log.h"
#include "media/segment.h"
#include "recorder/chain_state.h"
#include "recorder/root_names.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chain {
	struct fs *fs;
	struct clock *clock;
	char *dir;
	struct journal *journal;
	pthread_mutex_t lock; /* held while records are added, so that heads and records agree */
	struct chain_state known;
	struct root_names names;
	json_t *start;   /* the unchanging part of a `start` record */
	json_t *waiting; /* records that could not be written, in order, each with its kind and time */
	struct mono tried; /* when it was last tried to write them */
	atomic_int error;
};

void chain_head(struct chain *c, const char *camera, struct chain_head *out)
{
	pthread_mutex_lock(&c->lock);
	chain_state_head(&c->known, camera, out);
	pthread_mutex_unlock(&c->lock);
}

void chain_learn(struct chain *c, const char *camera, const struct chain_head *head)
{
	pthread_mutex_lock(&c->lock);
	chain_state_learn(&c->known, camera, head);
	pthread_mutex_unlock(&c->lock);
}

json_t *chain_heads(struct chain *c)
{
	pthread_mutex_lock(&c->lock);
	json_t *copy = json_deep_copy(c->known.heads);
	pthread_mutex_unlock(&c->lock);
	return copy;
}

/* --- reading at start ------------------------------------------------------------------ */

struct reader {
	struct chain *c;
	bool started;
};

static int read_record(void *arg, const json_t *record)
{
	struct reader *r = arg;

	r->started |= strcmp(chain_record_text(record, "k"), "start") == 0;
	chain_state_note(&r->c->known, chain_record_text(record, "k"), record);
	return 0;
}

static int is_journal_file(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && len < JOURNAL_FILE_MAX && strcmp(d->d_name + len - 4, ".jnl") == 0;
}

/* Every file begins with the heads and with what was open, so the newest one that has them is enough; one more is read,
 * as a power cut may have taken the newest's records. */
static int read_heads(struct chain *c)
{
	struct dirent **names;
	int n = scandir(c->dir, &names, is_journal_file, alphasort), rc = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	struct reader r = {.c = c};
	for (int i = n > 1 ? n - 2 : 0; i >= 0 && i < n && rc == 0 && !r.started; i--) {
		struct journal_pos pos = {.offset = 0};

		snprintf(pos.file, sizeof pos.file, "%.*s", JOURNAL_FILE_MAX - 1, names[i]->d_name);
		chain_state_clear(&c->known);
		rc = journal_read(c->fs, c->dir, &pos, UINT_MAX, read_record, &r);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return rc;
}

json_t *chain_cameras_of_0_1(struct fs *fs, const char *state)
{
	struct chain c = {.fs = fs, .dir = xasprintf("%s/journal", state)};
	json_t *cameras = NULL, *open, *x;
	size_t i;

	chain_state_init(&c.known);
	if (read_heads(&c) == 0 && c.known.by_0_1) {
		cameras = json_copy(c.known.heads);
		open = chain_state_reopen(&c.known);
		json_array_foreach(open, i, x)
			json_object_set_new(cameras, chain_record_text(x, "camera"), json_true());
		json_decref(open);
	}
	chain_state_finish(&c.known);
	free(c.dir);
	return cameras;
}

/* --- a journal that cannot be written ---------------------------------------------- */

#define TRY_EVERY_US US_PER_S
#define WAITING_MAX 50000 /* facts of cameras that flap for weeks */

int chain_error(struct chain *c) { return atomic_load(&c->error); }

static int in_trouble(struct chain *c, int rc)
{
	int none = 0;

	if (rc < 0 && atomic_compare_exchange_strong(&c->error, &none, rc))
		log_error("journal", "dir=%s error=\"%s\" note=\"recording goes on; what is to be told waits\"", c->dir,
			  strerror(-rc));
	return rc;
}

/* Files tell of themselves: which are open is told anew, which were sealed is found. */
static bool speaks_for_itself(const char *kind)
{
	static const char *const kinds[] = {"open", "beat", "sealed", "dropped"};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

/* Under the lock. */
static void put_off(struct chain *c, const char *kind, json_t *body)
{
	if (speaks_for_itself(kind) || json_array_size(c->waiting) >= WAITING_MAX)
		return;
	json_object_set_new(body, "k", json_string(kind));
	json_object_set_new(body, "at", json_integer(clock_wall(c->clock).us));
	json_object_set_new(body, "up", json_integer(clock_mono(c->clock).us));
	json_array_append(c->waiting, body);
}

static json_t *start_record(struct chain *c, bool rotated)
{
	json_t *body = json_copy(c->start);

	json_object_set_new(body, "synced", json_boolean(c->clock->synced(c->clock)));
	json_object_set_new(body, "chain", json_deep_copy(c->known.heads));
	json_object_set_new(body, "open", chain_state_carry(&c->known));
	if (rotated)
		json_object_set_new(body, "rotated", json_true());
	return body;
}

/* Under the lock. */
static int add_start(struct chain *c, bool rotated)
{
	return journal_add(c->journal, "start", start_record(c, rotated));
}

static int write_waiting(struct chain *c)
{
	int rc = 0;

	while (rc == 0 && json_array_size(c->waiting) > 0) {
		json_t *record = json_array_get(c->waiting, 0);
		rc = journal_add(c->journal, json_string_value(json_object_get(record, "k")), json_incref(record));
		if (rc == 0 || rc == -EINVAL || rc == -EMSGSIZE) {
			json_array_remove(c->waiting, 0);
			rc = 0;
		}
	}
	return rc;
}

static int write_open(struct chain *c)
{
	json_t *list = chain_state_reopen(&c->known), *body;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, body)
		if (rc == 0)
			rc = journal_add(c->journal, "open", json_incref(body));
	json_decref(list);
	return rc;
}

static int open_journal(struct chain *c)
{
	struct err e;

	return c->journal ? journal_renew(c->journal) : journal_open(c->fs, c->clock, c->dir, &c->journal, &e);
}

/* Under the lock: all that waits, then how things stand. What was written of it before another failure is
 * not written again. */
static int mend(struct chain *c)
{
	struct mono now = clock_mono(c->clock);
	int error = chain_error(c);

	if (error == 0 || now.us - c->tried.us < TRY_EVERY_US)
		return error;
	c->tried = now;
	int rc = open_journal(c);
	if (rc == 0)
		rc = write_waiting(c);
	if (rc == 0)
		rc = add_start(c, true);
	if (rc == 0)
		rc = write_open(c);
	if (rc == 0)
		rc = journal_sync(c->journal);
	if (rc < 0)
		return rc;
	atomic_store(&c->error, 0);
	log_info("journal", "dir=%s note=\"it can be written again\"", c->dir);
	return 0;
}

/* --- adding --------------------------------------------------------------------- */

/* Under the lock. */
static int add(struct chain *c, const char *kind, json_t *body)
{
	int rc = chain_error(c);

	root_names_apply(&c->names, kind, body);
	if (rc == 0)
		rc = journal_add(c->journal, kind, json_incref(body));
	if (rc == -EINVAL || rc == -EMSGSIZE) {
		log_error("journal", "kind=%s error=\"the record is too long or no JSON: not written\"", kind);
		json_decref(body);
		return rc;
	}
	if (in_trouble(c, rc) < 0)
		put_off(c, kind, body);
	chain_state_note(&c->known, kind, body);
	json_decref(body);
	return 0;
}

/* Under the lock, with the heads as the records before say. */
static int begin_file(struct chain *c)
{
	int rc = chain_error(c);

	if (rc < 0)
		return rc;
	rc = journal_rotate(c->journal);
	return in_trouble(c, rc < 0 ? rc : add_start(c, true));
}

/* Under the lock. */
static void rotate_if_long(struct chain *c)
{
	if (!chain_error(c) && journal_is_long(c->journal))
		begin_file(c);
}

int chain_set_key(struct chain *c, const char *public)
{
	pthread_mutex_lock(&c->lock);
	json_object_set_new(c->start, "key", json_string(public));
	int rc = begin_file(c);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

int chain_fact(struct chain *c, const char *kind, json_t *body)
{
	pthread_mutex_lock(&c->lock);
	int rc = add(c, kind, body);
	rotate_if_long(c);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

int chain_sync(struct chain *c)
{
	pthread_mutex_lock(&c->lock);
	int rc = mend(c);
	pthread_mutex_unlock(&c->lock);
	return rc < 0 ? rc : in_trouble(c, journal_sync(c->journal));
}

int chain_beat(struct chain *c, const char *root, json_t *durable)
{
	json_t *roots = json_object();

	if (durable)
		json_object_set_new(roots, root, durable);
	return chain_fact(
	    c, "beat", json_pack("{s:b,s:o}", "synced", (int)c->clock->synced(c->clock), "durable", roots));
}

void chain_name_root(struct chain *c, const char *path, const char *uuid)
{
	pthread_mutex_lock(&c->lock);
	root_names_set(&c->names, path, uuid);
	pthread_mutex_unlock(&c->lock);
}

void chain_prune(struct chain *c, const char *file)
{
	if (!chain_error(c))
		journal_prune(c->journal, file);
}

static json_t *sealed_body(const struct chain_entry *x, const char *digest)
{
	const struct seal *s = x->seal;

	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:I,s:b}", "camera", s->camera, "root", x->root,
			 "file", x->file, "start", (json_int_t)s->start.us, "end", (json_int_t)s->end.us,
			 "sequence", (json_int_t)s->sequence, "digest", digest, "bytes", (json_int_t)x->bytes,
			 "recovered", (s->flags & SEAL_RECOVERED) != 0);
}

static bool follows(const struct chain_entry *x, const struct chain_head *head)
{
	if (x->forced)
		return x->seal->sequence > head->sequence;
	return x->seal->sequence == head->sequence + 1 &&
	       memcmp(x->seal->previous, head->digest, SHA256_BYTES) == 0;
}

/* Under the lock. */
static int add_sealed(struct chain *c, const struct chain_entry *x, struct chain_head *head)
{
	char digest[SHA256_HEX_MAX];

	chain_state_head(&c->known, x->seal->camera, head);
	if (!follows(x, head))
		return -ESTALE;
	hex_encode(x->digest, SHA256_BYTES, digest);
	int rc = add(c, "sealed", sealed_body(x, digest));
	if (rc < 0)
		return rc;
	chain_state_head(&c->known, x->seal->camera, head);
	rotate_if_long(c);
	return 0;
}

int chain_sealed(struct chain *c, const struct chain_entry *x, struct chain_head *head)
{
	pthread_mutex_lock(&c->lock);
	int rc = add_sealed(c, x, head);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* --- recovery's questions ---------------------------------------------------------- */

bool chain_run_of(struct chain *c, const char *root, const char *file, uint8_t run[UUID_BYTES], uint8_t *flags)
{
	pthread_mutex_lock(&c->lock);
	bool known = chain_state_run(&c->known, root_names_get(&c->names, root), file, run, flags);
	pthread_mutex_unlock(&c->lock);
	return known;
}

int64_t chain_limit_of(struct chain *c, const char *root, const char *file)
{
	pthread_mutex_lock(&c->lock);
	int64_t limit = chain_state_limit(&c->known, root_names_get(&c->names, root), file);
	pthread_mutex_unlock(&c->lock);
	return limit;
}

void chain_forget_unmade(struct chain *c, const char *root, bool (*there)(void *arg, const char *name), void *arg)
{
	char camera[SEAL_NAME_MAX];
	struct wall start;
	json_t *name;
	size_t i;

	pthread_mutex_lock(&c->lock);
	json_t *names = chain_state_unsure(&c->known, root_names_get(&c->names, root));
	json_array_foreach(names, i, name)
	{
		const char *file = json_string_value(name);
		if (there(arg, file) || segment_parse_incoming(file, ".open", camera, &start) < 0)
			continue;
		add(c, "dropped", json_pack("{s:s,s:s,s:s}", "camera", camera, "root", root, "file", file));
	}
	json_decref(names);
	pthread_mutex_unlock(&c->lock);
}

static int match_digest(void *arg, const json_t *record)
{
	return strcmp(chain_record_text(record, "k"), "sealed") == 0 &&
	       strcmp(chain_record_text(record, "digest"), arg) == 0;
}

bool chain_knows(struct chain *c, const uint8_t digest[SHA256_BYTES])
{
	struct journal_pos pos = {.offset = 0};
	char hex[SHA256_HEX_MAX];

	hex_encode(digest, SHA256_BYTES, hex);
	return journal_read(c->fs, c->dir, &pos, UINT_MAX, match_digest, hex) == 1;
}

/* --- lifetime ------------------------------------------------------------------------ */

static json_t *start_body(const struct conf *conf, const struct key *key)
{
	char boot[BOOT_ID_MAX], hex[2 * PUBKEY_BYTES + 1];
	uint8_t public[PUBKEY_BYTES];
	json_t *cameras = json_array();

	for (unsigned i = 0; i < conf->camera_count; i++)
		json_array_append_new(cameras, json_string(conf->cameras[i].id));
	clock_boot_id(boot);
	key_public(key, public);
	hex_encode(public, PUBKEY_BYTES, hex);
	return json_pack("{s:i,s:s,s:I,s:s,s:o}", "format", JOURNAL_FORMAT, "boot", boot, "pid", (json_int_t)getpid(),
			 "key", hex, "cameras", cameras);
}

/* Its `start` is the first thing to be told; until that can be done it waits. */
static void begin_journal(struct chain *c)
{
	struct err e;
	int rc = read_heads(c);

	if (rc < 0)
		log_error("journal", "dir=%s error=\"cannot be read: %s\"", c->dir, strerror(-rc));
	rc = journal_open(c->fs, c->clock, c->dir, &c->journal, &e);
	chain_state_note(&c->known, "start", c->start);
	if (rc == 0)
		rc = add_start(c, false);
	bool told = rc == 0;
	if (rc == 0)
		rc = journal_sync(c->journal);
	if (in_trouble(c, rc) == 0 || told)
		return;
	json_t *body = start_record(c, false);
	put_off(c, "start", body);
	json_decref(body);
}

struct chain *chain_open(struct fs *fs, struct clock *clock, const struct conf *conf, const struct key *key)
{
	struct chain *c = xcalloc(1, sizeof *c);

	c->fs = fs;
	c->clock = clock;
	c->dir = xasprintf("%s/journal", conf->state);
	c->waiting = json_array();
	chain_state_init(&c->known);
	root_names_init(&c->names);
	c->start = start_body(conf, key);
	pthread_mutex_init(&c->lock, NULL);
	begin_journal(c);
	return c;
}

void chain_close(struct chain *c)
{
	if (!c)
		return;
	if (c->journal)
		journal_close(c->journal);
	chain_state_finish(&c->known);
	root_names_finish(&c->names);
	json_decref(c->start);
	json_decref(c->waiting);
	pthread_mutex_destroy(&c->lock);
	free(c->dir);
	free(c);
}
