#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "proto/rtp.h"
#include "server/playout.h"

#define UNIX_OFFSET_NS (UINT64_C(1700000000) * NS_PER_S)
#define STEPS 16u

static const struct playout_origin origin = {.epoch_ns = 1000 * NS_PER_S, .hash = 77};

/* What a receiver makes of sequence numbers: each is kept as an offset to the first. */
struct receiver {
    uint8_t seen[1 << 16]; /* from -100 on */
    int64_t first_sequence, low, high;
    uint64_t packets, bytes, duplicates, reordered;
    uint32_t last_timestamp, ssrc;
};

static void receive(struct receiver *receiver, const struct playout_step *step)
{
    uint8_t bytes[100];
    struct rtp rtp;
    size_t header_len = step->header_len - PLAYOUT_HEADER_ROOM;
    memcpy(bytes, step->header + PLAYOUT_HEADER_ROOM, header_len);
    assert_int_equal(
        rtp_parse_prefix(slice_make(bytes, header_len), playout_step_bytes(step), &rtp), RTP_OK);
    if (receiver->packets++ == 0) {
        receiver->first_sequence = rtp.sequence;
        receiver->ssrc = rtp.ssrc;
    }
    receiver->bytes += playout_step_bytes(step);
    int64_t n = (int16_t)(rtp.sequence - receiver->first_sequence) +
                (receiver->high / 65536) * 65536; /* tests stay under 32,768 apart */
    assert_int_equal(rtp.ssrc, receiver->ssrc);
    assert_in_range(n + 100, 0, sizeof(receiver->seen) - 1);
    if (receiver->seen[n + 100]++ > 0)
        receiver->duplicates++;
    else if (n < receiver->high)
        receiver->reordered++;
    receiver->low = n < receiver->low ? n : receiver->low;
    receiver->high = n > receiver->high ? n : receiver->high;
    receiver->last_timestamp = rtp.timestamp;
}

static uint64_t lost(const struct receiver *receiver)
{
    uint64_t missing = 0;
    for (int64_t n = receiver->low; n <= receiver->high && receiver->packets > 0; n++)
        missing += receiver->seen[n + 100] == 0;
    return missing;
}

static struct media *two_tracks(void)
{
    struct media *media = calloc(1, sizeof(*media));
    static const uint8_t payload[20];
    media->lap_ns = NS_PER_S;
    media->joins = 2;
    media->phases = 10;
    media->track_count = 2;
    media->tracks[0] =
        (struct media_track){.payload_type = 96, .clock_rate = 90000, .lap_ticks = 90000};
    media->tracks[1] =
        (struct media_track){.payload_type = 97, .clock_rate = 48000, .lap_ticks = 48000};
    for (unsigned i = 0; i < 60; i++) {
        struct media_packet packet = {.due_ns = i / 3 * 50 * NS_PER_MS,
                                      .timestamp = i / 3 * 4500,
                                      .payload = payload,
                                      .payload_len = 20,
                                      .marker = i % 3 == 2};
        assert_true(media_add(media, &packet));
    }
    for (unsigned i = 0; i < 40; i++) {
        struct media_packet packet = {.due_ns = i * 25 * NS_PER_MS,
                                      .timestamp = i * 1200,
                                      .track = 1,
                                      .payload = payload,
                                      .payload_len = 10,
                                      .marker = true};
        assert_true(media_add(media, &packet));
    }
    assert_true(media_finish(media));
    return media;
}

static struct playout start(const struct media *media, const struct faults *faults, uint64_t seed,
                            unsigned tracks)
{
    struct playout playout = {.media = media, .faults = faults, .seed = seed};
    playout.tracks[0].on = (tracks & 1) != 0;
    playout.tracks[1].on = (tracks & 2) != 0;
    playout_join(&playout, &origin, 1003 * NS_PER_S, false);
    return playout;
}

