#include "stats/proportion.h"

#include <math.h>

#define CHANCE 0.005    /* on each side */
#define NEGLIGIBLE 1e-9 /* of the sum that it would be added to */

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

double proportion_share(struct proportion of)
{
    return of.whole > 0 ? of.part / of.whole : 0;
}

/* The upper tail of the hypergeometric distribution. From now.part on, which is above the mean
   where the second share is greater, each term is smaller than the one before. */
double proportion_chance(struct proportion base, struct proportion now)
{
    double parts = base.part + now.part, all = base.whole + now.whole;
    if (base.whole < 1 || now.whole < 1 || proportion_share(now) <= proportion_share(base))
        return 1;
    double term = exp(log_choose(parts, now.part) + log_choose(all - parts, now.whole - now.part) -
                      log_choose(all, now.whole));
    double sum = 0;
    for (double k = now.part; term > sum * NEGLIGIBLE; k++) {
        sum += term;
        term *= (parts - k) * (now.whole - k) / ((k + 1) * (all - parts - now.whole + k + 1));
    }
    return sum;
}

bool proportion_is_greater(struct proportion base, struct proportion now)
{
    return proportion_chance(base, now) <= CHANCE;
}

bool proportion_can_tell(double base, double now)
{
    return proportion_is_greater((struct proportion){0, base}, (struct proportion){now, now});
}
