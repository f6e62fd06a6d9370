/* Footage that no disk here gives: read through an offloader, which this test plays, and every way in which that may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FIXTURE_FRAME_BYTES 30000u /* a fragment is larger than the reader's window */

#include "api/remote_gate.h"
#include "api/remote_lines.h"
#include "api_bed.h"
#include "media/object_read.h"
#include "segment_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define FRAGMENT_MS 2000
#define SEGMENTS 3
#define FRAGMENTS 4 /* of each */

static struct wall at_ms(int64_t ms) { return (struct wall){FIXTURE_START_US + ms * 1000}; }

/* --- the offloader ------------------------------------------------------------------------------ */

enum manner { GIVES, GIVES_OTHERS, KNOWS_NOTHING, IS_BUSY, HAS_TROUBLE, SAYS_NONSENSE, PROMISES_MORE, LEAVES_HALFWAY, IS_SILENT, IS_AWAY };

struct far_end {
	char folder[80];
	int in[2];                      /* lines, as the supervisor hands them over; closed: leave */
	struct pollfd lines[1 + 2 * REMOTE_LINES]; /* [0] is in[0] */
	nfds_t count;
	pthread_t thread;
	atomic_int manner, questions;
};

static void send_all(int fd, const uint8_t *data, size_t len)
{
	ssize_t n;

	for (; len && (n = send(fd, data, len, MSG_NOSIGNAL)) > 0; data += n)
		len -= (size_t)n;
}

static void give(struct far_end *o, int fd, const struct object_read *q, enum manner how)
{
	char name[256], path[400];
	struct buf bytes = {0};

	segment_archive_name(name, q->camera, q->start);
	snprintf(path, sizeof path, "%s/%s", o->folder, name);
	buf_reserve(&bytes, q->bytes);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(file, bytes.data, q->bytes, q->at), q->bytes);
	close(file);
	if (how == GIVES_OTHERS)
		bytes.data[q->bytes - 1] ^= 1;
	send_all(fd, bytes.data, how == LEAVES_HALFWAY ? q->bytes / 2 : q->bytes);
	buf_finish(&bytes);
}

static void answer(struct far_end *o, int fd, const struct object_read *q, enum manner how)
{
	static const struct object_answer heads[] = {
		[KNOWS_NOTHING] = {OBJECT_READ_UNKNOWN, 0}, [IS_BUSY] = {OBJECT_READ_BUSY, 0}, [HAS_TROUBLE] = {OBJECT_READ_TROUBLE, 9}};
	bool gives = how == GIVES || how == GIVES_OTHERS || how == LEAVES_HALFWAY || how == PROMISES_MORE;
	struct object_answer head = gives ? (struct object_answer){OBJECT_READ_FINE, q->bytes + (how == PROMISES_MORE)}
					  : how == SAYS_NONSENSE ? (struct object_answer){OBJECT_READ_TROUBLE, 9} : heads[how];
	uint8_t wire[OBJECT_READ_HEAD_BYTES];

	object_answer_write(&head, wire);
	wire[0] ^= how == SAYS_NONSENSE;
	send_all(fd, wire, sizeof wire);
	if (gives)
		give(o, fd, q, how);
	else
		send_all(fd, (const uint8_t *)"no_bucket", head.bytes);
}

static void talk(struct far_end *o, int fd)
{
	enum manner how = (enum manner)atomic_load(&o->manner);
	uint8_t wire[OBJECT_READ_ASK_BYTES];
	struct object_read q;

	if (recv(fd, wire, sizeof wire, MSG_WAITALL) != sizeof wire)
		return;
	assert_int_equal(object_read_parse(wire, &q), 0);
	atomic_fetch_add(&o->questions, 1);
	if (how == IS_AWAY)
		return;
	if (how == IS_SILENT)
		(void)!recv(fd, wire, 1, 0); /* until the other end leaves */
	else
		answer(o, fd, &q, how);
}

static void drop_line(struct far_end *o, nfds_t i)
{
	close(o->lines[i].fd);
	o->lines[i] = o->lines[--o->count];
}

