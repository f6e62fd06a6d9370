/* The identity of a root: given once, recognised ever after, refused when it is not ours. */
#include "base/buf.h"
#include "base/fault.h"
#include "recorder/root.h"
#include "tests/unit/storage_fixture.h"

#include <errno.h>
#include <fcntl.h>

static struct root_want want_of(const char *path, const char *known)
{
	return (struct root_want){.path = path, .site = "site-1", .box = {1, 2, 3}, .known = known};
}

static void an_empty_root_is_given_its_identity_once(void **state)
{
	char *path = fixture_path(*state, "root"), known[UUID_TEXT_MAX];
	struct root_want w = want_of(path, NULL);
	struct root_identity a, b;
	struct err e;

	assert_int_equal(root_check(fs_real(), &w, &a, &e), 0);
	assert_true(fixture_exists(path, "incoming") && fixture_exists(path, "archive"));
	assert_int_equal(fixture_size(path, ".holdfast"), ROOT_SECTOR_BYTES);
	uuid_format(a.root, known);
	w.known = known;
	assert_int_equal(root_check(fs_real(), &w, &b, &e), 0);
	assert_memory_equal(&a, &b, sizeof a);
	assert_string_equal(b.site, "site-1");
	assert_int_equal(root_probe(fs_real(), path), 0);
	assert_false(fixture_exists(path, "incoming/.probe"));
	free(path);
}

static void a_known_root_without_identity_is_not_written(void **state)
{
	char *path = fixture_path(*state, "root");
	struct root_want w = want_of(path, "00000000-0000-4000-8000-000000000000");
	struct root_identity id;
	struct err e;

	mkdir(path, 0755);
	assert_int_equal(root_check(fs_real(), &w, &id, &e), -ENODEV);
	assert_false(fixture_exists(path, ".holdfast") || fixture_exists(path, "incoming"));
	free(path);
}

static void other_disks_are_refused(void **state)
{
	char *path = fixture_path(*state, "root");
	struct root_want w = want_of(path, NULL);
	struct root_identity id;
	struct err e;

	assert_int_equal(root_check(fs_real(), &w, &id, &e), 0);
	w.site = "site-2";
	assert_int_equal(root_check(fs_real(), &w, &id, &e), -ENODEV);
	assert_non_null(strstr(e.text, "site-1"));
	w = want_of(path, "00000000-0000-4000-8000-000000000000");
	assert_int_equal(root_check(fs_real(), &w, &id, &e), -ENODEV);
	fixture_damage(path, ".holdfast", 100);
	w = want_of(path, NULL);
	assert_int_equal(root_check(fs_real(), &w, &id, &e), -ENODEV);
	free(path);
}

static void a_folder_with_other_things_is_refused(void **state)
{
	char *path = fixture_path(*state, "root");
	struct root_want w = want_of(path, NULL);
	struct root_identity id;
	struct err e;

	mkdir(path, 0755);
	fixture_write(path, "photo.jpg", "x", 1);
	assert_int_equal(root_check(fs_real(), &w, &id, &e), -ENODEV);
	assert_false(fixture_exists(path, ".holdfast"));
	free(path);
}

/* Whatever call fails during the first start, the next start makes the root usable, and no start
 * ever leaves an identity that the next one refuses. */
/* Footage would go, and be deleted, where the link leads. */
static void a_link_in_place_of_a_folder_is_not_followed(void **state)
{
	static const char *const names[] = {"incoming", "archive", "ledger", "moving"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char dir[] = "/tmp/holdfast-root-XXXXXX", elsewhere[] = "/tmp/holdfast-root-XXXXXX";
		struct root_identity id;
		struct err e = {0};
		assert_non_null(mkdtemp(dir));
		assert_non_null(mkdtemp(elsewhere));
		char *path = xasprintf("%s/%s", dir, names[i]);
		struct root_want w = {.path = dir, .site = "cn-test-0001"};
		assert_int_equal(root_check(fs_real(), &w, &id, &e), 0);
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(symlink(elsewhere, path), 0);
		assert_int_equal(root_check(fs_real(), &w, &id, &e), -ENODEV);
		assert_non_null(strstr(e.text, path));
		assert_int_equal(unlink(path), 0);
		assert_int_equal(root_check(fs_real(), &w, &id, &e), 0);
		free(path);
		char *command = xasprintf("rm -r %s %s", dir, elsewhere);
		assert_int_equal(system(command), 0);
		free(command);
	}
}

