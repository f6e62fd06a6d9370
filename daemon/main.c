/* holdfast: the commands of a person (cli/). `run` becomes the supervisor, which is a program of its own:
 * what a command needs (FFmpeg, libcurl, libxml2) need not stay in memory for months. */
#include "base/lang.h"
#include "base/log.h"
#include "cli/cli.h"
#include "daemon/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The same process goes on, so that who started it signals the supervisor. */
static int run(char **argv)
{
	char *path = program_find("holdfast-supervisor");

	if (path)
		execv(path, argv);
	fprintf(stderr, "holdfast: holdfast-supervisor: %s\n", strerror(path ? errno : ENOENT));
	free(path);
	return CLI_CANNOT;
}

int main(int argc, char **argv)
{
	log_init("holdfast");
	lang_init();
	return argc >= 2 && strcmp(argv[1], "run") == 0 ? run(argv) : cli_main(argc, argv);
}
