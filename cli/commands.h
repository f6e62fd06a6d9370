/* The commands: each takes the parsed command line and returns an exit code. */
#pragma once
#include "cli/cli.h"
#include "cli/options.h"

int command_check(const struct options *o);
int command_status(const struct options *o);
int command_coverage(const struct options *o);
int command_gaps(const struct options *o);
int command_plan(const struct options *o);
int command_disk(const struct options *o);
int command_hold(const struct options *o);
int command_token(const struct options *o);
int command_key(const struct options *o);
int command_ledger(const struct options *o);
int command_backup(const struct options *o);
int command_fsck(const struct options *o);
int command_rebuild(const struct options *o);
int command_downgrade(const struct options *o);
int command_verify(const struct options *o);
int command_probe(const struct options *o);
int command_discover(const struct options *o);
