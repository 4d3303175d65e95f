/* interrupted.h - what to call a run that a signal ended before its plan did. */
#pragma once

#include "base/text.h"
#include "stats/snapshot.h"

/* "interrupted after 2.0 of 20 s", "interrupted after 1 h 5 min of 2 h". Only where one was. */
void interrupted_write(struct text *to, const struct interrupted *interrupted);

/* "SIGTERM" */
const char *interrupted_signal_name(int number);
