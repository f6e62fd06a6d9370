/* Started as root, on a state and disks of another user (Holdfast ran as that one before): they are given to root, since no role
 * keeps root's privileges and could reach them otherwise. Nothing is done if a folder's own owner is root already.
 *
 * Threads: any. Call before a role runs, which could exchange what is given. */
#pragma once
#include "base/err.h"
#include "conf/conf.h"

void ownership_take(const struct conf *conf);
/* -EACCES: a folder above them lets its owner through and nobody else; *e says which, and what to do. */
int ownership_check_way(const struct conf *conf, struct err *e);
