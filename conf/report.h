/* Collecting what is wrong with a configuration (inside conf/; conf.h shows the result).
 *
 * Memory: the report owns its problems; conf_report_finish() frees.
 * Problems stand in the order of their lines; beyond REPORT_MAX one line says that there are more. */
#pragma once
#include "conf/conf.h"

#define REPORT_MAX 300

/* Both languages take the same arguments in the same order. */
__attribute__((format(printf, 5, 7), format(printf, 6, 7)))
void report_add(struct conf_report *r, bool warning, int line, const char *key, const char *zh,
                const char *en, ...);
void report_vadd(struct conf_report *r, bool warning, int line, const char *key, const char *zh,
                 const char *en, va_list ap)
	__attribute__((format(printf, 5, 0), format(printf, 6, 0)));
bool report_has_error(const struct conf_report *r);
