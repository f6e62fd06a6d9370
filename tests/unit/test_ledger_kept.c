/* Heads that are kept outside of the catalogue: a ledger that does not hold them is not signed. */
#include "catalog_fixture.h"

#include "api/ledger_keep.h"
#include "base/buf.h"
#include "indexer/db.h"

#include <errno.h>
#include <string.h>

#define RECEIVER "https://regulator.example/api/holdfast"

static struct place place;
static struct ledger_keep keep;

static int setup(void **state)
{
	(void)state;
	place_init(&place);
	char *heads = xasprintf("%s/" LEDGER_KEPT_FOLDER, place.dir);
	assert_int_equal(fs_mkdirs(fs_real(), heads, 0755), 0);
	free(heads);
	keep = (struct ledger_keep){.fs = fs_real(), .state = place.dir};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_finish(&place);
	return 0;
}

static void append(const char *kind, json_t *body)
{
	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(ledger_append(place.catalog, (struct wall){SEC(1)}, kind, NULL, body, NULL), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
}

static struct ledger_kept head(void)
{
	struct ledger_kept k = {0};

	assert_int_equal(catalog_ledger_head(place.catalog, &k.seq, k.hash), 0);
	return k;
}

static int sign(struct ledger_kept *against)
{
	struct ledger_kept now = head();

	*against = (struct ledger_kept){0};
	return ledger_keep_sign(&keep, place.catalog, now.seq, now.hash, against);
}

/* As somebody who owns the catalogue does it: triggers dropped, a body changed, every hash made anew. */
static void rewrite(void)
{
	uint8_t hash[SHA256_BYTES] = {0};
	int64_t last = head().seq;

	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(db_exec(place.catalog->db, "DROP TRIGGER ledger_is_append_only_update; DROP TRIGGER ledger_is_append_only_delete; DELETE FROM ledger"), 0);
	for (int64_t seq = 1; seq <= last; seq++) {
		struct ledger_entry e = {.seq = seq, .at = {SEC(1)}, .kind = "gap.closed", .body = "{}"};
		ledger_hash(hash, &e, e.hash);
		memcpy(hash, e.hash, sizeof hash);
		assert_int_equal(db_run(place.catalog->db, "INSERT INTO ledger VALUES (?, ?, ?, NULL, ?, ?)", "iittb", e.seq, e.at.us,
					e.kind, e.body, e.hash, sizeof e.hash), 0);
	}
	assert_int_equal(catalog_commit(place.catalog), 0);
}

static void what_was_signed_is_contained(void **state)
{
	struct ledger_kept against;

	(void)state;
	append("gap.opened", json_pack("{si}", "id", 1));
	assert_int_equal(sign(&against), 0);
	append("gap.closed", json_pack("{si}", "id", 1));
	assert_int_equal(sign(&against), 0);
	append("gap.opened", json_pack("{si}", "id", 2));
	assert_int_equal(sign(&against), 0);
}

static void a_rewritten_ledger_is_not_signed(void **state)
{
	struct ledger_kept against;

	(void)state;
	append("gap.opened", json_pack("{si}", "id", 1));
	append("gap.closed", json_pack("{si}", "id", 1));
	assert_int_equal(sign(&against), 0);
	rewrite();
	assert_int_equal(sign(&against), 1);
	assert_int_equal(against.seq, 2);
	assert_string_equal(against.who, "signed");
	append("gap.opened", json_pack("{si}", "id", 3));
	assert_int_equal(sign(&against), 1); /* for good, */
	struct ledger_keep fresh = {.fs = fs_real(), .state = place.dir};
	struct ledger_kept now = head();
	assert_int_equal(ledger_keep_sign(&fresh, place.catalog, now.seq, now.hash, &against), 1); /* and after a restart */
}

static void what_a_receiver_acknowledged_is_held_against_it(void **state)
{
	struct ledger_kept against, first;

	(void)state;
	append("gap.opened", json_pack("{si}", "id", 1));
	first = head();
	assert_int_equal(ledger_keep_note(&keep, "acknowledged", RECEIVER, first.seq, first.hash), 0);
	assert_int_equal(sign(&against), 0);
	first.hash[0] ^= 1;
	assert_int_equal(ledger_keep_note(&keep, "sent", RECEIVER, first.seq, first.hash), 0);
	assert_int_equal(sign(&against), 1);
	assert_string_equal(against.who, "sent " RECEIVER);
}

/* A ledger that says what it lost is signed again: the receivers are alarmed by that entry. */
static void a_loss_that_is_told_is_signed(void **state)
{
	struct ledger_kept against, lost;
	char hex[SHA256_HEX_MAX];

	(void)state;
	append("gap.opened", json_pack("{si}", "id", 1));
	append("gap.closed", json_pack("{si}", "id", 1));
	assert_int_equal(sign(&against), 0);
	lost = head();
	rewrite();
	assert_int_equal(sign(&against), 1);
	hex_encode(lost.hash, SHA256_BYTES, hex);
	append("ledger.restored", json_pack("{sI ss sI s[{sI ss ss}]}", "known_seq", (json_int_t)1, "known_hash", "00", "found_seq",
					    (json_int_t)2, "heads", "seq", (json_int_t)lost.seq, "hash", hex, "receiver", "signed"));
	assert_int_equal(sign(&against), 0);
}

/* The entry that tells it stands where the receivers were served already: they would never be sent it. */
static void a_loss_that_nobody_would_be_told_is_not_signed(void **state)
{
	struct ledger_kept against, lost;
	char hex[SHA256_HEX_MAX];

	(void)state;
	for (int i = 1; i <= 4; i++)
		append("gap.opened", json_pack("{si}", "id", i));
	assert_int_equal(sign(&against), 0);
	lost = head();
	rewrite();
	assert_int_equal(catalog_begin(place.catalog), 0);
	assert_int_equal(db_exec(place.catalog->db, "DELETE FROM ledger WHERE seq > 1"), 0);
	assert_int_equal(catalog_commit(place.catalog), 0);
	hex_encode(lost.hash, SHA256_BYTES, hex);
	append("ledger.restored", json_pack("{sI ss sI s[{sI ss ss}]}", "known_seq", (json_int_t)9, "known_hash", "00", "found_seq",
					    (json_int_t)0, "heads", "seq", (json_int_t)lost.seq, "hash", hex, "receiver", "signed"));
	for (int i = 3; i <= 5; i++)
		append("gap.closed", json_pack("{si}", "id", i));
	assert_int_equal(sign(&against), 1);
	assert_int_equal(against.seq, lost.seq);
}

static void nonsense_in_the_folder_is_passed_over(void **state)
{
	char *path = xasprintf("%s/" LEDGER_KEPT_FOLDER "/x", place.dir);
	struct ledger_kept against;

	(void)state;
	append("gap.opened", json_pack("{si}", "id", 1));
	static const char *const texts[] = {"", "1", "-1 00 x\n", "1 zz x\n", "99999999999999999999 00\n", "\n\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(fs_replace(fs_real(), path, texts[i], strlen(texts[i]), 0644), 0);
		assert_int_equal(sign(&against), 0);
	}
	free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_signed_is_contained), TEST(a_rewritten_ledger_is_not_signed),
		TEST(what_a_receiver_acknowledged_is_held_against_it), TEST(a_loss_that_is_told_is_signed), TEST(a_loss_that_nobody_would_be_told_is_not_signed),
		TEST(nonsense_in_the_folder_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
