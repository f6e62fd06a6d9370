/* The command line, cut into what every command understands. */
#pragma once
#include "base/clock.h"

#include <stdbool.h>

#define OPTIONS_WORDS_MAX 8

struct options {
	const char *conf;           /* -c */
	const char *from, *to, *camera, *area, *reason, *reference, *role, *after, *expires, *name;
	const char *cameras, *mbit, *days, *disk; /* of plan */
	bool json, full, open;
	const char *words[OPTIONS_WORDS_MAX]; /* what is no option, in order */
	unsigned word_count;
	char *state;                /* the state directory; options_finish() frees */
};

/* From argv behind the command's name. Tells on stderr what is wrong; CLI_USAGE then. */
int options_parse(struct options *o, int argc, char **argv);
/* Reads the configuration for what most commands need of it: state directory, zone, language. */
int options_load(struct options *o);
void options_finish(struct options *o);
