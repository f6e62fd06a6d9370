/* `holdfast run --demo`: three simulated cameras, one of which falls silent now and then, and a
 * regulator's end that prints what it receives, so that a newcomer sees the whole in a minute.
 *
 * Programs: holdfast-camera and holdfast-regulator, installed for the demo only. Everything is written
 * below ./demo, listens on loopback, and may be deleted afterwards. */
#pragma once
#include "base/err.h"
#include "conf/conf.h"

#include <uv.h>

struct demo;

/* Writes DIR/holdfast.yaml and the camera's password, choosing free ports. *path: malloc'd. */
int demo_prepare(const char *dir, char **path, struct err *e);
/* Whether the two programs are there: beside the build, or installed. */
bool demo_has_programs(void);

struct demo *demo_start(uv_loop_t *loop, const struct conf *conf, int lock_fd);
void demo_stop(struct demo *d);
void demo_destroy(struct demo *d);
