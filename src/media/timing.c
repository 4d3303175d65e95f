#include "media/timing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/units.h"
#include "media/timing_repair.h"

#define DELAY_NS (500 * NS_PER_MS) /* a decoding delay that isn't long */
#define TOLD_NS (100 * NS_PER_MS)  /* of a sound that is cut off, no less is worth a note */

/* A picture in the order of decoding. */
struct picture {
    struct timing_unit *unit;
    int64_t pts;
    uint32_t number; /* in that order */
    uint32_t rank;   /* in the order in which they are shown */
};

/* What is known of the lap while it is laid out. */
struct layout {
    struct timing *timing;
    struct media *media;
    int64_t origin; /* when the lap begins in the file, in ticks of rate */
    uint32_t rate;
    uint64_t lap;                     /* ticks of rate */
    int leader;                       /* the track whose length that is */
    uint64_t delay[MEDIA_TRACKS_MAX]; /* of decoding, in ticks of rate */
};

/* From one clock to another, rounded down. */
static int64_t convert(int64_t ticks, uint32_t from, uint32_t to)
{
    uint64_t size = units_scale((uint64_t)(ticks < 0 ? -ticks : ticks), to, from);
    return ticks < 0 ? -(int64_t)size : (int64_t)size;
}

static int by_pts(const void *a, const void *b)
{
    const struct picture *left = a, *right = b;
    if (left->pts != right->pts)
        return left->pts < right->pts ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static int by_number(const void *a, const void *b)
{
    const struct picture *left = a, *right = b;
    return left->number < right->number ? -1 : 1;
}

/* The keyframe that a track begins with: the last one up to the first picture that the file shows,
   or the first one behind that, and not before from. NULL: there is none. */
static const struct timing_unit *first_key(const struct timing *timing, unsigned track,
                                           int64_t from)
{
    const struct timing_unit *key = NULL;
    bool shown = false;
    for (size_t i = 0; i < timing->count; i++) {
        const struct timing_unit *unit = &timing->units[i];
        if (unit->track == track && unit->key && unit->pts >= from)
            key = unit;
        shown |= unit->track == track && !unit->hidden;
        if (shown && key)
            return key;
    }
    return key;
}

/* What leads up to the first keyframe can't be decoded, and neither can pictures that follow it
   and are shown before it. */
static void cut_head(struct layout *layout, unsigned track, bool first)
{
    struct timing *timing = layout->timing;
    const struct timing_unit *key = first_key(timing, track, first ? INT64_MIN : layout->origin);
    size_t left_out = 0;
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track)
            continue;
        unit->sent = key     ? unit >= key && unit->pts >= key->pts
                     : first ? true
                             : unit->pts >= layout->origin;
        left_out += !unit->sent && !unit->hidden;
    }
    if (first)
        layout->origin = key ? key->pts : INT64_MAX;
    if (left_out > 0)
        media_note(layout->media, "left out %zu picture%s in front of the first keyframe", left_out,
                   left_out > 1 ? "s" : "");
    if (key && key->hidden)
        media_note(layout->media, "an edit of it begins between two keyframes: it is sent from the "
                                  "keyframe before that");
}

static struct picture *collect(const struct timing *timing, unsigned track, uint32_t *count)
{
    struct picture *pictures = calloc(timing->count + 1, sizeof(*pictures));
    *count = 0;
    for (size_t i = 0; pictures && i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track == track && unit->sent) {
            pictures[*count] = (struct picture){unit, unit->pts, *count, 0};
            (*count)++;
        }
    }
    return pictures;
}

/* Whether pictures (in the order in which they are shown) have a constant rate but for what the
   file rounded; then their times are made exact. */
static bool is_constant(const struct timing_track *track, struct picture *pictures, uint32_t count)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < count; i++) {
            int64_t exact =
                pictures[0].pts +
                (int64_t)((i * track->rate * track->frames_s + track->frames / 2) / track->frames);
            int64_t off = pictures[i].pts - exact;
            if (off > track->jitter || -off > track->jitter)
                return false;
            if (pass == 1)
                pictures[i].pts = exact;
        }
    }
    return true;
}

