/* What the journal's records say together, one after another: the heads of the chains, the files that
 * are open, how much of them is durable, and which of them their disk may not have kept.
 *
 * Pure. Threads: as its owner, chain.c, locks. Memory: init/finish. */
#pragma once
#include "recorder/chain.h"

/* "root" is what the journal calls it: a uuid, or in a journal of 0.1 the path where it was then. A path is never looked for as
 * that: the disk may be elsewhere, so files are found by their names. */
struct chain_state {
	json_t *heads;   /* camera → [sequence, digest hex], as in `start` */
	json_t *open;    /* "root/file.open" → [run, flags], until it is sealed or dropped */
	json_t *durable; /* "root/file.open" → bytes, as the last beat said */
	json_t *doubted; /* "root/file.open" → true: its root failed while it was open, or the machine went down */
	char boot[BOOT_ID_MAX]; /* of the last `start` */
	bool by_0_1;     /* version 0.1 wrote that: its records name no format */
};

void chain_state_init(struct chain_state *s);
void chain_state_finish(struct chain_state *s);
void chain_state_clear(struct chain_state *s);
void chain_state_note(struct chain_state *s, const char *kind, const json_t *record);

void chain_state_head(const struct chain_state *s, const char *camera, struct chain_head *out);
bool chain_state_run(const struct chain_state *s, const char *root, const char *file,
		     uint8_t run[UUID_BYTES], uint8_t *flags);
void chain_state_learn(struct chain_state *s, const char *camera, const struct chain_head *head);
int64_t chain_state_limit(const struct chain_state *s, const char *root, const char *file);

/* Names of that root's open files of which no byte was ever durable: after a power cut they may stand in the journal only.
 * A new reference. */
json_t *chain_state_unsure(const struct chain_state *s, const char *root);

/* The open files as `open` records, without a time. A new reference. */
json_t *chain_state_reopen(const struct chain_state *s);

/* The `open` of a `start` record: what was open before, for who reads no earlier file. A new reference. */
json_t *chain_state_carry(const struct chain_state *s);

/* A text of a record; "" if there is none. */
const char *chain_record_text(const json_t *record, const char *key);