static void take(struct playout *playout, struct receiver *receivers,
                 const struct playout_step *step)
{
    playout_move(playout, step);
    playout_count(playout, step->kind, step->overtaken, step->track, playout_step_bytes(step));
    if (step->header_len > 0)
        receive(&receivers[step->track], step);
}

/* Plays to until_ns; of each plan only a random part is committed, as when sockets are full. */
static void play(struct playout *playout, struct receiver *receivers, uint64_t until_ns,
                 struct rng *rng)
{
    struct playout_step steps[STEPS];
    for (;;) {
        unsigned count = playout_plan(playout, until_ns, UNIX_OFFSET_NS, steps, STEPS);
        if (count == 0)
            return;
        unsigned taken = (unsigned)rng_below(rng, count + 1);
        for (unsigned i = 0; i < taken; i++)
            take(playout, receivers, &steps[i]);
    }
}

static void finish(struct playout *playout, struct receiver *receivers)
{
    struct playout_step steps[MEDIA_TRACKS_MAX];
    unsigned count = playout_plan_held(playout, UNIX_OFFSET_NS, steps);
    for (unsigned i = 0; i < count; i++)
        take(playout, receivers, &steps[i]);
}

static void check(const struct playout *playout, const struct receiver *receivers, unsigned track)
{
    const struct truth_counts *truth = &playout->tracks[track].truth.counts;
    const struct receiver *receiver = &receivers[track];
    assert_int_equal(receiver->packets, truth->sent);
    assert_int_equal(receiver->bytes, truth->bytes);
    assert_int_equal(receiver->duplicates, truth->duplicated);
    assert_int_equal(receiver->reordered, truth->reordered);
    assert_int_equal(lost(receiver), truth->dropped_inside);
}

/* Whatever faults strike and wherever the stream ends, a receiver's count equals the truth. */
static void test_receivers_agree_with_the_truth(void **state)
{
    static const char *const faults_of[] = {"",
                                            "drop=1/3",
                                            "dup=1/3",
                                            "reorder=1/3",
                                            "reorder=1",
                                            "drop=1/2&reorder=1/2",
                                            "drop=1/4&dup=1/4&reorder=1/4&seq=65500",
                                            "dup=1/2&reorder=1/2&spread=1"};
    struct media *media = two_tracks();
    for (size_t i = 0; i < sizeof(faults_of) / sizeof(faults_of[0]); i++) {
        struct faults faults = {0};
        assert_true(faults_parse(&faults, slice_from_string(faults_of[i]), &(struct text){0}));
        struct truth_counts sum = {0};
        for (uint64_t seed = 0; seed < 200; seed++) {
            struct receiver *receivers = calloc(2, sizeof(*receivers));
            struct rng rng = rng_init(seed, 0, 0);
            struct playout playout = start(media, &faults, seed, 3);
            uint64_t length_ns = rng_below(&rng, 3 * NS_PER_S);
            play(&playout, receivers, 1003 * NS_PER_S + length_ns, &rng);
            finish(&playout, receivers);
            check(&playout, receivers, 0);
            check(&playout, receivers, 1);
            truth_add(&sum, &playout.tracks[0].truth.counts);
            free(receivers);
        }
        assert_int_equal(sum.dropped_inside > 100, faults.drop > 0);
        assert_int_equal(sum.duplicated > 100, faults.duplicate > 0);
        assert_int_equal(sum.reordered > 100, faults.reorder > 0);
    }
    media_free(media);
}

/* A reader that lags: the oldest packets go, and are counted. */
static void test_skip(void **state)
{
    struct media *media = two_tracks();
    struct faults faults = {0};
    assert_true(faults_parse(&faults, SLICE("reorder=1/5&drop=1/9"), &(struct text){0}));
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct receiver *receivers = calloc(2, sizeof(*receivers));
        struct rng rng = rng_init(seed, 0, 0);
        struct playout playout = start(media, &faults, seed, 3);
        for (uint64_t now_ns = 1003 * NS_PER_S; now_ns < 1009 * NS_PER_S;) {
            now_ns += rng_below(&rng, NS_PER_S);
            playout_skip(&playout, now_ns, 30);
            assert_true(playout_lag(&playout, now_ns) <= 30);
            play(&playout, receivers, now_ns, &rng);
            assert_int_equal(playout_lag(&playout, now_ns), 0);
        }
        finish(&playout, receivers);
        check(&playout, receivers, 0);
        check(&playout, receivers, 1);
        free(receivers);
    }
    media_free(media);
}

