/* Nobody releases a hold alone: whatever names, tokens and clocks he makes for it; and nobody is locked out. */
#include "keeper_fixture.h"

#include <errno.h>

#define DAY US_PER_DAY

static struct keeper_box box;

static int setup(void **state)
{
	(void)state;
	keeper_init(&box, 1);
	keeper_record(&box, 0, T0, T0 + 60 * US_PER_S);
	assert_int_equal(keeper_index(&box), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return keeper_finish_sound(&box);
}

static struct catalog *catalog(void) { return box.place.catalog; }
static int64_t count(const char *sql) { return ask(box.place.catalog, sql); }

static struct person the_box(void)
{
	struct person p;

	assert_int_equal(person_of_box("uid:0", &p), 0);
	return p;
}

/* --- asking the keeper as the api does --------------------------------------------------------------- */

static json_t *add_by(json_t *args, const struct person *by)
{
	json_object_set_new(args, "by", json_string(by->name));
	json_object_set_new(args, "by_id", json_integer(by->id));
	json_object_set_new(args, "by_secret", json_string(by->name)); /* place_account() */
	return args;
}

static int command(const char *verb, json_t *args, json_t **reply)
{
	json_t *own = NULL;
	int status = indexer_command(box.ix, verb, args, reply ? reply : &own);

	json_decref(args);
	json_decref(own);
	return status;
}

static int64_t place(void)
{
	struct person by = the_box();
	char start[WALL_TEXT_MAX], end[WALL_TEXT_MAX];
	json_t *reply = NULL;

	assert_int_equal(command("hold.place", add_by(json_pack("{ss ss ss ss}", "camera", "cam-00", "start",
		wall_format((struct wall){T0}, start), "end", wall_format((struct wall){T0 + US_PER_S}, end), "reason", "police"),
		&by), &reply), 201);
	int64_t id = json_integer_value(json_object_get(reply, "id"));
	json_decref(reply);
	return id;
}

static int release(int64_t id, const struct person *by)
{
	return command("hold.release", add_by(json_pack("{sI ss}", "id", (json_int_t)id, "reason", "closed"), by), NULL);
}

static int withdraw(int64_t id, const struct person *by)
{
	return command("hold.withdraw", add_by(json_pack("{sI}", "id", (json_int_t)id), by), NULL);
}

static json_t *token_args(int64_t id, const char *name, const char *role)
{
	uint8_t hash[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	sha256(name, strlen(name), hash);
	hex_encode(hash, sizeof hash, hex);
	return json_pack("{sI ss ss ss}", "id", (json_int_t)id, "name", name, "role", role, "hash", hex);
}

static int make(int64_t id, const char *name, const char *role, const struct person *by)
{
	return command("token.made", add_by(token_args(id, name, role), by), NULL);
}

static int64_t held(void) { return count("SELECT count(*) FROM hold WHERE released_at IS NULL"); }

/* --- two persons --------------------------------------------------------------------------------------- */

static void a_hold_is_released_by_two_persons(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX), wu = place_account(catalog(), "wu", "admin", PERSON_BOX);
	struct person office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	struct person root = the_box(), service = root;
	const struct { const struct person *first, *second; int status; } pairs[] = {
		{&zhao, &zhao, 202}, {&zhao, &wu, 200}, {&wu, &zhao, 200}, {&root, &service, 202}, {&root, &root, 202},
		{&root, &zhao, 200}, {&zhao, &office, 200}, {&zhao, &root, 200}, {&root, &office, 200}};

	(void)state;
	snprintf(service.name, sizeof service.name, "uid:998");
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		int64_t id = place();
		assert_int_equal(release(id, &office), 409); /* nobody asked */
		assert_int_equal(release(id, pairs[i].first), 202);
		assert_int_equal(release(id, pairs[i].second), pairs[i].status);
		assert_int_equal(held(), pairs[i].status != 200);
		assert_int_equal(release(id, &office), pairs[i].status == 200 ? 409 : 200);
		assert_int_equal(release(id, &wu), 409); /* it was released before */
	}
	assert_int_equal(count("SELECT count(*) FROM consent"), 0);
	assert_int_equal(release(99, &wu), 404);
}

