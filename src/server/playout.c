#include "server/playout.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/units.h"

#define SPREAD_NS NS_PER_MS
#define HELD_WAIT_MAX 4u

static_assert(sizeof(struct playout_step) <= 112, "a frame's worth of them is filled at a time");

static uint64_t hash(uint64_t path, uint64_t what, unsigned track)
{
    struct rng rng = rng_init(path, what, track);
    return rng_next(&rng);
}

static uint32_t phases_of(const struct playout *playout)
{
    const struct media *media = playout->media;
    uint64_t spread = media->lap_ns / media->joins / SPREAD_NS;
    return playout->faults->spread && spread > media->phases ? (uint32_t)spread : media->phases;
}

static void join_track(struct playout *playout, const struct playout_origin *origin, unsigned track,
                       uint64_t offset_ns)
{
    struct playout_track *to = &playout->tracks[track];
    const struct media_place *place = &playout->at.places[track];
    uint64_t number = place->due_ns == UINT64_MAX ? 0 : media_ordinal(playout->media, place);
    to->ssrc = (uint32_t)hash(origin->hash, 1 + offset_ns, track);
    playout->at.sequence[track] = (uint16_t)(hash(origin->hash, 0, track) + number);
    if (playout->faults->has_sequence) {
        to->ssrc = (uint32_t)hash(playout->seed, 1, track);
        playout->at.sequence[track] = playout->faults->sequence;
    }
}

static uint32_t timestamp_base(const struct playout *playout, const struct playout_origin *origin,
                               unsigned track, uint64_t offset_ns)
{
    uint64_t ticks = units_scale(offset_ns, playout->media->tracks[track].clock_rate, NS_PER_S);
    return (uint32_t)((hash(origin->hash, 0, track) >> 32) + ticks);
}

/* When the stream of a phase next comes to a point where it can be joined, in ns since its start,
   and which phase that is: the first one to come to such a point after since_ns. */
static uint64_t next_join(const struct playout *playout, uint64_t since_ns, uint64_t *offset_ns)
{
    const struct media *media = playout->media;
    uint64_t phases = phases_of(playout), slots = media->joins * phases;
    uint32_t lap = (uint32_t)(since_ns / media->lap_ns);
    while (media_lap_start(media, lap) > since_ns)
        lap--;
    since_ns -= media_lap_start(media, lap);
    uint64_t slot = units_scale(since_ns, slots, media->lap_ns) + 1;
    lap += (uint32_t)(slot / slots);
    slot %= slots;
    *offset_ns = units_scale(media->lap_ns, slot % phases, slots);
    return media_lap_start(media, lap) + units_scale(media->lap_ns, slot / phases, media->joins);
}

uint64_t playout_join(struct playout *playout, const struct playout_origin *origin, uint64_t now_ns,
                      bool again)
{
    uint64_t offset_ns, since_ns = now_ns > origin->epoch_ns ? now_ns - origin->epoch_ns : 0;
    uint64_t from_ns = next_join(playout, since_ns, &offset_ns);
    playout->phase_ns = origin->epoch_ns + offset_ns;
    for (unsigned i = 0; i < playout->media->track_count; i++) {
        playout->at.places[i] = media_seek(playout->media, i, from_ns);
        if (!again)
            join_track(playout, origin, i, offset_ns);
        playout->tracks[i].timestamp_base = timestamp_base(playout, origin, i, offset_ns);
    }
    return playout_next_due(playout);
}

uint32_t playout_timestamp(const struct playout *playout, unsigned track, uint64_t at_ns)
{
    uint64_t since_ns = at_ns - playout->phase_ns; /* may be negative: wraps like the timestamp */
    bool before = at_ns < playout->phase_ns;
    uint64_t ticks = units_scale(before ? -since_ns : since_ns,
                                 playout->media->tracks[track].clock_rate, NS_PER_S);
    return playout->tracks[track].timestamp_base + (uint32_t)(before ? -ticks : ticks);
}

uint32_t playout_next_timestamp(const struct playout *playout, unsigned track)
{
    const struct media_place *place = &playout->at.places[track];
    return playout->tracks[track].timestamp_base +
           media_timestamp(playout->media, place->lap, place->index);
}

/* The track that is on and whose packet is due first, and when since the phase's start; the lower
   one of two. */
static unsigned next_track(const struct playout *playout, const struct playout_position *at,
                           uint64_t *due_ns)
{
    unsigned next = 0;
    *due_ns = UINT64_MAX;
    for (unsigned i = 0; i < playout->media->track_count; i++) {
        if (!playout->tracks[i].on || at->places[i].due_ns >= *due_ns)
            continue;
        *due_ns = at->places[i].due_ns;
        next = i;
    }
    return next;
}

uint64_t playout_next_due(const struct playout *playout)
{
    uint64_t due_ns;
    next_track(playout, &playout->at, &due_ns);
    return due_ns == UINT64_MAX ? UINT64_MAX : playout->phase_ns + due_ns;
}

/* Fills in what is written: all that goes in front of the payload, and where that lies. */
static void fill_step(struct playout_step *step, const struct playout *playout,
                      const struct playout_held *what, uint64_t unix_offset_ns)
{
    const struct media *media = playout->media;
    const struct media_packet *packet = &media->packets[what->index];
    const struct playout_track *track = &playout->tracks[packet->track];
    const struct media_rtp rtp = {
        .ssrc = track->ssrc,
        .timestamp = track->timestamp_base + media_timestamp(media, what->lap, what->index),
        .sequence = what->sequence,
        .due_ns = media->stamped ? playout->phase_ns + media_due(media, what->lap, what->index) +
                                       unix_offset_ns
                                 : 0,
    };
    step->track = packet->track;
    step->header_len =
        (uint8_t)(PLAYOUT_HEADER_ROOM +
                  media_write_header(media, packet, &rtp, step->header + PLAYOUT_HEADER_ROOM));
    step->payload = packet->payload;
    step->payload_len = packet->payload_len;
}