/* 100 packets a second, 60 of them on track 0: 6 s of one track only. */
static void test_one_track(void **state)
{
    struct media *media = two_tracks();
    struct faults faults = {0};
    struct rng rng = rng_init(3, 0, 0);
    struct receiver *receivers = calloc(2, sizeof(*receivers));
    struct playout playout = start(media, &faults, 3, 1);
    uint64_t first_ns = playout_next_due(&playout);
    play(&playout, receivers, first_ns + 6 * NS_PER_S - 1, &rng);
    assert_int_equal(playout.tracks[0].truth.counts.sent, 360);
    assert_int_equal(receivers[1].packets, 0);
    assert_true(playout_next_due(&playout) >= first_ns + 6 * NS_PER_S);
    free(receivers);
    media_free(media);
}

/* The first packet comes within a phase, at a joining point, and two that join together get equal
 * packets. */
static void test_join(void **state)
{
    struct media *media = two_tracks();
    struct faults faults = {0};
    for (uint64_t now_ns = origin.epoch_ns; now_ns < origin.epoch_ns + 3 * NS_PER_S;
         now_ns += 7654321) {
        struct playout a = {.media = media, .faults = &faults, .seed = 1, .tracks[0].on = true};
        struct playout b = {.media = media, .faults = &faults, .seed = 2, .tracks[0].on = true};
        uint64_t due_ns = playout_join(&a, &origin, now_ns, false);
        assert_true(due_ns > now_ns && due_ns <= now_ns + 50 * NS_PER_MS);
        assert_int_equal(media->packets[a.at.places[0].index].due_ns % (500 * NS_PER_MS), 0);
        assert_int_equal(playout_join(&b, &origin, now_ns, false), due_ns);
        assert_memory_equal(&a.at, &b.at, sizeof(a.at));
        assert_int_equal(a.tracks[0].ssrc, b.tracks[0].ssrc);
        assert_int_equal(playout_next_timestamp(&a, 0), playout_timestamp(&a, 0, due_ns));
        assert_int_equal(playout_next_timestamp(&b, 0), playout_next_timestamp(&a, 0));
    }
    media_free(media);
}

/* Who joins a phase later gets what those get that are there, with the same sequence numbers, also
   of sound that has a unit more in some laps than in others. */
static void test_join_later(void **state)
{
    struct media *media = two_tracks();
    struct faults faults = {0};
    media_set_grid(&media->tracks[1], 1201, 90000, 90000); /* 39.97 units */
    media->packets[media->tracks[1].first + 39].only_long = true;
    media->tracks[1].grid.short_packets = 39;
    struct playout early = start(media, &faults, 1, 3);
    uint64_t due_ns = playout_next_due(&early), later_ns = due_ns + 200 * NS_PER_S;
    struct playout late = {.media = media, .faults = &faults, .seed = 2};
    late.tracks[0].on = late.tracks[1].on = true;
    assert_int_equal(playout_join(&late, &origin, later_ns - 1, false), later_ns);
    playout_skip(&early, later_ns - 1, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(late.at.sequence[i], early.at.sequence[i]);
        assert_int_equal(late.at.places[i].due_ns, early.at.places[i].due_ns);
        assert_int_equal(playout_next_timestamp(&late, i), playout_next_timestamp(&early, i));
        assert_int_equal(late.tracks[i].ssrc, early.tracks[i].ssrc);
    }
    media_free(media);
}

