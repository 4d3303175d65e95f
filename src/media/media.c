#include "media/media.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

static_assert(sizeof(struct media_packet) == 32, "a lap has thousands: two to a cache line");

bool media_add(struct media *media, const struct media_packet *packet)
{
    if (media->packet_count == media->packet_room) {
        uint32_t room = media->packet_room > 0 ? media->packet_room * 2 : 1024;
        struct media_packet *more = reallocarray(media->packets, room, sizeof(*more));
        if (!more)
            return false;
        media->packets = more;
        media->packet_room = room;
    }
    media->packets[media->packet_count] = *packet;
    media->packets[media->packet_count].number = media->packet_count;
    media->packet_count++;
    return true;
}

void media_note(struct media *media, const char *format, ...)
{
    char *end = media->notes + strlen(media->notes);
    size_t room = sizeof(media->notes) - (size_t)(end - media->notes);
    size_t separator = end > media->notes;
    char line[sizeof(media->notes)];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0 || separator + (size_t)len >= room)
        return;
    if (separator)
        *end++ = '\n';
    memcpy(end, line, (size_t)len + 1);
}

void media_set_lap(struct media *media, uint64_t ticks, uint32_t rate)
{
    media->lap_ns = units_scale(ticks, NS_PER_S, rate);
    media->lap_rest = (uint32_t)(ticks % rate * NS_PER_S % rate);
    media->lap_of = rate;
}

void media_set_grid(struct media_track *track, uint32_t unit_ticks, uint64_t lap_ticks,
                    uint32_t rate)
{
    uint64_t lap = lap_ticks * track->clock_rate, unit = (uint64_t)rate * unit_ticks;
    uint64_t divisor = units_greatest_divisor(lap % unit, unit);
    if (lap % unit == 0) {
        track->lap_ticks = (uint32_t)(lap / unit * unit_ticks);
        return;
    }
    track->grid = (struct media_grid){
        .unit_ticks = unit_ticks,
        .units = (uint32_t)(lap / unit),
        .rest = (uint32_t)(lap % unit / divisor),
        .of = (uint32_t)(unit / divisor),
    };
}

static int by_track_and_time(const void *a, const void *b)
{
    const struct media_packet *left = a, *right = b;
    if (left->track != right->track)
        return left->track < right->track ? -1 : 1;
    if (left->due_ns != right->due_ns)
        return left->due_ns < right->due_ns ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

bool media_finish(struct media *media)
{
    if (media->packet_count == 0)
        return false;
    qsort(media->packets, media->packet_count, sizeof(*media->packets), by_track_and_time);
    for (uint32_t i = 0; i < media->packet_count; i++) {
        struct media_packet *packet = &media->packets[i];
        struct media_track *track = &media->tracks[packet->track];
        if (track->packets == 0)
            track->first = i;
        packet->number = track->packets++;
        track->key_packets += packet->key;
        track->grid.short_packets += !packet->only_long;
        if (track->grid.unit_ticks == 0 && packet->due_ns >= 2 * media->lap_ns)
            return false;
    }
    return true;
}

void media_free(struct media *media)
{
    if (!media)
        return;
    free(media->packets);
    free(media->owned);
    free(media);
}

static void write_u32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
}

unsigned media_write_header(const struct media *media, const struct media_packet *packet,
                            const struct media_rtp *rtp, uint8_t *to)
{
    to[0] = 0x80; /* version 2 */
    to[1] = (uint8_t)(packet->marker << 7 | media->tracks[packet->track].payload_type);
    to[2] = (uint8_t)(rtp->sequence >> 8);
    to[3] = (uint8_t)rtp->sequence;
    write_u32(to + 4, rtp->timestamp);
    write_u32(to + 8, rtp->ssrc);
    memcpy(to + 12, packet->prefix, sizeof(packet->prefix));
    if (!media->stamped)
        return 12u + packet->prefix_len;
    memcpy(to + 12, "RTSB", 4);
    write_u32(to + 16, (uint32_t)(rtp->due_ns >> 32));
    write_u32(to + 20, (uint32_t)rtp->due_ns);
    return 12u + MEDIA_STAMP_BYTES;
}

