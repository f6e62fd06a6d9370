/* What went wrong, as RFC 9457 application/problem+json, in both languages.
 *
 * Members: title, status, detail, detail_zh, field (the parameter or JSON key at fault), remedy, and
 * what `more` holds. `detail` and `remedy` follow Accept-Language; detail_zh is always Chinese.
 * Threads: any. Memory: problem_finish() drops `more`; texts are copied. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

struct problem {
	int status;             /* 0: none */
	char detail[300], detail_zh[300];
	char field[80];
	char remedy[200], remedy_zh[200];
	json_t *more;           /* further members, or NULL */
};

/* Sets status, field (NULL: none) and the sentence; "{}" in it stands for `what` (NULL: nothing).
 * Always returns -1, so that `return problem_set(...)` is one line. */
int problem_set(struct problem *p, int status, const char *field, const char *what, const char *zh, const char *en);
void problem_remedy(struct problem *p, const char *zh, const char *en);
void problem_add(struct problem *p, const char *key, json_t *value); /* takes value */
char *problem_render(const struct problem *p, bool zh); /* malloc'd JSON */
void problem_finish(struct problem *p);
/* Whether an Accept-Language value prefers Chinese to English. NULL: no. */
bool problem_wants_zh(const char *accept_language);