/* How long the last picture is shown: what the file says, else as long as the one before. */
static int64_t last_duration(const struct timing_track *track, const struct picture *pictures,
                             uint32_t count)
{
    const struct picture *last = &pictures[count - 1];
    if (last->unit->duration > 0)
        return last->unit->duration;
    return count > 1 ? last->pts - last[-1].pts : timing_usual(track);
}

/* Sorts pictures as they are shown, makes their times exact and different. The track's length. */
static uint64_t rank(const struct timing_track *track, struct picture *pictures, uint32_t count)
{
    qsort(pictures, count, sizeof(*pictures), by_pts);
    bool constant = is_constant(track, pictures, count);
    for (uint32_t i = 0; i < count; i++) {
        pictures[i].rank = i;
        if (i > 0 && pictures[i].pts <= pictures[i - 1].pts)
            pictures[i].pts = pictures[i - 1].pts + 1;
    }
    int64_t last = last_duration(track, pictures, count), off = last - timing_usual(track);
    if (constant && off <= track->jitter && -off <= track->jitter)
        return ((uint64_t)count * track->rate * track->frames_s + track->frames / 2) /
               track->frames;
    return (uint64_t)(pictures[count - 1].pts - pictures[0].pts + last);
}

/* Picture number i of the order of decoding is sent when the one shown `depth` before the i-th is
   shown, and a delay later: the time that the last `depth` pictures of the lap before are shown, so
   that the first ones are sent meanwhile, one at a time. Where that is long, as the last picture
   stays, it is the time that the first ones are shown. `shown` are the times of pictures. */
static int64_t set_due(const struct layout *layout, struct picture *pictures, const int64_t *shown,
                       uint32_t count)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > pictures[i].rank + depth)
            depth = i - pictures[i].rank;
    }
    int64_t head = shown[depth] - shown[0], lap = (int64_t)layout->lap;
    int64_t tail = depth > 0 ? shown[0] + lap - shown[count - depth] : 0;
    bool early = tail <= head || units_scale((uint64_t)tail, NS_PER_S, layout->rate) <= DELAY_NS;
    int64_t delay = early ? tail : head;
    for (uint32_t i = 0; i < count; i++) {
        int64_t due = i >= depth ? shown[i - depth] + delay
                      : early    ? shown[count + i - depth] - lap + delay
                                 : shown[i];
        pictures[i].unit->due = (uint64_t)due;
        pictures[i].unit->at = shown[pictures[i].rank];
    }
    return delay;
}

static void note_short(struct layout *layout, const char *what, double missing_s)
{
    media_note(layout->media, "its %s %.3f s shorter than %s: that is a gap in every lap", what,
               missing_s,
               layout->timing->tracks[layout->leader].video ? "its video" : "the longest sound");
}

/* In pictures' order of being shown: times since the lap's start. */
static bool lay_out_pictures(struct layout *layout, struct picture *pictures, uint32_t count,
                             uint64_t length)
{
    int64_t *shown = calloc(count, sizeof(*shown));
    if (!shown)
        return false;
    for (uint32_t i = 0; i < count; i++)
        shown[i] = pictures[i].pts - layout->origin;
    if (length < layout->lap)
        note_short(layout, "other video is", (double)(layout->lap - length) / layout->rate);
    qsort(pictures, count, sizeof(*pictures), by_number);
    unsigned track = pictures[0].unit->track;
    layout->delay[track] = (uint64_t)set_due(layout, pictures, shown, count);
    free(shown);
    return true;
}

/* Video tracks have one clock, so all their laps are alike. */
static bool lay_out_video(struct layout *layout)
{
    struct timing *timing = layout->timing;
    struct picture *pictures[MEDIA_TRACKS_MAX] = {NULL};
    uint32_t counts[MEDIA_TRACKS_MAX] = {0};
    uint64_t lengths[MEDIA_TRACKS_MAX] = {0};
    bool done = true;
    for (unsigned i = 0; i < timing->track_count && done; i++) {
        if (!timing->tracks[i].video)
            continue;
        cut_head(layout, i, layout->leader < 0);
        done = (pictures[i] = collect(timing, i, &counts[i])) != NULL;
        if (!done || counts[i] == 0)
            continue;
        uint64_t length = rank(&timing->tracks[i], pictures[i], counts[i]);
        if (layout->origin == INT64_MAX) /* there is no keyframe */
            layout->origin = pictures[i][0].pts;
        length += (uint64_t)(pictures[i][0].pts - layout->origin);
        lengths[i] = length;
        if (length > layout->lap)
            layout->lap = length;
        if (layout->leader < 0 || length == layout->lap)
            layout->leader = (int)i;
        layout->rate = timing->tracks[i].rate;
    }
    for (unsigned i = 0; i < timing->track_count && done; i++) {
        if (counts[i] > 0)
            done = lay_out_pictures(layout, pictures[i], counts[i], lengths[i]);
    }
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++)
        free(pictures[i]);
    return done;
}

