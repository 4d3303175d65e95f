#include "view/dashboard.h"

#include <assert.h>
#include <stdlib.h>

struct dashboard *dashboard_start(const struct dashboard_config *config, struct text *error)
{
    text_add_string(error, "this build has no dashboard: it needs libmicrohttpd and npm");
    return NULL;
}

uint16_t dashboard_port(const struct dashboard *dashboard)
{
    abort();
}

void dashboard_show(struct dashboard *dashboard, const struct snapshot *snapshot)
{
    abort();
}

void dashboard_end(struct dashboard *dashboard, const struct snapshot *snapshot)
{
    abort();
}

void dashboard_stop(struct dashboard *dashboard)
{
    assert(!dashboard);
}
