#include "test.h"

#include <stdlib.h>

#include "base/rng.h"
#include "stats/stats.h"

/* The names of the result file, written down once more. */
static void test_names(void **state)
{
    static const char *const phases[] = {"resolve",   "connect",  "tls",      "options",
                                         "describe",  "setup",    "play",     "media",
                                         "keepalive", "teardown", "announce", "record"};
    assert_int_equal(sizeof(phases) / sizeof(phases[0]), PHASES);
    for (unsigned i = 0; i < PHASES; i++)
        assert_string_equal(phase_name(i), phases[i]);

    static const struct {
        enum reason reason;
        const char *name;
    } rows[] = {
        {REASON_NONE, "none"},
        {REASON_TIMEOUT, "timeout"},
        {REASON_EOF, "eof"},
        {REASON_AUTH_REQUIRED, "auth_required"},
        {REASON_HEADER_TOO_MANY, "header_too_many"},
        {REASON_MEDIA_TIMEOUT, "media_timeout"},
        {REASON_NO_SOCKET, "no_socket"},
        {REASON_ABUSE, "abuse"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(reason_name(rows[i].reason), rows[i].name);
    for (unsigned i = 0; i < REASONS; i++) {
        assert_non_null(reason_name(i));
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(reason_name(i), reason_name(k));
    }
}

/* Some rows of the table; world_result holds what sessions of other tests run into against it. */
static void test_where_reasons_occur(void **state)
{
    static const struct {
        enum phase phase;
        enum reason reason;
        bool occurs;
    } rows[] = {
        {PHASE_RESOLVE, REASON_NO_ADDRESS, true},
        {PHASE_CONNECT, REASON_REFUSED, true},
        {PHASE_CONNECT, REASON_STATUS, false},
        {PHASE_OPTIONS, REASON_STATUS, false}, /* whatever its reply, DESCRIBE follows */
        {PHASE_DESCRIBE, REASON_NO_MEDIA, true},
        {PHASE_DESCRIBE, REASON_BYE, false},
        {PHASE_SETUP, REASON_TRANSPORT_INVALID, true},
        {PHASE_PLAY, REASON_TRANSPORT_INVALID, false},
        {PHASE_RECORD, REASON_STATUS, true},
        {PHASE_MEDIA, REASON_MEDIA_TIMEOUT, true},
        {PHASE_MEDIA, REASON_STATUS, false}, /* no request awaits a reply, but keepalives */
        {PHASE_KEEPALIVE, REASON_STATUS, true},
        {PHASE_TEARDOWN, REASON_TEARDOWN_TIMEOUT, true},
        {PHASE_TEARDOWN, REASON_TIMEOUT, false},
        {PHASE_TEARDOWN, REASON_EOF, false}, /* an answer */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(reason_occurs_in(rows[i].reason, rows[i].phase), rows[i].occurs);
}

/* What no phase can fail for, because nothing here does so: a new reason needs its place. */
static void test_every_reason_occurs(void **state)
{
    static const enum reason idle[] = {REASON_NONE, REASON_TLS_VERIFY, REASON_TLS_HANDSHAKE};
    bool expected[REASONS];
    for (unsigned reason = 0; reason < REASONS; reason++)
        expected[reason] = true;
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
        expected[idle[i]] = false;
    for (unsigned reason = 0; reason < REASONS; reason++) {
        bool occurs = false;
        for (unsigned phase = 0; phase < PHASES; phase++)
            occurs |= reason_occurs_in(reason, phase);
        if (occurs != expected[reason])
            fail_msg("%s", reason_name(reason));
    }
}

static void record(struct stats *stats, struct rng *rng)
{
    stats->sessions.started += rng_below(rng, 9);
    stats->sessions.retries += rng_below(rng, 9);
    stats->rtp[rng_below(rng, MEDIA_KINDS)].packets += rng_below(rng, 1000);
    stats->rtp[MEDIA_OTHER].lost_by[LOSS_SERVER] += rng_below(rng, 3);
    stats->rtcp.bad += rng_below(rng, 3);
    stats->oddities.keepalive_refused += rng_below(rng, 3);
    stats->panel.gaps_shared += rng_below(rng, 3);
    stats->failed_in[ROLE_PUBLISHER][WAIT_SETUP] += rng_below(rng, 3);
    stats->teardowns_unanswered += rng_below(rng, 3);
    stats->wanted_us += rng_below(rng, 1000);
    stats->udp_socket_drops += rng_below(rng, 3);
    stats->recv_backlog_gaps += rng_below(rng, 3);
    stats->cpu_ns += rng_below(rng, 1000);
    stats->wall_ns += rng_below(rng, 1000);
    stats->active += (uint32_t)rng_below(rng, 9);
    stats->starting += (uint32_t)rng_below(rng, 9);
    stats->target += (uint32_t)rng_below(rng, 9);
    stats->active_peak += (uint32_t)rng_below(rng, 9);
    histogram_record(&stats->metrics[rng_below(rng, METRICS)], rng_below(rng, 100000));
    struct stream_stats *stream = &stats->streams[rng_below(rng, stats->stream_count)];
    stream->sessions.completed += rng_below(rng, 9);
    stream->rtp.lost_by[LOSS_SELF] += rng_below(rng, 9);
    stream->media_us += rng_below(rng, 9);
    stream->media_bytes += rng_below(rng, 9);
    histogram_record(&stats->cut_off[rng_below(rng, ROLES)][rng_below(rng, WAITS)],
                     rng_below(rng, 100000));
    histogram_record(&stats->silent, rng_below(rng, 100000));
    histogram_record(&stream->startup, rng_below(rng, 100000));
    stream->no_keyframe[rng_below(rng, KEYFRAME_STEPS)]++;
    uint64_t interval_us = rng_below(rng, 1000);
    if (interval_us > stream->keyframe_interval_us)
        stream->keyframe_interval_us = interval_us;
    stats_error(stats, (enum phase)rng_below(rng, 3), REASON_STATUS,
                400 + (unsigned)rng_below(rng, 5), "x");
}

static void assert_same_histogram(const struct histogram *a, const struct histogram *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->sum, b->sum);
    assert_int_equal(a->min, b->min);
    assert_int_equal(a->max, b->max);
    assert_memory_equal(a->counts, b->counts, a->bucket_count * sizeof(a->counts[0]));
}

static void assert_same_errors(const struct stats *a, const struct stats *b)
{
    uint64_t found = 0;
    assert_int_equal(a->error_count, b->error_count);
    for (uint32_t i = 0; i < a->error_count; i++) {
        for (uint32_t k = 0; k < b->error_count; k++) {
            const struct error_entry *x = &a->errors[i], *y = &b->errors[k];
            if (x->phase == y->phase && x->status == y->status && x->count == y->count)
                found++;
        }
    }
    assert_int_equal(found, a->error_count);
}

static void assert_same(const struct stats *a, const struct stats *b)
{
    assert_memory_equal(a, b, offsetof(struct stats, metrics));
    assert_memory_equal(a->failed_in, b->failed_in,
                        offsetof(struct stats, error_count) - offsetof(struct stats, failed_in));
    for (unsigned i = 0; i < ROLES * WAITS; i++)
        assert_same_histogram(&a->cut_off[i / WAITS][i % WAITS], &b->cut_off[i / WAITS][i % WAITS]);
    assert_same_histogram(&a->silent, &b->silent);
    for (unsigned i = 0; i < METRICS; i++)
        assert_same_histogram(&a->metrics[i], &b->metrics[i]);
    for (uint32_t i = 0; i < a->stream_count; i++) {
        const struct stream_stats *x = &a->streams[i], *y = &b->streams[i];
        assert_memory_equal(&x->sessions, &y->sessions, sizeof(x->sessions));
        assert_memory_equal(&x->rtp, &y->rtp, sizeof(x->rtp));
        assert_memory_equal(x->no_keyframe, y->no_keyframe, sizeof(x->no_keyframe));
        assert_int_equal(x->keyframe_interval_us, y->keyframe_interval_us);
        assert_int_equal(x->media_us, y->media_us);
        assert_int_equal(x->media_bytes, y->media_bytes);
        assert_same_histogram(&x->startup, &y->startup);
    }
    assert_same_errors(a, b);
}

/* Five shards added up are one shard that saw it all. */
static void test_add_is_exact(void **state)
{
    struct stats *all = stats_new(3), *sum = stats_new(3), *part = stats_new(3);
    assert_true(all && sum && part);
    struct rng rng = rng_init(5, 0, 0);
    for (int shard = 0; shard < 5; shard++) {
        stats_clear(part);
        for (int i = 0; i < 400; i++) {
            struct rng same = rng;
            record(part, &rng);
            record(all, &same);
        }
        stats_add(sum, part);
    }
    assert_true(all->sessions.started > 0 && all->streams[2].startup.count > 0);
    assert_same(sum, all);
    stats_free(all);
    stats_free(sum);
    stats_free(part);
}

static void test_clear_leaves_nothing(void **state)
{
    struct stats *used = stats_new(2), *fresh = stats_new(2);
    struct rng rng = rng_init(6, 0, 0);
    for (int i = 0; i < 300; i++)
        record(used, &rng);
    used->errors_not_kept = 4;
    stats_clear(used);
    assert_same(used, fresh);
    assert_int_equal(used->errors_not_kept, 0);
    assert_int_equal(used->stream_count, 2);
    stats_free(used);
    stats_free(fresh);
}

static void test_metric_precision(void **state)
{
    struct stats *stats = stats_new(1);
    for (unsigned i = 0; i < METRICS; i++)
        assert_int_equal(stats->metrics[i].digits, i == METRIC_STARTUP ? 3 : 2);
    stats_free(stats);
}

static void test_errors(void **state)
{
    struct stats *stats = stats_new(0), *sum = stats_new(0);
    stats_error(stats, PHASE_DESCRIBE, REASON_STATUS, 404, "404 Not\tFound\r\n");
    stats_error(stats, PHASE_DESCRIBE, REASON_STATUS, 404, "another");
    stats_error(stats, PHASE_DESCRIBE, REASON_STATUS, 403, NULL);
    stats_error(stats, PHASE_SETUP, REASON_STATUS, 404, "s");
    stats_error(stats, PHASE_SETUP, REASON_EOF, 0, "e");
    assert_int_equal(stats->error_count, 4);
    assert_int_equal(stats->errors[0].count, 2);
    assert_string_equal(stats->errors[0].sample, "404 Not\\x09Found\\r\\n");
    assert_string_equal(stats->errors[1].sample, "");
    stats_add(sum, stats);
    stats_add(sum, stats);
    assert_int_equal(sum->errors[0].count, 4);
    assert_string_equal(sum->errors[0].sample, "404 Not\\x09Found\\r\\n");
    stats_free(stats);
    stats_free(sum);
}

/* The 65th kind is counted, not kept; a sample is cut between characters. */
static void test_errors_overflow(void **state)
{
    struct stats *stats = stats_new(0), *sum = stats_new(0);
    char sample[400];
    memset(sample, 'a', sizeof(sample));
    sample[158] = (char)0xc3;
    sample[159] = (char)0xa9;
    sample[sizeof(sample) - 1] = '\0';
    for (unsigned status = 400; status < 400 + ERRORS_MAX + 6; status++)
        stats_error(stats, PHASE_PLAY, REASON_STATUS, status, sample);
    assert_int_equal(stats->error_count, ERRORS_MAX);
    assert_int_equal(stats->errors_not_kept, 6);
    assert_int_equal(strlen(stats->errors[0].sample), 158);

    stats_error(sum, PHASE_OPTIONS, REASON_EOF, 0, "");
    stats_add(sum, stats);
    assert_int_equal(sum->error_count, ERRORS_MAX);
    assert_int_equal(sum->errors_not_kept, 7);
    stats_free(stats);
    stats_free(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_where_reasons_occur),
        cmocka_unit_test(test_every_reason_occurs),
        cmocka_unit_test(test_add_is_exact),
        cmocka_unit_test(test_clear_leaves_nothing),
        cmocka_unit_test(test_metric_precision),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_errors_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
