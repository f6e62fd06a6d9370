/* Who may do what: the whole matrix of routes and roles, tokens in all their states, commands to the
 * keeper, and the answers' shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "api/router.h"
#include "api_bed.h"
#include "segment_fixture.h"

#include <sys/stat.h>

static const struct wall never;

/* A path that reaches the route's handler. */
static void path_of(const struct route *r, char out[200])
{
	const char *hole = strstr(r->pattern, "{id}");

	if (hole)
		snprintf(out, 200, "%.*s%s%s", (int)(hole - r->pattern), r->pattern,
			 strstr(r->pattern, "/cameras/") ? "playroom-east" : "99", hole + 4);
	else
		snprintf(out, 200, "%s", r->pattern);
}

/* What each role may do, said a second time and independently of auth.c. */
static bool should(enum role who, enum action action)
{
	switch (action) {
	case ACTION_PUBLIC:  return true;
	case ACTION_READ:    return who != ROLE_NONE;
	case ACTION_METRICS: return who == ROLE_ADMIN || who == ROLE_OPERATOR || who == ROLE_REGULATOR;
	case ACTION_FOOTAGE: return who == ROLE_ADMIN || who == ROLE_OPERATOR || who == ROLE_INVESTIGATOR;
	case ACTION_EXPLAIN:
	case ACTION_HOLD:    return who == ROLE_ADMIN || who == ROLE_OPERATOR;
	case ACTION_RELEASE: return who == ROLE_ADMIN || who == ROLE_REGULATOR;
	default:             return who == ROLE_ADMIN;
	}
}

static void every_route_asks_every_role(void **state)
{
	struct bed b;
	char tokens[ROLE_INVESTIGATOR + 1][TOKEN_TEXT_MAX] = {{0}};

	(void)state;
	bed_open(&b);
	for (int r = ROLE_ADMIN; r <= ROLE_INVESTIGATOR; r++) {
		char name[40];
		snprintf(name, sizeof name, "as %s", role_name((enum role)r));
		bed_token(&b, name, (enum role)r, never, tokens[r]);
	}
	for (unsigned i = 0; i < route_count; i++)
		for (int r = ROLE_NONE; r <= ROLE_INVESTIGATOR; r++) {
			char path[200];
			path_of(&routes[i], path);
			int status = bed_status(&b, routes[i].method, path, r ? tokens[r] : NULL, NULL);
			bool refused = status == 401 || status == 403;
			if (refused == should((enum role)r, routes[i].action) || (refused && status != (r ? 403 : 401)))
				fail_msg("%s %s as %s: %d", routes[i].method, path, role_name((enum role)r), status);
		}
	bed_close(&b);
}

static void other_methods_and_places_are_refused(void **state)
{
	static const struct { const char *method, *path; int status; } t[] = {
		{"POST", "/api/v1/site", 405}, {"DELETE", "/api/v1/holds", 405}, {"OPTIONS", "/api/v1/site", 405},
		{"TRACE", "/", 405}, {"PUT", "/api/v1/tokens/1", 405}, {"GET", "/api/v1", 404}, {"GET", "/api/v1/site/", 404},
		{"GET", "/api/v1//site", 404}, {"GET", "/../etc/passwd", 404}, {"GET", "/%2e%2e/etc/passwd", 404},
		{"GET", "/api/v1/cameras/..", 404}, {"GET", "/api/v1/cameras/%2e%2e/footage.mp4", 404},
		{"GET", "/api/v1/cameras/..%2f..%2fx/footage.mp4", 404}, {"GET", "/api/v1/cameras/a%00b", 404},
		{"GET", "/api/v1/gaps/0", 404}, {"GET", "/api/v1/gaps/-1", 404}, {"GET", "/api/v1/gaps/99999999999999999999", 404},
		{"GET", "/api/v1/cameras/nobody", 404}, {"HEAD", "/api/v1/site", 200},
	};
	struct bed b;

	(void)state;
	bed_open(&b);
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		int status = bed_status(&b, t[i].method, t[i].path, b.admin, NULL);
		if (status != t[i].status)
			fail_msg("%s %s: %d", t[i].method, t[i].path, status);
	}
	bed_close(&b);
}