/* RTP time is wall-clock time in the track's clock, on both tracks and over the laps. */
static void test_timestamps_run_on(void **state)
{
    struct media *media = two_tracks();
    struct faults faults = {0};
    struct playout_step steps[4];
    struct playout playout = start(media, &faults, 1, 3);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t due_ns = playout_next_due(&playout);
        assert_true(playout_plan(&playout, due_ns, UNIX_OFFSET_NS, steps, 4) > 0);
        const uint8_t *header = steps[0].header + PLAYOUT_HEADER_ROOM;
        uint32_t timestamp = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 |
                             (uint32_t)header[6] << 8 | header[7];
        assert_int_equal(timestamp, playout_timestamp(&playout, steps[0].track, due_ns));
        playout.at = steps[0].after;
    }
    media_free(media);
}

/* After a pause sequence numbers and SSRCs go on, and time has passed. */
static void test_resume(void **state)
{
    struct media *media = two_tracks();
    struct faults faults = {0};
    struct rng rng = rng_init(5, 0, 0);
    struct receiver *receivers = calloc(2, sizeof(*receivers));
    struct playout playout = start(media, &faults, 3, 3);
    play(&playout, receivers, 1004 * NS_PER_S, &rng);
    uint16_t sequence = playout.at.sequence[0];
    uint32_t timestamp = receivers[0].last_timestamp;
    uint64_t due_ns = playout_join(&playout, &origin, 1014 * NS_PER_S, true);
    assert_int_equal(playout.at.sequence[0], sequence);
    assert_in_range(playout_next_timestamp(&playout, 0) - timestamp, 90000 * 10, 90000 * 10 + 9000);
    play(&playout, receivers, due_ns + NS_PER_S, &rng);
    check(&playout, receivers, 0);
    check(&playout, receivers, 1);
    free(receivers);
    media_free(media);
}

/* 200/s of 1,250 bytes: exact number, size and stamps. */
static void test_pattern(void **state)
{
    struct media *media = media_new_pattern(200, 1250);
    struct faults faults = {0};
    struct playout_step steps[STEPS];
    struct playout playout = start(media, &faults, 1, 1);
    uint64_t first_ns = playout_next_due(&playout);
    assert_true(first_ns <= 1003 * NS_PER_S + 5 * NS_PER_MS);
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t due_ns = playout_next_due(&playout), stamp = 0;
        assert_int_equal(due_ns, first_ns + i * 5 * NS_PER_MS);
        assert_int_equal(playout_plan(&playout, due_ns, UNIX_OFFSET_NS, steps, STEPS), 1);
        assert_int_equal(playout_step_bytes(&steps[0]), 1250);
        const uint8_t *payload = steps[0].header + PLAYOUT_HEADER_ROOM + 12;
        assert_memory_equal(payload, "RTSB", 4);
        for (unsigned j = 4; j < 12; j++)
            stamp = stamp << 8 | payload[j];
        assert_int_equal(stamp, due_ns + UNIX_OFFSET_NS);
        playout.at = steps[0].after;
    }
    media_free(media);
}

static void test_pattern_rates(void **state)
{
    static const struct {
        double per_s;
        uint32_t lap_s, packets; /* 0: refused */
    } rows[] = {{1, 1, 1},         {100000, 1, 100000}, {1.5, 2, 3},
                {1.0 / 60, 60, 1}, {1.0 / 3, 3, 1},     {10, 1, 10},
                {1e7, 0, 0},       {0.0001, 0, 0},      {3.14159265, 0, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = media_new_pattern(rows[i].per_s, 24);
        if ((media != NULL) != (rows[i].packets > 0))
            fail_msg("%g/s", rows[i].per_s);
        if (!media)
            continue;
        assert_int_equal(media->lap_ns, rows[i].lap_s * NS_PER_S);
        assert_int_equal(media->packet_count, rows[i].packets);
        assert_int_equal(media_packet_bytes(media, &media->packets[0]), 24);
        media_free(media);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receivers_agree_with_the_truth),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_one_track),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_join_later),
        cmocka_unit_test(test_timestamps_run_on),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_pattern_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
