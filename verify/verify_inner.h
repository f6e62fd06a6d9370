/* What the files of verify/ share. */
#pragma once
#include "media/segment.h"
#include "verify/verify.h"

#include <jansson.h>
#include <stdbool.h>

#define NO_TIME INT64_MIN
#define NO_NAME UINT32_MAX

struct names { char **items; uint32_t count, room; };

/* One file that was read. */
struct record {
	uint32_t folder, camera, site;   /* in the lists of names; camera and site NO_NAME without a seal */
	char *name;                      /* NULL: START.mp4 of `named` */
	struct wall named, start, end;   /* named: NO_TIME when the name tells none */
	uint64_t sequence;               /* 0: no seal that could be believed */
	uint8_t digest[SHA256_BYTES], previous[SHA256_BYTES];
	bool misnamed;                   /* name and seal differ in time */
	bool blamed;                     /* the chain's fault was told of it */
};

/* An entry of the ledger that somebody vouches for. */
struct ledger_point { int64_t seq; uint8_t hash[SHA256_BYTES]; };

/* A head as it was read. */
struct verify_head {
	struct ledger_point point;
	char *file, *site, *at, *signature; /* at and signature NULL: an event of a push */
	char *sealed_signature;
	json_t *sealed;                  /* the last segments that it knows; NULL: it says nothing of them */
	bool given;                      /* by the asker, not by the dump itself */
	bool met, differs;               /* of the dump under way: it holds an entry of this number; with another hash */
};

/* A dump that was read: the entries [first, last], chained to each other. */
struct verify_dump {
	char *file;
	struct ledger_point before, last; /* before: what the first entry names as the one before it; seq -1: it names none */
	int64_t first, proven;           /* proven: by the last signed head that it contains */
	bool blamed;                     /* a head of it was told to be wrong */
};

/* What the ledger tells of a camera's last sealed segment. */
struct verify_tail { uint32_t camera; uint64_t sequence; uint8_t digest[SHA256_BYTES]; struct wall end; };

struct verify {
	struct verify_setup setup;
	struct verify_result result;
	struct verify_key *keys;
	unsigned key_count;
	struct names folders, cameras, sites;
	struct record *records;
	size_t record_count, record_room;
	struct verify_head *heads;       /* that the asker gave */
	unsigned head_count;
	struct verify_dump *dumps;
	unsigned dump_count;
	struct verify_tail *tails;
	unsigned tail_count;
	bool whole;                      /* a whole root or archive was given, not a part of one */
	char root_site[SEAL_NAME_MAX];   /* of a root's identity */
	uint64_t told_bytes;
};

/* What the place of a file says of it. */
struct place {
	uint32_t folder;
	const char *name;
	const char *folder_camera, *folder_day; /* NULL: it says nothing */
	const char *upper, *folder_name; /* the two folders, whatever they are called; upper NULL: not below what was asked for */
	bool in_archive;                 /* somewhere below a folder `archive`, whose layout is fixed */
};

__attribute__((format(printf, 6, 7)))
void verify_tell(struct verify *v, enum verify_kind kind, const char *code, const char *file, const char *camera,
		 const char *fmt, ...);
void verify_progress(struct verify *v);
uint32_t names_add(struct names *n, const char *name);    /* new, whatever there is */
uint32_t names_intern(struct names *n, const char *name);
char *record_path(const struct verify *v, const struct record *r); /* malloc'd */
/* The ledger's `key.rotated`: who trusts the key before trusts the one that it names. True: a key more. */
bool verify_follow(struct verify *v, const json_t *handover);
struct verify_key *verify_key_by_id(struct verify *v, const uint8_t id[8]);

void verify_segment(struct verify *v, const struct place *p);
/* False, and nothing told: it is no footage of ours. */
bool verify_looks_sealed(struct verify *v, const char *path);
int verify_ledger(struct verify *v, const char *path, struct err *e);
void verify_ledgers_end(struct verify *v); /* all dumps together */
/* verify_head.c */
bool verify_head_read(const json_t *o, struct verify_head *out); /* false: it is none */
void verify_head_finish(struct verify_head *h);
bool verify_head_is_signed(const struct verify *v, const struct verify_head *h);
bool verify_head_seals(const struct verify *v, const struct verify_head *h); /* what it says of segments is signed, too */
/* verify_tail.c */
void verify_tail_learn(struct verify *v, const json_t *cameras); /* of footage.sealed, or of a head */
void verify_tails_end(struct verify *v);