static void any_failure_of_the_first_start_heals(void **state)
{
	struct fault fault = {0};
	int runs = 0;

	FAULT_EACH(&fault) {
		char *path = fixture_path(*state, "fault"), *name = xasprintf("%s/%d", path, runs++);
		struct root_want w = want_of(name, NULL);
		struct root_identity id;
		struct fs_fault fs;
		struct err e;

		fs_fault_init(&fs, fs_real(), &fault, EIO);
		int rc = root_check(&fs.base, &w, &id, &e);
		assert_true(rc == 0 || rc == -EIO);
		assert_int_equal(root_check(fs_real(), &w, &id, &e), 0);
		free(name);
		free(path);
	}
	assert_true(runs > 5);
}

static void a_first_start_without_power_heals(void **state)
{
	char *path = fixture_path(*state, "root"), blank[ROOT_SECTOR_BYTES] = {0};
	struct root_want w = want_of(path, NULL);
	struct root_identity id;
	struct err e;

	mkdir(path, 0755);
	fixture_write(path, ".holdfast", blank, sizeof blank);
	assert_int_equal(root_check(fs_real(), &w, &id, &e), 0);
	free(path);
}

static char *uuid_at(const char *path)
{
	struct root_identity id;
	char *text = xcalloc(1, UUID_TEXT_MAX);

	assert_int_equal(root_identity_load(fs_real(), path, &id), 0);
	uuid_format(id.root, text);
	return text;
}

static void expect_book(const char *state, const char *const paths[2])
{
	struct err e;
	char *dir = xasprintf("%s/recorder", state);
	json_t *book = root_book_load(fs_real(), dir, &e);

	for (int i = 0; i < 2; i++) {
		char *uuid = uuid_at(paths[i]);
		assert_string_equal(json_string_value(json_object_get(book, paths[i])), uuid);
		free(uuid);
	}
	json_decref(book);
	free(dir);
}

/* The two are ours, whichever stands where; a copy of one at the other's place is not. */
static void disks_of_ours_may_change_places(void **state)
{
	char *a = fixture_path(*state, "a"), *b = fixture_path(*state, "b"), *tmp = fixture_path(*state, "tmp");
	char *dir = fixture_path(*state, "state"), *own = xasprintf("%s/recorder", dir), *file = xasprintf("%s/.holdfast", b);
	struct conf_root roots[2] = {{.path = a}, {.path = b}};
	struct conf conf = {.site.id = (char *)(uintptr_t)"site", .state = dir, .roots = roots, .root_count = 2};

	assert_int_equal(fs_mkdirs(fs_real(), own, 0755), 0);
	assert_true(root_prepare_all(fs_real(), &conf));
	char *was = uuid_at(a);
	assert_int_equal(rename(a, tmp) | rename(b, a) | rename(tmp, b), 0);
	assert_true(root_prepare_all(fs_real(), &conf));
	expect_book(dir, (const char *const[]){a, b});
	char *is = uuid_at(b);
	assert_string_equal(was, is);
	assert_false(root_prepare_all(fs_real(), &conf));
	assert_int_equal(unlink(file), 0);
	char *other = xasprintf("%s/.holdfast", a);
	assert_int_equal(link(other, file), 0);
	assert_false(root_prepare_all(fs_real(), &conf));
	char *const all[] = {a, b, tmp, dir, own, file, was, is, other};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

static void the_state_folder_remembers(void **state)
{
	char *path = fixture_path(*state, "state");
	uint8_t a[UUID_BYTES], b[UUID_BYTES];
	struct err e;

	mkdir(path, 0755);
	assert_int_equal(root_box_uuid(fs_real(), path, a, &e), 0);
	assert_int_equal(root_box_uuid(fs_real(), path, b, &e), 0);
	assert_memory_equal(a, b, sizeof a);
	json_t *book = root_book_load(fs_real(), path, &e);
	assert_int_equal(json_object_size(book), 0);
	json_object_set_new(book, "/srv/a", json_string("u"));
	assert_int_equal(root_book_save(fs_real(), path, book), 0);
	json_decref(book);
	book = root_book_load(fs_real(), path, &e);
	assert_string_equal(json_string_value(json_object_get(book, "/srv/a")), "u");
	json_decref(book);
	fixture_write(path, "roots.json", "[1]", 3);
	assert_null(root_book_load(fs_real(), path, &e));
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(an_empty_root_is_given_its_identity_once),
		fixture_test(a_known_root_without_identity_is_not_written),
		fixture_test(other_disks_are_refused),
		fixture_test(a_folder_with_other_things_is_refused),
		fixture_test(a_link_in_place_of_a_folder_is_not_followed),
		fixture_test(any_failure_of_the_first_start_heals),
		fixture_test(a_first_start_without_power_heals),
		fixture_test(disks_of_ours_may_change_places), fixture_test(the_state_folder_remembers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
