/* Whatever call of the databases fails: what the regulator acknowledged is not forgotten, and a batch that may have reached
 * him is sent as it was. Nobody listens here: nothing new is acknowledged. */
#include "api/access.h"
#include "api/push.h"
#include "catalog_fixture.h"
#include "statement_fault.h"
#include "vfs_fault.h"

#include <errno.h>

#define ENTRIES 10
#define ACKED 5
#define PLANNED 7
#define TURNS 40

static struct place place;
static struct clock_fake now_clock;
static struct conf conf = {.site.id = (char *)"cn-150625-0007", .regulator.url = (char *)"http://127.0.0.1:1/"};
static struct key *key;
static bool is_closed;

static void on_closed(void *arg)
{
	(void)arg;
	is_closed = true;
}

static struct access *open_access(void)
{
	char *path = xasprintf("%s/access.db", place.dir);
	struct access *a = NULL;
	struct err e;

	if (access_open(path, &now_clock.base, &a, &e) < 0)
		a = NULL;
	free(path);
	return a;
}

static void sql(struct access *a, const char *text)
{
	assert_int_equal(db_exec(access_db(a), text), 0);
}

static void prepare(bool planned)
{
	place_init(&place);
	clock_fake_init(&now_clock, (struct wall){T0});
	assert_int_equal(catalog_begin(place.catalog), 0);
	for (int i = 0; i < ENTRIES; i++)
		assert_int_equal(ledger_append(place.catalog, (struct wall){T0 + i}, "clock.trusted", NULL, json_object(), NULL), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
	struct access *a = open_access();
	assert_non_null(a);
	sql(a, "CREATE TABLE push (receiver TEXT PRIMARY KEY, acked INTEGER NOT NULL, planned INTEGER NOT NULL) WITHOUT ROWID");
	sql(a, "INSERT INTO push VALUES ('http://127.0.0.1:1/', 5, 0)");
	if (planned)
		sql(a, "UPDATE push SET planned = 7");
	access_close(a);
}

static void send_for_a_while(struct access *a)
{
	char *path = xasprintf("%s/catalog.db", place.dir);
	struct push *p;
	struct err e = {0};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	if (push_create(&loop, &conf, access_db(a), path, key, &now_clock.base, &p, &e) == 0) {
		for (int i = 0; i < TURNS; i++)
			uv_run(&loop, UV_RUN_NOWAIT);
		is_closed = false;
		push_close(p, on_closed, NULL);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_true(is_closed);
	} else {
		assert_true(e.text[0]);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
	free(path);
}

static void faulty_life(void)
{
	struct access *a = open_access();

	if (a)
		send_for_a_while(a);
	access_close(a);
}

static int64_t number(struct access *a, const char *text)
{
	int64_t n;

	assert_int_equal(db_int(access_db(a), &n, text, ""), 0);
	return n;
}

static void expect(bool planned)
{
	struct access *a = open_access();

	assert_non_null(a);
	assert_int_equal(number(a, "SELECT count(*) FROM push"), 1);
	assert_int_equal(number(a, "SELECT acked FROM push"), ACKED);
	int64_t plan = number(a, "SELECT planned FROM push");
	assert_true(planned ? plan == PLANNED : plan == 0 || plan == ENTRIES);
	access_close(a);
	expect_sound(place.catalog, "none");
	place_finish(&place);
}

static void sweep(void (*use)(struct fault *f), bool planned, bool stays)
{
	struct fault fault = {.stays = stays};
	unsigned runs = 0;

	FAULT_EACH(&fault) {
		prepare(planned);
		use(&fault);
		faulty_life();
		use(NULL);
		expect(planned);
		runs++;
	}
	assert_true(runs > 10);
	print_message("%u calls\n", runs - 1);
}

static void a_batch_that_was_begun_stays_the_same(void **state)
{
	(void)state;
	sweep(vfs_fault_use, true, false);
	sweep(vfs_fault_use, true, true);
	sweep(statement_fault_use, true, false);
}

static void a_batch_that_is_new_is_noted_or_not_sent(void **state)
{
	(void)state;
	sweep(vfs_fault_use, false, false);
	sweep(vfs_fault_use, false, true);
	sweep(statement_fault_use, false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_that_was_begun_stays_the_same),
		cmocka_unit_test(a_batch_that_is_new_is_noted_or_not_sent),
	};

	vfs_fault_install();
	key = key_make();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	key_destroy(key);
	return rc;
}
