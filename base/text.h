/* UTF-8, character by character.
 *
 * Threads: any. Memory: nothing is kept. Source: RFC 3629. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point at *at, which moves behind it; UINT32_MAX if these bytes are no UTF-8
 * (RFC 3629: no overlong forms, no surrogates). *at < end. */
uint32_t text_next(const char **at, const char *end);
bool text_is_utf8(const char *text, size_t len);
/* C0, DEL and C1 controls, line separators, and the marks that reorder text on a screen. */
bool text_is_control(uint32_t cp);
/* Writes the character at *at, which moves behind it, as it may be shown: controls as \n or \u001b, a byte that is no UTF-8 as \xff.
 * Returns how many bytes it took; there is no NUL. *at < end. */
#define TEXT_SHOWN_MAX 16
size_t text_show(const char **at, const char *end, char out[TEXT_SHOWN_MAX]);
/* Whether word, which is not empty, is one of list's, between which there are single spaces. */
bool text_has_word(const char *list, const char *word);