static void tokens_end(void **state)
{
	char text[TOKEN_TEXT_MAX], path[60];
	struct bed b;
	int64_t id;

	(void)state;
	bed_open(&b);
	bed_token(&b, "short", ROLE_ADMIN, (struct wall){BED_NOW_US + US_PER_S}, text);
	assert_int_equal(strlen(text), TOKEN_TEXT_MAX - 1);
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 200);
	clock_fake_advance(&b.clock, US_PER_S);
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 401);
	id = bed_token(&b, "gone", ROLE_ADMIN, never, text);
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 200);
	snprintf(path, sizeof path, "/api/v1/tokens/%lld", (long long)id);
	assert_int_equal(bed_status(&b, "DELETE", path, b.admin, NULL), 204);
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 401);
	assert_int_equal(bed_status(&b, "DELETE", path, b.admin, NULL), 404);
	text[10] = text[10] == 'A' ? 'B' : 'A';
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 401);
	bed_close(&b);
}

static int read_file(const char *path, char **data, size_t *len)
{
	return fs_read_all(fs_real(), path, 16 << 20, data, len);
}

static void a_token_is_told_once_and_not_stored(void **state)
{
	static const char *const files[] = {"access.db", "access.db-wal"};
	struct bed b;
	struct client c;
	struct stat st;
	char path[200];

	(void)state;
	bed_open(&b);
	assert_int_equal(bed_ask(&b, &c, "POST", "/api/v1/tokens", b.admin, NULL,
				 "{\"name\":\"desk\",\"role\":\"operator\"}"), 201);
	json_t *made = json_loads(client_body(&c), 0, NULL);
	const char *text = json_string_value(json_object_get(made, "token"));
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 200);
	for (unsigned i = 0; i < 2; i++) {
		char *data;
		size_t len;
		snprintf(path, sizeof path, "%s/%s", b.dir, files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(read_file(path, &data, &len), 0);
		assert_null(memmem(data, len, text + 3, 20));
		free(data);
	}
	client_finish(&c);
	json_decref(made);
	json_t *list = bed_get(&b, "/api/v1/tokens", 200);
	assert_int_equal(json_array_size(json_object_get(list, "tokens")), 4);
	json_decref(list);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\"x\",\"role\":\"god\"}"), 400);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\"x\"}"), 400);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "[]"), 400);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\"x\",\"role\":\"admin\",\"x\":1}"), 400);
	bed_close(&b);
}

/* --- accounts -------------------------------------------------------------------------- */

#define DESK "{\"name\":\"desk\",\"role\":\"operator\"}"

static const char *told(const struct bed *b, size_t i)
{
	const char *verb = json_string_value(json_object_get(json_array_get(b->told, i), "verb"));

	return verb ? verb : "";
}

static int tokens(struct bed *b)
{
	json_t *list = bed_get(b, "/api/v1/tokens", 200);
	int n = (int)json_array_size(json_object_get(list, "tokens"));

	json_decref(list);
	return n;
}

/* Its entry comes first; who made it, and his secret, go with it. */
static void a_token_works_when_the_ledger_has_it(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b);
	json_array_clear(b.told);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, DESK), 201);
	assert_string_equal(told(&b, 0), "token.made");
	json_t *args = json_object_get(json_array_get(b.told, 0), "args");
	assert_int_equal(json_integer_value(json_object_get(args, "by_id")), b.admin_id);
	assert_string_equal(json_string_value(json_object_get(args, "by_secret")), b.admin);
	assert_null(json_object_get(args, "token"));
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, DESK), 409);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\" desk\",\"role\":\"operator\"}"), 400);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\"a\\nts=1\",\"role\":\"operator\"}"), 400);
	b.refusal = 409;
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\"two\",\"role\":\"admin\"}"), 409);
	b.refusal = 0;
	assert_int_equal(tokens(&b), 4); /* what was refused was never there */
	b.keeper = false;
	assert_int_equal(bed_status(&b, "POST", "/api/v1/tokens", b.admin, "{\"name\":\"two\",\"role\":\"admin\"}"), 503);
	assert_int_equal(tokens(&b), 4);
	bed_close(&b);
}

/* Killed, or left without an answer, between making and telling. */
static void a_token_that_nobody_was_told_of_never_works(void **state)
{
	struct bed b;
	struct client c;
	char path[200], text[TOKEN_TEXT_MAX], name[TOKEN_NAME_ROOM];
	struct access *again;
	struct token t;
	struct err e;
	int64_t id;

	(void)state;
	bed_open(&b);
	json_array_clear(b.told);
	b.silent = true;
	client_tcp(&c, &b.loop, api_port(b.api, 0));
	snprintf(path, sizeof path, "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n", b.admin);
	client_say(&c, path);
	client_say(&c, "Content-Type: application/json\r\nContent-Length: 33\r\n\r\n" DESK);
	while (json_array_size(b.told) == 0)
		client_turn(&c);
	b.silent = false;
	api_on_keeper(b.api, false); /* dies before it answers */
	assert_int_equal(client_answer(&c, false), 503);
	client_finish(&c);
	api_on_keeper(b.api, true);
	assert_string_equal(told(&b, json_array_size(b.told) - 1), "token.revoked"); /* should it have been written */
	assert_int_equal(access_token_make(b.access, "pending", ROLE_ADMIN, TOKEN_OF_THE_BOX, never, text, &id), 0);
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 401);
	snprintf(path, sizeof path, "%s/access.db", b.dir);
	assert_int_equal(access_open(path, &b.clock.base, &again, &e), 0); /* as the next start does */
	assert_int_equal(access_token_confirm(again, id), 0);
	assert_int_equal(access_token_check(again, text, &t, name), -ENOENT);
	access_close(again);
	bed_close(&b);
}

