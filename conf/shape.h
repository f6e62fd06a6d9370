/* The walk over a YAML document beside its schema: every unknown, doubled, missing or misplaced
 * key is reported with its line, which libcyaml (first error only, no lines) cannot do.
 *
 * What is wrong is taken out of the document and what is missing is put in empty, so that the
 * rest still has the right shape and its meaning can be checked in the same go. Such a place is
 * remembered as bad: what follows from it is not reported again.
 *
 * Memory: the caller owns struct shape; shape_finish() frees. */
#pragma once
#include "conf/report.h"
#include "conf/schema.h"

#include <yaml.h>

/* What a mandatory text reads as when it was missing or unusable. */
#define SHAPE_UNKNOWN "?"

struct shape_place {
	char key[sizeof((struct conf_problem *)0)->key]; /* "cameras[2].area" */
	int line;
	bool bad;
};

struct shape { struct shape_place *places; unsigned count; };

/* Walks, reports and repairs. */
void shape_check(struct shape *s, yaml_document_t *doc, const cyaml_schema_value_t *schema,
                 struct conf_report *report);
void shape_remember(struct shape *s, const char *key, int line, bool bad);
/* The line of a key; if it is not in the file, that of what should contain it; else 0. */
int shape_line(const struct shape *s, const char *key);
bool shape_has(const struct shape *s, const char *key);
/* key, or what contains it, was reported already. */
bool shape_is_bad(const struct shape *s, const char *key);
void shape_finish(struct shape *s);
