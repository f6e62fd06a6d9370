/* Is this text fit to be read as YAML at all? Looked at before anything is built from it:
 * UTF-8, no control characters, no tab where the indentation stands, YAML syntax, one document,
 * a bounded depth, and none of anchors, aliases and tags, which let a small file become a huge
 * or surprising one (YAML 1.1, §3.2.2.2).
 *
 * Errors: -EINVAL, with at least one problem in the report. */
#pragma once
#include "conf/report.h"

#define SCAN_DEPTH_MAX 12

int scan_check(const char *data, size_t len, struct conf_report *report);
