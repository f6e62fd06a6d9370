/* What a role may say to another, and how ends of channels are renewed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct side { uv_loop_t loop; struct link link; unsigned heard, ups, downs; bool closed; char last[40]; };

static void on_msg(struct link *l, json_t *msg)
{
	struct side *s = l->owner;

	s->heard++;
	snprintf(s->last, sizeof s->last, "%s", msg_type(msg));
}

static void on_up(struct link *l) { ((struct side *)l->owner)->ups++; }
static void on_down(struct link *l) { ((struct side *)l->owner)->downs++; }
static void on_closed(struct link *l) { ((struct side *)l->owner)->closed = true; }

static void side_open(struct side *s, enum channel_role self, enum channel_role other)
{
	*s = (struct side){0};
	uv_loop_init(&s->loop);
	s->link = (struct link){.self = self, .other = other, .loop = &s->loop, .owner = s, .on_msg = on_msg, .on_up = on_up,
				.on_down = on_down, .on_closed = on_closed};
}

static void side_close(struct side *s)
{
	link_close(&s->link);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_true(s->closed);
	assert_int_equal(uv_loop_close(&s->loop), 0);
}

/* The other end: raw, as somebody who took the role over would have it. */
static int take_end(struct side *s)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	link_take(&s->link, ends[0]);
	return ends[1];
}

static void turn(struct side *s)
{
	for (int i = 0; i < 3; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
}

static void say(struct side *s, int fd, json_t *msg)
{
	struct buf out = {0};

	assert_true(msg_encode(&out, msg));
	assert_int_equal(write(fd, out.data, out.len), (ssize_t)out.len);
	buf_finish(&out);
	json_decref(msg);
	turn(s);
}

static void say_type(struct side *s, int fd, const char *type) { say(s, fd, json_pack("{s:s}", "type", type)); }

static void say_command(struct side *s, int fd, const char *verb)
{
	say(s, fd, json_pack("{s:s, s:i, s:s, s:{}}", "type", "cmd", "id", 7, "verb", verb, "args"));
}

/* The next message that comes on the raw end. */
static json_t *hear(int fd)
{
	struct buf in = {0};
	json_t *msg = NULL;

	buf_reserve(&in, 4096);
	for (int rc = 0; rc == 0;) {
		assert_int_equal(read(fd, in.data + in.len, 1), 1);
		in.len++;
		rc = msg_take(&in, &msg);
		assert_true(rc >= 0);
	}
	buf_finish(&in);
	return msg;
}

static void expect_hello(int fd)
{
	json_t *msg = hear(fd);

	assert_string_equal(msg_type(msg), "hello");
	json_decref(msg);
}

static void is_up_when_the_other_side_can_be_spoken_to(void **state)
{
	json_t *news = json_pack("{s:s}", "type", "economy");
	struct side s;

	(void)state;
	side_open(&s, CHANNEL_KEEPER, CHANNEL_RECORDER);
	assert_false(link_send(&s.link, news));
	int fd = take_end(&s);
	expect_hello(fd);
	turn(&s);
	assert_false(link_send(&s.link, news)); /* it may be reading its catalogue for minutes */
	say_type(&s, fd, "hello");
	assert_int_equal(s.ups, 1);
	assert_true(link_send(&s.link, news));
	close(fd);
	turn(&s);
	assert_int_equal(s.downs, 1);
	assert_false(link_send(&s.link, news));
	json_decref(news);
	side_close(&s);
}

static void a_role_that_is_started_anew_gets_a_new_end(void **state)
{
	struct side s;

	(void)state;
	side_open(&s, CHANNEL_KEEPER, CHANNEL_RECORDER);
	int before = take_end(&s);
	say_type(&s, before, "hello");
	int after = take_end(&s); /* the end of the one before was not noticed yet */
	assert_int_equal(s.downs, 1);
	say_type(&s, after, "hello");
	assert_int_equal(s.ups, 2);
	say_type(&s, after, "segment");
	assert_int_equal(s.heard, 1);
	close(before);
	turn(&s);
	assert_int_equal(s.downs, 1);
	side_close(&s);
	close(after);
}

static void what_is_not_on_the_list_is_refused_counted_and_answered(void **state)
{
	static const char *const others[] = {"reply", "ledger", "offload", "suspect", "conf", "stop", "key", "", "hello2"};
	struct side s;

	(void)state;
	side_open(&s, CHANNEL_KEEPER, CHANNEL_RECORDER);
	int fd = take_end(&s);
	say_type(&s, fd, "hello");
	expect_hello(fd);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		say_type(&s, fd, others[i]);
	say_command(&s, fd, "hold.release");
	assert_int_equal(s.heard, 0);
	assert_int_equal(s.link.refused, sizeof others / sizeof *others + 1);
	json_t *reply = hear(fd);
	assert_string_equal(msg_type(reply), "reply");
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 7);
	assert_int_equal(json_integer_value(json_object_get(reply, "status")), 403);
	json_decref(reply);
	say_type(&s, fd, "journal");
	assert_string_equal(s.last, "journal");
	side_close(&s);
	close(fd);
}

