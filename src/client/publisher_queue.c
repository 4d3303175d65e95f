#include "client/publisher_queue.h"

void publisher_queue_begin(struct publisher_queue *queue, const struct media *media,
                           uint64_t start_ns)
{
    *queue = (struct publisher_queue){.start_ns = start_ns};
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        struct media_place *at = &queue->places[i].at;
        *at = (struct media_place){.due_ns = UINT64_MAX};
        if (i < media->track_count)
            *at = media_seek(media, i, 0);
    }
}

unsigned publisher_queue_next(const struct publisher_queue *queue)
{
    unsigned next = 0;
    for (unsigned i = 1; i < MEDIA_TRACKS_MAX; i++) {
        if (queue->places[i].at.due_ns < queue->places[next].at.due_ns)
            next = i;
    }
    return next;
}

void publisher_queue_advance(struct publisher_queue *queue, const struct media *media,
                             unsigned track)
{
    struct publisher_place *place = &queue->places[track];
    uint32_t timestamp = media->packets[place->at.index].timestamp, lap = place->at.lap;
    media_advance(media, &place->at);
    place->begun = place->at.lap == lap && media->packets[place->at.index].timestamp == timestamp;
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
    while (publisher_queue_track_due_ns(&ahead, track) < stale_ns) {
        publisher_queue_advance(&ahead, media, track);
        if (!place->begun && is_keyframe(&ahead, media, track))
            break;
    }
    return publisher_queue_track_due_ns(&ahead, track) < stale_ns;
}

static bool must_go(const struct publisher_queue *queue, const struct media *media, unsigned track,
                    uint64_t stale_ns)
{
    const struct publisher_place *place = &queue->places[track];
    if (media->tracks[track].key_packets == 0)
        return publisher_queue_track_due_ns(queue, track) < stale_ns;
    if (is_keyframe(queue, media, track))
        return is_superseded(queue, media, track, stale_ns);
    return place->broken || publisher_queue_track_due_ns(queue, track) < stale_ns;
}

uint32_t publisher_queue_shed(struct publisher_queue *queue, const struct media *media,
                              unsigned track, uint64_t now_ns, uint64_t stale_ns)
{
    struct publisher_place *place = &queue->places[track];
    uint32_t dropped = 0;
    if (!place->broken && publisher_queue_track_due_ns(queue, track) >= stale_ns)
        return 0;
    while (!place->begun && publisher_queue_track_due_ns(queue, track) <= now_ns) {
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
    for (; publisher_queue_track_due_ns(queue, track) <= now_ns; dropped++)
        publisher_queue_advance(queue, media, track);
    return dropped;
}
