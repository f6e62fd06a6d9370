/* A storage root as the recorder takes it into use: whether it is ours (media/root_identity.h), its first
 * identity, its folders.
 *
 * STATE/recorder/box.uuid names this box's state (the catalogue's uuid); STATE/recorder/roots.json,
 * {path: root uuid}, is what this box has recorded to.
 *
 * Threads: any. Memory: caller's. Errors: 0 or negative, with a sentence for people in struct err. */
#pragma once
#include "base/crypto.h"
#include "base/err.h"
#include "base/fs.h"
#include "conf/conf.h"
#include "media/root_identity.h"

#include <jansson.h>

struct root_want {
	const char *path, *site;
	uint8_t box[UUID_BYTES];
	const char *known; /* root uuid as text from roots.json; NULL: never recorded to */
	const json_t *book; /* all of roots.json: a disk of ours that changed places is one, too; NULL: none */
};
/* 0: it is ours (given its identity if it is empty and new; incoming/ and archive/ are there), *id
 * filled. -ENODEV: not ours or not mounted. Other negative: the disk fails. */
int root_check(struct fs *fs, const struct root_want *w, struct root_identity *id, struct err *e);
/* Creates, writes, syncs and removes a small file in incoming/. */
int root_probe(struct fs *fs, const char *path);

/* STATE/recorder/box.uuid (`state` is that folder), made when there is none. */
int root_box_uuid(struct fs *fs, const char *state, uint8_t out[UUID_BYTES], struct err *e);
/* STATE/recorder/roots.json; an object, empty when there is none. NULL with *e: it is there but unreadable. */
json_t *root_book_load(struct fs *fs, const char *state, struct err *e);
int root_book_save(struct fs *fs, const char *state, const json_t *book);
/* Before confinement, which names folders that exist: checks every root of the configuration, gives new ones
 * their identity and folders, and notes them in the book. A root that is absent is not an error. A disk that a
 * person declared lost (STATE/replaced/UUID, media/root_identity.h) makes way for an empty one at its path, and is
 * refused itself. True: the book has changed. */
bool root_prepare_all(struct fs *fs, const struct conf *conf);
/* A uuid's text, with or without dashes, up to a newline. 0 or -EINVAL. */
int root_uuid_parse(const char *text, uint8_t out[UUID_BYTES]);
