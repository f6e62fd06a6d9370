#include "base/skeleton.h"

#include "base/text.h"

#include <string.h>

/* Pairs: a character and the ASCII letter that it is taken for; lower case, as fold() has made it. */
static const struct { uint32_t from; char to; } alike[] = {
	{0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'}, {0x445, 'x'}, {0x456, 'l'},
	{0x455, 's'}, {0x458, 'j'}, {0x4bb, 'h'}, {0x501, 'd'}, {0x51b, 'q'}, {0x51d, 'w'}, {0x432, 'b'}, {0x43a, 'k'},
	{0x43c, 'm'}, {0x43d, 'h'}, {0x442, 't'}, {0x261, 'g'}, {0x131, 'l'}, {0x3b1, 'a'}, {0x3b5, 'e'}, {0x3b9, 'l'},
	{0x3ba, 'k'}, {0x3bd, 'v'}, {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3c4, 't'}, {0x3c5, 'u'}, {0x3c7, 'x'}, {0x3b2, 'b'},
	{0x3b3, 'y'}, {0x3b6, 'z'}, {0x3b7, 'n'}, {0x3bc, 'u'}, {0x4cf, 'l'}, {'i', 'l'}, {'1', 'l'}, {'|', 'l'}, {'0', 'o'},
};

static bool is_unseen(uint32_t cp)
{
	return text_is_control(cp) || cp == 0xad || cp == 0x34f || cp == 0x61c || cp == 0x115f || cp == 0x1160 || cp == 0x180e ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0x3164 || cp == 0xffa0 ||
	       (cp >= 0xfe00 && cp <= 0xfe0f) || cp >= 0xe0000;
}

static bool is_space(uint32_t cp)
{
	return cp == ' ' || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f || cp == 0x205f ||
	       cp == 0x3000;
}

static bool is_between(uint32_t cp)
{
	return is_space(cp) || (cp >= 0x2010 && cp <= 0x2015) || (cp < 0x80 && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{}~", (int)cp));
}

static uint32_t fold(uint32_t cp)
{
	if (cp >= 0xff01 && cp <= 0xff5e) /* full width */
		cp = cp - 0xff01 + '!';
	if (cp >= 'A' && cp <= 'Z')
		return cp + 32;
	if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7) || (cp >= 0x391 && cp <= 0x3a9) || (cp >= 0x410 && cp <= 0x42f))
		return cp + 32;
	return cp >= 0x400 && cp <= 0x40f ? cp + 80 : cp;
}

static uint32_t letter(uint32_t cp)
{
	cp = fold(cp);
	for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
		if (alike[i].from == cp)
			return (uint32_t)alike[i].to;
	return cp;
}

static size_t put(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		*out = (char)cp;
		return 1;
	}
	unsigned more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
	static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};

	out[0] = (char)(first[more] | cp >> (6 * more));
	for (unsigned i = 1; i <= more; i++)
		out[i] = (char)(0x80 | (cp >> (6 * (more - i)) & 0x3f));
	return more + 1;
}

const char *skeleton(const char *name, char out[SKELETON_MAX])
{
	const char *end = name + strlen(name);
	size_t len = 0;

	while (name < end) {
		uint32_t cp = text_next(&name, end);
		if (cp == UINT32_MAX || len + 5 > SKELETON_MAX) {
			len = 0;
			break;
		}
		if (!is_unseen(cp) && !is_between(fold(cp)))
			len += put(letter(cp), out + len);
	}
	out[len] = '\0';
	return out;
}

bool skeleton_is_open(const char *name)
{
	const char *at = name, *end = name + strlen(name);
	char key[SKELETON_MAX];
	uint32_t cp = ' ';

	while (at < end) {
		bool first = at == name;
		cp = text_next(&at, end);
		if (cp == UINT32_MAX || is_unseen(cp) || (first && is_space(cp)))
			return false;
	}
	return !is_space(cp) && *skeleton(name, key);
}

bool skeleton_is_box(const char *key)
{
	return strncmp(key, "uld", 3) == 0 && key[3] && key[3 + strspn(key + 3, "0123456789ol")] == '\0';
}
