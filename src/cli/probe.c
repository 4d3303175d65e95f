#include "cli/commands.h"

int probe_main(const struct options *options, struct text *error)
{
    (void)options;
    text_add_string(error, "probe is not in this build");
    return STATUS_SETUP;
}
