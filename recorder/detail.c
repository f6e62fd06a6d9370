#include "detail.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The length of the UTF-8 character at p (RFC 3629), 0 if there is none. */
static size_t character_len(const unsigned char *p)
{
	size_t len = *p < 0x80 ? 1 : *p >= 0xc2 && *p <= 0xdf ? 2 : *p >= 0xe0 && *p <= 0xef ? 3 :
		     *p >= 0xf0 && *p <= 0xf4 ? 4 : 0;

	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xf0 && p[1] < 0x90);
	bool surrogate = *p == 0xed && p[1] > 0x9f, beyond = *p == 0xf4 && p[1] > 0x8f;
	return overlong || surrogate || beyond ? 0 : len;
}

void detail_set(char out[DETAIL_MAX], const char *text)
{
	const unsigned char *p = (const unsigned char *)(text ? text : "");
	size_t n = 0;

	while (*p) {
		size_t len = character_len(p);
		bool bad = len == 0 || (len == 1 && (*p < 0x20 || *p == 0x7f));
		size_t step = bad ? 1 : len;
		if (n + step >= DETAIL_MAX)
			break;
		if (bad)
			out[n] = '_';
		else
			memcpy(out + n, p, step);
		n += step;
		p += step;
	}
	out[n] = '\0';
}
