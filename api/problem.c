#include "problem.h"

#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WHAT_MAX 120

/* How much of a text fits without cutting a character of UTF-8 in two. */
static int whole_characters(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return (int)len;
	for (len = max; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return (int)len;
}

static void fill(char *out, size_t room, const char *text, const char *what)
{
	const char *hole = what ? strstr(text, "{}") : NULL;

	if (!hole)
		snprintf(out, room, "%.*s", whole_characters(text, room - 1), text);
	else
		snprintf(out, room, "%.*s%.*s%s", (int)(hole - text), text, whole_characters(what, WHAT_MAX), what, hole + 2);
}

int problem_set(struct problem *p, int status, const char *field, const char *what, const char *zh, const char *en)
{
	p->status = status;
	field = field ? field : "";
	snprintf(p->field, sizeof p->field, "%.*s", whole_characters(field, sizeof p->field - 1), field);
	fill(p->detail, sizeof p->detail, en, what);
	fill(p->detail_zh, sizeof p->detail_zh, zh, what);
	return -1;
}

void problem_remedy(struct problem *p, const char *zh, const char *en)
{
	snprintf(p->remedy, sizeof p->remedy, "%s", en);
	snprintf(p->remedy_zh, sizeof p->remedy_zh, "%s", zh);
}

void problem_add(struct problem *p, const char *key, json_t *value)
{
	if (!p->more)
		p->more = json_object();
	json_object_set_new(p->more, key, value);
}

/* Text that may hold what a client sent: what is no UTF-8 is dropped. */
static json_t *text(const char *s)
{
	json_t *t = json_string(s);

	return t ? t : json_string("");
}

char *problem_render(const struct problem *p, bool zh)
{
	json_t *o = json_pack("{s:s, s:i, s:o, s:o}", "title", http_status_text(p->status), "status", p->status,
			      "detail", text(zh ? p->detail_zh : p->detail), "detail_zh", text(p->detail_zh));

	if (p->field[0])
		json_object_set_new(o, "field", text(p->field));
	if (p->remedy[0])
		json_object_set_new(o, "remedy", text(zh ? p->remedy_zh : p->remedy));
	if (p->more)
		json_object_update_missing(o, p->more);
	char *out = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return out;
}

void problem_finish(struct problem *p)
{
	json_decref(p->more);
	p->more = NULL;
}

/* The weight of the best range of that language: "zh-CN,zh;q=0.9,en;q=0.8". */
static double weight(const char *list, const char *lang)
{
	double best = 0;

	for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		at += strspn(at, " \t");
		if (strncasecmp(at, lang, 2) != 0 || !strchr("-,; ", at[2]))
			continue;
		const char *q = at + strcspn(at, ",;");
		double w = strncmp(q, ";q=", 3) == 0 ? strtod(q + 3, NULL) : 1.0;
		best = w > best ? w : best;
	}
	return best;
}

bool problem_wants_zh(const char *accept_language)
{
	return weight(accept_language, "zh") > weight(accept_language, "en");
}
