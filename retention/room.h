/* The room of all disks together: cameras move between them. Threads: any; it asks the disks. */
#pragma once
#include "base/fs.h"
#include "conf/conf.h"

/* Bytes above the reserves, negative when they are touched; a disk that is away gives none. *known: how many answered. */
double room_free(struct fs *fs, const struct conf *conf, unsigned *known);