/* It ends at once, and the keeper hears of it, now or later. */
static void a_token_ends_while_the_keeper_is_away(void **state)
{
	struct bed b;
	char text[TOKEN_TEXT_MAX], path[60];
	int64_t id;

	(void)state;
	bed_open(&b);
	id = bed_token(&b, "gone", ROLE_ADMIN, never, text);
	b.keeper = false;
	api_on_keeper(b.api, false);
	snprintf(path, sizeof path, "/api/v1/tokens/%lld", (long long)id);
	assert_int_equal(bed_status(&b, "DELETE", path, b.admin, NULL), 204);
	assert_int_equal(bed_status(&b, "GET", "/api/v1/site", text, NULL), 401);
	json_array_clear(b.told);
	b.keeper = true;
	for (int i = 0; i < 2; i++) {
		api_on_keeper(b.api, true);
		assert_int_equal(bed_status(&b, "GET", "/api/v1/site", b.admin, NULL), 200); /* turns the loop */
		api_on_keeper(b.api, false);
	}
	assert_int_equal(json_array_size(b.told), 3); /* token.known twice */
	assert_string_equal(told(&b, 1), "token.revoked");
	json_t *args = json_object_get(json_array_get(b.told, 1), "args");
	assert_string_equal(json_string_value(json_object_get(args, "by")), "admin");
	bed_close(&b);
}

