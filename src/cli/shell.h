/* shell.h - runs a command of the user's and waits for it. */
#pragma once

#include <signal.h>

#include "base/text.h"

enum shell_end { SHELL_DONE, SHELL_FAILED, SHELL_INTERRUPTED };

/* By /bin/sh -c, its output to our standard error. signals are blocked by the caller, but not for
   the command; one that comes meanwhile interrupts it: it gets SIGTERM, and SIGKILL 5 s later or at
   the next one. SHELL_FAILED: error says with what status it ended. */
enum shell_end shell_run(const char *command, const sigset_t *signals, struct text *error);