static void take_line(struct far_end *o, int fd)
{
	assert_true(o->count < sizeof o->lines / sizeof *o->lines);
	o->lines[o->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	if (atomic_load(&o->manner) == IS_AWAY)
		while (o->count > 1)
			drop_line(o, 1);
}

static void *serve(void *arg)
{
	struct far_end *o = arg;
	int fd;

	while (poll(o->lines, o->count, -1) > 0) {
		for (nfds_t i = o->count - 1; i > 0; i--)
			if (o->lines[i].revents) {
				talk(o, o->lines[i].fd);
				drop_line(o, i);
			}
		if (o->lines[0].revents && read(o->in[0], &fd, sizeof fd) != sizeof fd)
			break;
		if (o->lines[0].revents)
			take_line(o, fd);
	}
	while (o->count > 0)
		drop_line(o, 0);
	return NULL;
}

static void far_end_give(struct far_end *o, struct bed *b)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(write(o->in[1], &ends[1], sizeof ends[1]), sizeof ends[1]);
	remote_lines_give(api_lines(b->api), ends[0]);
}

static void far_end_open(struct far_end *o, struct bed *b)
{
	*o = (struct far_end){.count = 1};
	assert_int_equal(pipe2(o->in, O_CLOEXEC), 0);
	o->lines[0] = (struct pollfd){.fd = o->in[0], .events = POLLIN};
	snprintf(o->folder, sizeof o->folder, "%s/store", b->dir);
	assert_int_equal(pthread_create(&o->thread, NULL, serve, o), 0);
	for (int i = 0; i < REMOTE_LINES; i++)
		far_end_give(o, b);
}

static void far_end_close(struct far_end *o)
{
	close(o->in[1]);
	pthread_join(o->thread, NULL);
}

/* --- a site ------------------------------------------------------------------------------------------- */

struct site { struct bed bed; struct far_end far; char archive[128]; };

static void on_want_line(struct bed *b)
{
	struct site *s = (struct site *)b;

	far_end_give(&s->far, b);
}

static void site_open(struct site *s)
{
	struct buf bytes = {0};

	bed_open(&s->bed);
	s->bed.conf.offload = (struct conf_offload){.url = (char *)"https://s3.example.com", .bucket = (char *)"footage"};
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		buf_clear(&bytes);
		fixture_init(&bytes);
		for (uint32_t k = 0; k < FRAGMENTS; k++)
			fixture_fragment(&bytes, &(struct fixture_fragment){.start = at_ms((int64_t)(i * FRAGMENTS + k) * FRAGMENT_MS),
				.tfdt = k * UINT64_C(2000000), .sequence = k + 1, .frames = 50, .frame_us = 40000,
				.fill = (uint8_t)(i * FRAGMENTS + k)});
		bed_add_segment(&s->bed, &bytes, false);
	}
	buf_finish(&bytes);
	snprintf(s->archive, sizeof s->archive, "%s/archive", s->bed.root);
	far_end_open(&s->far, &s->bed);
	s->bed.want_line = on_want_line;
}

static void site_close(struct site *s)
{
	bed_close(&s->bed);
	far_end_close(&s->far);
}

/* All files are in the store only from now on. */
static void release(struct site *s) { assert_int_equal(rename(s->archive, s->far.folder), 0); }

static int fetch(struct site *s, struct client *c, int64_t from_ms, int64_t to_ms)
{
	char path[300];

	bed_footage_path(path, at_ms(from_ms), at_ms(to_ms));
	return bed_ask(&s->bed, c, "GET", path, s->bed.admin, NULL, NULL);
}

/* A problem with that word of the store's trouble; NULL: without one. */
static void refused(struct site *s, int status, const char *trouble)
{
	struct client c;
	char word[60];

	assert_int_equal(fetch(s, &c, 0, 3000), status);
	snprintf(word, sizeof word, "{\"place\":\"https://s3.example.com/footage\",\"trouble\":\"%s\"}", trouble ? trouble : "");
	assert_non_null(strstr(client_text(&c), "application/problem+json"));
	if (status == 503)
		assert_non_null(strstr(client_text(&c), "Retry-After: "));
	if (trouble ? !strstr(client_body(&c), word) : strstr(client_body(&c), "\"store\"") != NULL)
		fail_msg("%s", client_body(&c));
	client_finish(&c);
}

/* --- what is given ------------------------------------------------------------------------------------ */

