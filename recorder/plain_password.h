/* Who may be shown the password as Basic over plain rtsp:// although the configuration does not say so (plain_password: true):
 * cameras that version 0.1, which asked nobody, recorded. They go on as they did, and `holdfast check` names them.
 *
 * The list is made once, at the first start behind 0.1, in STATE/recorder/plain_password.json: cameras of its journal that are
 * configured with a user name and rtsp://. It only becomes shorter: a camera that offers Digest is struck off for good, so
 * that nobody between it and us asks for less after the next start either.
 *
 * Threads: any; the calls wait for the disk. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"

/* malloc'd. */
char *plain_password_path(const struct conf *conf);
/* Makes the list if there is none: returned, a new reference, since it counts also when it cannot be written; else NULL.
 * Before the journal is opened, which then is no longer as 0.1 left it. */
json_t * plain_password_found(struct fs *fs, const struct conf *conf);
/* Cameras that stand on it and need it. A new reference, an array of ids. */
json_t *plain_password_granted(struct fs *fs, const struct conf *conf);
