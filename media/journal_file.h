/* The files of a journal and the lines in them: what writer and reader share.
 *
 * Threads: any. Errors: 0 or negative errno. */
#pragma once
#include "media/journal.h"

/* "0000000001.jnl" */
#define JOURNAL_NUMBER_MAX UINT32_MAX
void journal_file_name(uint32_t number, char out[JOURNAL_FILE_MAX]);
int journal_file_number(const char *name, uint32_t *out); /* 0 or -EINVAL */
/* The numbers of the files in dir, ascending. malloc'd. */
int journal_file_list(const char *dir, uint32_t **out, unsigned *count);

/* The line of a record, newline included. malloc'd; NULL if record cannot be written as JSON. */
char *journal_line_make(const json_t *record, size_t *len);
/* A line without its newline; a new reference, NULL if the line is broken. */
json_t *journal_line_parse(const char *line, size_t len);

/* Walks the whole records of one file from *offset, calling fn for each, to the end of the file, *left
 * records (counted down), or fn returns non-zero, which is returned. *offset ends behind the last
 * record taken; broken lines before a whole one are logged under name. */
int journal_file_walk(struct fs *fs, int fd, const char *name, int64_t *offset, unsigned *left,
		      journal_fn *fn, void *arg);