/* A state of 0.1, where names were free: both go on, under names that differ. */
static void tokens_of_before_go_on_under_names_that_differ(void **state)
{
	static const char *const want[] = {"office", "Office (2)", "token 3 (2)", "office (3)", "office (2) (2)"};
	struct clock_fake now;
	struct access *a;
	struct err e;
	char dir[] = "/tmp/holdfast-access-XXXXXX", path[80], sql[300], name[TOKEN_NAME_ROOM];
	struct token t;
	sqlite3 *db;

	(void)state;
	assert_non_null(mkdtemp(dir));
	clock_fake_init(&now, (struct wall){BED_NOW_US});
	snprintf(path, sizeof path, "%s/access.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE token (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
		" hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER,"
		" expires_at INTEGER, revoked_at INTEGER)", NULL, NULL, NULL), SQLITE_OK);
	static const char *const names[] = {"office", "Office", "uid:0", "office", "office (2)"};
	for (unsigned i = 0; i < 5; i++) {
		uint8_t hash[SHA256_BYTES];
		char hex[2 * SHA256_BYTES + 1], text[8];
		snprintf(text, sizeof text, "t%u", i);
		sha256(text, 2, hash);
		hex_encode(hash, sizeof hash, hex);
		snprintf(sql, sizeof sql, "INSERT INTO token (name, hash, role, created_at) VALUES ('%s', x'%s', 'admin', 1)", names[i], hex);
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	}
	sqlite3_close(db);
	for (int start = 0; start < 2; start++) {
		assert_int_equal(access_open(path, &now.base, &a, &e), 0);
		for (unsigned i = 0; i < 5; i++) {
			char text[8];
			snprintf(text, sizeof text, "t%u", i);
			assert_int_equal(access_token_check(a, text, &t, name), 0);
			assert_string_equal(name, want[i]);
			assert_int_equal(t.maker, TOKEN_OF_BEFORE);
		}
		access_close(a);
	}
	nftw(dir, bed_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void the_unix_socket_is_the_administrator(void **state)
{
	struct bed b;
	struct client c;
	char path[100];

	(void)state;
	bed_open(&b);
	snprintf(path, sizeof path, "%s/api.sock", b.dir);
	client_unix(&c, &b.loop, path);
	client_say(&c, "GET /api/v1/tokens HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(client_answer(&c, false), 200);
	client_next(&c, false);
	client_say(&c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(client_answer(&c, false), 200);
	assert_non_null(strstr(client_text(&c), "holdfast_keeper_up 1\n"));
	client_finish(&c);
	bed_close(&b);
}

/* It runs as the same user, and may have been taken over. */
static void our_own_processes_are_nobody_at_the_socket(void **state)
{
	json_t *rights = json_pack("{s:{}, s:[i]}", "roles", "pids", (int)getpid());
	struct bed b;
	struct client c;
	char path[100];

	(void)state;
	bed_open(&b);
	api_on_rights(b.api, rights);
	snprintf(path, sizeof path, "%s/api.sock", b.dir);
	client_unix(&c, &b.loop, path);
	client_say(&c, "POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n"
		       "{\"name\":\"mine\",\"role\":\"admin\"}");
	assert_int_equal(client_answer(&c, false), 403);
	client_finish(&c);
	json_decref(rights);
	bed_close(&b);
}

/* --- addresses ------------------------------------------------------------------------ */

#define ASK "start=2026-11-24T00:00:01Z&end=2026-11-24T00:00:02Z"
#define LINK "{\"start\":\"2026-11-24T08:00:01+08:00\",\"end\":\"2026-11-24T00:00:02Z\"}"
#define FOOTAGE "/api/v1/cameras/playroom-east/footage.mp4"

/* On no route, whoever asks: it stands in histories and bookmarks then. */
static void a_token_in_an_address_is_refused_with_what_to_do(void **state)
{
	static const char *const paths[] = {"/?", FOOTAGE "?" ASK "&", "/api/v1/site?", "/page.js?", "/metrics?x=1&"};
	char path[400];
	struct client c;
	struct bed b;

	(void)state;
	bed_open(&b);
	for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
		for (int known = 0; known < 2; known++) {
			snprintf(path, sizeof path, "%saccess_token=%s", paths[i], b.admin);
			assert_int_equal(bed_ask(&b, &c, "GET", path, known ? b.admin : NULL, NULL, NULL), 400);
			assert_non_null(strstr(client_text(&c), "\"field\":\"access_token\""));
			assert_non_null(strstr(client_text(&c), "footage-link"));
			client_finish(&c);
		}
	bed_close(&b);
}

/* An address as it is given: {code} and all. */
static void link_of(struct bed *b, const char *token, char out[400])
{
	struct client c;

	assert_int_equal(bed_ask(b, &c, "POST", "/api/v1/cameras/playroom-east/footage-link", token, NULL, LINK), 201);
	json_t *made = json_loads(client_body(&c), 0, NULL);
	snprintf(out, 400, "%s", json_string_value(json_object_get(made, "address")));
	json_decref(made);
	client_finish(&c);
}

/* With a cookie ("" none); the one that it gets, if it gets one. */
static int follow(struct bed *b, const char *address, const char *cookie, char got[200])
{
	char line[300] = "";
	struct client c;

	if (cookie[0])
		snprintf(line, sizeof line, "Cookie: theme=dark; %s; x=%s\r\n", cookie, cookie);
	int status = bed_ask(b, &c, "GET", address, NULL, line, NULL);
	const char *set = strstr(client_text(&c), "Set-Cookie: ");
	if (got)
		snprintf(got, 200, "%.*s", set ? (int)strcspn(set + 12, "\r") : 0, set ? set + 12 : "");
	client_finish(&c);
	return status;
}

/* With footage of that time, so that it is an answer that a player goes on from. */
static void open_with_footage(struct bed *b)
{
	struct buf bytes = {0};

	bed_open(b);
	fixture_init(&bytes);
	fixture_fragment(&bytes, &(struct fixture_fragment){.start = {FIXTURE_START_US}, .sequence = 1, .frames = 50, .frame_us = 40000});
	fixture_fragment(&bytes, &(struct fixture_fragment){.start = {FIXTURE_START_US + 2 * US_PER_S}, .tfdt = 2000000, .sequence = 2,
							   .frames = 50, .frame_us = 40000});
	bed_add_segment(b, &bytes, false);
	buf_finish(&bytes);
}

static void a_code_works_once_and_then_with_its_cookie(void **state)
{
	char address[400], full[200], cookie[200], other[400];
	struct bed b;

	(void)state;
	open_with_footage(&b);
	link_of(&b, b.investigator, address);
	assert_non_null(strstr(address, FOOTAGE "?" ));
	assert_int_equal(bed_status(&b, "HEAD", address, NULL, NULL), 401); /* takes nothing from it */
	assert_int_equal(follow(&b, address, "", full), 200);
	assert_non_null(strstr(full, "; Path=" FOOTAGE "; Max-Age="));
	assert_non_null(strstr(full, "; HttpOnly; SameSite=Strict"));
	snprintf(cookie, sizeof cookie, "%.*s", (int)strcspn(full, ";"), full);
	assert_int_equal(follow(&b, address, "", NULL), 401);
	assert_int_equal(follow(&b, address, cookie, NULL), 200);
	clock_fake_advance(&b.clock, 600 * US_PER_S); /* a <video> seeks, long after the code's minute */
	assert_int_equal(follow(&b, address, cookie, full), 200);
	assert_memory_equal(full, cookie, strlen(cookie));
	link_of(&b, b.investigator, other);
	assert_int_equal(follow(&b, other, cookie, NULL), 200); /* by its own code, for the first time */
	assert_int_equal(follow(&b, other, cookie, NULL), 401); /* not by another's cookie */
	cookie[strlen(cookie) - 1] ^= 1;
	assert_int_equal(follow(&b, address, cookie, NULL), 401);
	cookie[strlen(cookie) - 1] ^= 1;
	clock_fake_advance(&b.clock, 3600 * US_PER_S);
	assert_int_equal(follow(&b, address, cookie, NULL), 401);
	bed_close(&b);
}

static void a_code_is_for_one_camera_and_range_and_a_minute(void **state)
{
	char address[400], wrong[600];
	struct bed b;

	(void)state;
	open_with_footage(&b);
	link_of(&b, b.investigator, address);
	const char *code = strstr(address, "code=");
	snprintf(wrong, sizeof wrong, FOOTAGE "?start=2026-11-24T00:00:01Z&end=2026-11-24T00:00:03Z&%s", code);
	assert_int_equal(follow(&b, wrong, "", NULL), 401);
	snprintf(wrong, sizeof wrong, FOOTAGE "?" ASK "&segment=1&%s", code);
	assert_int_equal(follow(&b, wrong, "", NULL), 401);
	snprintf(wrong, sizeof wrong, "/api/v1/cameras/playroom-west/footage.mp4?" ASK "&%s", code);
	assert_int_equal(follow(&b, wrong, "", NULL), 401);
	snprintf(wrong, sizeof wrong, "/api/v1/site?%s", code);
	assert_int_equal(follow(&b, wrong, "", NULL), 401);
	clock_fake_advance(&b.clock, 59 * US_PER_S);
	assert_int_equal(follow(&b, address, "", NULL), 200);
	link_of(&b, b.investigator, address);
	clock_fake_advance(&b.clock, 60 * US_PER_S);
	assert_int_equal(follow(&b, address, "", NULL), 401);
	bed_close(&b);
}

/* A code is worth what its maker's token is worth, at each use. */
static void a_code_ends_with_the_token_that_made_it(void **state)
{
	char text[TOKEN_TEXT_MAX], address[400], full[200], cookie[200], path[60];
	struct bed b;

	(void)state;
	open_with_footage(&b);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/cameras/playroom-east/footage-link", b.regulator, LINK), 403);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/cameras/playroom-east/footage-link", b.admin, "{\"start\":\"x\",\"end\":\"y\"}"), 400);
	int64_t id = bed_token(&b, "guest", ROLE_INVESTIGATOR, never, text);
	link_of(&b, text, address);
	assert_int_equal(follow(&b, address, "", full), 200);
	snprintf(cookie, sizeof cookie, "%.*s", (int)strcspn(full, ";"), full);
	snprintf(path, sizeof path, "/api/v1/tokens/%lld", (long long)id);
	assert_int_equal(bed_status(&b, "DELETE", path, b.admin, NULL), 204);
	assert_int_equal(follow(&b, address, cookie, NULL), 401);
	bed_close(&b);
}

/* Who asks for many loses his own oldest. */
static void codes_are_bounded_and_nobody_takes_anothers(void **state)
{
	char his[400], first[400], last[400];
	struct bed b;

	(void)state;
	open_with_footage(&b);
	link_of(&b, b.investigator, his);
	link_of(&b, b.admin, first);
	clock_fake_advance(&b.clock, 1);
	for (int i = 0; i < TICKETS_EACH; i++)
		link_of(&b, b.admin, last);
	assert_int_equal(follow(&b, first, "", NULL), 401);
	assert_int_equal(follow(&b, last, "", NULL), 200);
	assert_int_equal(follow(&b, his, "", NULL), 200);
	bed_close(&b);
}

static void an_invitation_is_a_token_for_whoever_comes_first(void **state)
{
	char code[TICKET_SECRET_ROOM], body[80], page[80];
	struct client c;
	struct bed b;

	(void)state;
	bed_open(&b);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/session", NULL, "{\"code\":\"\"}"), 400);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/session", NULL, "{\"code\":\"00000000000000000000000000000000\"}"), 401);
	api_invite(b.api, b.admin, code);
	snprintf(page, sizeof page, "/?code=%s", code);
	assert_int_equal(bed_status(&b, "GET", page, NULL, NULL), 200); /* a browser that looks ahead uses nothing up */
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	assert_int_equal(bed_ask(&b, &c, "POST", "/api/v1/session", NULL, NULL, body), 201);
	assert_non_null(strstr(client_body(&c), b.admin));
	client_finish(&c);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/session", NULL, body), 401);
	bed_close(&b);
}

