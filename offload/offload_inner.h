/* What the parts of the offloader's queue share: offload.c has the states, offload_work.c what is done in them. */
#pragma once
#include "base/backoff.h"
#include "base/channel.h"
#include "base/sm.h"
#include "offload/ask.h"
#include "offload/copy.h"
#include "offload/find.h"
#include "offload/offload.h"

struct place_in_queue { struct wall start; char camera[CATALOG_ID_MAX]; };

enum work { WORK_COPY, WORK_ASK, WORK_LIST, WORK_READ };

struct offload {
	struct offload_deps deps;
	char *catalog_path, *place;
	struct catalog *catalog;        /* NULL until it could be opened */
	struct link keeper;
	struct sm sm;
	struct store store;
	enum work work;                 /* what the worker does, or did last */
	struct copy_job job;
	struct ask_job ask;
	struct find_job find;
	uv_work_t worker;
	uv_timer_t timer;               /* poll, or back-off */
	uv_timer_t tell;                /* how it stands, for people */
	struct backoff backoff;
	struct place_in_queue copy, removal; /* passed over up to here, in this round */
	struct mono round_began;
	struct catalog_release_at release, release_before; /* asked for up to here, in this round; before this batch */
	struct mono ask_due, find_due;
	bool copied_last;               /* copying and finding take turns */
	json_t *told;                   /* keys that are passed over, and that was logged */
	bool working;                   /* a worker has the job */
	bool bucket_known;
	enum store_trouble trouble;     /* the last one told */
	char why[CURL_ERROR_SIZE];
	struct wall since;              /* of trouble, or of its end */
	int64_t command;                /* id of the one that waits for its answer */
	int64_t copied, copied_bytes;   /* since the start */
	int open_parts;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* offload_work.c: 1 with a job for offload_do(), 2 with a command for the keeper (*verb, *args), 0: nothing now, or negative. */
enum { NEXT_NOTHING, NEXT_JOB, NEXT_COMMAND };
int offload_choose(struct offload *o, const char **verb, json_t **args);
void offload_do(struct offload *o);              /* any thread */
/* What came of it. NULL *verb: nothing to tell the keeper. STORE_FINE, or what the store's trouble was. */
enum store_trouble offload_done(struct offload *o, const char **verb, json_t **args);
/* What the keeper said to that. true: it has trouble of its own, and so has everything else. */
bool offload_answered(struct offload *o, int status);
void offload_begin_round(struct offload *o);
