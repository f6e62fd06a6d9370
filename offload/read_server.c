#include "offload/read_server.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/sm.h"
#include "indexer/catalog.h"
#include "media/object_read.h"
#include "offload/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 16
#define ASK_MS 5000     /* for a question to be whole */
#define ANSWER_MS 10000 /* for an answer to be taken */

enum { ASKING, READING, ANSWERING, CLOSING };

static const struct sm_state visit_states[] = {
	[ASKING]    = {"asking",    SM_TO(READING) | SM_TO(ANSWERING) | SM_TO(CLOSING)},
	[READING]   = {"reading",   SM_TO(ANSWERING) | SM_TO(CLOSING)},
	[ANSWERING] = {"answering", SM_TO(CLOSING)},
	[CLOSING]   = {"closing",   0},
};

struct slot { struct store store; bool taken; };

struct visit {
	struct read_server *server;
	uv_pipe_t pipe;
	uv_timer_t timer;
	struct sm sm;
	int open_handles;
	uint8_t in[OBJECT_READ_ASK_BYTES + 1]; /* one more: who sends more is not ours */
	size_t in_len;
	struct object_read asked;
	struct catalog_object_place found;
	struct slot *slot;              /* while a worker has it */
	uv_work_t work;
	enum store_trouble trouble;
	struct buf answer;
	uv_write_t write;
	struct visit *next;
};

