/* A segment's file as it lies in the object store, read through the offloader (media/object_read.h). Some of it is held in
 * memory, with what follows, since every question takes the way to the store and back: how much follows doubles while
 * reading goes on in order and the answers are quick.
 *
 *	remote_file_open() ─▶ remote_file_load() asks ─▶ remote_file_read() gives what is held, and only that
 *
 * So what was checked is what is given. A worker that asks may wait for REMOTE_LIMIT_US; few may do so at once
 * (remote_gate.h), and whoever may not is told so before anything is asked.
 * Threads: a worker's, one call at a time; remote_file_cancel() any. Memory: remote_file_finish(); at most REMOTE_AHEAD_MAX
 *          and the longest piece loaded. conf and lines are borrowed.
 * Errors:  -ENOSYS no object store is configured; -EBUSY it may not ask now; -ENODATA no whole copy is known there; -EREMOTEIO
 *          the store or the offloader does not give it: `trouble`; -ECANCELED. */
#pragma once
#include "api/remote_lines.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "media/object_read.h"

#include <pthread.h>

#define REMOTE_LIMIT_US (20 * US_PER_S)  /* of one turn inside the gate */
#define REMOTE_AHEAD_MIN (256u << 10)
#define REMOTE_AHEAD_MAX OBJECT_READ_MAX_BYTES

struct remote_file {
	struct remote_lines *lines;     /* to the offloader; NULL: none is configured */
	bool may_ask;                   /* the owner's: inside the gate */
	struct mono until;              /* of this turn */
	struct object_read what;        /* the file; at and bytes are the question's */
	int64_t end;                    /* behind the last byte that may be asked for */
	uint8_t *held;
	int64_t held_at;
	size_t held_len, held_room, ahead;
	uint64_t came_bytes;            /* from the store, since the owner set it to 0 */
	char trouble[OBJECT_READ_TROUBLE_MAX];
	pthread_mutex_t lock;           /* of the two below */
	int fd;                         /* of the question under way; -1 none */
	bool cancelled;
};

/* conf NULL: as if none were configured. */
void remote_file_init(struct remote_file *f, const struct conf *conf, struct remote_lines *lines);
static inline bool remote_file_is_configured(const struct remote_file *f) { return f->lines != NULL; }
/* From now on it is this one; what is held of another is dropped. */
void remote_file_open(struct remote_file *f, const char *camera, struct wall start, const uint8_t seal_digest[SHA256_BYTES],
		      int64_t end);
/* Makes [at, at + len) held. */
int remote_file_load(struct remote_file *f, int64_t at, size_t len);
/* -EBADMSG: it is not held whole. */
int remote_file_read(const struct remote_file *f, void *out, size_t len, int64_t at);
/* Its bytes are not those that were published: what is held of it is dropped. -EREMOTEIO, trouble "differs". */
int remote_file_differs(struct remote_file *f);
/* Ends a question that is under way, and all later ones at once. */
void remote_file_cancel(struct remote_file *f);
void remote_file_finish(struct remote_file *f);