uint64_t media_lap_start(const struct media *media, uint32_t lap)
{
    uint64_t rest = media->lap_rest > 0 ? (uint64_t)lap * media->lap_rest / media->lap_of : 0;
    return lap * media->lap_ns + rest;
}

/* The first unit of a lap on the grid. */
static uint64_t grid_start(const struct media_grid *grid, uint64_t lap)
{
    return lap * grid->units + (lap * grid->rest + grid->of - 1) / grid->of;
}

static uint32_t packets_in(const struct media_track *track, uint32_t lap)
{
    const struct media_grid *grid = &track->grid;
    if (grid->unit_ticks == 0)
        return track->packets;
    bool is_long = grid_start(grid, lap + UINT64_C(1)) - grid_start(grid, lap) > grid->units;
    return is_long ? track->packets : grid->short_packets;
}

/* When a track's lap begins. */
static uint64_t track_lap_start(const struct media *media, const struct media_track *track,
                                uint32_t lap)
{
    if (track->grid.unit_ticks == 0)
        return media_lap_start(media, lap);
    return units_scale(grid_start(&track->grid, lap) * track->grid.unit_ticks, NS_PER_S,
                       track->clock_rate);
}

uint64_t media_due(const struct media *media, uint32_t lap, uint32_t index)
{
    const struct media_packet *packet = &media->packets[index];
    return track_lap_start(media, &media->tracks[packet->track], lap) + packet->due_ns;
}

uint32_t media_timestamp(const struct media *media, uint32_t lap, uint32_t index)
{
    const struct media_packet *packet = &media->packets[index];
    const struct media_track *track = &media->tracks[packet->track];
    if (track->grid.unit_ticks == 0)
        return lap * track->lap_ticks + packet->timestamp;
    return (uint32_t)(grid_start(&track->grid, lap) * track->grid.unit_ticks) + packet->timestamp;
}

/* Among count packets of a track the first one due at or after due_ns of a lap; count: none is. */
static uint32_t find(const struct media_packet *packets, uint32_t count, uint64_t due_ns)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (packets[middle].due_ns < due_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct media_place media_seek(const struct media *media, unsigned track, uint64_t from_ns)
{
    const struct media_track *of = &media->tracks[track];
    if (of->packets == 0)
        return (struct media_place){.due_ns = UINT64_MAX};
    uint32_t lap = (uint32_t)(from_ns / media->lap_ns);
    while (lap > 0 && media_lap_start(media, lap) > from_ns)
        lap--;
    uint64_t last_ns = media->packets[of->first + of->packets - 1].due_ns;
    uint64_t before = last_ns / media->lap_ns + 2; /* laps whose packets may still be due */
    lap -= lap < before ? lap : (uint32_t)before;
    for (;; lap++) {
        uint64_t start_ns = track_lap_start(media, of, lap);
        uint32_t count = packets_in(of, lap);
        uint32_t index =
            find(media->packets + of->first, count, from_ns > start_ns ? from_ns - start_ns : 0);
        if (index < count)
            return (struct media_place){
                .due_ns = start_ns + media->packets[of->first + index].due_ns,
                .lap = lap,
                .index = of->first + index,
            };
    }
}

void media_advance(const struct media *media, struct media_place *place)
{
    const struct media_track *track = &media->tracks[media->packets[place->index].track];
    place->index++;
    while (place->index - track->first >= track->grid.short_packets &&
           place->index - track->first >= packets_in(track, place->lap)) {
        place->index = track->first;
        place->lap++;
    }
    place->due_ns = media_due(media, place->lap, place->index);
}

uint64_t media_ordinal(const struct media *media, const struct media_place *place)
{
    const struct media_track *track = &media->tracks[media->packets[place->index].track];
    const struct media_grid *grid = &track->grid;
    uint64_t lap = place->lap, in_lap = place->index - track->first;
    if (grid->unit_ticks == 0)
        return lap * track->packets + in_lap;
    uint64_t long_laps = grid_start(grid, lap) - lap * grid->units;
    return (lap - long_laps) * grid->short_packets + long_laps * track->packets + in_lap;
}
