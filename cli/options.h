/* The command line, cut into what every command understands. */
#pragma once
#include "base/clock.h"

#include <stdbool.h>

#define OPTIONS_WORDS_MAX 8
#define OPTIONS_ADDRESSES_MAX 64
#define OPTIONS_KEYS_MAX 16
#define OPTIONS_HEADS_MAX 16

struct options {
	const char *conf;           /* -c */
	const char *from, *to, *camera, *area, *reason, *reference, *role, *after, *expires;
	const char *transport, *tls_ca, *tls_pin; /* of probe */
	const char *cameras, *mbit, *days, *disk; /* of plan */
	const char *username;       /* --username or --name */
	const char *password_file, *timeout, *seconds, *interface, *lang;
	const char *addresses[OPTIONS_ADDRESSES_MAX]; /* --address, as often as it was given */
	unsigned address_count;
	const char *site, *keys[OPTIONS_KEYS_MAX]; /* of verify; --key may be given again and again */
	unsigned key_count;
	const char *heads[OPTIONS_HEADS_MAX]; /* --head, likewise */
	unsigned head_count;
	bool json, full, open, with_keys;
	bool plain_password;        /* of probe */
	const char *words[OPTIONS_WORDS_MAX]; /* what is no option, in order */
	unsigned word_count;
	char *state;                /* the state directory; options_finish() frees */
};

/* From argv behind the command's name. Tells on stderr what is wrong; CLI_USAGE then. */
int options_parse(struct options *o, int argc, char **argv);
/* A whole number from min to max, or the default if text is NULL. CLI_USAGE, told, if it is none. */
int options_number(const char *flag, const char *text, unsigned min, unsigned max, unsigned *out);
/* Reads the configuration, tells on stderr what is wrong with it; takes over its zone and language.
 * CLI_YES, and conf_destroy(*out) later; else CLI_CANNOT. */
struct conf;
int options_conf(const struct options *o, struct conf **out);
/* Reads the configuration for what most commands need of it: state directory, zone, language. */
int options_load(struct options *o);
void options_finish(struct options *o);
