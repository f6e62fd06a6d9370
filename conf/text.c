#include "conf/text.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 40

void text_skip_mark(const char **text, size_t *len)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (*len < sizeof mark - 1 || memcmp(*text, mark, sizeof mark - 1) != 0)
		return;
	*text += sizeof mark - 1;
	*len -= sizeof mark - 1;
}

bool text_is_wide(const char *text, size_t len)
{
	if (len < 2)
		return false;
	return memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 || !text[0] != !text[1];
}

bool text_has_control(const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		uint32_t cp = text_next(&text, end);
		if (cp == UINT32_MAX || text_is_control(cp))
			return true;
	}
	return false;
}

bool text_is_name(const char *text)
{
	const char *at = text, *end = text + strlen(text);
	unsigned chars = 0;

	for (; at < end; chars++)
		if (text_next(&at, end) == UINT32_MAX)
			return false;
	return chars >= 1 && chars <= NAME_MAX_CHARS && !text_has_control(text);
}

bool text_is_id(const char *text, size_t max)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(text);

	return len >= 1 && len <= max && text[0] != '-' && strspn(text, allowed) == len;
}

void text_cut(char *text, size_t room)
{
	size_t len = strlen(text);

	if (len >= room)
		len = room - 1;
	const char *at = text, *end = text + len;
	while (at < end && text_next(&at, end) != UINT32_MAX)
		;
	text[at - text] = '\0';
}

struct quoted text_quote(const char *text)
{
	struct quoted q = {{0}};
	const char *end = text + strlen(text);
	size_t used = 0;

	while (text < end) {
		const char *from = text;
		uint32_t cp = text_next(&text, end);
		if (used + sizeof "0123…" > sizeof q.text) {
			memcpy(q.text + used, "…", sizeof "…");
			break;
		}
		if (cp == UINT32_MAX)
			text++;
		if (cp == UINT32_MAX || text_is_control(cp)) {
			q.text[used++] = '?';
			continue;
		}
		memcpy(q.text + used, from, (size_t)(text - from));
		used += (size_t)(text - from);
	}
	return q;
}

/* Levenshtein's distance; WORD_MAX if a word is too long to be compared. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[lb];
}

static bool begins(const char *longer, const char *shorter)
{
	size_t len = strlen(shorter);

	return len >= 3 && strncmp(longer, shorter, len) == 0;
}

const char *text_nearest(const char *word, const char *const *words, size_t count)
{
	const char *best = NULL;
	unsigned best_distance = WORD_MAX;

	for (size_t i = 0; i < count; i++) {
		unsigned d = distance(word, words[i]);
		if (begins(words[i], word) || begins(word, words[i]))
			d = d < 1 ? d : 1;
		if (d < best_distance) {
			best = words[i];
			best_distance = d;
		}
	}
	size_t limit = best ? strlen(best) / 3 : 0;
	return best && best_distance <= (limit > 2 ? limit : 2) && strlen(word) > 1 ? best : NULL;
}

static void add_parts(struct buf *out, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (out->len > 0 && out->data[--out->len] != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			buf_add(out, "/", 1);
			buf_add(out, path, len);
		}
		path += len;
		path += *path == '/';
	}
}

char *text_path(const char *dir, const char *path)
{
	struct buf out = {0};

	if (path[0] != '/')
		add_parts(&out, dir);
	add_parts(&out, path);
	if (out.len == 0)
		buf_add(&out, "/", 1);
	buf_add(&out, "", 1);
	return (char *)out.data;
}

char *text_dir(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *dir = slash ? strndup(file, (size_t)(slash - file) + 1) : xstrdup(".");
	char *real = dir ? realpath(dir, NULL) : NULL;

	free(dir);
	return real ? real : xstrdup("/");
}