static void gives_the_same_bytes_from_the_store(void **state)
{
	const int64_t ranges[][2] = {{0, 24000}, {500, 23100}, {9000, 9500}, {3000, 17000}, {23000, 24000}};
	struct client here, there;
	struct site s;

	(void)state;
	for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		site_open(&s);
		assert_int_equal(fetch(&s, &here, ranges[i][0], ranges[i][1]), 200);
		assert_int_equal(atomic_load(&s.far.questions), 0); /* what is here asks nobody */
		release(&s);
		assert_int_equal(fetch(&s, &there, ranges[i][0], ranges[i][1]), 200);
		assert_int_equal(client_body_len(&there), client_body_len(&here));
		assert_memory_equal(client_body(&there), client_body(&here), client_body_len(&here));
		client_finish(&here);
		client_finish(&there);
		site_close(&s);
	}
}

/* A way to the store and back for each fragment would be slow: it asks for more as it goes on. */
static void asks_ahead(void **state)
{
	struct client c;
	struct site s;

	(void)state;
	site_open(&s);
	release(&s);
	assert_int_equal(fetch(&s, &c, 0, 24000), 200);
	client_finish(&c);
	assert_in_range(atomic_load(&s.far.questions), SEGMENTS, SEGMENTS * FRAGMENTS);
	site_close(&s);
}

static void spoil(const char *folder, int64_t ms, off_t at)
{
	char name[256], path[400];
	uint8_t byte;

	segment_archive_name(name, "playroom-east", at_ms(ms));
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void copy_tree(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof command, "cp -r %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* In its head, in a fragment's times, in a picture, in the fragment that is cut. */
static void mends_what_is_damaged_here(void **state)
{
	const off_t places[] = {20, 400, 900, 700000, FIXTURE_FRAME_BYTES * 50 + 5000, FIXTURE_FRAME_BYTES * 150 + 10000};
	struct client here, mended;
	struct site s;

	(void)state;
	for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
		site_open(&s);
		assert_int_equal(fetch(&s, &here, 500, 7100), 200);
		copy_tree(s.archive, s.far.folder);
		spoil(s.archive, 0, places[i]);
		if (fetch(&s, &mended, 500, 7100) != 200)
			fail_msg("at %lld: %.300s", (long long)places[i], client_text(&mended));
		assert_int_equal(client_body_len(&mended), client_body_len(&here));
		assert_memory_equal(client_body(&mended), client_body(&here), client_body_len(&here));
		assert_true(atomic_load(&s.far.questions) > 0);
		client_finish(&here);
		client_finish(&mended);
		site_close(&s);
	}
}

/* --- what is not ---------------------------------------------------------------------------------------- */

static void never_gives_what_does_not_hold(void **state)
{
	const off_t places[] = {20, 400, 900, 700000, FIXTURE_FRAME_BYTES * 50 + 5000};
	struct site s;

	(void)state;
	for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
		struct client c;
		site_open(&s);
		release(&s);
		spoil(s.far.folder, 0, places[i]);
		int status = fetch(&s, &c, 0, 4000); /* 503, or the promised length does not come */
		if (status != 503 && status != -1)
			fail_msg("at %lld: %d", (long long)places[i], status);
		client_finish(&c);
		site_close(&s);
	}
}

static void tells_what_the_offloader_says(void **state)
{
	static const struct { enum manner how; int status; const char *trouble; } t[] = {
		{GIVES_OTHERS, 503, "differs"}, {KNOWS_NOTHING, 503, NULL}, {IS_BUSY, 503, "offloader_busy"},
		{HAS_TROUBLE, 503, "no_bucket"}, {SAYS_NONSENSE, 503, "offloader_away"}, {PROMISES_MORE, 503, "offloader_away"},
		{LEAVES_HALFWAY, 503, "offloader_away"},
	};
	struct client c;
	struct site s;

	(void)state;
	site_open(&s);
	release(&s);
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		atomic_store(&s.far.manner, t[i].how);
		refused(&s, t[i].status, t[i].trouble);
	}
	assert_int_equal(json_array_size(s.bed.sent), 1); /* the keeper is told of what is in no store only */
	atomic_store(&s.far.manner, GIVES);
	assert_int_equal(fetch(&s, &c, 0, 3000), 200);
	client_finish(&c);
	atomic_store(&s.far.manner, IS_AWAY);
	for (int i = 0; i <= REMOTE_LINES; i++)
		refused(&s, 503, "offloader_away");
	atomic_store(&s.far.manner, GIVES); /* it was started anew */
	for (int i = 0; i < REMOTE_LINES; i++)
		far_end_give(&s.far, &s.bed);
	assert_int_equal(fetch(&s, &c, 0, 3000), 200);
	client_finish(&c);
	site_close(&s);
}

