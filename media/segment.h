/* Reads a segment file of ours, sealed or still open, from its bytes alone.
 *
 * segment_scan() walks `ftyp moov (prft moof mdat)* [seal]` from a position, believes nothing
 * past `limit`, and says how far whole fragments reach. Used by the keeper (publish, and open
 * segments by increments), by the recorder (recovery of .open files), by fsck and verify.
 *
 * Times: a fragment's start is its prft's UTC at microseconds (the NTP field carries 2^-32 s;
 * rounding is to the nearest microsecond), its duration is the moof's in the track's timescale.
 * A fragment must begin where the one before ended (± 1 tick of the timescale), else the file is
 * not continuous: -EBADMSG. These are the video's: a second track, of sound, adds bytes to fragments, and
 * neither time nor frames; a fragment may have none of it.
 * Threads: any. Memory: segment_scan_finish() frees. Errors: 0 or negative. */
#pragma once
#include "base/fs.h"
#include "media/box.h"
#include "media/fragment.h"
#include "media/seal.h"
#include "media/seal_keys.h"

struct segment_scan {
	struct moov_info moov;
	int64_t init_bytes;          /* ftyp + moov; 0 until they were read whole */
	uint32_t init_crc;           /* CRC-32C of those */
	struct fragment_index index; /* whole fragments so far */
	int64_t whole_bytes;         /* end of the last whole fragment (or of init) */
	struct hash *content;        /* running SHA-256 up to whole_bytes; NULL when not wanted */
	bool sealed;                 /* a seal box follows and ends the file */
	struct seal seal;
	uint8_t seal_digest[SHA256_BYTES];
	bool content_ok;             /* sealed and the digest in the seal is right (needs `content`) */
	bool signature_ok;           /* sealed and signed by one of the keys given */

	/* Its own: what of the file is at hand during a call: the caller's bytes, or a window that was read
	 * (SEGMENT_WINDOW_BYTES, more only for a larger moov or moof, at most SEGMENT_HEAD_MAX). */
	const uint8_t *seen;
	uint8_t *window;
	size_t window_room, window_len;
	int64_t window_at;
	int64_t limit, hashed;       /* bytes that `content` holds; beyond whole_bytes after a failed read */
	int64_t sealed_bytes;        /* end of the seal; 0 while there is none */
};

/* Sound comes a little after its picture, so a fragment may hold sound of before its first frame. Its
 * track therefore counts from so long before the segment's start, and its edit list says so. */
#define SEGMENT_AUDIO_AHEAD_US US_PER_S

#define SEGMENT_WINDOW_BYTES (256u << 10)
#define SEGMENT_HEAD_MAX (1u << 20)       /* ftyp, moov, prft, moof: each at most this */
#define SEGMENT_FRAGMENT_MAX (64u << 20)  /* prft + moof + mdat */

void segment_scan_init(struct segment_scan *s, bool with_content);
/* What is asked of a file of ours besides order: one track of video, and perhaps one of sound; every fragment begins at the segment's
 * start + tfdt, where tfdt counts from 0 and is 8 bytes wide; its samples fill its mdat exactly. A
 * seal ends the file, and its start, end, fragments and frames are those found, else it is -EBADMSG
 * and not `sealed`; a wrong digest or signature leaves it `sealed`, with content_ok or signature_ok
 * false, since these are for the caller to judge.
 *
 * After any failure the scan stands at whole_bytes and may be called again (a fault of the disk may
 * pass); all that is in `index` was read and summed whole. A limit below what was scanned before
 * changes nothing; a file shorter than limit is -EIO. Media bytes are not looked into: a hole
 * of zeros inside an mdat shows only in a digest or CRC made before.
 *
 * Goes on from where it was. limit: bytes that may be believed (file size, or the durable size of
 * an open file). 0 when it reached limit or the last whole fragment below it (see whole_bytes,
 * sealed); -EBADMSG when what stands at whole_bytes is neither a whole nor a cut fragment;
 * other negative: the disk failed. */
int segment_scan(struct segment_scan *s, struct fs *fs, int fd, int64_t limit, struct seal_keys *keys);
/* The same for bytes that are not in a file yet and follow whole_bytes. They are read where they are. */
int segment_scan_bytes(struct segment_scan *s, const uint8_t *data, size_t len);
void segment_scan_finish(struct segment_scan *s);

/* Whether the file is a sealed segment of that size whose bytes are those that its seal names, and its seal is the
 * one of this digest. Reads all of it. */
bool segment_is_whole(struct fs *fs, const char *path, int64_t bytes, const uint8_t digest[SHA256_BYTES]);

/* Half-open time of what was found; {0,0} if nothing. */
struct wall_range segment_scan_range(const struct segment_scan *s);

/* File names: incoming/CAMERA-20261123T031500.120000Z.open|.mp4 and
 * archive/CAMERA/2026-11-23/20261123T031500.120000Z.mp4. out has at least 256 bytes. */
void segment_incoming_name(char out[256], const char *camera, struct wall start, const char *suffix);
void segment_archive_name(char out[256], const char *camera, struct wall start); /* below archive/ */
/* What else the recorder keeps in incoming/, while its journal cannot be written (recorder/segment_file.h): the last seal of
 * each camera, this and its id; and the boot. */
#define SEGMENT_HEAD_PREFIX ".head-"
#define SEGMENT_BOOT_NAME ".boot"
/* 0 or -EINVAL; suffix: ".open" or ".mp4". */
int segment_parse_incoming(const char *name, const char *suffix, char camera[SEAL_NAME_MAX],
			   struct wall *start);
