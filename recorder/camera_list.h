/* A list of cameras that outlives the recorder, in a file of STATE/recorder. Names that are not configured are harmless.
 *
 * economy.json: whom the keeper wants to record their smaller stream, its last word, so that a recorder that starts while
 * the keeper is away does not change streams to and fro. It is an order and no fact: sub_stream.h decides whether it can be
 * obeyed. plain_password.json: plain_password.h.
 *
 * Threads: the loop's; the file is written by a thread of libuv's, since the loop waits for no disk.
 * Memory: init allocates; close, after which `closed` is called once nothing is under way, frees. */
#pragma once
#include "base/fs.h"

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

struct camera_list {
	uv_loop_t *loop;
	struct fs *fs;
	char *path;
	json_t *cameras;              /* an array of ids */
	uv_work_t work;
	char *text;                   /* what is being written */
	bool writing, dirty, closing;
	void (*closed)(void *owner);
	void *owner;
};

bool camera_list_is(const json_t *list); /* an array of texts */
bool camera_list_names(const json_t *list, const char *camera);
/* path is copied. A file that cannot be read is as good as an empty list. */
void camera_list_init(struct camera_list *o, uv_loop_t *loop, struct fs *fs, const char *path);
bool camera_list_has(const struct camera_list *o, const char *camera);
/* Another list in place of this one; whatever is no list of texts is ignored. */
void camera_list_take(struct camera_list *o, const json_t *cameras);
/* Writes the list now and waits for the disk: before anything runs. 0 or negative errno. */
int camera_list_make(struct fs *fs, const char *path, const json_t *cameras);
/* A new reference, an array of texts. */
json_t *camera_list_read(struct fs *fs, const char *path);
void camera_list_drop(struct camera_list *o, const char *camera);
void camera_list_close(struct camera_list *o, void (*closed)(void *owner), void *owner);
