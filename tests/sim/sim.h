/* What the parts of the simulation share: the world, which knows what was filmed, when, and who held it. */
#pragma once
#include "base/crew.h"
#include "base/require.h"
#include "indexer/tiles.h"
#include "tests/unit/keeper_fixture.h"

#include <inttypes.h>
#include <stdio.h>

#define HOUR (3600 * US_PER_S)
#define TICK (20 * 60 * US_PER_S)
#define TICKS_PER_HOUR 3
#define FLOOR_DAYS 90
#define KEEP_DAYS 95
#define BRAKED_SLACK_US (4 * US_PER_DAY)
#define BRAKE_US (2 * US_PER_DAY)
#define CALM_ENTRIES 4 /* of the ledger, a day: of 25, what forecast, offload and sealing may have is not in this world */
#define KEEP_SLACK_US (2 * US_PER_DAY) /* boots and unwitnessed hours */

struct film {                    /* one sealed file, as the world knows it */
	int64_t start, end;          /* wall, as written */
	int64_t made_us, witnessed_us; /* true time, and time the box was on, when it ended */
	size_t bytes;
	uint8_t digest[SHA256_BYTES]; /* of its seal */
	bool archived, listed, gone; /* renamed into archive/; seen as a row of the catalogue; unlinked */
};

struct cam {
	bool up, open, late;         /* late: sealed, and not renamed yet */
	int64_t start, end;          /* of the open segment; end of its last fragment */
	int64_t told_end;            /* end of what was said to be durable of it */
	struct buf bytes;
	unsigned fragments;
	size_t written, told;        /* bytes on disk, bytes said durable */
	struct film *films;
	size_t film_count, first;    /* films before `first` are gone */
	struct going { int64_t on_us, length_us; } *going; /* what went, and when */
	size_t going_count, going_first;
	int64_t going_us;            /* of [going_first, going_count): in 24 hours with the box on */
	int64_t braked_us;           /* on_us when it last stood near the brake; 0: never */
};

struct held { int64_t id; unsigned camera; int64_t start, end, until_us; };

struct sim {
	struct keeper_box box;
	struct fs fs;                /* counts and judges what the keeper does */
	struct cam cams[KEEPER_CAMERAS];
	unsigned cameras;
	uint64_t random;
	int64_t true_us, on_us;      /* since the beginning; with the box on */
	int64_t jump_us, jump_ends_us; /* the clock is ahead by this until then */
	struct held *holds;
	unsigned hold_count;
	unsigned boot;
	char boot_name[32];
	uint64_t short_of;           /* bytes that the disk lacks */
	int64_t archived;            /* files in archive/ */
	int64_t listed;              /* the last row of the catalogue that was compared with its film */
	unsigned long sealed, unlinked, outages, crashes, deaths, faults, steps, placed, hours, checks;
	bool calm;                   /* nothing fails, nobody does anything */
	int64_t entries, most_a_day; /* of the ledger: at the last midnight; on the day with most of them */
	struct crew *helper;         /* checks while the simulation's own thread does */
	bool failed;
};

extern struct sim sim;

/* --- sim.c ------------------------------------------------------------------------------ */
uint64_t dice(uint64_t sides);
int64_t between(int64_t from, int64_t to);
bool chance(unsigned of_ten_thousand);
int64_t now(void);
__attribute__((format(printf, 1, 2))) void wrong(const char *fmt, ...);
void keeper_works(void);

/* --- disk.c ----------------------------------------------------------------------------- */
void disk_init(struct fs *fs);
/* The one that is not gone; NULL: nobody made it. */
struct film *film_find(unsigned camera, int64_t start);
bool is_held_by_the_world(unsigned camera, const struct film *f);

/* --- recorder.c ------------------------------------------------------------------------- */
void cam_reset(struct cam *c);
void cam_up(unsigned i, int64_t at);
void recorder_lives_an_hour(void);
void recorder_crashes(bool off); /* and the box with it if `off` */
void recorder_stops(void);
void clock_misbehaves(void);

/* --- check.c ---------------------------------------------------------------------------- */
void check_begin(void);
void check_end(void);
void check_hour(void);
void check_day(void);
void check_all(bool full);
