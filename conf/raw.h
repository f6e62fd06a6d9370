/* From the bytes of a YAML text to the struct of its schema.
 *
 * Memory: raw_load() allocates *raw and fills *shape; raw_free() and shape_finish() free.
 * Errors: 0 when there is something whose meaning can be checked, even if the report already
 *         holds problems; -EINVAL when there is not (the report says why, *raw is NULL). */
#pragma once
#include "conf/shape.h"

int raw_load(const char *data, size_t len, const cyaml_schema_value_t *schema, void **raw,
             struct shape *shape, struct conf_report *report);
void raw_free(const cyaml_schema_value_t *schema, void *raw);
