#include "media/timing_repair.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"

#define JUMPS_ROOM 16u                            /* at first */
#define PAUSE_NS ((int64_t)(3 * NS_PER_S))        /* that all tracks have: a jump */
#define PAUSE_ALONE_NS ((int64_t)(10 * NS_PER_S)) /* of a track that is alone */
#define MARGIN_NS ((int64_t)NS_PER_S)             /* by which tracks may be apart in a file */
#define APART_NS ((int64_t)NS_PER_S / 2)          /* by which a track may be off without a jump */
#define REORDERED_MAX 16 /* pictures by which a pts may step back (H.264 and H.265: 16) */

/* From each jump on, times are later by so much. */
struct jumps {
    unsigned count, room;          /* with the file's start, which is none */
    int64_t *shift_ns;             /* owned */
    int64_t first_ns, first_by_ns; /* where the first one is in the lap, and how far it goes */
};

static int64_t to_ns(int64_t ticks, uint32_t rate)
{
    int64_t s = ticks / rate, rest = ticks % rate;
    return s * (int64_t)NS_PER_S + rest * (int64_t)NS_PER_S / rate;
}

static int64_t to_ticks(int64_t ns, uint32_t rate)
{
    int64_t s = ns / (int64_t)NS_PER_S, rest = ns % (int64_t)NS_PER_S;
    int64_t half = (int64_t)NS_PER_S / 2;
    int64_t scaled = rest * rate + (rest < 0 ? -half : half);
    return s * rate + scaled / (int64_t)NS_PER_S;
}

static int64_t duration_of(const struct timing_track *track, const struct timing_unit *unit)
{
    return unit->duration > 0 ? unit->duration : track->video ? timing_usual(track) : 0;
}

static int by_order(const void *a, const void *b)
{
    const struct timing_unit *left = *(struct timing_unit *const *)a;
    const struct timing_unit *right = *(struct timing_unit *const *)b;
    if (left->order != right->order)
        return left->order < right->order ? -1 : 1;
    return left < right ? -1 : 1;
}

/* Pictures that come in the order of decoding and have no pts: one after the other as they are
   shown. */
static bool number_pictures(struct timing *timing, unsigned track)
{
    struct timing_unit **units = calloc(timing->count + 1, sizeof(struct timing_unit *));
    const struct timing_track *of = &timing->tracks[track];
    size_t count = 0;
    if (!units)
        return false;
    for (size_t i = 0; i < timing->count; i++) {
        if (timing->units[i].track == track)
            units[count++] = &timing->units[i];
    }
    qsort(units, count, sizeof(struct timing_unit *), by_order);
    for (uint64_t i = 0; i < count; i++)
        units[i]->pts = (int64_t)(i * of->rate * of->frames_s / of->frames);
    free(units);
    return true;
}

static bool has_times(const struct timing *timing, unsigned track, bool dts)
{
    for (size_t i = 0; i < timing->count; i++) {
        const struct timing_unit *unit = &timing->units[i];
        if (unit->track == track && (dts ? unit->dts : unit->pts) != TIMING_NONE)
            return true;
    }
    return false;
}

/* A unit without a pts follows the one before, or is shown as it is decoded. */
static void fill_pts(struct timing *timing, unsigned track)
{
    int64_t next = 0;
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track)
            continue;
        if (unit->pts == TIMING_NONE)
            unit->pts = unit->dts != TIMING_NONE ? unit->dts : next;
        next = unit->pts + duration_of(&timing->tracks[track], unit);
    }
}

/* A track that has dts has them for all its units: the first ones count backwards. */
static void fill_dts(struct timing *timing, unsigned track)
{
    const struct timing_track *of = &timing->tracks[track];
    int64_t dts = TIMING_NONE;
    for (size_t i = timing->count; i-- > 0;) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track)
            continue;
        if (unit->dts == TIMING_NONE && dts != TIMING_NONE)
            unit->dts = dts - duration_of(of, unit);
        dts = unit->dts;
    }
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track)
            continue;
        if (unit->dts == TIMING_NONE)
            unit->dts = dts + duration_of(of, unit);
        dts = unit->dts;
    }
}

/* The times of all tracks but the leader, in ascending order. */
struct others {
    size_t count;
    int64_t *at_ns; /* owned */
};

static int by_time(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* False: out of memory. */
static bool collect_others(const struct timing *timing, unsigned leader, struct others *others)
{
    *others = (struct others){0, calloc(timing->count + 1, sizeof(int64_t))};
    for (size_t i = 0; others->at_ns && i < timing->count; i++) {
        const struct timing_unit *unit = &timing->units[i];
        if (unit->track != leader)
            others->at_ns[others->count++] = to_ns(unit->pts, timing->tracks[unit->track].rate);
    }
    if (others->at_ns)
        qsort(others->at_ns, others->count, sizeof(int64_t), by_time);
    return others->at_ns != NULL;
}

/* Is there nothing of other tracks between two times, but what may be close to them? */
static bool is_pause(const struct others *others, int64_t from_ns, int64_t until_ns)
{
    size_t low = 0, high = others->count; /* the first one behind from_ns is looked for */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (others->at_ns[middle] <= from_ns + MARGIN_NS)
            low = middle + 1;
        else
            high = middle;
    }
    return low == others->count || others->at_ns[low] >= until_ns - MARGIN_NS;
}

