/* junit.h - a run as a JUnit report, which CI systems show: a case an objective. */
#pragma once

#include "stats/snapshot.h"

/* Writes the file, whole or not at all. 0 or -errno. Beside the objectives there is one case more,
   whether any session was established. */
int view_junit_write(const struct snapshot *snapshot, const char *path);