/* Made, approves, removed: what the administrator did who wanted to be two. */
static void a_token_made_for_it_approves_nothing(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX), late, root = the_box();
	int64_t id = place();

	(void)state;
	assert_int_equal(release(id, &root), 202);
	clock_fake_advance(&box.clock, -10 * DAY); /* the ledger's order counts, not the clock */
	assert_int_equal(make(50, "office", "regulator", &root), 201);
	assert_int_equal(person_find(catalog(), 50, NULL, &late), 0);
	assert_int_equal(release(id, &late), 409);
	assert_int_equal(make(51, "wu", "admin", &root), 201);
	assert_int_equal(person_find(catalog(), 51, NULL, &late), 0);
	assert_int_equal(release(id, &late), 202); /* it counts as asking */
	assert_int_equal(release(id, &late), 202);
	assert_int_equal(held(), 1);
	assert_int_equal(command("token.revoked", add_by(json_pack("{si}", "id", 51), &root), NULL), 200);
	assert_int_equal(release(id, &late), 503);
	assert_int_equal(held(), 1);
	assert_int_equal(release(id, &zhao), 200);
}

/* Whoever made a token knows its secret, and whoever made two of them is both. */
static void who_made_the_tokens_is_one_person(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX);
	struct person child = place_account(catalog(), "child", "admin", zhao.id), other = place_account(catalog(), "other", "regulator", zhao.id);
	struct person grandchild = place_account(catalog(), "grandchild", "regulator", child.id);
	struct person office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	const struct { const struct person *first, *second; } kin[] = {
		{&zhao, &child}, {&zhao, &other}, {&child, &zhao}, {&child, &other}, {&zhao, &grandchild}, {&child, &grandchild}};
	int64_t id = place();

	(void)state;
	for (size_t i = 0; i < sizeof kin / sizeof *kin; i++) {
		assert_int_equal(release(id, kin[i].first), 202);
		int status = release(id, kin[i].second);
		if (status != (strcmp(kin[i].second->role, "regulator") == 0 ? 409 : 202) || held() != 1)
			fail_msg("%s and %s: %d", kin[i].first->name, kin[i].second->name, status);
	}
	assert_int_equal(release(id, &office), 200);
}

/* Nobody's loss of a token keeps a hold for ever. */
static void a_renewed_token_locks_nobody_out(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX), office, newer, root = the_box();
	int64_t id = place();

	(void)state;
	office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	assert_int_equal(release(id, &zhao), 202);
	assert_int_equal(command("token.revoked", add_by(json_pack("{sI}", "id", (json_int_t)office.id), &root), NULL), 200);
	newer = place_account(catalog(), "office of 2027", "regulator", PERSON_BOX);
	assert_int_equal(release(id, &office), 503);
	assert_int_equal(release(id, &newer), 409);
	assert_int_equal(release(id, &zhao), 202); /* renewed */
	assert_int_equal(release(id, &newer), 200);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'hold.release_requested'"), 2);
}

static void the_asker_may_withdraw(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX), wu = place_account(catalog(), "wu", "admin", PERSON_BOX);
	struct person office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	int64_t id = place();

	(void)state;
	assert_int_equal(withdraw(id, &zhao), 409);
	assert_int_equal(release(id, &zhao), 202);
	assert_int_equal(withdraw(id, &wu), 409);
	assert_int_equal(withdraw(id, &office), 403);
	assert_int_equal(withdraw(id, &zhao), 200);
	assert_int_equal(release(id, &office), 409); /* nobody asks any more */
	assert_int_equal(held(), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'hold.release_withdrawn'"), 1);
}

/* --- an api that lies -------------------------------------------------------------------------------------- */

