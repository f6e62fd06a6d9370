/* The server's own lock (STATE/lock): while it runs, nobody may take its databases away. Errors: -1, told on stderr. */
#pragma once

int state_lock(const char *state); /* close() gives it back */