struct read_server {
	struct read_server_deps deps;
	char *catalog_path, *place;
	struct catalog *catalog;        /* NULL until it could be opened */
	struct slot slots[READS_MAX];
	struct visit *visits;
	unsigned visit_count;
	enum store_trouble trouble;     /* the last one told */
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* --- the end of a visit -------------------------------------------------------------------- */

static void maybe_closed(struct read_server *s)
{
	if (!s->closing || s->visits)
		return;
	void (*closed)(void *arg) = s->closed;
	void *arg = s->closed_arg;

	for (unsigned i = 0; i < READS_MAX; i++)
		store_finish(&s->slots[i].store);
	catalog_close(s->catalog);
	free(s->catalog_path);
	free(s->place);
	free(s);
	closed(arg);
}

/* Its handles are closed, and no worker has it. */
static void maybe_gone(struct visit *v)
{
	struct read_server *s = v->server;

	if (v->open_handles > 0 || v->slot)
		return;
	for (struct visit **at = &s->visits; *at; at = &(*at)->next)
		if (*at == v) {
			*at = v->next;
			break;
		}
	s->visit_count--;
	buf_finish(&v->answer);
	free(v);
	maybe_closed(s);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct visit *v = h->data;

	v->open_handles--;
	maybe_gone(v);
}

static void leave(struct visit *v)
{
	if (v->sm.now == CLOSING)
		return;
	sm_move(&v->sm, CLOSING);
	if (v->slot)
		store_stop(&v->slot->store);
	uv_close((uv_handle_t *)&v->pipe, on_handle_closed);
	uv_close((uv_handle_t *)&v->timer, on_handle_closed);
}

static void on_timer(uv_timer_t *t)
{
	leave(t->data);
}

/* --- answering --------------------------------------------------------------------------- */

static void on_written(uv_write_t *w, int status)
{
	(void)status;
	leave(w->data);
}

/* The answer's bytes stand behind the room for its head. */
static void answer(struct visit *v, enum object_verdict verdict)
{
	const struct object_answer head = {verdict, (uint32_t)(v->answer.len - OBJECT_READ_HEAD_BYTES)};

	sm_move(&v->sm, ANSWERING);
	object_answer_write(&head, v->answer.data);
	uv_buf_t b = uv_buf_init((char *)v->answer.data, (unsigned)v->answer.len);
	uv_timer_start(&v->timer, on_timer, ANSWER_MS, 0);
	v->write.data = v;
	if (uv_write(&v->write, (uv_stream_t *)&v->pipe, &b, 1, on_written) < 0)
		leave(v);
}

static void make_room(struct visit *v, uint32_t bytes)
{
	buf_clear(&v->answer);
	buf_reserve(&v->answer, OBJECT_READ_HEAD_BYTES + bytes);
	v->answer.len = OBJECT_READ_HEAD_BYTES + bytes;
}

static void answer_nothing(struct visit *v, enum object_verdict verdict)
{
	make_room(v, 0);
	answer(v, verdict);
}

static void answer_trouble(struct visit *v, enum store_trouble trouble)
{
	const char *name = store_trouble_name(trouble);

	make_room(v, 0);
	buf_add(&v->answer, name, strlen(name));
	answer(v, OBJECT_READ_TROUBLE);
}

/* --- reading ------------------------------------------------------------------------------- */

/* One line per change, not one per read. */
static void tell(struct read_server *s, const struct visit *v)
{
	char quoted[CURL_ERROR_SIZE];

	if (v->trouble == s->trouble)
		return;
	s->trouble = v->trouble;
	if (v->trouble)
		log_warn("offload_read", "state=trouble trouble=%s key=%s detail=\"%s\" text=\"%s\"", store_trouble_name(v->trouble),
			 v->found.key, log_quote(quoted, sizeof quoted, store_why(&v->slot->store)),
			 store_trouble_text(v->trouble));
	else
		log_info("offload_read", "state=fine place=%s", s->place);
}

static void do_read(uv_work_t *w)
{
	struct visit *v = w->data;

	v->trouble = store_get_range(&v->slot->store, v->found.key, v->found.version, v->found.bytes, v->asked.at,
				     v->asked.bytes, v->answer.data + OBJECT_READ_HEAD_BYTES);
}

static void after_read(uv_work_t *w, int status)
{
	struct visit *v = w->data;

	(void)status; /* it is never cancelled */
	if (v->sm.now == READING)
		tell(v->server, v);
	v->slot->taken = false;
	atomic_store(&v->slot->store.stopping, v->server->closing);
	v->slot = NULL;
	if (v->sm.now == CLOSING)
		maybe_gone(v);
	else if (v->trouble == STORE_FINE)
		answer(v, OBJECT_READ_FINE);
	else
		answer_trouble(v, v->trouble);
}

static struct slot *free_slot(struct read_server *s)
{
	for (unsigned i = 0; i < READS_MAX; i++)
		if (!s->slots[i].taken)
			return &s->slots[i];
	return NULL;
}

static int find(struct visit *v)
{
	struct read_server *s = v->server;
	struct err e;
	int rc = s->catalog ? 0 : catalog_open(s->catalog_path, &s->catalog, &e);

	if (rc == 0)
		rc = catalog_object_find(s->catalog, s->place, v->asked.camera, v->asked.start, v->asked.seal_digest, &v->found);
	return rc == 0 && v->asked.at > v->found.bytes - v->asked.bytes ? -ENOENT : rc;
}

static void take_question(struct visit *v)
{
	uv_timer_stop(&v->timer); /* the store has a limit of its own */
	if (object_read_parse(v->in, &v->asked) < 0) {
		log_warn("offload_read", "text=\"not a question; connection dropped\"");
		leave(v);
		return;
	}
	int rc = find(v);
	struct slot *slot = rc == 0 ? free_slot(v->server) : NULL;
	if (!slot) {
		answer_nothing(v, rc == -ENOENT ? OBJECT_READ_UNKNOWN : OBJECT_READ_BUSY);
		return;
	}
	make_room(v, v->asked.bytes);
	slot->taken = true;
	v->slot = slot;
	sm_move(&v->sm, READING);
	uv_queue_work(v->server->deps.loop, &v->work, do_read, after_read);
}

/* --- visitors --------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct visit *v = h->data;

	(void)suggested;
	*out = uv_buf_init((char *)v->in + v->in_len, (unsigned)(sizeof v->in - v->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct visit *v = stream->data;

	(void)b;
	if (n < 0 || v->in_len + (size_t)n > OBJECT_READ_ASK_BYTES) {
		leave(v);
		return;
	}
	if (v->in_len == 0)
		uv_timer_start(&v->timer, on_timer, ASK_MS, 0);
	v->in_len += (size_t)n;
	if (v->sm.now == ASKING && v->in_len == OBJECT_READ_ASK_BYTES)
		take_question(v);
}

void read_server_take(struct read_server *s, int line)
{
	struct visit *v = xcalloc(1, sizeof *v);

	v->server = s;
	v->next = s->visits;
	s->visits = v;
	s->visit_count++;
	v->open_handles = 2;
	sm_init(&v->sm, visit_states, "offload_read", ASKING);
	uv_pipe_init(s->deps.loop, &v->pipe, 0);
	uv_timer_init(s->deps.loop, &v->timer);
	v->pipe.data = v->timer.data = v->work.data = v;
	if (uv_pipe_open(&v->pipe, line) < 0) {
		close(line);
		leave(v);
	} else if (s->closing || s->visit_count > LINES_MAX || uv_read_start((uv_stream_t *)&v->pipe, on_alloc, on_read) < 0) {
		leave(v);
	}
}

/* --- lifetime ------------------------------------------------------------------------------------ */

struct read_server *read_server_create(const struct read_server_deps *deps)
{
	struct read_server *s = xcalloc(1, sizeof *s);

	s->deps = *deps;
	s->catalog_path = xstrdup(deps->catalog_path);
	s->place = conf_offload_place(&deps->conf->offload);
	for (unsigned i = 0; i < READS_MAX; i++) {
		store_init(&s->slots[i].store, &deps->conf->offload, deps->clock);
		s->slots[i].store.limit_s = READ_LIMIT_S;
	}
	return s;
}

void read_server_close(struct read_server *s, void (*closed)(void *arg), void *arg)
{
	struct visit *next;

	s->closing = true;
	s->closed = closed;
	s->closed_arg = arg;
	for (struct visit *v = s->visits; v; v = next) {
		next = v->next;
		leave(v);
	}
	maybe_closed(s);
}
