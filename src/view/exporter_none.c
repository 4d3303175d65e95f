#include "view/exporter.h"

#include <assert.h>
#include <stdlib.h>

struct exporter *exporter_start(const struct sockaddr *address, bool loopback, struct text *error)
{
    text_add_string(error, "this build serves no metrics: it needs libmicrohttpd");
    return NULL;
}

uint16_t exporter_port(const struct exporter *exporter)
{
    abort();
}

void exporter_show(struct exporter *exporter, const struct snapshot *snapshot)
{
    abort();
}

void exporter_stop(struct exporter *exporter)
{
    assert(!exporter);
}
