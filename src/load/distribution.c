#include "load/distribution.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/slice.h"
#include "base/units.h"

static bool take_duration(struct slice *rest, uint64_t *ns)
{
    char text[32];
    return slice_to_string(slice_take_until(rest, ','), text, sizeof(text)) &&
           units_parse_duration(text, ns) && *ns > 0;
}

bool distribution_parse(const char *text, struct distribution *out)
{
    struct slice rest = slice_from_string(text);
    struct slice name = slice_take_until(&rest, ':');
    char sigma[32], *end;
    *out = (struct distribution){.kind = DISTRIBUTION_FIXED};
    if (rest.len == 0)
        return take_duration(&name, &out->a_ns) && name.len == 0;
    if (!take_duration(&rest, &out->a_ns))
        return false;
    if (slice_equal(name, SLICE("exp"))) {
        out->kind = DISTRIBUTION_EXPONENTIAL;
        return rest.len == 0;
    }
    if (slice_equal(name, SLICE("uniform"))) {
        out->kind = DISTRIBUTION_UNIFORM;
        return take_duration(&rest, &out->b_ns) && rest.len == 0 && out->b_ns >= out->a_ns;
    }
    out->kind = DISTRIBUTION_LOGNORMAL;
    if (!slice_equal(name, SLICE("lognormal")) || !slice_to_string(rest, sigma, sizeof(sigma)))
        return false;
    out->sigma = strtod(sigma, &end);
    return end != sigma && *end == '\0' && out->sigma > 0 && out->sigma < 10;
}

/* Standard normal (Box and Muller). */
static double draw_normal(struct rng *rng)
{
    double u = 1 - rng_double(rng);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * rng_double(rng));
}

uint64_t distribution_draw(const struct distribution *distribution, struct rng *rng)
{
    double ns = 0;
    switch (distribution->kind) {
    case DISTRIBUTION_NONE:
        return UINT64_MAX;
    case DISTRIBUTION_FIXED:
        ns = (double)distribution->a_ns;
        break;
    case DISTRIBUTION_UNIFORM:
        ns = (double)distribution->a_ns +
             rng_double(rng) * (double)(distribution->b_ns - distribution->a_ns);
        break;
    case DISTRIBUTION_EXPONENTIAL:
        ns = rng_exponential(rng, (double)distribution->a_ns);
        break;
    case DISTRIBUTION_LOGNORMAL:
        ns = (double)distribution->a_ns * exp(distribution->sigma * draw_normal(rng));
        break;
    }
    return ns < (double)NS_PER_MS ? NS_PER_MS : ns > 1e17 ? (uint64_t)1e17 : (uint64_t)ns;
}
