/* What a publisher writes, and what it drops, where a frame is larger than what the kernel takes at
 * a time: 25 frames a second, of which each second's first is a keyframe of 1.8 MB. */
#include "world.h"

#include <stdlib.h>

#include "client/session_internal.h"

#define URL "rtsp://" WORLD_HOST ":554/live/{n}"
#define FRAMES_PER_S 25u
#define TICKS (90000u / FRAMES_PER_S)
#define KEY_PACKETS 1300u
#define PICTURE_PACKETS 4u
#define GROUP_PACKETS (KEY_PACKETS + (FRAMES_PER_S - 1) * PICTURE_PACKETS)
#define PICTURES_OF_A_GROUP ((FRAMES_PER_S - 1) * PICTURE_PACKETS)
#define FRAMES_MAX 1000u
#define HEADER 12u

static uint64_t latency_ns = NS_PER_MS; /* one way */

/* The parts of the stream that the only publisher's kernel took. */
static struct {
    const struct client_io *real;
    struct client_io io;
    uint8_t bytes[70000]; /* of what has come in part */
    size_t len;
    bool started;
    uint32_t first_timestamp;
    uint32_t packets[FRAMES_MAX]; /* of each frame */
} tap;

static uint32_t packets_of(uint32_t frame)
{
    return frame % FRAMES_PER_S == 0 ? KEY_PACKETS : PICTURE_PACKETS;
}

static void on_rtp(const uint8_t *packet)
{
    uint32_t timestamp = (uint32_t)packet[4] << 24 | (uint32_t)packet[5] << 16 |
                         (uint32_t)packet[6] << 8 | packet[7];
    if (!tap.started)
        tap.first_timestamp = timestamp;
    tap.started = true;
    uint32_t frame = (timestamp - tap.first_timestamp) / TICKS;
    assert_true(frame < FRAMES_MAX);
    tap.packets[frame]++;
}

/* Takes a frame or a message off the front; false where it isn't whole. */
static bool take_piece(void)
{
    size_t len = 0;
    if (tap.len >= 4 && tap.bytes[0] == '$')
        len = 4 + ((size_t)tap.bytes[2] << 8 | tap.bytes[3]);
    else if (tap.len >= 4 && tap.bytes[0] != '$') {
        const uint8_t *end = memmem(tap.bytes, tap.len, "\r\n\r\n", 4);
        len = end ? (size_t)(end - tap.bytes) + 4 : 0;
    }
    if (len == 0 || len > tap.len)
        return false;
    if (tap.bytes[0] == '$' && tap.bytes[1] == 0)
        on_rtp(tap.bytes + 4);
    tap.len -= len;
    memmove(tap.bytes, tap.bytes + len, tap.len);
    return true;
}

static int64_t tapped_send(void *host, uint32_t socket, struct slice bytes)
{
    int64_t taken = tap.real->send(host, socket, bytes);
    struct slice rest = slice_make(bytes.data, taken > 0 ? (size_t)taken : 0);
    if (rest.len > 0 && !tap.started && rest.data[0] != '$')
        return taken; /* the conversation in front of it, one of whose messages has a body */
    while (rest.len > 0) {
        struct slice part = slice_take(&rest, sizeof(tap.bytes) - tap.len);
        memcpy(tap.bytes + tap.len, part.data, part.len);
        tap.len += part.len;
        while (take_piece())
            ;
    }
    return taken;
}

static int tapped_send_to(void *host, uint32_t socket, const struct address *to, struct slice bytes)
{
    int error = tap.real->send_to(host, socket, to, bytes);
    bool rtp = bytes.len > HEADER && (bytes.data[1] & 0x7f) == 96;
    if (error == 0 && rtp)
        on_rtp(bytes.data);
    return error;
}

static void add_frame(struct media *media, uint32_t frame)
{
    static const uint8_t payload[1388];
    for (uint32_t i = 0; i < packets_of(frame); i++) {
        const struct media_packet packet = {
            .due_ns = frame * NS_PER_S / FRAMES_PER_S,
            .payload = payload,
            .payload_len = sizeof(payload),
            .timestamp = frame * TICKS,
            .key = frame % FRAMES_PER_S == 0,
            .marker = i + 1 == packets_of(frame),
        };
        assert_true(media_add(media, &packet));
    }
}

