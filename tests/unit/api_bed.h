/* A whole api in a test: a loop, an access.db, a catalogue with the writer's schema, a footage root,
 * a clock that stands still. Include after cmocka.h. */
#pragma once
#include "api/api.h"
#include "base/log.h"
#include "http_client.h"
#include "indexer/catalog_write.h"
#include "media/segment.h"

#include <dirent.h>
#include <ftw.h>
#include <sqlite3.h>

#define BED_NOW_US (INT64_C(1795478400) * US_PER_S + 3600 * US_PER_S) /* an hour after FIXTURE_START_US */

struct bed {
	uv_loop_t loop;
	char dir[64], root[96];
	struct clock_fake clock;
	struct conf_area areas[1];
	struct conf_camera cameras[1];
	struct conf_root roots[1];
	struct conf_listen listens[1];
	struct conf conf;
	struct access *access;
	struct catalog *writer;
	sqlite3 *db;
	struct api *api;
	char admin[TOKEN_TEXT_MAX], regulator[TOKEN_TEXT_MAX], investigator[TOKEN_TEXT_MAX];
	int64_t admin_id;
	json_t *sent, *told;   /* commands that went to the keeper; told: what concerns tokens, answered as if it were there */
	json_t *due;
	uv_timer_t answer;
	int refusal;           /* with this status, if any */
	bool silent;           /* not answered at all */
	void (*want_line)(struct bed *b); /* NULL: there is no offloader */
	bool keeper, closed;
};

