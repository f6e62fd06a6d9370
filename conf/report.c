#include "conf/report.h"

#include "base/buf.h"
#include "base/lang.h"
#include "base/show.h"
#include "conf/text.h"

#include <stdlib.h>

static void insert(struct conf_report *r, const struct conf_problem *p)
{
	unsigned at = r->count;

	r->problems = xrealloc(r->problems, (r->count + 1) * sizeof *r->problems);
	while (at > 0 && r->problems[at - 1].line > p->line)
		at--;
	memmove(r->problems + at + 1, r->problems + at, (r->count - at) * sizeof *r->problems);
	r->problems[at] = *p;
	r->count++;
}

static void say_more(struct conf_report *r, int line)
{
	struct conf_problem p = {.line = line > r->problems[r->count - 1].line
	                                         ? line : r->problems[r->count - 1].line};

	snprintf(p.text, sizeof p.text, "%s",
	         lang("还有更多问题未列出：请先改正以上各项，再检查一次",
	              "there are more problems than are listed: correct these and check again"));
	insert(r, &p);
}

void report_vadd(struct conf_report *r, bool warning, int line, const char *key, const char *zh,
                 const char *en, va_list ap)
{
	struct conf_problem p = {.line = line, .warning = warning};
	char text[sizeof p.text * 2];

	if (r->count > REPORT_MAX)
		return;
	if (r->count == REPORT_MAX) {
		say_more(r, line);
		return;
	}
	snprintf(p.key, sizeof p.key, "%s", key);
	text_cut(p.key, sizeof p.key);
	vsnprintf(text, sizeof text, lang_is_zh() ? zh : en, ap);
	text_cut(text, sizeof p.text);
	memcpy(p.text, text, strlen(text) + 1);
	insert(r, &p);
}

void report_add(struct conf_report *r, bool warning, int line, const char *key, const char *zh,
                const char *en, ...)
{
	va_list ap;

	va_start(ap, en);
	report_vadd(r, warning, line, key, zh, en, ap);
	va_end(ap);
}

bool report_has_error(const struct conf_report *r)
{
	for (unsigned i = 0; i < r->count; i++)
		if (!r->problems[i].warning)
			return true;
	return false;
}

void conf_report_print(const struct conf_report *r, const char *path, FILE *to)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct conf_problem *p = &r->problems[i];
		show(to, "%s:", path);
		if (p->line > 0)
			show(to, "%d:", p->line);
		show(to, " %s: ", p->warning ? lang("警告", "warning") : lang("错误", "error"));
		if (p->key[0])
			show(to, "%s: ", p->key);
		show(to, "%s\n", p->text);
	}
}

void conf_report_finish(struct conf_report *r)
{
	free(r->problems);
	*r = (struct conf_report){0};
}