static struct media *big_keyframes(void)
{
    struct media *media = calloc(1, sizeof(*media));
    assert_non_null(media);
    strcpy(media->name, "big");
    media->lap_ns = NS_PER_S;
    media->joins = media->phases = media->track_count = 1;
    media->tracks[0] = (struct media_track){.video = true,
                                            .payload_type = 96,
                                            .clock_rate = 90000,
                                            .lap_ticks = 90000,
                                            .rtpmap = "H264/90000"};
    for (uint32_t frame = 0; frame < FRAMES_PER_S; frame++)
        add_frame(media, frame);
    assert_true(media_finish(media));
    return media;
}

static void begin(struct world *world, const char *url, uint64_t duration_ms)
{
    world_init(world, url);
    world->plan.publish = world->publish = big_keyframes();
    world->plan.duration_ns = duration_ms * NS_PER_MS;
    memset(&tap, 0, sizeof(tap));
}

/* Sockets take nothing from the turn after full_from_ms to full_to_ms. */
static const struct stats *run(struct world *world, uint64_t full_from_ms, uint64_t full_to_ms)
{
    world_begin(world);
    struct client *client = &world->shards[0].client;
    tap.real = client->io;
    tap.io = *client->io;
    tap.io.send = tapped_send;
    tap.io.send_to = tapped_send_to;
    client->io = &tap.io;
    for (bool goes_on = true; goes_on; goes_on = world_turn(world)) {
        uint64_t ms = (sim_now(world->sim) - world->start_ns) / NS_PER_MS;
        bool full = ms >= full_from_ms && ms < full_to_ms;
        const struct sim_faults faults = {.latency_ns = latency_ns,
                                          .send_full_ppm = full ? 1000000 : 0};
        sim_set_faults(world->sim, &faults);
    }
    return world_result(world);
}

/* Every frame went out whole or not at all; and no picture without the one it depends on. The
   packets of those in between that didn't. */
static uint32_t check_frames(uint32_t frames)
{
    uint32_t missing = 0;
    bool whole = true; /* the group, so far */
    for (uint32_t i = 0; i < frames; i++) {
        if (tap.packets[i] != 0 && tap.packets[i] != packets_of(i))
            fail_msg("frame %u: %u packets", i, tap.packets[i]);
        whole = tap.packets[i] > 0 && (whole || i % FRAMES_PER_S == 0);
        if (tap.packets[i] > 0 && !whole)
            fail_msg("frame %u can't be decoded", i);
        missing += packets_of(i) - tap.packets[i];
    }
    return missing;
}

enum { ALL, HEAD, NONE }; /* what went out of a group: its keyframe, but not its last picture */

/* RECORD is answered at 20 ms, and publishing and the server's stalls begin there, within a
   millisecond. In the long stall, or while this machine is halted, the media's time goes on
   from 3.5 s to 8.5 s. What was in front of the keyframe of 4 s the kernel has taken, or takes at
   once, and of that keyframe a part: it is finished. At 8.5 s all that was due before 6.5 s is too
   old: pictures, and all keyframes but that of 6 s, the newest of those. Over UDP, where a full
   socket takes nothing, the pictures of 3.52 to 3.96 s go, too, and so does the keyframe of 4 s. */
