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

struct verify {
	struct verify_setup setup;
	struct verify_result result;
	struct verify_key *keys;
	unsigned key_count;
	struct names folders, cameras, sites;
	struct record *records;
	size_t record_count, record_room;
	char root_site[SEAL_NAME_MAX];   /* of a root's identity */
	uint64_t told_bytes;
};

/* What the place of a file says of it. */
struct place {
	uint32_t folder;
	const char *name;
	const char *folder_camera, *folder_day; /* NULL: it says nothing */
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
int verify_ledger(struct verify *v, const char *path, struct err *e);
