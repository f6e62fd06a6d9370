/* What one entry of the ledger says of several files of a camera: their time, number, bytes, and the digests of their seals.
 *
 * Threads: one. Memory: file_batch_json() or file_batch_finish() frees. */
#pragma once
#include "base/clock.h"
#include "base/crypto.h"

#include <jansson.h>

#define FILE_BATCH_MAX 64 /* of one entry: what is told of more is told in several */

struct file_batch { json_t *seals; struct wall start, end; int64_t bytes; };

void file_batch_add(struct file_batch *b, struct wall start, struct wall end, int64_t bytes, const uint8_t seal[SHA256_BYTES]);
size_t file_batch_count(const struct file_batch *b);
/* {start, end, files, bytes, seals}, a new reference; the batch is empty afterwards. */
json_t *file_batch_json(struct file_batch *b);
void file_batch_finish(struct file_batch *b);

/* The same of any number of files: instead of all digests the SHA-256 over them, in the order in which they were added. */
struct file_sums { int64_t files, bytes; struct wall start, end; struct hash *seals; };
void file_sums_add(struct file_sums *s, struct wall start, struct wall end, int64_t bytes, const uint8_t seal[SHA256_BYTES]);
/* {start, end, files, bytes, seals_sha256}, a new reference; the sums are empty afterwards. */
json_t *file_sums_json(struct file_sums *s);
void file_sums_finish(struct file_sums *s);