static const struct shortage_row {
    const char *name, *url;
    bool udp;
    uint64_t limit_ms;
    uint64_t halt_from_ms, halt_to_ms;
    uint64_t full_from_ms, full_to_ms; /* the publisher's socket */
    enum drop_cause cause;
    uint32_t groups[9];
    uint32_t dropped;
} waits[] = {
    {"an idle server", URL, .dropped = 0},
    {"an idle server over UDP", URL, .udp = true, .dropped = 0},
    {"a stall under the limit", URL "?stall=1s/4s", .dropped = 0},
    {"a stall", URL "?stall=5s/8500ms", .cause = DROP_SERVER,
     .groups = {[4] = HEAD, [5] = NONE, [6] = HEAD},
     .dropped = GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"a stall under another limit", URL "?stall=5s/8500ms", .limit_ms = 5200, .dropped = 0},
    {"a stall, and this machine halted in its midst", URL "?stall=5s/8500ms", .halt_from_ms = 5000,
     .halt_to_ms = 5500, .cause = DROP_SERVER, .groups = {[4] = HEAD, [5] = NONE, [6] = HEAD},
     .dropped = GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"a stall, and this machine halted for most of it", URL "?stall=5s/8500ms",
     .halt_from_ms = 4100, .halt_to_ms = 8000, .cause = DROP_SERVER,
     .groups = {[4] = HEAD, [5] = NONE, [6] = HEAD},
     .dropped = GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"a stall, and this machine halted as it ends", URL "?stall=5s/8500ms", .halt_from_ms = 8200,
     .halt_to_ms = 8800, .cause = DROP_SERVER, .groups = {[4] = HEAD, [5] = NONE, [6] = HEAD},
     .dropped = GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"this machine halted in a stall that ends soon", URL "?stall=1s/4s", .halt_from_ms = 3520,
     .halt_to_ms = 8520, .cause = DROP_SELF,
     .groups = {[3] = HEAD, [4] = NONE, [5] = NONE, [6] = HEAD},
     .dropped = 2 * GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"this machine halted", URL, .halt_from_ms = 3520, .halt_to_ms = 8520, .cause = DROP_SELF,
     .groups = {[4] = HEAD, [5] = NONE, [6] = HEAD},
     .dropped = GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"this machine halted, with a short limit", URL, .limit_ms = 100, .halt_from_ms = 3520,
     .halt_to_ms = 8520, .cause = DROP_SELF,
     .groups = {[4] = HEAD, [5] = NONE, [6] = NONE, [7] = NONE, [8] = HEAD},
     .dropped = 3 * GROUP_PACKETS + 2 * PICTURES_OF_A_GROUP},
    {"this machine halted for less", URL, .halt_from_ms = 3520, .halt_to_ms = 5000},
    /* the last byte of a picture that is begun doesn't go; half of what depends on the dropped
       pictures comes due when there is room again */
    {"a full connection", URL, .limit_ms = 100, .full_from_ms = 3490, .full_to_ms = 4320,
     .cause = DROP_SERVER, .groups = {[3] = HEAD, [4] = HEAD},
     .dropped = PICTURES_OF_A_GROUP + 11 * PICTURE_PACKETS},
    {"a socket that is full", URL, .udp = true, .full_from_ms = 3490, .full_to_ms = 8520,
     .cause = DROP_SELF, .groups = {[3] = HEAD, [4] = NONE, [5] = NONE, [6] = HEAD},
     .dropped = 2 * GROUP_PACKETS + PICTURES_OF_A_GROUP + 12 * PICTURE_PACKETS},
};

static void test_waits_and_drops(void **state)
{
    struct world world;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        begin(&world, waits[i].url, 10400);
        world.plan.transport = waits[i].udp ? PLAN_UDP : PLAN_TCP;
        world.plan.publish_queue_ns = (waits[i].limit_ms ? waits[i].limit_ms : 2000) * NS_PER_MS;
        world.halt_from_ns = waits[i].halt_from_ms * NS_PER_MS;
        world.halt_to_ns = waits[i].halt_to_ms * NS_PER_MS;
        const struct stats *stats = run(&world, waits[i].full_from_ms, waits[i].full_to_ms);
        uint32_t missing = check_frames(10 * FRAMES_PER_S);
        if (missing != waits[i].dropped || stats->published.dropped != missing ||
            stats->published.dropped_by[waits[i].cause] != missing)
            fail_msg("%s: %u missing, %u dropped, %u by whom it should be", waits[i].name, missing,
                     (unsigned)stats->published.dropped,
                     (unsigned)stats->published.dropped_by[waits[i].cause]);
        for (uint32_t k = 0; k < 9; k++) {
            assert_int_equal(tap.packets[k * FRAMES_PER_S] > 0, waits[i].groups[k] != NONE);
            assert_int_equal(tap.packets[(k + 1) * FRAMES_PER_S - 1] > 0,
                             waits[i].groups[k] == ALL);
        }
        if (!waits[i].udp)
            assert_int_equal(world_truth(&world).received.lost, waits[i].dropped);
        world_end(&world);
    }
}

