/* `holdfast run`: reads the configuration once, starts recorder, keeper and api, hands each its part,
 * starts again who dies, passes SIGHUP on as a reload, stops all in order at SIGTERM. Nothing else:
 * it opens no footage, no database, no socket of the network.
 *
 * Start: keeper (it makes the catalogue) → api, recorder. Stop: recorder (seals) → keeper (indexes what
 * was sealed) → api. The state directory is taken by a lock that every child holds too. */
#pragma once
#include "conf/conf.h"

/* Takes conf over. Returns the exit code. */
int supervisor_run(struct conf *conf, const char *conf_path);