/* What a sound's units are, and how far they go. */
struct sound {
    uint32_t unit;  /* ticks, of which every unit's duration is a multiple */
    int64_t origin; /* when the lap begins in the file, in the track's clock */
    int64_t phase;  /* of the first unit on the grid: 0 to unit - 1 */
    uint64_t end;   /* when the last unit is over, in ticks since the lap's start */
};

/* Opus has units of several lengths, all of them multiples of 2.5 ms. */
static uint32_t unit_of(const struct timing *timing, unsigned track)
{
    uint32_t unit = 0, last = 0, first = 0;
    for (size_t i = 0; i < timing->count; i++) {
        if (timing->units[i].track != track)
            continue;
        unit = (uint32_t)units_greatest_divisor(unit, last); /* the last one may be any length */
        last = timing->units[i].duration;
        first = first > 0 ? first : last;
    }
    unit = unit > 0 ? unit : last;
    return (uint64_t)unit * 400 >= timing->tracks[track].rate ? unit : first;
}

static uint32_t whole_units(const struct sound *sound, const struct timing_unit *unit)
{
    return (unit->duration + sound->unit - 1) / sound->unit;
}

/* One unit after the other by their durations. What is off by less than a unit follows the one
   before, which makes up for times that the file has rounded; what is off by more leaves a gap, or
   is in the way and left out. */
static void line_up(struct timing *timing, unsigned track, struct sound *sound)
{
    int64_t jitter = timing->tracks[track].jitter, next = -1;
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        int64_t at = unit->pts - sound->origin;
        if (unit->track != track || (next < 0 && at < -jitter))
            continue;
        if (next < 0) {
            next = at > 0 ? at : 0;
            sound->phase = next % sound->unit;
        }
        if (at - next <= -(int64_t)unit->duration)
            continue;
        if (at - next >= (int64_t)unit->duration)
            next += (at - next) / sound->unit * sound->unit;
        unit->sent = true;
        unit->at = next;
        unit->due = (uint64_t)next;
        sound->end = (uint64_t)next + unit->duration;
        next += (int64_t)whole_units(sound, unit) * sound->unit;
    }
}

/* Keeps what a lap has room for. A sound that lacks one unit in long laps has its last one twice
   there, so that it has no gap. */
static void fit_sound(struct layout *layout, unsigned track, const struct sound *sound)
{
    struct timing *timing = layout->timing;
    struct media_track *to = &layout->media->tracks[track];
    struct timing_unit *last = NULL;
    media_set_grid(to, sound->unit, layout->lap, layout->rate);
    bool grid = to->grid.unit_ticks > 0;
    uint64_t whole = units_scale(layout->lap, to->clock_rate, layout->rate);
    uint64_t room = grid ? to->grid.units : whole / sound->unit, held = 0, filled = 0;
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        if (unit->track != track || !unit->sent)
            continue;
        uint64_t end = (uint64_t)(unit->at - sound->phase) / sound->unit + whole_units(sound, unit);
        unit->sent = end <= room + grid;
        unit->in_long = unit->sent && end > room;
        if (!unit->sent)
            continue;
        held += unit->in_long ? 0 : whole_units(sound, unit);
        filled = end;
        last = unit;
    }
    if (grid && last && filled == room && whole_units(sound, last) == 1)
        last->repeat = sound->unit;
    if (held < room)
        note_short(layout, "sound is", (double)((room - held) * sound->unit) / to->clock_rate);
    uint64_t lap_ns = units_scale(layout->lap, NS_PER_S, layout->rate);
    uint64_t end_ns = units_scale(sound->end, NS_PER_S, to->clock_rate);
    if (end_ns > lap_ns + TOLD_NS)
        media_note(layout->media, "its sound is %.3f s longer than its lap: its end is not sent",
                   (double)(end_ns - lap_ns) / NS_PER_S);
}