/* False: out of memory. */
static bool add_jump(struct jumps *jumps, int64_t at_ns, int64_t by_ns)
{
    if (jumps->count == jumps->room) {
        int64_t *more = reallocarray(jumps->shift_ns, 2 * (size_t)jumps->room, sizeof(*more));
        if (!more)
            return false;
        jumps->shift_ns = more;
        jumps->room *= 2;
    }
    if (jumps->count == 1) {
        jumps->first_ns = at_ns;
        jumps->first_by_ns = by_ns;
    }
    jumps->shift_ns[jumps->count] = jumps->shift_ns[jumps->count - 1] - by_ns;
    jumps->count++;
    return true;
}

/* Finds jumps in the track that says how long a lap is, and closes them there. False: out of
   memory. */
static bool close_leader(struct timing *timing, unsigned track, const struct others *others,
                         struct jumps *jumps)
{
    const struct timing_track *of = &timing->tracks[track];
    bool has_dts = has_times(timing, track, true), started = false;
    int64_t expected_ns = 0, last_ns = 0, first_ns = 0;
    int64_t pause_ns = timing->track_count > 1 ? PAUSE_NS : PAUSE_ALONE_NS;
    int64_t usual_ns = to_ns(timing_usual(of), of->rate);
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track)
            continue;
        int64_t at_ns = to_ns(has_dts ? unit->dts : unit->pts, of->rate);
        int64_t end_ns = at_ns + to_ns(duration_of(of, unit), of->rate);
        bool back = at_ns < last_ns - usual_ns * (has_dts || !of->video ? 2 : REORDERED_MAX);
        bool on = at_ns > expected_ns + pause_ns && is_pause(others, expected_ns, at_ns);
        if (!started)
            first_ns = at_ns;
        else if ((back || on) &&
                 !add_jump(jumps, expected_ns + jumps->shift_ns[jumps->count - 1] - first_ns,
                           at_ns - expected_ns))
            return false;
        bool anew = !started || back || on;
        expected_ns = anew || end_ns > expected_ns ? end_ns : expected_ns;
        last_ns = anew || at_ns > last_ns ? at_ns : last_ns;
        started = true;
        unit->pts += to_ticks(jumps->shift_ns[jumps->count - 1], of->rate);
    }
    return true;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a < b ? b - a : a - b;
}

/* Another track jumps with the leader, or on its own: back alone, as it may have gaps. */
static void close_follower(struct timing *timing, unsigned track, const struct jumps *jumps)
{
    const struct timing_track *of = &timing->tracks[track];
    int64_t expected_ns = 0, own_ns = 0;
    unsigned jump = 0;
    bool started = false;
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track)
            continue;
        int64_t raw_ns = to_ns(unit->pts, of->rate) + own_ns, long_ns = duration_of(of, unit);
        int64_t off_ns = distance(raw_ns + jumps->shift_ns[jump], expected_ns);
        for (unsigned j = jump + 1; started && off_ns > APART_NS && j < jumps->count; j++) {
            if (distance(raw_ns + jumps->shift_ns[j], expected_ns) < off_ns / 2)
                off_ns = distance(raw_ns + jumps->shift_ns[jump = j], expected_ns);
        }
        int64_t at_ns = raw_ns + jumps->shift_ns[jump];
        if (started && !of->video && at_ns < expected_ns - APART_NS) {
            own_ns += expected_ns - at_ns;
            at_ns = expected_ns;
        }
        unit->pts += to_ticks(jumps->shift_ns[jump] + own_ns, of->rate);
        expected_ns = at_ns + to_ns(long_ns, of->rate);
        started = true;
    }
}

static bool close_jumps(struct timing *timing, struct media *media)
{
    struct jumps jumps = {1, JUMPS_ROOM, calloc(JUMPS_ROOM, sizeof(int64_t)), 0, 0};
    unsigned leader = 0;
    while (leader + 1 < timing->track_count && !timing->tracks[leader].video)
        leader++;
    if (!timing->tracks[leader].video)
        leader = 0;
    struct others others;
    bool closed = collect_others(timing, leader, &others) && jumps.shift_ns &&
                  close_leader(timing, leader, &others, &jumps);
    free(others.at_ns);
    for (unsigned i = 0; i < timing->track_count && closed; i++) {
        if (i != leader)
            close_follower(timing, i, &jumps);
    }
    if (closed && jumps.count > 1)
        media_note(media, "its time jumps %u time%s, first by %+.3f s after %.3f s: that is closed",
                   jumps.count - 1, jumps.count > 2 ? "s" : "",
                   (double)jumps.first_by_ns / NS_PER_S, (double)jumps.first_ns / NS_PER_S);
    free(jumps.shift_ns);
    return closed;
}

bool timing_repair(struct timing *timing, struct media *media)
{
    for (unsigned i = 0; i < timing->track_count; i++) {
        bool video = timing->tracks[i].video;
        if (has_times(timing, i, true))
            fill_dts(timing, i);
        if (video && !has_times(timing, i, false) && !number_pictures(timing, i))
            return false;
        fill_pts(timing, i);
    }
    return close_jumps(timing, media);
}
