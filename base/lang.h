/* The two languages of what people read: zh-CN and English.
 *
 *	fprintf(stderr, "%s\n", lang("找不到摄像机", "no such camera"));
 *
 * Both texts stand side by side in the code, so neither can be forgotten. The
 * language is the site's; before a configuration is read, it follows LC_ALL,
 * LC_MESSAGES or LANG. Machines (JSON keys, causes, log lines) are English. */
#pragma once
#include <stdbool.h>

void lang_init(void);             /* from the environment */
void lang_set(const char *code);  /* "zh-CN" or "en"; anything else is ignored */
bool lang_is_zh(void);
/* Returns one of its arguments; both are checked as format strings where one is wanted. */
__attribute__((format_arg(1), format_arg(2)))
const char *lang(const char *zh, const char *en);
