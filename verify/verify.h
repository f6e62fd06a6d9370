/* Whether footage and ledger are what the box of a site made: from files and public keys alone, without
 * database, configuration or server (design §9). For whoever got a copy and trusts nobody.
 *
 * Each segment by itself: its structure, its bytes against its seal, the seal's signature, camera, site and
 * time of the seal against folder, name and the clocks in the footage. All segments of a camera together:
 * sequence and digests of the chain. What the files cannot tell (what stood before the first and behind the
 * last of them, footage that is still being written) is said to be open, never to hold. A ledger is proven up to the last
 * signed head that it contains; what it tells of sealed footage (footage.sealed) must be here, if a whole root is.
 *
 * Threads: one. Memory: a window of one file, and some 200 bytes a segment for the chain; texts of a finding
 *          are borrowed for the call.
 * Errors:  a file that does not hold is a finding; negative: the question itself could not be asked. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"

enum verify_kind {
	VERIFY_WRONG,   /* does not hold */
	VERIFY_FACT,    /* holds, and should be known: recovered after a crash, clock not trusted, … */
	VERIFY_OPEN,    /* what is not here: cannot be judged, and nothing that is here rests on it */
	VERIFY_UNPROVEN, /* is here, or is known to have been, and nothing proves it: never to be called right */
};

/* Codes (English, stable). WRONG: unreadable, cut, altered, seal_altered, unknown_key, renamed, wrong_time,
 * swapped, other_site, dropped, replaced, begins_again, ledger_altered, ledger_hole, ledger_head, ledger_forked. FACT:
 * recovered, clock_untrusted, copy, clock_back, restored, key_rotated, named_otherwise, head_unsigned. OPEN: before, after,
 * unsealed, no_key, not_footage, head_before. UNPROVEN: no_head, behind_head, not_hashed, head_lost, before, put_aside, unsealed, unreadable,
 * too_deep, tail_missing, camera_missing. */
struct verify_finding {
	enum verify_kind kind;
	const char *code, *file, *camera; /* file and camera may be "" */
	const char *text;                 /* for people, in lang() */
};

struct verify_key { struct key *key; uint8_t id[8]; char fingerprint[SHA256_HEX_MAX]; unsigned long segments; };

struct verify_result { unsigned long segments, cameras, entries, wrong, facts, open, unproven; uint64_t bytes; };

struct verify;
struct verify_setup {
	struct fs *fs;
	const char *site;       /* that everything must be of; NULL: the root's identity, else the most frequent */
	void (*finding)(void *arg, const struct verify_finding *f);
	void (*progress)(void *arg, const struct verify_result *so_far); /* may be NULL; some times a second */
	void *arg;
};

struct verify *verify_create(const struct verify_setup *setup);
void verify_destroy(struct verify *v);
/* A public key in PEM, or a folder of *.pub. Keys that a dump of the ledger shows to be handed over to by a known one
 * become known as well: give dumps first. */
int verify_add_key(struct verify *v, const char *path, struct err *e);
const struct verify_key *verify_keys(const struct verify *v, unsigned *count);
/* What somebody kept of the ledger's head of then: an answer of /ledger/head, a dump that ends with one, or a push (CloudEvents with
 * seq and hash, taken on the asker's word). Every dump must contain it. Give heads before dumps. */
int verify_add_head(struct verify *v, const char *path, struct err *e);
/* A segment, a folder at any depth, or a dump of the ledger. Several belong together: the disks of one box. */
int verify_path(struct verify *v, const char *path, struct err *e);
/* Judges the chains of what was read. */
void verify_end(struct verify *v);
const struct verify_result *verify_result(const struct verify *v);
