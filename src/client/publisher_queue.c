#include "client/publisher_queue.h"

/* The track's first packet at or behind its place. */
static void settle(struct publisher_queue *queue, const struct media *media, unsigned track)
{
    struct publisher_place *place = &queue->places[track];
    while (place->index == media->packet_count || media->packets[place->index].track != track) {
        bool ended = place->index == media->packet_count;
        place->index = ended ? 0 : place->index + 1;
        place->lap += ended;
    }
    place->due_ns =
        queue->start_ns + place->lap * media->lap_ns + media->packets[place->index].due_ns;
}

void publisher_queue_begin(struct publisher_queue *queue, const struct media *media,
                           uint64_t start_ns)
{
    *queue = (struct publisher_queue){.start_ns = start_ns};
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        if (i < media->track_count && media->tracks[i].packets > 0)
            settle(queue, media, i);
        else
            queue->places[i].due_ns = UINT64_MAX;
    }
}

unsigned publisher_queue_next(const struct publisher_queue *queue)
{
    unsigned next = 0;
    for (unsigned i = 1; i < MEDIA_TRACKS_MAX; i++) {
        const struct publisher_place *place = &queue->places[i], *first = &queue->places[next];
        bool earlier = place->due_ns < first->due_ns;
        if (earlier || (place->due_ns == first->due_ns && place->index < first->index))
            next = i;
    }
    return next;
}

void publisher_queue_advance(struct publisher_queue *queue, const struct media *media,
                             unsigned track)
{
    struct publisher_place *place = &queue->places[track];
    uint32_t timestamp = media->packets[place->index].timestamp, lap = place->lap;
    place->index++;
    settle(queue, media, track);
    place->begun = place->lap == lap && media->packets[place->index].timestamp == timestamp;
}

static bool is_keyframe(const struct publisher_queue *queue, const struct media *media,
                        unsigned track)
{
    return publisher_queue_packet(queue, media, track)->key;
}

/* Behind the keyframe at the track's place: was another one due before stale_ns? */
static bool is_superseded(const struct publisher_queue *queue, const struct media *media,
                          unsigned track, uint64_t stale_ns)
{
    struct publisher_queue ahead = *queue;
    const struct publisher_place *place = &ahead.places[track];
    while (place->due_ns < stale_ns) {
        publisher_queue_advance(&ahead, media, track);
        if (!place->begun && is_keyframe(&ahead, media, track))
            break;
    }
    return place->due_ns < stale_ns;
}

static bool must_go(const struct publisher_queue *queue, const struct media *media, unsigned track,
                    uint64_t stale_ns)
{
    const struct publisher_place *place = &queue->places[track];
    if (media->tracks[track].key_packets == 0)
        return place->due_ns < stale_ns;
    if (is_keyframe(queue, media, track))
        return is_superseded(queue, media, track, stale_ns);
    return place->broken || place->due_ns < stale_ns;
}

uint32_t publisher_queue_shed(struct publisher_queue *queue, const struct media *media,
                              unsigned track, uint64_t now_ns, uint64_t stale_ns)
{
    struct publisher_place *place = &queue->places[track];
    uint32_t dropped = 0;
    if (!place->broken && place->due_ns >= stale_ns)
        return 0;
    while (!place->begun && place->due_ns <= now_ns) {
        if (!must_go(queue, media, track, stale_ns)) {
            place->broken = false;
            break;
        }
        do {
            publisher_queue_advance(queue, media, track);
            dropped++;
        } while (place->begun);
        place->broken = media->tracks[track].key_packets > 0;
    }
    return dropped;
}

uint32_t publisher_queue_clear(struct publisher_queue *queue, const struct media *media,
                               unsigned track, uint64_t now_ns)
{
    uint32_t dropped = 0;
    for (; queue->places[track].due_ns <= now_ns; dropped++)
        publisher_queue_advance(queue, media, track);
    return dropped;
}