static void believes_no_head_of_which_it_has_no_sum(void **state)
{
	struct site s;

	(void)state;
	site_open(&s);
	release(&s);
	bed_sql(&s.bed, "UPDATE segment SET init_crc = NULL");
	refused(&s, 503, "differs");
	site_close(&s);
}

static void asks_nobody_where_no_store_is_configured(void **state)
{
	struct site s;

	(void)state;
	site_open(&s);
	release(&s);
	s.bed.conf.offload = (struct conf_offload){0};
	refused(&s, 503, NULL);
	assert_int_equal(atomic_load(&s.far.questions), 0);
	site_close(&s);
}

/* What is under way ends, nothing is leaked, and nobody waits for its time to be over. */
static void can_be_closed_while_the_store_is_silent(void **state)
{
	char path[300];
	struct client clients[REMOTE_INSIDE_MAX + 2];
	struct site s;
	struct buf q = {0};

	(void)state;
	site_open(&s);
	release(&s);
	atomic_store(&s.far.manner, IS_SILENT);
	bed_footage_path(path, at_ms(0), at_ms(3000));
	buf_printf(&q, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", path, s.bed.admin);
	for (unsigned i = 0; i < REMOTE_INSIDE_MAX + 2; i++) {
		client_tcp(&clients[i], &s.bed.loop, api_port(s.bed.api, 0));
		client_send(&clients[i], q.data, q.len);
	}
	while (atomic_load(&s.far.questions) == 0)
		client_turn(&clients[0]);
	uint64_t began = uv_hrtime();
	site_close(&s);
	assert_true(uv_hrtime() - began < UINT64_C(5000000000));
	for (unsigned i = 0; i < REMOTE_INSIDE_MAX + 2; i++)
		client_finish(&clients[i]);
	buf_finish(&q);
}

/* --- the gate --------------------------------------------------------------------------------------------- */

struct guest { struct remote_pass pass; int in, out; };

static void on_go(struct remote_pass *p, bool in)
{
	struct guest *g = (struct guest *)p;

	g->in += in;
	g->out += !in;
}

static void on_gate_closed(struct remote_gate *g) { g->timer.data = NULL; }

static void lets_few_in_and_in_order(void **state)
{
	struct guest g[REMOTE_INSIDE_MAX + 3] = {0};
	struct guest *waiting = g + REMOTE_INSIDE_MAX;
	struct remote_gate gate;
	uv_loop_t loop;

	(void)state;
	uv_loop_init(&loop);
	assert_int_equal(remote_gate_open(&gate, &loop), 0);
	for (unsigned i = 0; i < REMOTE_INSIDE_MAX + 3; i++) {
		g[i].pass.go = on_go;
		remote_gate_ask(&gate, &g[i].pass, i == REMOTE_INSIDE_MAX + 1 ? 1 : 60000);
		assert_int_equal(g[i].in, i < REMOTE_INSIDE_MAX);
	}
	while (!waiting[1].out)
		uv_run(&loop, UV_RUN_ONCE);
	assert_true(!waiting[0].in && !waiting[0].out && !waiting[2].out);
	remote_gate_leave(&gate, &waiting[1].pass); /* it waits no more: nobody is let in for it */
	assert_int_equal(waiting[0].in, 0);
	remote_gate_leave(&gate, &g[0].pass);
	assert_true(waiting[0].in && !waiting[2].in);
	remote_gate_leave(&gate, &waiting[2].pass); /* waits, and leaves */
	remote_gate_leave(&gate, &g[1].pass);
	assert_true(!waiting[2].in && gate.inside == 1);
	remote_gate_close(&gate, on_gate_closed);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_non_null(gate.timer.data); /* somebody is inside */
	remote_gate_leave(&gate, &waiting[0].pass);
	assert_null(gate.timer.data);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_same_bytes_from_the_store),
		cmocka_unit_test(asks_ahead),
		cmocka_unit_test(mends_what_is_damaged_here),
		cmocka_unit_test(never_gives_what_does_not_hold),
		cmocka_unit_test(tells_what_the_offloader_says),
		cmocka_unit_test(believes_no_head_of_which_it_has_no_sum),
		cmocka_unit_test(asks_nobody_where_no_store_is_configured),
		cmocka_unit_test(can_be_closed_while_the_store_is_silent),
		cmocka_unit_test(lets_few_in_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