static void the_keeper_knows_who_it_is_itself(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "operator", PERSON_BOX), liar = zhao, office;
	int64_t id = place();
	json_t *args;

	(void)state;
	office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	assert_int_equal(release(id, &zhao), 403); /* an operator */
	liar.id = 77;
	assert_int_equal(release(id, &liar), 503);
	liar = (struct person){.name = "office"}; /* says that it is the box */
	assert_int_equal(release(id, &liar), 403);
	args = add_by(json_pack("{sI ss}", "id", (json_int_t)id, "reason", "r"), &office);
	json_object_set_new(args, "by_secret", json_string("another"));
	assert_int_equal(command("hold.release", args, NULL), 403);
	args = add_by(json_pack("{sI ss}", "id", (json_int_t)id, "reason", "r"), &office);
	json_object_del(args, "by_secret");
	assert_int_equal(command("hold.release", args, NULL), 403);
	assert_int_equal(make(60, "mine", "admin", &zhao), 403);
	assert_int_equal(make(60, "mine", "emperor", &office), 400);
	assert_int_equal(count("SELECT count(*) FROM consent"), 0);
}

static void entries_say_who(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX), office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	int64_t id = place();

	(void)state;
	assert_int_equal(release(id, &zhao), 202);
	assert_int_equal(release(id, &office), 200);
#define TOLD(kind, key) "SELECT json_extract(body, '$." key "') FROM ledger WHERE kind = '" kind "' ORDER BY seq DESC LIMIT 1"
	assert_int_equal(count(TOLD("hold.placed", "by_id")), 0);
	assert_int_equal(count(TOLD("hold.release_requested", "by_id")), zhao.id);
	assert_int_equal(count(TOLD("hold.released", "by_id")), office.id);
	assert_int_equal(count(TOLD("hold.released", "requested_by_id")), zhao.id);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'hold.released' AND json_extract(body, '$.by_role') = "
			       "'regulator' AND json_extract(body, '$.requested_by_role') = 'admin'"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'token.made' AND json_extract(body, '$.by_id') = 0"), 2);
}

/* --- names ------------------------------------------------------------------------------------------------- */

static void a_name_is_taken_for_ever(void **state)
{
	static const char *const alike[] = {"Office", "Office ", " Office", "OFFICE", "off ice", "off-ice", ("\xef\xbc\xaf" "ffice"),
					    ("\xd0\x9e" "ffice"), "0ffice", "off1ce", ("off\xc4\xb1" "ce"), ("Off\xe2\x80\x8b" "ice")};
	struct person root = the_box();
	int64_t id = 100;

	(void)state;
	assert_int_equal(make(id++, "Office", "regulator", &root), 201);
	for (int revoked = 0; revoked < 2; revoked++) {
		for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
			int status = make(id++, alike[i], "admin", &root);
			if (status != 409 && status != 400)
				fail_msg("%s: %d", alike[i], status);
		}
		assert_int_equal(command("token.revoked", add_by(json_pack("{si}", "id", 100), &root), NULL), 200);
	}
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'token.made'"), 1);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'token.revoked'"), 1);
	assert_int_equal(make(id++, "园长", "admin", &root), 201);
	assert_int_equal(make(id++, "园 长", "admin", &root), 409);
	assert_int_equal(make(id++, "园丁", "admin", &root), 201);
}

static void what_is_no_role_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "admin operator", "operator regulator", "root", "Admin"};
	struct person root = the_box();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(make(200, "x", bad[i], &root), 400);
	assert_int_equal(count("SELECT count(*) FROM token"), 0);
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "---", "a\nb", "a\x1b[2J", "a\xff", ("a\xe2\x80\xa8" "b"), "\xe2\x80\x8b", "uid:0", "UID 17", "u1d:0"};
	struct person root = the_box();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *args = token_args(200, "x", "admin");
		json_object_set_new(args, "name", json_stringn_nocheck(bad[i], strlen(bad[i])));
		int status = command("token.made", add_by(args, &root), NULL);
		if (status != 400)
			fail_msg("%zu: %d", i, status);
	}
	assert_int_equal(count("SELECT count(*) FROM token"), 0);
}

/* --- what was there before ------------------------------------------------------------------------------------- */