static void guessing_ends_the_connection(void **state)
{
	struct bed b;
	struct client c;
	int status = 0;

	(void)state;
	bed_open(&b);
	client_tcp(&c, &b.loop, api_port(b.api, 0));
	for (int i = 0; i < 5; i++) {
		client_say(&c, "GET /api/v1/site HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hf_guess\r\n\r\n");
		status = client_answer(&c, false);
		assert_non_null(strstr(client_text(&c), "WWW-Authenticate: Bearer") ? "" : status == 429 ? "" : NULL);
		client_next(&c, false);
	}
	assert_int_equal(status, 429);
	client_await_eof(&c);
	client_finish(&c);
	bed_close(&b);
}

/* --- commands ------------------------------------------------------------------------- */

#define HOLD "{\"camera\":\"playroom-east\",\"start\":\"2026-11-24T08:00:00+08:00\",\"end\":\"2026-11-24T00:10:00Z\"," \
	     "\"reason\":\"投诉\"}"

static void begin_hold(struct bed *b, struct client *c)
{
	struct buf q = {0};

	client_tcp(c, &b->loop, api_port(b->api, 0));
	buf_printf(&q, "POST /api/v1/holds HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
		   "Content-Length: %zu\r\n\r\n%s", b->admin, strlen(HOLD), HOLD);
	client_send(c, q.data, q.len);
	buf_finish(&q);
	while (json_array_size(b->sent) == 0)
		client_turn(c);
}

