/* What libav has to say goes into our log, never to stderr as it is.
 *
 * Warnings and errors only; a message of the same kind as the one before is not repeated within a minute,
 * and there is at most one line a second, since a hostile camera can provoke any number.
 * Threads: any (libav calls from any). */
#pragma once

/* May be called again and again. */
void libav_log_init(void);