static inline void bed_sql(struct bed *b, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(b->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* The keeper's answer to what concerns tokens, in the loop's next turn. */
static inline void bed_answer(uv_timer_t *t)
{
	struct bed *b = t->data;
	json_t *due = b->due, *id;
	size_t i;

	b->due = json_array();
	json_array_foreach(due, i, id) {
		json_t *reply = b->refusal ? json_pack("{s:s, s:O, s:b, s:s, s:i}", "type", "reply", "id", id, "ok", 0, "problem", "why",
						       "status", b->refusal)
					   : json_pack("{s:s, s:O, s:b, s:{}}", "type", "reply", "id", id, "ok", 1, "body");
		api_on_msg(b->api, reply);
		json_decref(reply);
	}
	json_decref(due);
}

static inline bool bed_send(void *owner, const json_t *msg)
{
	struct bed *b = owner;
	const char *verb = json_string_value(json_object_get(msg, "verb"));
	bool token = verb && (strncmp(verb, "token.", 6) == 0 || strcmp(verb, "hold.withdraw") == 0);

	if (b->keeper && token && !b->silent) {
		json_array_append(b->due, json_object_get(msg, "id"));
		uv_timer_start(&b->answer, bed_answer, 0, 0);
	}
	if (b->keeper)
		json_array_append_new(token ? b->told : b->sent, json_deep_copy(msg));
	return b->keeper;
}

static inline void bed_want_line(void *owner)
{
	struct bed *b = owner;

	if (b->want_line)
		b->want_line(b);
}

/* A token that works. */
static inline int64_t bed_token(struct bed *b, const char *name, enum role role, struct wall expires_at, char text[TOKEN_TEXT_MAX])
{
	int64_t id;

	assert_int_equal(access_token_make(b->access, name, role, TOKEN_OF_THE_BOX, expires_at, text, &id), 0);
	assert_int_equal(access_token_confirm(b->access, id), 0);
	return id;
}

static inline void bed_conf(struct bed *b)
{
	b->areas[0] = (struct conf_area){"playroom", "活动室", AREA_ACTIVITY};
	b->cameras[0] = (struct conf_camera){.id = "playroom-east", .name = "活动室东", .area = "playroom"};
	b->roots[0] = (struct conf_root){.path = b->root, .reserve_bytes = 1 << 20};
	b->listens[0] = (struct conf_listen){"127.0.0.1", 0};
	b->conf = (struct conf){
		.site = {"cn-150625-0007", "阳光托育园", "Asia/Shanghai", "zh-CN"},
		.rule = {.id = "cn-hangjin-2021", .title = "t", .floor_days = 90, .source = "s"},
		.state = b->dir, .roots = b->roots, .root_count = 1, .keep_days = 95, .areas = b->areas, .area_count = 1,
		.cameras = b->cameras, .camera_count = 1, .listens = b->listens, .listen_count = 1};
}

static inline void bed_open(struct bed *b)
{
	struct wall never = {0};
	char path[256];
	struct err e;

	*b = (struct bed){.sent = json_array(), .told = json_array(), .due = json_array(), .keeper = true};
	uv_loop_init(&b->loop);
	uv_timer_init(&b->loop, &b->answer);
	b->answer.data = b;
	snprintf(b->dir, sizeof b->dir, "/tmp/holdfast-api-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->root, sizeof b->root, "%s/root", b->dir);
	clock_fake_init(&b->clock, (struct wall){BED_NOW_US});
	bed_conf(b);
	snprintf(path, sizeof path, "%s/access.db", b->dir);
	assert_int_equal(access_open(path, &b->clock.base, &b->access, &e), 0);
	b->admin_id = bed_token(b, "admin", ROLE_ADMIN, never, b->admin);
	bed_token(b, "bureau", ROLE_REGULATOR, never, b->regulator);
	bed_token(b, "police", ROLE_INVESTIGATOR, never, b->investigator);
	snprintf(path, sizeof path, "%s/catalog.db", b->dir);
	assert_int_equal(catalog_create(path, &b->writer, &e), 0);
	assert_int_equal(sqlite3_open(path, &b->db), SQLITE_OK);
	snprintf(path, sizeof path, "INSERT INTO root (id, path, uuid) VALUES (1, '%s', 'u')", b->root);
	bed_sql(b, path);
	bed_sql(b, "INSERT INTO camera (id, name, area, configured_at, enrolled_at) VALUES "
		   "('playroom-east', '活动室东', 'playroom', 1795478400123457, 1795478400123457);"
		   "INSERT INTO obligation (camera, start) VALUES ('playroom-east', 1795478400123457)");
	struct api_deps deps = {.loop = &b->loop, .conf = &b->conf, .clock = &b->clock.base, .fs = fs_real(),
				.access = b->access, .send = bed_send, .want_line = bed_want_line,
				.owner = b};
	assert_int_equal(api_create(&deps, &b->api), 0);
	assert_int_equal(api_listen(b->api, &e), 0);
	api_on_keeper(b->api, true);
}

static inline int bed_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void bed_on_closed(void *owner) { ((struct bed *)owner)->closed = true; }

static inline void bed_close(struct bed *b)
{
	api_close(b->api, bed_on_closed);
	uv_close((uv_handle_t *)&b->answer, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_true(b->closed);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	access_close(b->access);
	sqlite3_close(b->db);
	catalog_close(b->writer);
	json_decref(b->sent);
	json_decref(b->told);
	json_decref(b->due);
	nftw(b->dir, bed_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- asking --------------------------------------------------------------------- */

/* One request on a connection of its own. token may be NULL; more: further header lines. */
static inline int bed_ask(struct bed *b, struct client *c, const char *method, const char *path, const char *token,
			  const char *more, const char *body)
{
	struct buf q = {0};

	client_tcp(c, &b->loop, api_port(b->api, 0));
	buf_printf(&q, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
	if (token)
		buf_printf(&q, "Authorization: Bearer %s\r\n", token);
	if (body)
		buf_printf(&q, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	buf_printf(&q, "%s\r\n%s", more ? more : "", body ? body : "");
	client_send(c, q.data, q.len);
	buf_finish(&q);
	return client_answer(c, strcmp(method, "HEAD") == 0);
}

static inline int bed_status(struct bed *b, const char *method, const char *path, const char *token, const char *body)
{
	struct client c;
	int status = bed_ask(b, &c, method, path, token, NULL, body);

	client_finish(&c);
	return status;
}

/* GET as admin; a new reference; fails unless the status is that. */
static inline json_t *bed_get(struct bed *b, const char *path, int want)
{
	struct client c;
	int status = bed_ask(b, &c, "GET", path, b->admin, NULL, NULL);

	if (status != want)
		fail_msg("%s: %d %s", path, status, client_text(&c));
	json_t *o = json_loads(client_body(&c), 0, NULL);
	assert_non_null(o);
	client_finish(&c);
	return o;
}

/* --- footage ---------------------------------------------------------------------- */

/* Puts a segment's bytes where a published one stands, with its rows. stored: folder below the root
 * ("archive", or "incoming" for an open one). Returns its range. */
__attribute__((unused)) static struct wall_range bed_add_segment(struct bed *b, const struct buf *bytes, bool is_open)
{
	char name[256], path[512];
	struct segment_scan scan;
	struct buf packed = {0};
	sqlite3_stmt *s;

	assert_int_equal(fs_mkdirs(fs_real(), b->root, 0700), 0);
	snprintf(path, sizeof path, "%s/new", b->root);
	assert_int_equal(fs_replace(fs_real(), path, bytes->data, bytes->len, 0600), 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	segment_scan_init(&scan, false);
	assert_int_equal(segment_scan(&scan, fs_real(), fd, (int64_t)bytes->len, NULL), 0);
	close(fd);
	struct wall_range r = segment_scan_range(&scan);
	fragment_index_pack(&scan.index, &packed);

	char to[900], folder[900];
	if (is_open)
		segment_incoming_name(name, "playroom-east", r.start, ".open");
	else
		segment_archive_name(name, "playroom-east", r.start);
	snprintf(to, sizeof to, "%s/%s/%s", b->root, is_open ? "incoming" : "archive", name);
	snprintf(folder, sizeof folder, "%s", to);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(fs_mkdirs(fs_real(), folder, 0700), 0);
	assert_int_equal(rename(path, to), 0);

	sqlite3_prepare_v2(b->db, "INSERT OR IGNORE INTO init (digest, codec, width, height, timescale) VALUES (?, ?, 1, 1, ?)",
			   -1, &s, NULL);
	sqlite3_bind_blob(s, 1, scan.moov.stsd_digest, 32, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, scan.moov.codec, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, scan.moov.timescale);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	sqlite3_prepare_v2(b->db, is_open
		? "INSERT INTO open_segment (file, camera, root, start, end, bytes, run, init, init_bytes, fragments) VALUES "
		  "(?7, 'playroom-east', 1, ?1, ?2, ?3, 'r', (SELECT id FROM init WHERE digest = ?4), ?5, ?6)"
		: "INSERT INTO segment (camera, root, start, end, bytes, init, init_bytes, fragments, frames, sequence, flags, "
		  "seal_digest, run, witnessed_us, init_crc) VALUES ('playroom-east', 1, ?1, ?2, ?3, (SELECT id FROM init WHERE "
		  "digest = ?4), ?5, ?6, 1, 1, 0, zeroblob(32), 'r', 0, ?7)", -1, &s, NULL);
	sqlite3_bind_int64(s, 1, r.start.us);
	sqlite3_bind_int64(s, 2, r.end.us);
	sqlite3_bind_int64(s, 3, (int64_t)bytes->len);
	sqlite3_bind_blob(s, 4, scan.moov.stsd_digest, 32, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, scan.init_bytes);
	sqlite3_bind_blob(s, 6, packed.data, (int)packed.len, SQLITE_STATIC);
	if (is_open)
		sqlite3_bind_text(s, 7, name, -1, SQLITE_STATIC);
	else
		sqlite3_bind_int64(s, 7, scan.init_crc);
	if (sqlite3_step(s) != SQLITE_DONE)
		fail_msg("%s", sqlite3_errmsg(b->db));
	sqlite3_finalize(s);
	assert_int_equal(catalog_begin(b->writer), 0);
	assert_int_equal(span_add(b->writer, "playroom-east", r.start, r.end), 0);
	snprintf(path, sizeof path, "%lld", (long long)r.end.us);
	assert_int_equal(catalog_set_state(b->writer, "settled_at", path), 0);
	assert_int_equal(catalog_commit(b->writer), 0);
	buf_finish(&packed);
	segment_scan_finish(&scan);
	return r;
}

static inline void bed_footage_path(char out[300], struct wall start, struct wall end)
{
	char s[WALL_TEXT_MAX], e[WALL_TEXT_MAX];

	snprintf(out, 300, "/api/v1/cameras/playroom-east/footage.mp4?start=%s&end=%s", wall_format(start, s), wall_format(end, e));
}
