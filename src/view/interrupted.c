#include "view/interrupted.h"

#include <signal.h>

#include "base/clock.h"

#define NS_PER_TENTH (NS_PER_S / 10)

const char *interrupted_signal_name(int number)
{
    return number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
}

/* "30 d", "1 h 5 min", "0 s": the two largest units, cut off below. */
static void write_span(struct text *to, uint64_t ns)
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    const unsigned count = sizeof(units) / sizeof(units[0]);
    uint64_t seconds = ns / NS_PER_S;
    unsigned first = 0;
    while (first + 1 < count && seconds < units[first].seconds)
        first++;
    text_printf(to, "%llu %s", (unsigned long long)(seconds / units[first].seconds),
                units[first].name);
    uint64_t rest = seconds % units[first].seconds;
    if (first + 1 == count || rest < units[first + 1].seconds)
        return;
    text_printf(to, " %llu %s", (unsigned long long)(rest / units[first + 1].seconds),
                units[first + 1].name);
}

void interrupted_write(struct text *to, const struct interrupted *interrupted)
{
    uint64_t tenths = interrupted->at_ns / NS_PER_TENTH;
    text_add_string(to, "interrupted after ");
    if (interrupted->at_ns < 60 * NS_PER_S)
        text_printf(to, "%u.%u", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    else
        write_span(to, interrupted->at_ns);
    if (interrupted->of_ns < 60 * NS_PER_S) {
        text_printf(to, " of %g s", (double)interrupted->of_ns / NS_PER_S);
        return;
    }
    text_add_string(to, interrupted->at_ns < 60 * NS_PER_S ? " s of " : " of ");
    write_span(to, interrupted->of_ns);
}
