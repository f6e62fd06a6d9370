/* The commands of a person. Each speaks to the running server over STATE/api.sock, or reads files where
 * design §9 says so (check, fsck, probe).
 *
 * Exit codes: 0 yes · 1 no (gaps found, verification failed) · 2 usage · 3 cannot. */
#pragma once

#define CLI_DEFAULT_CONF "/etc/holdfast/holdfast.yaml"

enum cli_exit { CLI_YES, CLI_NO, CLI_USAGE, CLI_CANNOT };

int cli_main(int argc, char **argv);
