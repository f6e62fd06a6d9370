/* Whether the store still has, whole and locked, what it was given: HEAD of those very versions, some at a time.
 *
 * Asked of copies whose local file is to go, just before it goes, and now and then of those that are the only file of their
 * footage (indexer/object.h). That a copy is gone, altered or unlocked is believed only of a store whose bucket answers,
 * and asked twice; any trouble of the store says nothing about copies.
 * Threads: ask_run() any, blocking; the rest the owner's. Memory: ask_job_finish(). */
#pragma once
#include "indexer/catalog.h"
#include "indexer/object_kept.h"
#include "offload/store.h"

#include <jansson.h>

#define ASK_MAX 32

enum ask_answer { ASK_UNKNOWN, ASK_HOLDS, ASK_LOST };

struct ask_item {
	json_t *told;                   /* object_kept_json(): for the keeper */
	char *key, *version;
	int64_t bytes;
	struct wall retain_until;       /* as it was locked when it was copied */
	enum ask_answer answer;
	enum object_loss how;           /* it was lost */
};

struct ask_job {
	struct store *store;            /* borrowed */
	struct wall now;
	bool bucket_known;
	struct ask_item items[ASK_MAX];
	unsigned count;
	enum store_trouble trouble;     /* items from the first that is ASK_UNKNOWN on were not asked */
};

/* false: it is full. */
bool ask_job_add(struct ask_job *j, const struct object_kept *k);
void ask_run(struct ask_job *j);
/* The args of object.asked: {"objects": […], "lost": […]}, a new reference. */
json_t *ask_job_args(const struct ask_job *j);
void ask_job_finish(struct ask_job *j);
