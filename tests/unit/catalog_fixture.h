/* A catalogue in a folder of its own, for the tests of indexer/. */
#pragma once
#include "base/buf.h"
#include "indexer/accounting.h"
#include "indexer/catalog_internal.h"
#include "indexer/catalog_write.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define T0 (INT64_C(1795478400) * US_PER_S)
#define SEC(s) (T0 + (int64_t)((s) * 1000000.0))

struct place { char dir[64]; struct catalog *catalog; };

static inline int place_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void place_remove(const char *dir)
{
	nftw(dir, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct catalog *place_catalog(const char *dir)
{
	struct catalog *c;
	struct err e;
	char *path = xasprintf("%s/catalog.db", dir);

	assert_int_equal(catalog_create(path, &c, &e), 0);
	free(path);
	return c;
}

static inline void place_init(struct place *p)
{
	snprintf(p->dir, sizeof p->dir, "/tmp/holdfast-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->catalog = place_catalog(p->dir);
}

/* Whose accounts are older than every request. */
__attribute__((unused)) static const struct person chen = {.id = 901, .name = "chen", .role = "admin"},
	li = {.id = 902, .name = "li", .role = "admin"}, bureau = {.id = 903, .name = "bureau", .role = "regulator"};

/* An account in the ledger, whose secret is its name. In no transaction. */
static inline struct person place_account(struct catalog *c, const char *name, const char *role, int64_t maker)
{
	struct person by = {.id = maker, .name = "maker", .role = "admin"}, out;
	struct person_new a = {.name = name, .role = role};
	int64_t seq;

	sha256(name, strlen(name), a.hash);
	assert_int_equal(db_int(c->db, &a.id, "SELECT coalesce(max(id), 0) + 1 FROM token", ""), 0);
	assert_int_equal(catalog_begin(c), 0);
	assert_int_equal(person_make(c, (struct wall){T0}, &a, &by, &seq), 0);
	assert_int_equal(catalog_commit(c), 0);
	assert_int_equal(person_find(c, a.id, name, &out), 0);
	return out;
}

/* Of a keeper that is not there now. */
static inline void place_lose_catalog(const struct place *p)
{
	static const char *const names[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm"};

	for (int i = 0; i < 3; i++) {
		char *path = xasprintf("%s/%s", p->dir, names[i]);
		unlink(path);
		free(path);
	}
}

static inline void place_finish(struct place *p)
{
	catalog_close(p->catalog);
	place_remove(p->dir);
}

static inline struct accounting begin_at(struct catalog *c, int64_t now)
{
	assert_int_equal(catalog_begin(c), 0);
	return (struct accounting){.catalog = c, .now = {now}};
}

/* "R 0 10 | G 10 20 stream_stalled | P 20 30": tiles with seconds since T0. */
struct tile_text { struct buf out; int64_t at; };

static inline int tile_to_text(void *arg, const struct tile *t)
{
	static const char letters[] = "RGENP";
	struct tile_text *x = arg;

	assert_int_equal(t->start.us, x->at);
	assert_true(t->end.us > t->start.us);
	x->at = t->end.us;
	buf_printf(&x->out, "%s%c %g %g%s%s", x->out.len ? " | " : "", letters[t->state],
		   (double)(t->start.us - T0) / 1e6, (double)(t->end.us - T0) / 1e6, t->cause ? " " : "",
		   t->cause ? t->cause : "");
	return 0;
}

static inline void expect_tiles(struct catalog *c, const char *camera, double from, double to, const char *want)
{
	struct tile_text x = {.at = SEC(from)};

	assert_int_equal(catalog_tiles(c, camera, (struct wall){SEC(from)}, (struct wall){SEC(to)}, tile_to_text, &x), 0);
	assert_int_equal(x.at, SEC(to));
	buf_add(&x.out, "", 1);
	assert_string_equal((char *)x.out.data, want);
	buf_finish(&x.out);
}

static inline int64_t ask(struct catalog *c, const char *sql)
{
	int64_t n = -1;
	struct db_query q;

	assert_int_equal(db_query(c->db, &q, sql, ""), 0);
	if (db_step(&q) > 0)
		n = db_i64(&q, 0);
	db_done(&q);
	return n;
}

static inline void expect_sound(struct catalog *c, const char *camera)
{
	struct err e = {0};
	int64_t entries = 0;

	if (catalog_check_tiling(c, camera, &e) < 0 || catalog_check_ledger(c, &entries, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(entries, ask(c, "SELECT count(*) FROM ledger"));
}
