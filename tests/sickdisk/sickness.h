/* What ails the disk: told by lines of text over a Unix socket, felt by every call of the file system.
 * Each line is answered by "ok" or "error …". OP is one of open write sync rename unlink change read look,
 * or all; "change" is the five that change something.
 *
 *	stall OP            such calls wait until `heal`
 *	slow BYTES          all writes together get no more than so many bytes a second
 *	fail OP ERROR [N]   such calls fail with EIO, ENOSPC, EROFS, ENODEV or EDQUOT: from the Nth on (default 1)
 *	space BYTES         statfs() says that so much is free
 *	heal                none of it
 *
 * Threads: any. Memory: one sickness, static. Errors: 0 or negative errno. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum op { OP_OPEN, OP_WRITE, OP_SYNC, OP_RENAME, OP_UNLINK, OP_READ, OP_LOOK, OPS };

/* At the head of each call; may wait. bytes: of a write. */
int sickness_feel(enum op op, size_t bytes);
/* The bytes that are said to be free; false: the truth. */
bool sickness_space(uint64_t *bytes);
/* One line (cut up in place). False with *why. */
bool sickness_order(char *line, const char **why);
void sickness_heal(void);
/* Listens on path in a thread of its own, for ever. */
int sickness_listen(const char *path);
