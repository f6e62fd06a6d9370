/* Where a decoder can begin: IDR, CRA and BLA pictures, I pictures with a recovery point, and recovery points from
 * which on the picture is refreshed little by little.
 *
 * Threads: any. Memory: nothing is kept. Source: ITU-T H.264 §7.3.3, D.2.8; H.265 table 7-1, D.3.8. */
#pragma once
#include "recorder/access_unit.h"

enum random_access {
	RANDOM_ACCESS_NONE,
	RANDOM_ACCESS_CLOSED,  /* nothing behind it refers to what was before it */
	RANDOM_ACCESS_OPEN,    /* pictures that are sent behind it and shown before it may */
	RANDOM_ACCESS_GRADUAL, /* the picture is whole after some more */
};

#define RANDOM_ACCESS_RECOVERY_MAX 600 /* pictures: a longer refresh is none */

/* *recovery: for a gradual one, how many pictures later it is whole; else 0. */
enum random_access random_access_of(const struct access_unit *au, enum track_codec codec, unsigned *recovery);