static void a_command_is_answered_after_its_commit(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b);
	begin_hold(&b, &c);
	json_t *cmd = json_array_get(b.sent, 0), *args = json_object_get(cmd, "args");
	assert_string_equal(json_string_value(json_object_get(cmd, "verb")), "hold.place");
	assert_string_equal(json_string_value(json_object_get(args, "start")), "2026-11-24T00:00:00.000000Z");
	assert_string_equal(json_string_value(json_object_get(args, "by")), "admin");
	assert_int_equal(c.got.len, 0);
	json_t *reply = json_pack("{s:s, s:O, s:b, s:{s:i}}", "type", "reply", "id", json_object_get(cmd, "id"), "ok", 1,
				  "body", "id", 3);
	api_on_msg(b.api, reply);
	api_on_msg(b.api, reply); /* a second one finds nobody */
	assert_int_equal(client_answer(&c, false), 201);
	assert_string_equal(client_body(&c), "{\"id\":3}");
	client_finish(&c);
	json_decref(reply);

	json_array_clear(b.sent);
	begin_hold(&b, &c);
	reply = json_pack("{s:s, s:O, s:b, s:s, s:i}", "type", "reply", "id", json_object_get(json_array_get(b.sent, 0), "id"),
			  "ok", 0, "problem", "why", "status", 409);
	api_on_msg(b.api, reply);
	assert_int_equal(client_answer(&c, false), 409);
	assert_non_null(strstr(client_body(&c), "\"detail\":\"why\""));
	client_finish(&c);
	json_decref(reply);
	bed_close(&b);
}

static void a_keeper_that_is_away_is_told(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b);
	begin_hold(&b, &c);
	api_on_keeper(b.api, false); /* goes away while it is waited for */
	assert_int_equal(client_answer(&c, false), 503);
	assert_non_null(strstr(client_text(&c), "Retry-After: "));
	client_finish(&c);
	b.keeper = false;
	assert_int_equal(bed_ask(&b, &c, "POST", "/api/v1/holds", b.admin, NULL, HOLD), 503);
	assert_non_null(strstr(client_text(&c), "Retry-After: "));
	client_finish(&c);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/holds", b.admin, "{\"camera\":\"nobody\",\"start\":\"2026-11-24T00:00:00Z\","
				    "\"end\":\"2026-11-24T00:10:00Z\",\"reason\":\"r\"}"), 404);
	assert_int_equal(bed_status(&b, "POST", "/api/v1/holds", b.admin, "{\"camera\":\"playroom-east\",\"start\":\"2026-11-24\","
				    "\"end\":\"2026-11-24T00:10:00Z\",\"reason\":\"r\"}"), 400);
	bed_close(&b);
}

