/* The identity of a storage root, so that a disk that is not mounted, or not ours, is neither written nor
 * deleted from (design §5).
 *
 *	ROOT/.holdfast, one 512-byte sector, big-endian:
 *	"HOLDFAST" · u32 version=1 · root uuid[16] · box uuid[16] · u8 site_len · site · zeros ·
 *	u32 CRC-32C of the 508 bytes before
 *
 * Threads: any. Memory: caller's. */
#pragma once
#include "base/crypto.h"
#include "base/fs.h"

#include <stdbool.h>

#define ROOT_IDENTITY_FILE ".holdfast"
#define ROOT_SECTOR_BYTES 512
#define ROOT_SITE_MAX 65 /* ids are at most 64 characters */

struct root_identity { uint8_t root[UUID_BYTES], box[UUID_BYTES]; char site[ROOT_SITE_MAX]; };

void root_identity_encode(const struct root_identity *id, uint8_t out[ROOT_SECTOR_BYTES]);
int root_identity_decode(const uint8_t *data, size_t len, struct root_identity *out); /* 0 or -EBADMSG */
/* Reads PATH/.holdfast. 0, -ENODEV when it is not there, -EBADMSG, or what the disk says. */
int root_identity_load(struct fs *fs, const char *path, struct root_identity *out);
/* STATE/replaced/UUID: a person declared that disk lost; it is never taken into use again. */
bool root_identity_is_replaced(struct fs *fs, const char *state, const char *uuid);
int root_identity_replace(struct fs *fs, const char *state, const char *uuid); /* durable when it returns 0 */
/* The same, and it must be this site's: else -ENODEV. */
int root_identity_check(struct fs *fs, const char *path, const char *site, struct root_identity *out);