/* Sound alone begins with what the file lets be heard: encoders put a unit in front of it. */
static int64_t first_pts(const struct timing *timing, unsigned track)
{
    for (size_t i = 0; i < timing->count; i++) {
        if (timing->units[i].track == track && !timing->units[i].hidden)
            return timing->units[i].pts;
    }
    return 0;
}

/* The longest sound says how long a lap is where there is no video. */
static void lead(struct layout *layout, unsigned track, const struct sound *sound)
{
    uint32_t rate = layout->timing->tracks[track].rate;
    if (layout->leader >= 0 &&
        convert((int64_t)layout->lap, layout->rate, rate) >= (int64_t)sound->end)
        return;
    layout->leader = (int)track;
    layout->rate = rate;
    layout->lap = sound->end;
}

static void lay_out_sound(struct layout *layout)
{
    struct timing *timing = layout->timing;
    struct sound sounds[MEDIA_TRACKS_MAX] = {0};
    bool alone = layout->leader < 0;
    uint32_t origin_rate = alone ? timing->tracks[0].rate : layout->rate;
    int64_t origin = alone ? first_pts(timing, 0) : layout->origin;
    for (unsigned i = 0; i < timing->track_count; i++) {
        if (timing->tracks[i].video)
            continue;
        sounds[i].unit = unit_of(timing, i);
        sounds[i].origin = convert(origin, origin_rate, timing->tracks[i].rate);
        if (sounds[i].unit > 0)
            line_up(timing, i, &sounds[i]);
        if (alone)
            lead(layout, i, &sounds[i]);
    }
    for (unsigned i = 0; i < timing->track_count && layout->lap > 0; i++) {
        if (sounds[i].unit > 0 && layout->leader != (int)i)
            fit_sound(layout, i, &sounds[i]);
    }
}

/* What is sent at a time is shown a delay later, on all tracks. */
static void delay_all(struct layout *layout)
{
    struct timing *timing = layout->timing;
    uint64_t most = 0;
    for (unsigned i = 0; i < timing->track_count; i++)
        most = layout->delay[i] > most ? layout->delay[i] : most;
    for (size_t i = 0; i < timing->count; i++) {
        struct timing_unit *unit = &timing->units[i];
        uint32_t rate = timing->tracks[unit->track].rate;
        unit->at += convert((int64_t)most, layout->rate, rate);
        unit->due += units_scale(most - layout->delay[unit->track], rate, layout->rate);
    }
    layout->media->delay_ns = units_scale(most, NS_PER_S, layout->rate);
}

bool timing_lay_out(struct timing *timing, struct media *media, struct text *why)
{
    struct layout layout = {.timing = timing, .media = media, .leader = -1};
    if (!timing_repair(timing, media) || !lay_out_video(&layout))
        return false;
    lay_out_sound(&layout);
    if (layout.lap == 0 || units_scale(layout.lap, NS_PER_S, layout.rate) < NS_PER_MS) {
        text_add_string(why, "it is shorter than a millisecond");
        return false;
    }
    delay_all(&layout);
    media_set_lap(media, layout.lap, layout.rate);
    for (unsigned i = 0; i < timing->track_count; i++) {
        if (timing->tracks[i].video || layout.leader == (int)i)
            media->tracks[i].lap_ticks = (uint32_t)layout.lap;
    }
    return true;
}

unsigned timing_packets(const struct timing *timing, const struct timing_unit *unit,
                        struct media_packet at[2])
{
    unsigned times = unit->sent ? 1 + (unit->repeat > 0) : 0;
    for (unsigned i = 0; i < times; i++)
        at[i] = (struct media_packet){
            .track = unit->track & 0x7f,
            .only_long = unit->in_long || i > 0,
            .due_ns = units_scale(unit->due + i * unit->repeat, NS_PER_S,
                                  timing->tracks[unit->track].rate),
            .timestamp = (uint32_t)unit->at + i * unit->repeat,
        };
    return times;
}
