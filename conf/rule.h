/* Rule packs: the files of conf/rules, built into the program (packs.c is made from them), so that
 * what the law demands cannot be edited beside the configuration.
 *
 * Memory: struct conf_rule owns its texts; rule_finish() frees. */
#pragma once
#include "conf/conf.h"

#include <stddef.h>

struct rule_pack { const char *id, *text; };
extern const struct rule_pack rule_packs[];
extern const unsigned rule_pack_count;

#define RULE_PACKS_MAX 32
#define RULE_MARGIN_DAYS 1 /* footage is kept for so much longer than the floor at least (design §7) */

/* The ids of all packs; returns how many. */
size_t rule_ids(const char *ids[RULE_PACKS_MAX]);
/* 0 or -ENOENT; a pack that does not parse is a broken build: -EINVAL with its problems. */
int rule_load(const char *id, struct conf_rule *out, struct conf_report *report);
int rule_parse(const char *yaml, size_t len, struct conf_rule *out, struct conf_report *report);
bool rule_must_cover(const struct conf_rule *r, enum area_kind kind);
void rule_finish(struct conf_rule *r);
int area_kind_parse(const char *name, enum area_kind *out); /* 0 or -EINVAL */
/* "living, activity, …": every kind, for a message. */
#define AREA_KINDS_TEXT "living, activity, entrance, corridor, outdoor, private"
