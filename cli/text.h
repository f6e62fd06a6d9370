/* Small pieces of the commands' output. */
#pragma once
#include <jansson.h>

/* "" if it is no string. */
const char *text_of(const json_t *object, const char *key);
/* An RFC 3339 time of the API in the site's zone; "-" if there is none. Each call has its own buffer out of four. */
const char *text_time(const json_t *object, const char *key);
/* "12.3 s", "4 min 05 s", "3 h 12 min". The same. */
const char *text_duration(double seconds);
/* Never rounded up to a hundred. */
const char *text_percent(double part);
/* Prints the answer as JSON. */
void text_json(const json_t *answer);
/* The window of a question: --from and --to, or the last 24 hours. New reference. */
struct options;
json_t *text_window(const struct options *o);
