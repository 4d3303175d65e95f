#include "cli/commands.h"

int serve_main(const struct options *options, struct text *error)
{
    (void)options;
    text_add_string(error, "serve is not in this build");
    return STATUS_SETUP;
}
