/* manual.h - man pages and shell completions, made from the option table. */
#pragma once

#include <stdio.h>

#include "cli/options.h"

/* rtspbench-run(1) and so on. */
void manual_write_command(enum command command, FILE *to);

/* rtspbench(1), which leads to them. */
void manual_write_overview(FILE *to);

void completion_write_bash(FILE *to);
void completion_write_zsh(FILE *to);
void completion_write_fish(FILE *to);
