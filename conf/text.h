/* Texts from outside: UTF-8, control characters, ids, and how to show them to a person.
 *
 * Memory: nothing is kept; text_path() and text_dir() allocate.
 * Threads: any. */
#pragma once
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_MAX_CHARS 64
#define ID_MAX_CHARS 63
#define SITE_ID_MAX_CHARS 64

/* Moves over the byte order mark that editors of Windows begin a UTF-8 file with, if there is one. */
void text_skip_mark(const char **text, size_t *len);
/* Whether a file begins as one in UTF-16 does: with its mark, or with one half of a character. */
bool text_is_wide(const char *text, size_t len);
bool text_has_control(const char *text); /* any that text_is_control() knows */
/* 1 to NAME_MAX_CHARS characters, none of them a control. */
bool text_is_name(const char *text);
/* [a-z0-9][a-z0-9-]*, at most max characters: ids become file names and parts of URLs. */
bool text_is_id(const char *text, size_t max);
/* Cuts text to less than room bytes (NUL included) between characters. */
void text_cut(char *text, size_t room);

/* A text of unknown content made fit to be shown: controls become '?', long ones are cut. */
struct quoted { char text[72]; };
struct quoted text_quote(const char *text);

/* The member of words most like word, or NULL if none is like it. */
const char *text_nearest(const char *word, const char *const *words, size_t count);

/* An absolute path without "", "." and "..", relative ones taken from dir (absolute). */
char *text_path(const char *dir, const char *path);
/* The folder of a file, links resolved; "/" if it cannot be told. */
char *text_dir(const char *file);
