/* What is wrong with a URL, said to a person; shared by cameras and regulator. */
#pragma once
#include "conf/check.h"
#include "conf/url.h"

/* https, or plain http to this machine. */
bool check_web_url(const struct check *k, const char *at, const char *text, const char *example);
/* Parses the URL at `at.key`; false, reported, if it is none. example is a good one. */
bool check_url(const struct check *k, const char *at, const char *key, const char *text, const char *example,
               struct url *out);
