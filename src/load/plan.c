#include "load/plan.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/units.h"
#include "load/arrival.h"
#include "load/sizing.h"

void plan_init(struct plan *plan)
{
    *plan = (struct plan){
        .readers = 100,
        .rate_per_s = 100,
        .duration_ns = 30 * NS_PER_S,
        .share = 1,
        .shares = 1,
        .backoff_ns = 100 * NS_PER_MS,
        .timeout_ns = 20 * NS_PER_S,
        .media_timeout_ns = 10 * NS_PER_S,
        .user_agent = "rtspbench",
        .headers = "",
        .coalesce_ns = NS_PER_MS,
        .publish_queue_ns = 2 * NS_PER_S,
        .quickack = true,
        .gro = true,
        .panel = 1000,
        .stats_interval_ns = 5 * NS_PER_S,
    };
}

void plan_dispose(struct plan *plan)
{
    url_list_dispose(&plan->urls);
}

/* loss_ratio<1 is kept even where everything is lost: who writes that means percent. */
static void warn_of_empty_bounds(const struct plan *plan, struct text *warning)
{
    for (uint32_t i = 0; i < plan->slo_count; i++) {
        if (slo_allows_all(&plan->slos[i]))
            text_printf(warning, "--slo '%s': a ratio of 1 is 100 %%; write 1%% for one percent\n",
                        plan->slos[i].expression);
    }
}

static void warn_of_slow_ramp(const struct plan *plan, struct text *warning)
{
    double duration_s = (double)plan->duration_ns / (double)NS_PER_S;
    double begun = ceil(duration_s * plan->rate_per_s - 1e-6) - 1;
    if (begun >= plan->readers || plan->profile.kind != PROFILE_CONSTANT || plan->open)
        return;
    text_add_string(warning, plan->arrival == ARRIVAL_EVEN ? "only " : "only about ");
    units_write_count(warning, begun > 0 ? (uint64_t)begun : 0);
    text_add_string(warning, " of ");
    units_write_count(warning, plan->readers);
    text_printf(
        warning,
        " readers begin within the duration: --rate %.0f/s or --duration %.0fs reaches them all\n",
        floor(plan->readers / duration_s) + 1, floor(plan->readers / plan->rate_per_s) + 1);
}

/* Most servers let one publisher at a time into a path. */
static void warn_of_shared_paths(const struct plan *plan, struct text *warning)
{
    bool numbered = true;
    for (uint32_t i = 0; i < plan->urls.count; i++)
        numbered &= strstr(plan->urls.items[i].url, "{n}") != NULL;
    if (!plan->publish || numbered || plan->readers <= plan->urls.count)
        return;
    units_write_count(warning, plan->readers);
    text_add_string(warning, " publishers share ");
    units_write_count(warning, plan->urls.count);
    text_add_string(warning, plan->urls.count == 1 ? " URL" : " URLs");
    text_add_string(
        warning, ", and most servers take one publisher for each: {n} in the URL numbers them\n");
}

/* A publisher's URL is kept with its number, of up to 8 digits, for each {n}. */
static bool has_long_url(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->urls.count; i++) {
        const char *url = plan->urls.items[i].url;
        size_t len = strlen(url);
        for (const char *at = url; (at = strstr(at, "{n}")); at += 3)
            len += 5;
        if (len > PLAN_PUBLISH_URL_MAX)
            return true;
    }
    return false;
}

/* NULL, or what contradicts itself. */
static const char *find_contradiction(const struct plan *plan)
{
    if (plan->readers == 0 || plan->readers > PLAN_READERS_MAX)
        return "--readers must be between 1 and 10,000,000";
    if (plan->share == 0 || plan->share > plan->shares)
        return "the share must be one of those there are";
    if (plan->share > plan->readers)
        return "there are more shares than readers";
    if (plan->duration_ns == 0)
        return "--duration must be over 0";
    if (plan->warmup_ns >= plan->duration_ns)
        return "--warmup must be shorter than --duration";
    if (plan->password && !plan->user)
        return "--password-file needs --user";
    if (plan->publish && plan->bad_ratio > 0)
        return "bad clients are readers: where there are publishers, too, they are a group of "
               "their "
               "own in a scenario";
    if (plan->publish && (plan->zap.kind != DISTRIBUTION_NONE || plan->zipf > 0))
        return "--zap and --popularity are for readers";
    if (plan->publish && plan->tracks != TRACKS_ALL)
        return "--tracks is for readers: --no-audio publishes the test card without sound";
    if (plan->publish && has_long_url(plan))
        return "a URL to publish to may have 1,000 bytes, its numbers included";
    if (plan->halt_ns > 0 && plan->halt_ns >= plan->halt_period_ns)
        return "RTSPBENCH_HALT must halt for less than its period";
    return NULL;
}

