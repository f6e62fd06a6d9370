/* A growable byte buffer. Zero-initialised is valid and empty.
 *
 * Memory: owned by the struct; buf_finish() frees. An allocation that fails
 *         aborts the process: at our sizes a Linux box that refuses memory is
 *         beyond help, and the supervisor starts us again. Growth is bounded by
 *         the callers, who check lengths before they append what came from outside. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf { uint8_t *data; size_t len, room; };

void buf_reserve(struct buf *b, size_t more); /* at least `more` bytes can follow */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_text(struct buf *b, const char *text); /* without the NUL */
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);
void buf_drop_front(struct buf *b, size_t len); /* len <= b->len */
void buf_clear(struct buf *b);                  /* keeps the memory */
void buf_finish(struct buf *b);

/* malloc and friends that never return NULL (see above). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *fmt, ...);
bool text_ends_with(const char *text, const char *end); /* and has something before it */

static inline void put_u16be(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static inline void put_u32be(uint8_t *p, uint32_t v) { put_u16be(p, (uint16_t)(v >> 16)); put_u16be(p + 2, (uint16_t)v); }
static inline void put_u64be(uint8_t *p, uint64_t v) { put_u32be(p, (uint32_t)(v >> 32)); put_u32be(p + 4, (uint32_t)v); }
static inline uint16_t get_u16be(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t get_u32be(const uint8_t *p) { return (uint32_t)get_u16be(p) << 16 | get_u16be(p + 2); }
static inline uint64_t get_u64be(const uint8_t *p) { return (uint64_t)get_u32be(p) << 32 | get_u32be(p + 4); }