/* TEARDOWN waits for what was due, wherever in a keyframe the end comes: from 20 ms on a keyframe
   is due each second, and takes eight round trips of 2 ms. */
static void test_ends_behind_a_keyframe(void **state)
{
    struct world world;
    for (uint64_t ms = 3015; ms < 3050; ms++) {
        for (unsigned udp = 0; udp < 2; udp++) {
            begin(&world, URL, ms);
            world.plan.transport = udp ? PLAN_UDP : PLAN_TCP;
            const struct stats *stats = run(&world, udp ? 3010 : 0, udp ? 3100 : 0);
            struct truth_path truth = world_truth(&world);
            uint32_t frames =
                tap.packets[3 * FRAMES_PER_S] > 0 ? 3 * FRAMES_PER_S + 1 : 3 * FRAMES_PER_S;
            assert_int_equal(check_frames(frames), 0);
            assert_int_equal(stats->published.dropped, 0);
            assert_int_equal(stats->sessions.completed, 1);
            assert_int_equal(truth.teardowns, 1);
            if (!udp) {
                assert_int_equal(truth.received.packets, stats->published.packets);
                assert_int_equal(truth.received.lost, 0);
                /* the reply's time is the server's alone */
                assert_in_range(stats->metrics[METRIC_TEARDOWN].max, 1999, 2001);
            }
            world_end(&world);
        }
    }
}

/* It waits for a second, no more, until a server reads: all that was due is written or dropped. The
   server has the 4.2 s of a phase besides. */
static void test_ends_in_a_stall(void **state)
{
    static const struct {
        uint64_t end_ms;
        enum drop_cause cause;
        bool answered;
    } rows[] = {
        {3900, DROP_SELF, false},  /* the kernel has taken all */
        {4100, DROP_SERVER, true}, /* the stall ends at 8.5 s, within the deadline ... */
        {6000, DROP_SERVER, true},
        {8000, DROP_SERVER, true}, /* ... or within the second */
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(&world, URL "?stall=5s/8500ms", rows[i].end_ms);
        world.plan.timeout_ns = 4200 * NS_PER_MS;
        const struct stats *stats = run(&world, 0, 0);
        uint64_t seconds = (rows[i].end_ms - 20) / 1000;
        uint64_t frames = (rows[i].end_ms - 20) * FRAMES_PER_S / 1000 + 1;
        uint64_t due = (seconds + 1) * KEY_PACKETS + (frames - seconds - 1) * PICTURE_PACKETS;
        assert_int_equal(stats->sessions.completed, 1);
        assert_int_equal(stats->published.packets + stats->published.dropped, due);
        assert_int_equal(stats->published.dropped_by[!rows[i].cause], 0);
        assert_int_equal(stats->teardowns_unanswered, !rows[i].answered);
        assert_int_equal(stats->published.dropped > 0, i > 0);
        if (i > 0) /* the keyframe that is begun */
            assert_int_equal(tap.packets[4 * FRAMES_PER_S] == KEY_PACKETS,
                             rows[i].end_ms + 1000 > 8520);
        world_end(&world);
    }
}

/* The time that it waited for room isn't the server's, whose answer comes 0.4 s after TEARDOWN. */
static void test_deadline_behind_a_keyframe(void **state)
{
    struct world world;
    for (uint64_t ms = 5000; ms < 6000; ms += 50) {
        begin(&world, URL, ms);
        world.plan.timeout_ns = NS_PER_S;
        latency_ns = 200 * NS_PER_MS;
        const struct stats *stats = run(&world, 0, 0);
        latency_ns = NS_PER_MS;
        assert_int_equal(stats->sessions.completed, 1);
        assert_int_equal(stats->teardowns_unanswered, 0);
        assert_true(stats->published.dropped > 0); /* 0.6 MB a second is too little */
        world_end(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_and_drops),
        cmocka_unit_test(test_ends_behind_a_keyframe),
        cmocka_unit_test(test_ends_in_a_stall),
        cmocka_unit_test(test_deadline_behind_a_keyframe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
