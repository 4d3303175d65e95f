#include "media/media.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int by_due_time(const void *a, const void *b)
{
    const struct media_packet *left = a, *right = b;
    if (left->due_ns != right->due_ns)
        return left->due_ns < right->due_ns ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

bool media_finish(struct media *media)
{
    if (media->packet_count == 0)
        return false;
    qsort(media->packets, media->packet_count, sizeof(*media->packets), by_due_time);
    for (uint32_t i = 0; i < media->packet_count; i++) {
        struct media_packet *packet = &media->packets[i];
        packet->number = media->tracks[packet->track].packets++;
        media->tracks[packet->track].key_packets += packet->key;
    }
    return media->packets[media->packet_count - 1].due_ns < media->lap_ns;
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

uint32_t media_find(const struct media *media, uint64_t due_ns)
{
    uint32_t low = 0, high = media->packet_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (media->packets[middle].due_ns < due_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
