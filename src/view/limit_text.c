#include "view/limit_text.h"

#include "base/clock.h"
#include "base/units.h"

static void add_amount(struct text *to, enum generator_limit limit, double amount)
{
    switch (limit) {
    case LIMIT_CPU:
        text_printf(to, "%.0f %%", amount * 100);
        return;
    case LIMIT_LOOP_LAG:
    case LIMIT_SCHEDULE_LAG:
        text_printf(to, amount < 99.5 ? "%.3g ms" : "%.0f ms", amount);
        return;
    case LIMIT_UDP_SOCKET_DROPS:
    case LIMIT_RECV_BACKLOG:
    case LIMIT_FILES:
    case LIMIT_PORTS:
    case LIMIT_MEMORY:
    case GENERATOR_LIMITS:
        break;
    }
    units_write_count(to, (uint64_t)amount);
}

/* What at_ns of a limit_value is the time of. */
static const char *when(enum generator_limit limit)
{
    return limit == LIMIT_LOOP_LAG || limit == LIMIT_SCHEDULE_LAG ? "worst" : "first";
}

void limit_text_add(struct text *to, const struct generator *generator, enum generator_limit limit)
{
    const struct limit_value *value = &generator->limit_values[limit];
    text_add_string(to, generator_limit_name(limit));
    if (!value->measured && value->at_ns == 0)
        return;
    text_add_string(to, " (");
    if (value->measured) {
        text_printf(to, "%s%s", value->what, value->what[0] ? " " : "");
        add_amount(to, limit, value->value);
        text_add_string(to, ", bound ");
        add_amount(to, limit, value->bound);
    }
    if (value->at_ns > 0)
        text_printf(to, "%s%s at %.0f s", value->measured ? ", " : "", when(limit),
                    (double)value->at_ns / (double)NS_PER_S);
    text_add_string(to, ")");
}
