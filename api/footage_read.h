/* Finds the bytes of a planned answer in the files, piece by piece: verifies each fragment's CRC-32C before a byte
 * of it is given, patches its times, cuts the last one. What need not be patched is given as a stretch of its file, so that
 * the kernel can send it from where it was just read (footage_send.h). What no disk here gives whole is read from its copy in the
 * object store, where one is configured, and verified in the same way.
 *
 * Threads: blocking; made for a worker thread, one call at a time per reader.
 * Memory:  constant: a window of 1 MiB (of which 256 KiB are touched, if no head is longer and no byte comes from the store),
 *          one file's index, one fragment's head; and what `remote` holds.
 * Errors:  -EBADMSG damaged, -ENOENT the file is gone (also from where it moves to when it is
 *          published), -EBUSY and -EREMOTEIO as in remote_file.h, other negative: the disk failed. After any of them the
 *          same call may be made again. */
#pragma once
#include "api/footage_plan.h"
#include "api/remote_file.h"
#include "base/buf.h"
#include "base/fs.h"
#include "conf/conf.h"

struct footage_reader {
	struct footage_plan *plan; /* borrowed */
	struct fs *fs;
	const struct conf *conf;             /* borrowed */
	struct buf init;           /* ftyp and moov of one file (plan->lead) */
	int fd;                    /* of part `part`; negative: no disk here has it */
	struct remote_file remote; /* the same file's copy in the object store */
	bool from_store;           /* what stands ready came from there */
	unsigned part, loaded;     /* loaded: the fragment whose head stands ready, from 0 in the part; UINT_MAX none */
	unsigned looked_at;        /* the part that was opened last, or could not be */
	struct fragment_index index;
	int64_t audio_shift_ticks; /* added to one of its sound */
	struct buf head;           /* of the loaded fragment, patched */
	size_t head_stored;        /* its length in the file */
	uint64_t served;           /* bytes that the loaded fragment gives */
	uint64_t hole_at, hole;    /* of those, from where on so many bytes of the file are left out before */
	uint8_t *window;
};

/* A stretch of the answer, in memory, or (data NULL) in an open file. The reader's, until its next call. */
struct footage_piece { const uint8_t *data; size_t len; int fd; int64_t offset; };

/* conf: whose disks are looked through for another file of a segment, when that of the plan is away or damaged (it
 * moved, or it is held and has a copy); borrowed; NULL: none. lines: to the offloader; borrowed. */
void footage_reader_init(struct footage_reader *r, struct footage_plan *plan, struct fs *fs, const struct conf *conf,
			 struct remote_lines *lines);
/* Looks into a file of each init and into the last one: the rest of the plan. Before the first read. -EXDEV: no init
 * serves all of them (plan->parts[].piece). */
int footage_reader_prepare(struct footage_reader *r);
/* The piece that begins at byte `at` of the answer, which is not its end. */
int footage_next(struct footage_reader *r, uint64_t at, struct footage_piece *out);
void footage_reader_finish(struct footage_reader *r);
