#include <errno.h>

#include "net/backend.h"

int loop_new_uring(struct loop **out, const struct loop_config *config, loop_handler handler,
                   void *context)
{
    return -ENOSYS;
}
