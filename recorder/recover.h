/* What a crash left in incoming/: every .open file is brought to a whole, sealed, named segment.
 *
 * A file with a valid seal that the journal knows is renamed; one whose seal follows the chain is
 * journaled and renamed; any other is cut after its last whole fragment that may be believed
 * (chain_limit_of()) and sealed as recovered; without one it is removed and `dropped`. Sealed .mp4 files
 * that the journal does not know (it was lost) move the head. Nothing else is touched.
 *
 * Threads: recover_survey() and recover_file() on a recovery thread of the root.
 * Memory:  items are malloc'd by the survey, freed by the loop.
 * Errors:  told by `fate`; what cannot be dealt with is left as it is. */
#pragma once
#include "recorder/segment_file.h"
#include "recorder/turn.h"
#include "recorder/worker.h"

struct recover_env {
	struct fs *fs;
	struct chain *chain;
	struct seal_keys *keys;
	const char *root, *site;
};

struct recover_item {
	struct worker_job job;        /* first */
	struct turn turn;
	const struct recover_env *env;
	void *owner;
	struct recover_item *next;
	char name[256], camera[SEAL_NAME_MAX];
	struct wall start;
	uint64_t sealed_sequence;     /* 0: no seal at its end */
	struct chain_head head;       /* in: the seal before; out: the head now */
	enum segment_fate fate;
};

/* names: of files in incoming/. Returns the .open files in the order in which they must be dealt with:
 * sealed ones by sequence, then the others by start. Names that are not ours are logged. */
struct recover_item *recover_survey(const struct recover_env *env, const json_t *names);
void recover_file(struct recover_item *x);
/* Heads of chains that stand in incoming/, because the journal could not be written (segment_file.h), are learned by the
 * chain. Before anything is sealed. */
void recover_heads(const struct recover_env *env);