bool plan_resolve(struct plan *plan, const struct machine *machine, struct text *error,
                  struct text *warning)
{
    const char *wrong = find_contradiction(plan);
    if (wrong) {
        text_add_string(error, wrong);
        return false;
    }
    plan->profile.readers = plan->readers;
    plan->profile.duration_ns = plan->duration_ns;
    plan->profile.seed = plan->seed;
    if (plan->profile.kind != PROFILE_CONSTANT)
        plan->readers = profile_peak(&plan->profile);
    plan->own_readers = (plan->readers - plan->share) / plan->shares + 1;
    if (plan->zipf > 0 && !url_list_set_zipf(&plan->urls, plan->zipf)) {
        text_add_string(error, "out of memory");
        return false;
    }
    if (!url_list_deal(&plan->urls, error) || !sizing_fit(plan, machine, error))
        return false;
    warn_of_empty_bounds(plan, warning);
    warn_of_slow_ramp(plan, warning);
    warn_of_shared_paths(plan, warning);
    sizing_warn(plan, machine, warning);
    return true;
}

struct auth_credentials plan_credentials(const struct plan *plan, uint32_t url)
{
    const struct url_item *item = &plan->urls.items[url];
    if (item->user)
        return (struct auth_credentials){slice_from_string(item->user),
                                         slice_from_string(item->password)};
    return (struct auth_credentials){slice_from_string(plan->user),
                                     slice_from_string(plan->password)};
}

#define LOOKS 1000u /* at a curve */
#define NEARLY 0.9

/* When a curve first comes near to its mean. */
static uint64_t curve_steady_ns(const struct plan *plan)
{
    double sum = 0;
    uint64_t step_ns = plan->duration_ns / LOOKS, at_ns = 0;
    for (uint64_t i = 0; i < LOOKS; i++)
        sum += profile_target(&plan->profile, i * step_ns);
    double enough = NEARLY * sum / LOOKS;
    while (at_ns < plan->duration_ns && profile_target(&plan->profile, at_ns) < enough)
        at_ns += step_ns + 1;
    double starts_per_s = plan->profile.kind == PROFILE_REAL_WORLD ? ARRIVAL_REAL_WORLD_STARTS_PER_S
                          : plan->rate_given                       ? plan->rate_per_s
                                                                   : INFINITY;
    return at_ns + (uint64_t)(enough / starts_per_s * (double)NS_PER_S);
}

uint64_t plan_steady_ns(const struct plan *plan)
{
    uint64_t steady_ns = (uint64_t)(plan->readers / plan->rate_per_s * (double)NS_PER_S);
    if (plan->profile.kind != PROFILE_CONSTANT)
        steady_ns = curve_steady_ns(plan);
    else if (plan->open)
        steady_ns = plan->life.a_ns;
    return steady_ns > plan->warmup_ns ? steady_ns : plan->warmup_ns;
}

uint64_t plan_target_reached_ns(const struct plan *plan)
{
    const struct profile *profile = &plan->profile;
    if (plan->open || profile->kind == PROFILE_DAY || profile->kind == PROFILE_REAL_WORLD)
        return plan->duration_ns / 10;
    if (profile->kind == PROFILE_CONSTANT && profile->noise <= 0)
        return arrival_last_due_ns(plan);
    /* a rate that was asked for may be slower than the curve */
    double paced_ns = plan->rate_given ? plan->readers / plan->rate_per_s * (double)NS_PER_S : 0;
    double reached_ns = fmax((double)profile_peak_ns(profile), paced_ns);
    return (uint64_t)fmin(reached_ns, (double)plan->duration_ns);
}

uint32_t plan_shard_share(const struct plan *plan, uint32_t shard, uint32_t readers)
{
    uint32_t own = readers < plan->share ? 0 : (readers - plan->share) / plan->shares + 1;
    return shard < own ? (own - shard - 1) / plan->shards + 1 : 0;
}

uint32_t plan_shard_readers(const struct plan *plan, uint32_t shard)
{
    return shard < plan->own_readers ? (plan->own_readers - shard - 1) / plan->shards + 1 : 0;
}

#define CHOICE_BAD UINT64_C(0x626164)

int plan_misbehaviour(const struct plan *plan, uint32_t reader)
{
    struct rng rng = rng_init(plan->seed, reader, CHOICE_BAD);
    uint64_t sum = 0;
    if (plan->bad_ratio <= 0 || rng_double(&rng) >= plan->bad_ratio)
        return -1;
    for (unsigned kind = 0; kind < MISBEHAVIOURS; kind++)
        sum += plan->bad_weights[kind];
    uint64_t at = sum > 0 ? rng_below(&rng, sum) : 0;
    for (unsigned kind = 0; sum > 0 && kind < MISBEHAVIOURS; kind++) {
        if (at < plan->bad_weights[kind])
            return (int)kind;
        at -= plan->bad_weights[kind];
    }
    return -1;
}