/* --- shapes ------------------------------------------------------------------------------ */

static double number(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

static void coverage_tiles_what_was_asked(void **state)
{
	struct buf bytes = {0};
	struct bed b;

	(void)state;
	bed_open(&b);
	fixture_init(&bytes);
	fixture_fragments(&bytes, 10);
	bed_add_segment(&b, &bytes, false);
	buf_finish(&bytes);
	bed_sql(&b, "INSERT INTO gap (camera, start, end, cause) VALUES "
		    "('playroom-east', 1795478420123457, 1795478425123457, 'stream_stalled');"
		    "INSERT INTO account (camera, frontier) VALUES ('playroom-east', 1795478425123457)");
	json_t *o = bed_get(&b, "/api/v1/coverage?from=2026-11-24T00:00:00.123457Z&to=2026-11-24T00:00:25.123457Z&area=playroom", 200);
	assert_true(number(o, "obliged_s") == 25 && number(o, "covered_s") == 20 && number(o, "completeness") == 0.8);
	assert_true(number(o, "gaps") == 1 && number(o, "longest_gap_s") == 5);
	json_t *spans = json_object_get(json_array_get(json_object_get(o, "cameras"), 0), "spans");
	assert_int_equal(json_array_size(spans), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(spans, 1), "cause")), "stream_stalled");
	json_t *area = json_array_get(json_object_get(o, "areas"), 0);
	assert_true(number(area, "obliged_s") == 25 && number(area, "covered_s") == 20);
	json_decref(o);
	o = bed_get(&b, "/api/v1/gaps?limit=1", 200);
	assert_int_equal(json_array_size(json_object_get(o, "gaps")), 1);
	assert_true(json_is_null(json_object_get(o, "next")));
	json_decref(o);
	json_decref(bed_get(&b, "/api/v1/gaps/1", 200));
	json_decref(bed_get(&b, "/api/v1/coverage?from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z&camera=nobody", 404));
	json_decref(bed_get(&b, "/api/v1/coverage?from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z&area=nowhere", 404));
	json_decref(bed_get(&b, "/api/v1/gaps?cause=bad_luck", 400));
	json_decref(bed_get(&b, "/api/v1/gaps?cursor=%25", 400));
	bed_close(&b);
}

/* The recorder's word comes by another way than the gap's end. */
static void no_camera_is_recording_while_a_gap_of_it_is_open(void **state)
{
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b);
	bed_sql(&b, "DELETE FROM gap");
	json_t *live = json_pack("{s:{s:s, s:f, s:s}}", "playroom-east", "state", "recording", "fps", 9.8, "since", "2026-11-24T00:00:20Z");
	api_on_live(b.api, live);
	json_decref(live);
	for (int open = 1; open >= 0; open--) {
		bed_sql(&b, open ? "INSERT INTO gap (id, camera, start, cause) VALUES (77, 'playroom-east', 1795478410000000, "
				   "'camera_unreachable')" : "UPDATE gap SET end = start + 5000000 WHERE id = 77");
		json_t *o = bed_get(&b, "/api/v1/cameras/playroom-east", 200);
		assert_string_equal(json_string_value(json_object_get(o, "state")), open ? "down" : "recording");
		assert_int_equal(json_integer_value(json_object_get(o, "gap")), open ? 77 : 0);
		assert_int_equal(json_object_get(o, "fps") != NULL, !open);
		assert_int_equal(json_object_get(o, "cause") != NULL, open);
		assert_int_equal(strcmp(json_string_value(json_object_get(o, "since")), "2026-11-24T00:00:10.000000Z") == 0, open);
		json_decref(o);
		assert_int_equal(bed_ask(&b, &c, "GET", "/metrics", b.admin, NULL, NULL), 200);
		assert_non_null(strstr(client_body(&c), open ? "holdfast_camera_recording{camera=\"playroom-east\"} 0\n"
						       : "holdfast_camera_recording{camera=\"playroom-east\"} 1\n"));
		assert_non_null(strstr(client_body(&c), open ? "holdfast_gaps_open 1\n" : "holdfast_gaps_open 0\n"));
		client_finish(&c);
	}
	bed_close(&b);
}

static void expect_ready(struct bed *b, const char *reason, const char *state)
{
	struct client c;

	assert_int_equal(bed_ask(b, &c, "GET", "/readyz", NULL, NULL, NULL), reason ? 503 : 200);
	assert_true(!reason || (strstr(client_body(&c), "\"reason\":\"nothing_recorded\"") && strstr(client_body(&c), reason)));
	assert_null(strstr(client_body(&c), "playroom"));
	client_finish(&c);
	json_t *o = bed_get(b, "/api/v1/cameras/playroom-east", 200);
	assert_string_equal(json_string_value(json_object_get(o, "state")), state);
	json_decref(o);
}