static void tokens_of_before_are_told_once(void **state)
{
	json_t *reply = NULL, *list = json_array();

	(void)state;
	json_array_append_new(list, token_args(3, "zhao", "admin"));
	json_array_append_new(list, token_args(4, "zhao (2)", "operator"));
	json_object_set_new(json_array_get(list, 1), "named_before", json_string("zhao"));
	json_array_append_new(list, token_args(5, "ZHAO", "admin")); /* cannot be told, and is nobody */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(command("token.known", json_pack("{sO}", "tokens", list), &reply), 200);
		assert_int_equal(json_object_size(json_object_get(reply, "made")), i ? 0 : 2);
		assert_int_equal(json_integer_value(json_object_get(reply, "last")), 4);
		json_decref(reply);
	}
	json_decref(list);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE kind = 'token.made'"), 2);
	assert_int_equal(count("SELECT count(*) FROM ledger WHERE json_extract(body, '$.named_before') = 'zhao'"), 1);
	assert_int_equal(count("SELECT count(*) FROM token WHERE maker = -1"), 2);
	assert_int_equal(command("token.made", token_args(3, "zhao", "admin"), NULL), 400); /* by whom? */
	assert_int_equal(make(3, "wu", "admin", &(struct person){.name = "uid:0"}), 409);
}

/* An api that was taken over tells of two accounts more, each made on the box. */
static void persons_are_invented_by_nobody(void **state)
{
	json_t *none = json_pack("{s:[]}", "tokens"), *list = json_array();

	(void)state;
	assert_int_equal(command("token.known", json_incref(none), NULL), 200);
	json_array_append_new(list, token_args(5001, "ministry", "regulator"));
	json_object_set_new(json_array_get(list, 0), "maker", json_integer(PERSON_BOX));
	assert_int_equal(command("token.known", json_pack("{sO}", "tokens", list), NULL), 200);
	assert_int_equal(count("SELECT count(*) FROM token"), 0);
	assert_int_equal(catalog_begin(catalog()), 0);
	assert_int_equal(ledger_append(catalog(), (struct wall){SEC(1)}, "ledger.restored", NULL, json_object(), NULL), 0);
	assert_int_equal(catalog_commit(catalog()), 0);
	assert_int_equal(command("token.known", json_pack("{sO}", "tokens", list), NULL), 200); /* it may have lost them */
	assert_int_equal(count("SELECT count(*) FROM token"), 1);
	json_object_set_new(json_array_get(list, 0), "id", json_integer(5002));
	json_object_set_new(json_array_get(list, 0), "name", json_string("county"));
	assert_int_equal(command("token.known", json_pack("{sO}", "tokens", list), NULL), 200);
	assert_int_equal(count("SELECT count(*) FROM token"), 1);
	json_decref(none);
	json_decref(list);
}

/* A request of before accounts were known names nobody: it has to be made again. */
static void a_request_of_before_is_made_again(void **state)
{
	struct person zhao = place_account(catalog(), "zhao", "admin", PERSON_BOX), office = place_account(catalog(), "office", "regulator", PERSON_BOX);
	int64_t id = place();

	(void)state;
	assert_int_equal(db_exec(catalog()->db, "CREATE TABLE hold_release (hold INTEGER PRIMARY KEY REFERENCES hold(id), requested_by "
						"TEXT NOT NULL, requested_at INTEGER NOT NULL, reason TEXT NOT NULL);"
						"INSERT INTO hold_release VALUES (1, 'zhao', 1, 'closed')"), 0);
	assert_int_equal(consent_take_over(catalog()->db), 0);
	assert_int_equal(count("SELECT count(*) FROM consent"), 1);
	assert_int_equal(release(id, &office), 409);
	assert_int_equal(release(id, &zhao), 202);
	assert_int_equal(release(id, &office), 200);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_hold_is_released_by_two_persons),
		T(a_token_made_for_it_approves_nothing),
		T(who_made_the_tokens_is_one_person),
		T(a_renewed_token_locks_nobody_out),
		T(the_asker_may_withdraw),
		T(the_keeper_knows_who_it_is_itself),
		T(entries_say_who),
		T(a_name_is_taken_for_ever),
		T(what_is_no_name_is_refused),
		T(what_is_no_role_is_refused),
		T(tokens_of_before_are_told_once),
		T(persons_are_invented_by_nobody),
		T(a_request_of_before_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
