#include "conf/shape.h"

#include "base/buf.h"

#include <stdlib.h>

struct key { char text[sizeof((struct shape_place *)0)->key]; };

void shape_remember(struct shape *s, const char *key, int line, bool bad)
{
	s->places = xrealloc(s->places, (s->count + 1) * sizeof *s->places);
	struct shape_place *p = &s->places[s->count++];
	*p = (struct shape_place){.line = line, .bad = bad};
	snprintf(p->key, sizeof p->key, "%s", key);
}

static const struct shape_place *find(const struct shape *s, const char *key)
{
	for (unsigned i = 0; i < s->count; i++)
		if (strcmp(s->places[i].key, key) == 0)
			return &s->places[i];
	return NULL;
}

/* "cameras[2].area" → "cameras[2]" → "cameras" → false */
static bool to_parent(char *key)
{
	char *dot = strrchr(key, '.'), *bracket = strrchr(key, '[');
	char *cut = dot > bracket ? dot : bracket;

	if (!cut)
		return false;
	*cut = '\0';
	return true;
}

int shape_line(const struct shape *s, const char *key)
{
	struct key k;

	snprintf(k.text, sizeof k.text, "%s", key);
	do {
		const struct shape_place *p = find(s, k.text);
		if (p)
			return p->line;
	} while (to_parent(k.text));
	return 0;
}

bool shape_has(const struct shape *s, const char *key)
{
	return find(s, key) != NULL;
}

bool shape_is_bad(const struct shape *s, const char *key)
{
	struct key k;

	snprintf(k.text, sizeof k.text, "%s", key);
	do {
		for (unsigned i = 0; i < s->count; i++)
			if (s->places[i].bad && strcmp(s->places[i].key, k.text) == 0)
				return true;
	} while (to_parent(k.text));
	return false;
}

void shape_finish(struct shape *s)
{
	free(s->places);
	*s = (struct shape){0};
}
