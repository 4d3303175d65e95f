#include "scripted.h"

#include <inttypes.h>
#include <stdlib.h>

#define SECRET "Pa55word"
#define SECRET_BASIC "dXNlcjpQYTU1d29yZA==" /* user:Pa55word */

static void set_up(struct world *world, const struct scripted_row *row, uint32_t variants)
{
    char url[64];
    snprintf(url, sizeof(url), "rtsp://" WORLD_HOST ":554/{1..%u}", variants);
    world_init(world, url);
    struct plan *plan = &world->plan;
    plan->readers = variants;
    plan->rate_per_s = 1000;
    plan->duration_ns = (row->duration_s ? row->duration_s : 6) * NS_PER_S;
    plan->timeout_ns = 2 * NS_PER_S;
    plan->retries = row->retries;
    world->net.send_full_ppm = row->pieces ? 500000 : 0;
    plan->media_timeout_ns = row->stall_ends ? 3 * NS_PER_S : 3600 * NS_PER_S;
    plan->end_on_stall = row->stall_ends;
    plan->transport = row->automatic ? PLAN_AUTO : row->udp ? PLAN_UDP : PLAN_TCP;
    plan->keepalive = row->keepalive_set ? KEEPALIVE_SET_PARAMETER : KEEPALIVE_AUTO;
    plan->trust_redirects = row->trusting;
    plan->headers = row->headers ? row->headers : "";
    plan->user = row->login ? "user" : NULL;
    plan->password = row->login ? SECRET : NULL;
    world->secret = SECRET;
    world->log_sessions = true;
}

/* What doesn't hold, or NULL. */
static const char *judge(const struct scripted_row *row, const struct stats *stats,
                         uint32_t variants)
{
    const struct session_counts *sessions = &stats->sessions;
    int packets = row->packets == 0 && row->end == COMPLETES ? 3 : row->packets;
    if (sessions->completed != (row->end == COMPLETES ? variants : 0))
        return "completed";
    if (sessions->failed != (row->end == FAILS ? variants : 0))
        return "failed";
    if (sessions->dropped != (row->end == DROPS ? variants : 0))
        return "dropped";
    if (row->reason == REASON_NONE && stats->error_count > 0)
        return "no errors";
    if (row->reason != REASON_NONE &&
        world_errors(stats, row->phase, row->reason, row->status) != variants)
        return "the reason";
    if (packets != NONE && stats_rtp(stats).packets != (uint64_t)packets * variants)
        return "packets";
    for (unsigned i = 0; i < CHECKS_MAX && row->counts[i].field; i++) {
        uint64_t count;
        memcpy(&count, (const char *)stats + row->counts[i].field, sizeof(count));
        if (count != (uint64_t)row->counts[i].count * variants)
            return "a count";
    }
    return NULL;
}

/* text with the variant's number for {n} */
static const char *numbered(const char *text, uint32_t variant)
{
    static char out[512];
    const char *brace = strstr(text, "{n}");
    if (!brace)
        return text;
    snprintf(out, sizeof(out), "%.*s%u%s", (int)(brace - text), text, variant, brace + 3);
    return out;
}

static const char *judge_words(const struct scripted_row *row, const struct peer *peer,
                               uint32_t variants)
{
    for (uint32_t variant = 1; variant <= variants; variant++) {
        const char *log = peer_log(peer, variant);
        log = row->since ? strstr(log, row->since) : log;
        if (!log)
            return row->since;
        for (unsigned i = 0; i < 3 && row->says[i]; i++) {
            if (!strstr(log, numbered(row->says[i], variant)))
                return row->says[i];
        }
        if (row->never_says && strstr(log, numbered(row->never_says, variant)))
            return row->never_says;
        if (strstr(log, SECRET))
            return "a password in the clear";
    }
    return NULL;
}

static bool holds(const struct scripted_row *row)
{
    struct world world;
    uint32_t variants = row->uncut ? 1 : world_scaled(PEER_VARIANTS);
    set_up(&world, row, variants);
    struct peer *peer = peer_new(world_sim(&world), row->lines, row->sdp);
    const struct world_peer side = peer_as_world(peer);
    world.peer = &side;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    const char *wrong = judge(row, stats, variants);
    if (!wrong)
        wrong = judge_words(row, peer, variants);
    for (uint32_t i = 0; i < stats->error_count && !wrong; i++)
        wrong = strstr(stats->errors[i].sample, SECRET_BASIC) ? "a password in a sample" : NULL;
    if (wrong) {
        world_print(stats);
        if (world.log_len < 100000)
            print_message("%.3000s\n%s\n", world.log_text, peer_log(peer, 1));
        print_error("%s: %s\n", row->name, wrong);
    }
    world_end(&world);
    peer_free(peer);
    sim_free(world.sim);
    return !wrong;
}

void scripted_run(const struct scripted_row *rows, size_t count)
{
    size_t wrong = 0;
    const char *only = getenv("TEST_ROW");
    for (size_t i = 0; i < count; i++)
        wrong += (!only || strcmp(only, rows[i].name) == 0) && !holds(&rows[i]);
    assert_int_equal(wrong, 0);
}