/* Neither the page nor who watches the service is told that it records when nobody says so. */
static void what_the_recorder_said_counts_for_three_seconds(void **state)
{
	struct bed b;

	(void)state;
	bed_open(&b);
	bed_sql(&b, "DELETE FROM gap");
	expect_ready(&b, "has not been heard of for 3 s", "unknown");
	for (int recording = 0; recording < 2; recording++) {
		const char *said = recording ? "recording" : "starting";
		json_t *live = json_pack("{s:{s:s}}", "playroom-east", "state", said);
		api_on_live(b.api, live);
		json_decref(live);
		expect_ready(&b, recording ? NULL : "No camera is being recorded", said);
		b.clock.mono.us += 3 * US_PER_S;
		expect_ready(&b, recording ? NULL : "No camera is being recorded", said);
		b.clock.mono.us++;
		expect_ready(&b, "has not been heard of for 3 s", "unknown");
	}
	bed_close(&b);
}

static void tells_of_the_site(void **state)
{
	static const char *const paths[] = {"/api/v1/site", "/api/v1/areas", "/api/v1/cameras", "/api/v1/cameras/playroom-east",
		"/api/v1/ledger", "/api/v1/ledger/head", "/api/v1/holds", "/api/v1/retention",
		"/api/v1/segments?camera=playroom-east&from=2026-11-24T00:00:00Z&to=2026-11-25T00:00:00Z"};
	struct bed b;
	struct client c;

	(void)state;
	bed_open(&b);
	for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
		json_decref(bed_get(&b, paths[i], 200));
	json_t *live = json_pack("{s:{s:s, s:f}}", "playroom-east", "state", "recording", "fps", 25.0);
	api_on_live(b.api, live);
	json_decref(live);
	json_t *o = bed_get(&b, "/api/v1/cameras/playroom-east", 200);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "recording");
	assert_string_equal(json_string_value(json_object_get(o, "name")), "活动室东");
	json_decref(o);
	assert_int_equal(bed_ask(&b, &c, "GET", "/", NULL, NULL, NULL), 200);
	assert_non_null(strstr(client_text(&c), "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
			       "connect-src 'self'; media-src 'self'; img-src 'self'"));
	assert_non_null(strstr(client_text(&c), "X-Content-Type-Options: nosniff\r\n"));
	client_finish(&c);
	assert_int_equal(bed_ask(&b, &c, "GET", "/api/v1/gaps/9", b.admin, "Accept-Language: zh-CN,en;q=0.5\r\n", NULL), 404);
	assert_non_null(strstr(client_body(&c), "\"detail\":\"没有编号为 9 的缺失\""));
	client_finish(&c);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_asks_every_role),
		cmocka_unit_test(other_methods_and_places_are_refused),
		cmocka_unit_test(tokens_end),
		cmocka_unit_test(a_token_is_told_once_and_not_stored),
		cmocka_unit_test(a_token_works_when_the_ledger_has_it),
		cmocka_unit_test(a_token_that_nobody_was_told_of_never_works),
		cmocka_unit_test(a_token_ends_while_the_keeper_is_away),
		cmocka_unit_test(tokens_of_before_go_on_under_names_that_differ),
		cmocka_unit_test(the_unix_socket_is_the_administrator),
		cmocka_unit_test(our_own_processes_are_nobody_at_the_socket),
		cmocka_unit_test(a_token_in_an_address_is_refused_with_what_to_do),
		cmocka_unit_test(a_code_works_once_and_then_with_its_cookie),
		cmocka_unit_test(a_code_is_for_one_camera_and_range_and_a_minute),
		cmocka_unit_test(a_code_ends_with_the_token_that_made_it),
		cmocka_unit_test(codes_are_bounded_and_nobody_takes_anothers),
		cmocka_unit_test(an_invitation_is_a_token_for_whoever_comes_first),
		cmocka_unit_test(guessing_ends_the_connection),
		cmocka_unit_test(a_command_is_answered_after_its_commit),
		cmocka_unit_test(a_keeper_that_is_away_is_told),
		cmocka_unit_test(coverage_tiles_what_was_asked),
		cmocka_unit_test(no_camera_is_recording_while_a_gap_of_it_is_open),
		cmocka_unit_test(what_the_recorder_said_counts_for_three_seconds),
		cmocka_unit_test(tells_of_the_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
