/* Whatever call of access.db fails: a token that was told works, one that is revoked does not, and who is not known is not
 * called unknown because the disk could not be read. */
#include "api/access.h"
#include "base/buf.h"
#include "catalog_fixture.h"
#include "statement_fault.h"
#include "vfs_fault.h"

#include <errno.h>

#define NOW (INT64_C(1795478400) * US_PER_S)

static struct clock_fake now_clock;
static char dir[64];

static struct access *open_access(void)
{
	char *path = xasprintf("%s/access.db", dir);
	struct access *a = NULL;
	struct err e = {0};

	int rc = access_open(path, &now_clock.base, &a, &e);
	assert_true(rc == 0 ? a != NULL : a == NULL && e.text[0]);
	free(path);
	return a;
}

static int check(struct access *a, const char *text)
{
	char name[TOKEN_NAME_ROOM];
	struct token t = {0};
	int rc = access_token_check(a, text, &t, name);

	assert_true(rc != 0 || (t.role == ROLE_OPERATOR && strncmp(name, "x", 1) == 0));
	return rc;
}

static int make(struct access *a, const char *name, char text[TOKEN_TEXT_MAX], int64_t *id)
{
	int rc = access_token_make(a, name, ROLE_OPERATOR, TOKEN_OF_THE_BOX, (struct wall){0}, text, id);

	assert_true(rc < 0 || check(a, text) != 0); /* not before it is confirmed */
	return rc < 0 ? rc : access_token_confirm(a, *id);
}

static int count_one(void *arg, const struct token *t)
{
	++*(int *)arg;
	return t->id > 0 ? 0 : -EINVAL;
}

/* What is known of three tokens: one stays, one is revoked in the life with the fault, one is made in it. */
struct told {
	char stays[TOKEN_TEXT_MAX], revoked[TOKEN_TEXT_MAX], made[TOKEN_TEXT_MAX];
	int64_t stays_id, revoked_id, made_id;
	int make_rc, revoke_rc;
};

static void prepare(struct told *t)
{
	snprintf(dir, sizeof dir, "/tmp/holdfast-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	clock_fake_init(&now_clock, (struct wall){NOW});
	struct access *a = open_access();
	assert_int_equal(make(a, "xs", t->stays, &t->stays_id), 0);
	assert_int_equal(make(a, "xr", t->revoked, &t->revoked_id), 0);
	access_close(a);
	t->make_rc = t->revoke_rc = -EIO;
}

/* -ENOENT would be a lie: the token is there. */
static void faulty_life(struct told *t)
{
	struct access *a = open_access();
	int tokens = 0;

	if (!a)
		return;
	clock_fake_advance(&now_clock, US_PER_DAY); /* it is noted that they are used */
	assert_int_not_equal(check(a, t->stays), -ENOENT);
	t->revoke_rc = access_token_revoke(a, t->revoked_id, "uid:0", 0);
	assert_int_not_equal(t->revoke_rc, -ENOENT);
	if (t->revoke_rc == 0)
		assert_int_not_equal(check(a, t->revoked), 0);
	t->make_rc = make(a, "xm", t->made, &t->made_id);
	if (t->make_rc == 0)
		assert_int_not_equal(check(a, t->made), -ENOENT);
	if (access_tokens(a, count_one, &tokens) == 0)
		assert_true(tokens >= 2 + (t->make_rc == 0));
	access_close(a);
}

static void expect(const struct told *t)
{
	struct access *a = open_access();
	int tokens = 0;

	assert_non_null(a);
	assert_int_equal(check(a, t->stays), 0);
	if (t->revoke_rc == 0)
		assert_int_equal(check(a, t->revoked), -ENOENT);
	if (t->make_rc == 0)
		assert_int_equal(check(a, t->made), 0);
	assert_int_equal(access_tokens(a, count_one, &tokens), 0);
	assert_in_range(tokens, 2 + (t->make_rc == 0), 3);
	access_close(a);
	place_remove(dir);
}

static void sweep(void (*use)(struct fault *f), bool stays)
{
	struct fault fault = {.stays = stays};
	unsigned runs = 0;

	FAULT_EACH(&fault) {
		struct told t = {0};
		prepare(&t);
		use(&fault);
		faulty_life(&t);
		use(NULL);
		expect(&t);
		runs++;
	}
	assert_true(runs > 10);
	print_message("%u calls\n", runs - 1);
}

static void any_call_may_fail(void **state)
{
	(void)state;
	sweep(vfs_fault_use, false);
}

static void any_statement_may_fail(void **state)
{
	(void)state;
	sweep(statement_fault_use, false);
}

static void the_api_may_die_anywhere(void **state)
{
	(void)state;
	sweep(vfs_fault_use, true);
	sweep(statement_fault_use, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_call_may_fail),
		cmocka_unit_test(any_statement_may_fail),
		cmocka_unit_test(the_api_may_die_anywhere),
	};

	vfs_fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
