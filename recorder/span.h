/* A piece of a text that is not terminated: what a parser of hostile input passes around.
 * Threads: any. Memory: borrowed. */
#pragma once
#include <stddef.h>

struct span { const char *p; size_t len; };

static inline struct span span_after(struct span s, size_t n)
{
	return (struct span){s.p + n, s.len - n};
}

static inline struct span span_trim(struct span s)
{
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t'))
		s = span_after(s, 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}
