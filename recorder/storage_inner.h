/* What storage.c (roots, journal, life and death) and outlet.c (segments) share. Loop thread. */
#pragma once
#include "base/sm.h"
#include "recorder/disk.h"
#include "recorder/recover.h"
#include "recorder/storage.h"

struct outlet_segment {
	struct storage *storage;
	struct storage_root *root;
	struct storage_outlet *outlet;  /* NULL: the run's handle is gone */
	struct segment_file *file;
	struct turn turn;
	struct wall end;                /* as the run said at close */
	unsigned confirmed;             /* fragments that fdatasync confirmed, as last heard */
	bool lost;                      /* condemned; the run will be told, or was, or had closed it */
	struct wall good_end;           /* of a lost one: the end of what was promised of it */
	enum gap_cause cause;
	char detail[240];
	struct outlet_segment *next;    /* in storage's list of all that are not sealed yet */
};

struct storage_outlet {
	struct outlet base;             /* first */
	struct storage *storage;
	struct storage_root *root;      /* NULL: not placed yet */
	char camera[SEAL_NAME_MAX];
	struct storage_outlet *next;
};

struct storage_root {
	struct storage *storage;
	struct disk *disk;              /* heap: a thread that hangs keeps it */
	struct sm sm;                   /* enum root_state */
	uint64_t free_bytes;
	bool drain;                     /* taken only when no other takes anything */
	bool tick_out, try_out;         /* posted and not answered */
	struct mono tried, late;        /* late: when its thread was last seen to be behind */
	json_t *seen;                   /* names in incoming/ that recovery took up or refused; false: left */
	struct worker *recovery;        /* NULL: nothing was left here so far */
	struct recover_env env;
	unsigned surveys, items;        /* of recovery, not yet answered */
	bool surveyed;                  /* the first look at incoming/ is over, whatever it found */
};

struct storage {
	uv_loop_t *loop;
	struct fs *fs;
	struct clock *clock;
	const struct conf *conf;
	struct seal_keys *keys;
	const struct storage_events *events;
	void *owner;
	struct chain *chain;
	struct worker *journal;
	struct turns turns;
	char *state;                    /* STATE/recorder */
	json_t *book;                   /* roots.json there */
	uint8_t box[UUID_BYTES];
	struct storage_root *roots;
	unsigned root_count;
	struct storage_outlet *outlets;
	struct outlet_segment *segments;
	uv_timer_t timer, deadline;
	uv_async_t soon;                /* tells the runs what they lost, outside their calls */
	struct mono began, beat, recovery_moved;
	uint64_t stall_ms, give_up_ms;  /* see storage_stall.c */
	bool ready, fatal, closing, gave_up;
	int phase;                      /* of closing, see storage_close.c */
	unsigned open_workers, open_handles; /* workers: of disks and recovery */
	struct storage *next_kept;
};

/* storage.c */
void storage_root_trouble(struct storage_root *r, enum root_state state, const char *error);
void storage_journaled(struct storage *s);
void storage_check_closing(struct storage *s);
/* storage_stall.c */
void storage_watch_stall(struct storage_root *r);
/* outlet.c */
/* Another root takes what this one holds up. */
bool storage_has_better(const struct storage_root *r);
const struct outlet_ops *storage_outlet_ops(void);
/* It has its fate; job is freed. */
void storage_segment_closed(struct disk_seal *job);
void storage_segment_progress(struct outlet_segment *s, const struct disk_progress *p);
void storage_segments_end(struct storage_root *r, enum gap_cause cause, const char *detail);
void storage_tell_lost(struct storage *s);
/* storage_recovery.c */
void storage_recover(struct storage_root *r, json_t *left); /* left is consumed */
bool storage_has_left(const struct storage_root *r); /* what recovery could not deal with */
void storage_recovery_check(struct storage *s);
/* storage_close.c */
void storage_count_worker(struct storage *s);
