#include "offload/listing.h"

#include "base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct xml { const char *at, *end; };
struct span { const char *text; size_t len; };

/* --- texts ------------------------------------------------------------------------------------------ */

/* The character that &NAME; stands for; *used: its length. 0: none of those that may be. */
static char entity(const char *p, size_t len, size_t *used)
{
	static const struct { const char *name; char c; } names[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		*used = strlen(names[i].name);
		if (*used <= len && memcmp(p, names[i].name, *used) == 0)
			return names[i].c;
	}
	return 0;
}

/* NULL: it cannot be a key, a version or a number. */
static char *text_of(struct span s)
{
	char *out = s.len < LISTING_TEXT_MAX * 6 ? xcalloc(1, s.len + 1) : NULL;
	size_t n = 0, used = 1;

	for (size_t i = 0; out && i < s.len; i += used) {
		used = 1;
		char c = s.text[i] == '&' ? entity(s.text + i, s.len - i, &used) : s.text[i];
		if (c == 0 || s.text[i] == '<') {
			free(out);
			return NULL;
		}
		out[n++] = c;
	}
	if (out && n >= LISTING_TEXT_MAX) {
		free(out);
		return NULL;
	}
	return out;
}

static int number_of(struct span s, int64_t *out)
{
	*out = 0;
	if (s.len == 0 || s.len > 18)
		return -EBADMSG;
	for (size_t i = 0; i < s.len; i++) {
		if (!isdigit((unsigned char)s.text[i]))
			return -EBADMSG;
		*out = *out * 10 + (s.text[i] - '0');
	}
	return 0;
}

/* --- elements ------------------------------------------------------------------------------------------- */

static bool begins(const struct xml *x, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(x->end - x->at) >= len && memcmp(x->at, text, len) == 0;
}

static const char *find(const char *from, const char *end, const char *text)
{
	return memmem(from, (size_t)(end - from), text, strlen(text));
}

/* What stands between <NAME> and </NAME> from x on, which moves behind it. false: there is none. */
static bool take(struct xml *x, const char *name, struct span *out)
{
	char open[40], close[40];

	snprintf(open, sizeof open, "<%s>", name);
	snprintf(close, sizeof close, "</%s>", name);
	const char *from = find(x->at, x->end, open);
	const char *text = from ? from + strlen(open) : NULL, *to = text ? find(text, x->end, close) : NULL;
	if (!to)
		return false;
	*out = (struct span){text, (size_t)(to - text)};
	x->at = to + strlen(close);
	return true;
}

/* Exactly once, and a plain text. */
static char *take_text(struct span in, const char *name)
{
	struct xml x = {in.text, in.text + in.len};
	struct span found, again;

	return take(&x, name, &found) && !take(&x, name, &again) ? text_of(found) : NULL;
}

/* --- a page --------------------------------------------------------------------------------------------- */

static int add(struct listing *l, struct span version)
{
	struct xml x = {version.text, version.text + version.len};
	struct span size;

	if (l->count == LISTING_MAX || !take(&x, "Size", &size))
		return -EBADMSG;
	struct listing_item *i = &l->items[l->count++];
	i->key = take_text(version, "Key");
	i->version = take_text(version, "VersionId");
	return i->key && i->version ? number_of(size, &i->bytes) : -EBADMSG;
}

static int take_head(struct listing *l, struct span page)
{
	char *more = take_text(page, "IsTruncated");
	int rc = more && (strcmp(more, "true") == 0 || strcmp(more, "false") == 0) ? 0 : -EBADMSG;

	l->more = rc == 0 && *more == 't';
	free(more);
	if (!l->more)
		return rc;
	l->next_key = take_text(page, "NextKeyMarker");
	l->next_version = take_text(page, "NextVersionIdMarker");
	return l->next_key && *l->next_key ? 0 : -EBADMSG;
}

static int parse(const char *xml, size_t len, struct listing *out)
{
	struct xml x = {xml, xml + len};
	struct span version;

	if (!begins(&x, "<?xml") || find(xml, x.end, "<!") || !find(xml, x.end, "<ListVersionsResult") || memchr(xml, 0, len))
		return -EBADMSG;
	int rc = take_head(out, (struct span){xml, len});
	while (rc == 0 && take(&x, "Version", &version))
		rc = add(out, version);
	return rc;
}

int listing_parse(const char *xml, size_t len, struct listing *out)
{
	*out = (struct listing){0};
	int rc = parse(xml, len, out);

	if (rc < 0)
		listing_finish(out);
	return rc;
}

void listing_finish(struct listing *l)
{
	for (unsigned i = 0; i < l->count; i++) {
		free(l->items[i].key);
		free(l->items[i].version);
	}
	free(l->next_key);
	free(l->next_version);
	l->count = 0;
	l->more = false;
	l->next_key = l->next_version = NULL;
}
