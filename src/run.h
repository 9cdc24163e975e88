// `remora run`: the process's life from a checked configuration to its end.
// SPDX-License-Identifier: Apache-2.0
#ifndef RUN_H
#define RUN_H

#include "conf/conf.h"

// Exit codes, of every command.
enum { RM_EXIT_FINE = 0, RM_EXIT_CONF = 1, RM_EXIT_USAGE = 2, RM_EXIT_START = 3 };

// SIGTERM and its like wait from here on, until rm_run() takes them: an end asked for during the start is an orderly one.
void rm_run_hold_signals(void);

// Serves until SIGTERM or SIGINT and gives back an exit code. Takes the configuration over; `path` and the options are what it was loaded
// with, for reloads.
int rm_run(struct rm_conf *, const char *path, const struct rm_conf_options *);

#endif
