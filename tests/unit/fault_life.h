/* One life of the keeper in which the Nth file, folder or database call fails, or all from the Nth on (it died there), or the Nth
 * statement of SQL, between two lives without faults: for tables of scenes.
 *
 *	prepare: a box with a living keeper, to be left alive
 *	act:     the life with the fault; alive tells whether the keeper came up at all
 *	check:   the next life, which has caught up; what act() was told must be true
 *
 * After each, fsck must find nothing. Scenes live in a program of their own: vfs_fault_install() is for all of it. */
#pragma once
#include "folder_fault.h"
#include "keeper_fixture.h"
#include "statement_fault.h"
#include "vfs_fault.h"

#define FAULT_SCENES_MAX 8

struct fault_scene {
	const char *name;
	void (*prepare)(struct keeper_box *b);
	void (*act)(struct keeper_box *b, bool alive);
	void (*check)(struct keeper_box *b);
	bool without_keeper;    /* act() needs none */
	int stride, stays_stride, statement_stride; /* every so many-th call; 0: 1. statement_stride is odd, see statement_fault.h */
};

/* --- lives -------------------------------------------------------------------------------------------- */

static struct fault *fault_of_life; /* for act() and check(): whether it was met */

static inline void fault_use(struct fault *fault)
{
	vfs_fault_use(fault);
	folder_fault = fault;
}

static inline void fault_statements(struct keeper_box *b, const struct fault_scene *s, struct fault *fault)
{
	statement_fault_use(fault);
	s->act(b, !s->without_keeper && keeper_try(b) == 0);
	statement_fault_use(NULL);
	keeper_die(b);
}

static inline void fault_calls(struct keeper_box *b, const struct fault_scene *s, struct fault *fault)
{
	struct fs_fault faulty;

	fs_fault_init(&faulty, fs_real(), fault, EIO);
	b->fs = &faulty.base;
	fault_use(fault);
	s->act(b, !s->without_keeper && keeper_try(b) == 0);
	if (!fault->stays)
		fault_use(NULL);
	keeper_die(b);
	fault_use(NULL);
	b->fs = fs_real();
}

static inline unsigned fault_sweep(const struct fault_scene *s, int stride, bool stays,
				   void (*life)(struct keeper_box *b, const struct fault_scene *s, struct fault *fault))
{
	struct fault fault = {.stays = stays};
	if (getenv("HOLDFAST_EVERY_FAULT")) /* by hand: none is left out */
		stride = 1;
	struct keeper_box b;
	unsigned runs = 0;

	fault_of_life = &fault;
	FAULT_EACH(&fault) {
		keeper_init(&b, 2);
		s->prepare(&b);
		keeper_die(&b);
		life(&b, s, &fault);
		assert_int_equal(keeper_try(&b), 0);
		assert_int_equal(keeper_index(&b), 0);
		s->check(&b);
		keeper_expect_sound(&b);
		keeper_finish(&b);
		runs++;
		fault.nth += stride > 1 ? stride - 1 : 0;
	}
	fault_of_life = NULL;
	return runs;
}

static inline void fault_scene_run(const struct fault_scene *s)
{
	unsigned once = fault_sweep(s, s->stride, false, fault_calls), died = fault_sweep(s, s->stays_stride, true, fault_calls);
	unsigned statements = fault_sweep(s, s->statement_stride, false, fault_statements);

	assert_true(once > 1 && died > 1 && statements > 1);
	print_message("%s: %u calls failed once, died at %u, %u statements\n", s->name, once - 1, died - 1, statements - 1);
}

static void fault_scene_test(void **state)
{
	fault_scene_run(*state);
}

/* A test of each scene, as main() returns it. */
static inline int fault_scenes_run(const struct fault_scene *scenes, size_t count)
{
	struct CMUnitTest tests[FAULT_SCENES_MAX];

	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){scenes[i].name, fault_scene_test, NULL, NULL, (void *)(uintptr_t)&scenes[i]};
	vfs_fault_install();
	return _cmocka_run_group_tests("faults", tests, count, NULL, NULL);
}

/* --- what scenes have in common ------------------------------------------------------------------ */

#define FAULT_FILE_US (60 * US_PER_S)

static inline int64_t fault_count(struct keeper_box *b, const char *sql)
{
	return ask(b->place.catalog, sql);
}

static inline char *fault_path(const struct keeper_box *b, const char *name)
{
	return xasprintf("%s/%s", b->place.dir, name);
}

/* A file of each camera. */
static inline void fault_record(struct keeper_box *b)
{
	for (unsigned i = 0; i < 2; i++)
		keeper_record(b, i, T0, T0 + FAULT_FILE_US);
}

static inline void fault_index(struct keeper_box *b, bool alive)
{
	for (int i = 0; alive && i < 2; i++)
		keeper_index(b);
}