/* What a plan is made from and grows into. */
struct planner {
    const struct playout *playout;
    uint64_t unix_offset_ns;
    struct playout_position at;
    struct playout_step *steps;
    unsigned count;
};

static void plan_step(struct planner *plan, enum playout_step_kind kind, unsigned track)
{
    struct playout_step *step = &plan->steps[plan->count++];
    step->kind = kind;
    step->track = (uint8_t)track;
    step->header_len = 0;
    step->payload_len = 0;
    step->overtaken = false;
    step->after = plan->at;
}

static void plan_write(struct planner *plan, enum playout_step_kind kind,
                       const struct playout_held *what)
{
    struct playout_step *step = &plan->steps[plan->count];
    plan_step(plan, kind, 0);
    fill_step(step, plan->playout, what, plan->unix_offset_ns);
    step->overtaken = what->overtaken;
}

static void plan_release(struct planner *plan, unsigned track)
{
    struct playout_held held = plan->at.held[track];
    plan->at.held[track].wait = 0;
    plan_write(plan, STEP_RELEASED, &held);
}

/* A later packet of the track is about to go out. Is it the last that the held one waits for? */
static bool overtake(struct playout_held *held)
{
    held->overtaken = true;
    if (held->wait > 1) {
        held->wait--;
        return false;
    }
    return held->wait == 1; /* stays 1 until the release is committed */
}

/* The fate of the packet that plan->at has just moved past. At most 3 steps. */
static void plan_packet(struct planner *plan, const struct playout_held *packet, unsigned track)
{
    const struct playout *playout = plan->playout;
    uint64_t number = (uint64_t)packet->lap << 32 | packet->index;
    enum fault_fate fate = faults_fate(playout->faults, playout->seed, number);
    if (fate == FATE_DROPPED) {
        plan_step(plan, STEP_DROPPED, track);
    } else if (fate == FATE_HELD && plan->at.held[track].wait == 0) {
        plan->at.held[track] = *packet;
        plan->at.held[track].wait = (uint8_t)(1 + number % HELD_WAIT_MAX);
        plan_step(plan, STEP_HELD, track);
    } else {
        bool release = overtake(&plan->at.held[track]);
        plan_write(plan, STEP_SENT, packet);
        if (fate == FATE_DUPLICATED)
            plan_write(plan, STEP_DUPLICATE, packet);
        if (release)
            plan_release(plan, track);
    }
}

/* Up to when packets of a phase are due, since its start; false: none are. */
static bool since_start(const struct playout *playout, uint64_t until_ns, uint64_t *since_ns)
{
    *since_ns = until_ns - playout->phase_ns;
    return until_ns >= playout->phase_ns;
}

unsigned playout_plan(const struct playout *playout, uint64_t until_ns, uint64_t unix_offset_ns,
                      struct playout_step *steps, unsigned room)
{
    struct planner plan = {playout, unix_offset_ns, playout->at, steps, 0};
    uint64_t since_ns, due_ns;
    if (!since_start(playout, until_ns, &since_ns))
        return 0;
    while (plan.count + 3 <= room) {
        unsigned track = next_track(playout, &plan.at, &due_ns);
        struct media_place *place = &plan.at.places[track];
        if (due_ns > since_ns)
            break;
        struct playout_held packet = {place->lap, place->index, plan.at.sequence[track]++, 0,
                                      false};
        media_advance(playout->media, place);
        plan_packet(&plan, &packet, track);
    }
    return plan.count;
}

unsigned playout_plan_held(const struct playout *playout, uint64_t unix_offset_ns,
                           struct playout_step *steps)
{
    struct planner plan = {playout, unix_offset_ns, playout->at, steps, 0};
    for (unsigned i = 0; i < playout->media->track_count; i++) {
        if (plan.at.held[i].wait > 0)
            plan_release(&plan, i);
    }
    return plan.count;
}

void playout_count(struct playout *playout, enum playout_step_kind kind, bool overtaken,
                   unsigned track, uint32_t bytes)
{
    struct truth_track *truth = &playout->tracks[track].truth;
    switch (kind) {
    case STEP_SENT:
        truth_sent(truth, bytes);
        break;
    case STEP_DUPLICATE:
        truth_duplicated(truth, bytes);
        break;
    case STEP_RELEASED:
        truth_released(truth, bytes, overtaken);
        break;
    case STEP_DROPPED:
        truth_dropped(truth);
        break;
    case STEP_HELD:
        truth_held(truth);
        break;
    }
}

uint64_t playout_lag(const struct playout *playout, uint64_t until_ns)
{
    const struct media *media = playout->media;
    uint64_t since_ns, lag = 0;
    if (!since_start(playout, until_ns, &since_ns))
        return 0;
    for (unsigned i = 0; i < media->track_count; i++) {
        const struct media_place *place = &playout->at.places[i];
        if (!playout->tracks[i].on || place->due_ns > since_ns)
            continue;
        struct media_place end = media_seek(media, i, since_ns + 1);
        lag += media_ordinal(media, &end) - media_ordinal(media, place);
    }
    return lag;
}

void playout_skip(struct playout *playout, uint64_t until_ns, uint64_t keep)
{
    uint64_t due_ns;
    for (uint64_t lag = playout_lag(playout, until_ns); lag > keep; lag--) {
        unsigned track = next_track(playout, &playout->at, &due_ns);
        media_advance(playout->media, &playout->at.places[track]);
        playout->at.sequence[track]++;
        truth_dropped(&playout->tracks[track].truth);
    }
}
