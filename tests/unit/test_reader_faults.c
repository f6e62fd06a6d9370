/* Whatever call fails for who only reads: a backup is whole or none, and fsck calls nothing sound that it could not read. */
#include "fault_scrub.h"

#include "indexer/backup.h"

/* --- a backup ------------------------------------------------------------------------------------------------ */

static int rc_of_act;

static void prepare_backup(struct keeper_box *b)
{
	char *access = fault_path(b, "access.db"), *conf = fault_path(b, "holdfast.yaml");
	sqlite3 *db;

	fault_record(b);
	assert_int_equal(sqlite3_open(access, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE token (id INTEGER)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(fs_replace(fs_real(), conf, "x", 1, 0644), 0);
	free(access);
	free(conf);
}

static void back_up(struct keeper_box *b, bool alive)
{
	char *dir = fault_path(b, "copy"), *conf = fault_path(b, "holdfast.yaml");
	struct backup k = {.fs = b->fs, .clock = &b->clock.base, .conf = &b->conf, .dir = dir};
	struct err e = {0};

	(void)alive;
	b->conf.path = conf;
	rc_of_act = backup_run(&k, &e);
	assert_true(rc_of_act == 0 || e.text[0]);
	b->conf.path = NULL;
	free(dir);
	free(conf);
}

/* With its list it is one that can be put back, whatever was told; without, nothing claims to be one. */
static void a_backup_is_whole_or_none(struct keeper_box *b)
{
	char *list = fault_path(b, "copy/backup.json"), *copy = fault_path(b, "copy/catalog.db"), *key = fault_path(b, "copy/keys/seal.key.pub");
	char *public = fault_path(b, "copy/keys/seal.pub");
	bool listed = access(list, F_OK) == 0;
	struct catalog *c;
	struct err e;
	int64_t entries;

	assert_true(rc_of_act < 0 || listed);
	if (listed) {
		assert_int_equal(catalog_open(copy, &c, &e), 0);
		assert_int_equal(catalog_check_ledger(c, &entries, &e), 0);
		assert_int_equal(entries, fault_count(b, "SELECT count(*) FROM ledger"));
		catalog_close(c);
		assert_true(access(key, F_OK) == 0 || access(public, F_OK) == 0);
	}
	free(list);
	free(copy);
	free(key);
	free(public);
}

/* --- fsck itself ----------------------------------------------------------------------------------------------- */

static unsigned long findings_of_act;

static void on_any(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void check_files(struct keeper_box *b, bool alive)
{
	struct fsck f = {.fs = b->fs, .conf = &b->conf, .full = true, .finding = on_any};
	struct err e = {0};

	(void)alive;
	rc_of_act = fsck_run(&f, &e);
	findings_of_act = f.findings;
}

static void rot_stays_seen(struct keeper_box *b)
{
	assert_true(rc_of_act < 0 || findings_of_act > 0);
	fault_scrub(b); /* so that the sweep's own fsck finds it known */
	assert_int_equal(keeper_index(b), 0);
}

static void soundness_is_told_of_what_was_read(struct keeper_box *b)
{
	(void)b;
	assert_true(rc_of_act < 0 || fault_of_life->hit || findings_of_act == 0);
}

static const struct fault_scene scenes[] = {
	{"backup", prepare_backup, back_up, a_backup_is_whole_or_none, .without_keeper = true, .stride = 4, .stays_stride = 7, .statement_stride = 9},
	{"fsck", fault_rot, check_files, rot_stays_seen, .without_keeper = true, .stride = 1, .stays_stride = 3, .statement_stride = 9},
	{"fsck of what is sound", fault_record, check_files, soundness_is_told_of_what_was_read, .without_keeper = true, .stride = 2, .stays_stride = 5, .statement_stride = 9},
};

int main(void)
{
	return fault_scenes_run(scenes, sizeof scenes / sizeof *scenes);
}
