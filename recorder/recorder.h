/* The recorder: all cameras, the disks behind them, and the hints to the keeper.
 *
 *	network ─ camera ─ run ─ outlet ─ storage ─ incoming/        facts ─ storage ─ journal
 *
 * Opens no database, listens to nothing, touches no archive.
 * Threads: loop thread. Memory: recorder_create() allocates; gone after `closed`. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/channel.h"
#include "conf/conf.h"

struct recorder;
struct seal_keys;

struct recorder_events {
	void (*fatal)(void *owner, const char *text); /* it can record no more: start it again */
	void (*closed)(void *owner);
};

/* conf and keys are borrowed, every later conf too, until `closed`. */
int recorder_create(uv_loop_t *loop, struct fs *fs, struct clock *clock, const struct conf *conf,
		    struct seal_keys *keys, const struct recorder_events *events, void *owner,
		    struct recorder **out, struct err *e);
/* The way for hints to the keeper: an end of a channel to it, in place of the one before. */
void recorder_take_channel(struct recorder *r, int end);
/* Cameras that did not change are not touched. Changed roots count at the next start. */
void recorder_reload(struct recorder *r, const struct conf *conf);
/* `keys` has another signer (STATE/keys/seal.key was changed). */
void recorder_key_changed(struct recorder *r);
/* Ends every session, seals every segment, writes `stop`; `closed` follows. */
void recorder_close(struct recorder *r);
