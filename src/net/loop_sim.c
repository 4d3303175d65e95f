#include <errno.h>

#include "net/backend.h"

int loop_new_sim(struct loop **out, const struct loop_config *config, loop_handler handler,
                 void *context)
{
    return -ENOSYS;
}

#include "net/sim.h"

struct sim *sim_new(uint64_t seed, uint64_t start_ns)
{
    return NULL;
}
void sim_free(struct sim *sim)
{
}
bool sim_advance(struct sim *sim, uint64_t limit_ns)
{
    return false;
}
