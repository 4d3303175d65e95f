/* files.h - a table of open files for a thread of its own. */
#pragma once

/* The limit of open files is one a table: a thread with its own may open as many as the process
   may. 0 or -errno. Nothing where ThreadSanitizer watches, which takes equal numbers of two tables
   for one file. */
int files_own_table(void);
