/* Writes one page of the manual, or a shell's completions, while rtspbench is built:
   rtspbench-manual rtspbench|COMMAND|bash|zsh|fish */
#include <stdio.h>
#include <string.h>

#include "cli/manual.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(FILE *to);
    } others[] = {
        {"rtspbench", manual_write_overview},
        {"bash", completion_write_bash},
        {"zsh", completion_write_zsh},
        {"fish", completion_write_fish},
    };
    const char *name = argc == 2 ? argv[1] : "";
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i].name, name) == 0) {
            others[i].write(stdout);
            return 0;
        }
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(command_name((enum command)i), name) == 0) {
            manual_write_command((enum command)i, stdout);
            return 0;
        }
    }
    fputs("usage: rtspbench-manual rtspbench|COMMAND|bash|zsh|fish\n", stderr);
    return 2;
}
