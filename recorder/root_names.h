/* What the journal calls a root: its uuid, so that a disk is found again wherever it is mounted. Inside the recorder a root is
 * its path; a root whose disk was never seen keeps that name.
 *
 * Pure. Threads: as its owner locks. Memory: init/finish. */
#pragma once
#include <jansson.h>

struct root_names { json_t *uuids; }; /* path → uuid */

void root_names_init(struct root_names *n);
void root_names_finish(struct root_names *n);
void root_names_set(struct root_names *n, const char *path, const char *uuid);
const char *root_names_get(const struct root_names *n, const char *path); /* path itself if there is none */
/* Renames the roots of a record that is about to be written; of `storage`, which is about the place too, `path` stays. */
void root_names_apply(const struct root_names *n, const char *kind, json_t *record);
