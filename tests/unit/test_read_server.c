/* The offloader's answers to an api that may have been taken over: questions only, and only within what it knows of. */
#include "release_fixture.h"

#include "media/object_read.h"
#include "offload/read_server.h"

#include <sys/socket.h>

static struct { uv_loop_t loop; struct read_server *server; bool closed; } far;

static void on_closed(void *arg)
{
	(void)arg;
	far.closed = true;
}

static void server_open(void)
{
	char *db = xasprintf("%s/catalog.db", box.conf.state);
	const struct read_server_deps deps = {.loop = &far.loop, .conf = &box.conf, .clock = clock_real(), .catalog_path = db};

	box.conf.offload.region = (char *)(uintptr_t)"r";
	box.conf.offload.access_key = box.conf.offload.secret_key = (char *)(uintptr_t)"k";
	far.closed = false;
	uv_loop_init(&far.loop);
	far.server = read_server_create(&deps);
	free(db);
}

static void server_close(void)
{
	read_server_close(far.server, on_closed, NULL);
	uv_run(&far.loop, UV_RUN_DEFAULT);
	assert_true(far.closed);
	assert_int_equal(uv_loop_close(&far.loop), 0);
}

/* What comes on a line of its own until the server closes it. */
static size_t answer_to(const void *said, size_t len, uint8_t out[64])
{
	int ends[2];
	size_t got = 0;
	ssize_t n = -1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	read_server_take(far.server, ends[1]);
	assert_int_equal(send(ends[0], said, len, 0), (ssize_t)len);
	while (n != 0) {
		uv_run(&far.loop, UV_RUN_NOWAIT);
		n = recv(ends[0], out + got, 64 - got, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			break;
		got += n > 0 ? (size_t)n : 0;
	}
	close(ends[0]);
	return got;
}

static struct object_read known(void)
{
	struct object_read q = {.at = 10, .bytes = 100};
	struct db_query row;

	assert_int_equal(db_query(box.place.catalog->db, &row, STORE_ROWS, "t", "kept"), 0);
	assert_int_equal(db_step(&row), 1);
	snprintf(q.camera, sizeof q.camera, "%s", db_text(&row, 0));
	q.start.us = db_i64(&row, 1);
	assert_int_equal(db_blob_copy(&row, 4, q.seal_digest, sizeof q.seal_digest), 0);
	db_done(&row);
	return q;
}

static enum object_verdict verdict_of(const struct object_read *q)
{
	uint8_t wire[OBJECT_READ_ASK_BYTES], out[64];
	struct object_answer a;

	object_read_write(q, wire);
	assert_true(answer_to(wire, sizeof wire, out) >= OBJECT_READ_HEAD_BYTES);
	assert_int_equal(object_answer_parse(out, q->bytes, &a), 0);
	return a.verdict;
}

static void knows_only_what_was_copied(void **state)
{
	assert_int_equal(store_copy(&box), 200);
	struct object_read good = known(), other;

	(void)state;
	server_open();
	assert_int_equal(verdict_of(&good), OBJECT_READ_TROUBLE); /* known, and asked for; that store does not exist */
	other = good, other.start.us++;
	assert_int_equal(verdict_of(&other), OBJECT_READ_UNKNOWN);
	other = good, other.camera[0] ^= 1;
	assert_int_equal(verdict_of(&other), OBJECT_READ_UNKNOWN);
	other = good, other.seal_digest[0] ^= 1;
	assert_int_equal(verdict_of(&other), OBJECT_READ_UNKNOWN);
	other = good, other.at = INT64_C(1) << 62;
	assert_int_equal(verdict_of(&other), OBJECT_READ_UNKNOWN);
	server_close();
}

static void what_is_no_question_gets_no_answer(void **state)
{
	uint8_t wire[OBJECT_READ_ASK_BYTES + 1] = {0}, out[64];

	assert_int_equal(store_copy(&box), 200);
	struct object_read q = known();

	(void)state;
	server_open();
	assert_int_equal(answer_to(wire, sizeof wire, out), 0);
	assert_int_equal(answer_to(wire, OBJECT_READ_ASK_BYTES, out), 0);
	object_read_write(&q, wire);
	assert_int_equal(answer_to(wire, sizeof wire, out), 0); /* a byte too many */
	q.bytes = OBJECT_READ_MAX_BYTES + 1;
	object_read_write(&q, wire);
	assert_int_equal(answer_to(wire, OBJECT_READ_ASK_BYTES, out), 0);
	server_close();
}

static void many_lines_are_refused_and_the_rest_closed_at_the_end(void **state)
{
	int ends[2], kept[40];

	(void)state;
	server_open();
	for (int i = 0; i < 40; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		read_server_take(far.server, ends[1]);
		kept[i] = ends[0];
	}
	uv_run(&far.loop, UV_RUN_NOWAIT);
	assert_int_equal(recv(kept[39], ends, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(kept[0], ends, 1, MSG_DONTWAIT), -1);
	server_close();
	for (int i = 0; i < 40; i++) {
		assert_int_equal(recv(kept[i], ends, 1, MSG_DONTWAIT), 0);
		close(kept[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_only_what_was_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_question_gets_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(many_lines_are_refused_and_the_rest_closed_at_the_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
