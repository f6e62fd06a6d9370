#include "api/push.h"

#include "api/outgoing.h"
#include "api/push_batch.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/sm.h"

#include <errno.h>
#include <stdlib.h>

#define POLL_MS 2000
#define TIMEOUT_MS 20000
#define RETRY_MIN_MS 5000
#define RETRY_MAX_MS (15 * 60 * 1000)
#define RETRY_AFTER_MAX_S 86400

enum { IDLE, SENDING, WAITING, CLOSING };

static const struct sm_state push_states[] = {
	[IDLE]    = {"idle",    SM_TO(SENDING) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[SENDING] = {"sending", SM_TO(IDLE) | SM_TO(WAITING) | SM_TO(CLOSING)},
	[WAITING] = {"waiting", SM_TO(IDLE) | SM_TO(CLOSING)},
	[CLOSING] = {"closing", 0},
};

struct push {
	const struct conf_regulator *to;
	const char *site;
	struct db *db;
	char *catalog_path;
	struct catalog *catalog;        /* NULL until it could be opened */
	const struct key *keys[1 + PUSH_KEYS_MAX];
	unsigned key_count;
	struct clock *clock;
	struct sm sm;
	struct outgoing http;
	uv_timer_t timer;               /* poll while idle, back-off while waiting */
	struct push_batch batch;
	int64_t acked, planned;         /* planned: last seq of the batch under way; 0: none */
	unsigned retry_ms;
	long last_status;
	char last_error[CURL_ERROR_SIZE];
	const struct ledger_keep *keep; /* NULL: heads are not kept */
	int open_handles;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void send_next(struct push *p);

/* --- what survives a restart --------------------------------------------------------- */

static int cursor_load(struct push *p)
{
	struct db_query q;
	int rc = db_exec(p->db, "CREATE TABLE IF NOT EXISTS push (receiver TEXT PRIMARY KEY, acked INTEGER NOT NULL,"
				" planned INTEGER NOT NULL) WITHOUT ROWID");

	if (rc == 0)
		rc = db_query(p->db, &q, "SELECT acked, planned FROM push WHERE receiver = ?", "t", p->to->url);
	if (rc < 0)
		return rc;
	rc = db_step(&q);
	if (rc > 0) {
		p->acked = db_i64(&q, 0);
		p->planned = db_i64(&q, 1);
	}
	db_done(&q);
	return rc < 0 ? rc : 0;
}

static int cursor_save(struct push *p)
{
	return db_run(p->db, "INSERT INTO push (receiver, acked, planned) VALUES (?1, ?2, ?3) ON CONFLICT (receiver)"
			     " DO UPDATE SET acked = ?2, planned = ?3", "tii", p->to->url, p->acked, p->planned);
}

/* --- composing ------------------------------------------------------------------------- */

static int on_entry(void *arg, const struct ledger_entry *e)
{
	struct push *p = arg;

	if (p->planned && e->seq > p->planned)
		return 1;
	return push_batch_add(&p->batch, p->site, e);
}

/* The batch that follows what was acknowledged. 0: nothing to send. */
static int compose(struct push *p)
{
	struct err e;
	int rc = p->catalog ? 0 : catalog_open(p->catalog_path, &p->catalog, &e);

	if (rc < 0)
		return rc;
	push_batch_finish(&p->batch);
	push_batch_init(&p->batch);
	rc = catalog_ledger(p->catalog, p->acked, PUSH_BATCH_MAX, on_entry, p);
	if (rc < 0)
		return rc;
	if (p->batch.last == 0)
		return 0;
	if (p->planned != p->batch.last) {
		int64_t before = p->planned;
		p->planned = p->batch.last;
		rc = cursor_save(p);
		if (rc == 0 && p->keep)
			rc = ledger_keep_note(p->keep, "sent", p->to->url, p->batch.last, p->batch.last_hash);
		if (rc < 0) {
			p->planned = before; /* what is not written down is not sent */
			return rc;
		}
	}
	push_batch_seal(&p->batch, p->site);
	return 1;
}

static int post(struct push *p)
{
	int64_t now_s = clock_wall(p->clock).us / US_PER_S;
	char *signature = push_batch_sign(&p->batch, now_s, p->keys, p->key_count);
	char *headers[] = {
		xasprintf("Content-Type: application/cloudevents-batch+json"),
		xasprintf("webhook-id: %s", p->batch.id),
		xasprintf("webhook-timestamp: %lld", (long long)now_s),
		xasprintf("webhook-signature: %s", signature),
		xasprintf("Expect:"), NULL};
	const struct outgoing_tls tls = {p->to->ca, p->to->cert, p->to->key};
	int rc = outgoing_post(&p->http, p->to->url, &tls, (const char *const *)headers, &p->batch.body, TIMEOUT_MS);

	for (int i = 0; headers[i]; i++)
		free(headers[i]);
	free(signature);
	return rc;
}

/* --- waiting ----------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t)
{
	struct push *p = t->data;

	if (p->sm.now == WAITING)
		sm_move(&p->sm, IDLE);
	if (p->sm.now == IDLE)
		send_next(p);
}

static void poll_later(struct push *p)
{
	uv_timer_start(&p->timer, on_timer, POLL_MS, 0);
}

/* ± 20 %, so that the boxes of a district do not come back all at once. */
static uint64_t jitter(unsigned ms)
{
	uint16_t r;

	random_bytes(&r, sizeof r);
	return ms * UINT64_C(4) / 5 + ms * UINT64_C(2) / 5 * r / UINT16_MAX;
}

static void wait_and_retry(struct push *p, long retry_after_s)
{
	uint64_t ms = jitter(p->retry_ms);

	if (retry_after_s > RETRY_AFTER_MAX_S)
		retry_after_s = RETRY_AFTER_MAX_S;
	if (retry_after_s > 0 && (uint64_t)retry_after_s * 1000 > ms)
		ms = (uint64_t)retry_after_s * 1000;
	sm_move(&p->sm, WAITING);
	uv_timer_start(&p->timer, on_timer, ms, 0);
	p->retry_ms = p->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : p->retry_ms * 2;
}

/* --- outcomes ------------------------------------------------------------------------------ */

static void acknowledged(struct push *p)
{
	if (p->last_error[0])
		log_info("push", "state=delivering acknowledged=%lld", (long long)p->batch.last);
	p->last_error[0] = '\0';
	p->acked = p->batch.last;
	p->planned = 0;
	p->retry_ms = RETRY_MIN_MS;
	if (p->keep)
		ledger_keep_note(p->keep, "acknowledged", p->to->url, p->batch.last, p->batch.last_hash);
	if (cursor_save(p) < 0)
		log_error("push", "text=\"cannot remember the acknowledgement; it will be sent again\"");
	sm_move(&p->sm, IDLE);
	send_next(p);
}

static void refused(struct push *p, long status, const char *why, long retry_after_s)
{
	char text[CURL_ERROR_SIZE], quoted[CURL_ERROR_SIZE];

	if (status)
		snprintf(text, sizeof text, "HTTP %ld", status);
	else
		snprintf(text, sizeof text, "%s", why);
	if (strcmp(text, p->last_error) != 0) /* one line per change */
		log_line(status >= 400 && status < 500 ? LOG_ERROR : LOG_WARN, "push",
			 "state=waiting first=%lld last=%lld why=\"%s\"", (long long)p->batch.first,
			 (long long)p->batch.last, log_quote(quoted, sizeof quoted, text));
	snprintf(p->last_error, sizeof p->last_error, "%s", text);
	wait_and_retry(p, retry_after_s);
}

static void on_done(struct outgoing *o, long status, const char *why, long retry_after_s)
{
	struct push *p = o->owner;

	p->last_status = status;
	if (status >= 200 && status < 300)
		acknowledged(p);
	else
		refused(p, status, why, retry_after_s);
}

static void send_next(struct push *p)
{
	int rc = compose(p);

	if (rc <= 0) { /* nothing to tell, or the catalogue is not ready */
		poll_later(p);
		return;
	}
	uv_timer_stop(&p->timer);
	sm_move(&p->sm, SENDING);
	if (post(p) < 0)
		refused(p, 0, "the request could not be made", -1);
}

/* --- interface ------------------------------------------------------------------------------- */

static void on_handle_closed(struct push *p)
{
	if (--p->open_handles > 0)
		return;
	void (*closed)(void *) = p->closed;
	void *arg = p->closed_arg;

	push_batch_finish(&p->batch);
	catalog_close(p->catalog);
	free(p->catalog_path);
	free(p);
	closed(arg);
}

static void on_http_closed(struct outgoing *o)
{
	on_handle_closed(o->owner);
}

static void on_timer_closed(uv_handle_t *h)
{
	on_handle_closed(h->data);
}

int push_create(uv_loop_t *loop, const struct conf *conf, struct db *db, const char *catalog_path,
		const struct key *site_key, struct clock *clock, struct push **out, struct err *e)
{
	struct push *p = xcalloc(1, sizeof *p);

	*p = (struct push){.to = &conf->regulator, .site = conf->site.id, .db = db, .catalog_path = xstrdup(catalog_path),
			   .keys = {site_key}, .key_count = 1, .clock = clock, .retry_ms = RETRY_MIN_MS, .open_handles = 2};
	if (cursor_load(p) < 0) {
		free(p->catalog_path);
		free(p);
		return err_set(e, -EIO, "read the push cursor");
	}
	sm_init(&p->sm, push_states, "push", IDLE);
	outgoing_init(&p->http, loop);
	p->http.owner = p;
	p->http.done = on_done;
	p->http.closed = on_http_closed;
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	push_batch_init(&p->batch);
	uv_timer_start(&p->timer, on_timer, 0, 0);
	*out = p;
	return 0;
}

void push_also_sign(struct push *p, struct key *const *keys, unsigned count)
{
	for (unsigned i = 0; i < count && p->key_count < 1 + PUSH_KEYS_MAX; i++)
		p->keys[p->key_count++] = keys[i];
}

void push_keep_heads(struct push *p, const struct ledger_keep *keep)
{
	p->keep = keep;
}

void push_poke(struct push *p)
{
	if (p->sm.now == IDLE)
		send_next(p);
}

json_t *push_status(const struct push *p)
{
	return json_pack("{s:s, s:I, s:s, s:i, s:s?}", "url", p->to->url, "acknowledged", (json_int_t)p->acked,
			 "state", sm_name(&p->sm), "last_status", (int)p->last_status, "last_error",
			 p->last_error[0] ? p->last_error : NULL);
}

void push_close(struct push *p, void (*closed)(void *arg), void *arg)
{
	p->closed = closed;
	p->closed_arg = arg;
	sm_move(&p->sm, CLOSING);
	outgoing_close(&p->http);
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