/* As a message grows that is passed on, or an answer that quotes its number. */
static void what_is_longer_than_a_message_may_be_ends_nobody(void **state)
{
	char *text = xcalloc(1, MSG_MAX_BYTES);
	struct buf out = {0};
	struct side s;

	(void)state;
	memset(text, 'x', MSG_MAX_BYTES - 1);
	json_t *grown = json_pack("{s:s, s:s}", "type", "reply", "id", text);
	assert_false(msg_encode(&out, grown));
	assert_int_equal(out.len, 0);
	side_open(&s, CHANNEL_KEEPER, CHANNEL_API);
	int fd = take_end(&s);
	expect_hello(fd);
	say_type(&s, fd, "hello");
	link_send(&s.link, grown);
	json_t *news = json_pack("{s:s}", "type", "ledger");
	assert_true(link_send(&s.link, news));
	turn(&s);
	json_t *heard = hear(fd);
	assert_string_equal(msg_type(heard), "ledger");
	json_decref(heard);
	json_decref(news);
	json_decref(grown);
	free(text);
	buf_finish(&out);
	side_close(&s);
	close(fd);
}

static void each_channel_has_a_list_of_its_own(void **state)
{
	(void)state;
	assert_true(channel_may_say(CHANNEL_API, CHANNEL_KEEPER, "cmd", "hold.place"));
	assert_false(channel_may_say(CHANNEL_RECORDER, CHANNEL_KEEPER, "cmd", "hold.place"));
	assert_false(channel_may_say(CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "hold.release"));
	assert_false(channel_may_say(CHANNEL_API, CHANNEL_KEEPER, "cmd", "object.asked"));
	assert_true(channel_may_say(CHANNEL_OFFLOADER, CHANNEL_KEEPER, "cmd", "object.asked"));
	assert_false(channel_may_say(CHANNEL_API, CHANNEL_KEEPER, "live", NULL)); /* what a camera does is the recorder's word */
	assert_false(channel_may_say(CHANNEL_API, CHANNEL_KEEPER, "segment", NULL));
	assert_false(channel_may_say(CHANNEL_KEEPER, CHANNEL_RECORDER, "conf", NULL));
	for (int from = 0; from < CHANNEL_ROLES; from++)
		for (int to = 0; to < CHANNEL_ROLES; to++)
			assert_false(channel_may_say((enum channel_role)from, (enum channel_role)to, "cmd", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_up_when_the_other_side_can_be_spoken_to),
		cmocka_unit_test(a_role_that_is_started_anew_gets_a_new_end),
		cmocka_unit_test(what_is_not_on_the_list_is_refused_counted_and_answered),
		cmocka_unit_test(what_is_longer_than_a_message_may_be_ends_nobody),
		cmocka_unit_test(each_channel_has_a_list_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
