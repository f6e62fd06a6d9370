#include "base/text.h"

#include <stdio.h>
#include <string.h>

static unsigned sequence_len(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

uint32_t text_next(const char **at, const char *end)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const uint8_t *p = (const uint8_t *)*at;
	unsigned len = sequence_len(*p);

	if (len == 0 || (size_t)(end - *at) < len)
		return UINT32_MAX;
	uint32_t cp = p[0] & mask[len];
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return UINT32_MAX;
	*at += len;
	return cp;
}

bool text_is_utf8(const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end)
		if (text_next(&text, end) == UINT32_MAX)
			return false;
	return true;
}

bool text_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0x061c || cp == 0x200e || cp == 0x200f || cp == 0xfeff;
}

size_t text_show(const char **at, const char *end, char out[TEXT_SHOWN_MAX])
{
	const char *from = *at;
	uint32_t cp = text_next(at, end);

	if (cp == UINT32_MAX)
		return (size_t)snprintf(out, TEXT_SHOWN_MAX, "\\x%02x", (unsigned)(uint8_t)*(*at)++);
	if (cp == '\n')
		return (size_t)snprintf(out, TEXT_SHOWN_MAX, "\\n");
	if (text_is_control(cp))
		return (size_t)snprintf(out, TEXT_SHOWN_MAX, "\\u%04x", cp);
	memcpy(out, from, (size_t)(*at - from));
	return (size_t)(*at - from);
}

bool text_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (strchr(word, ' ')) /* several are none */
		return false;
	for (const char *at = list; len && (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}
