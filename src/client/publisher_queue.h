/* publisher_queue.h - what a publisher has still to send: a place in the laps for each track, and
 * which frames are given up where the network takes too little. Pure: times are the caller's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/media.h"

/* Where a track goes on. */
struct publisher_place {
    struct media_place at; /* of the next packet */
    bool begun;            /* it is not the first one of its frame that is written */
    bool broken; /* a frame was dropped: nothing can be decoded before the next keyframe */
};

/* Packets of a track with one timestamp are a frame, or a unit of sound. */
struct publisher_queue {
    uint64_t start_ns; /* when the first lap began */
    struct publisher_place places[MEDIA_TRACKS_MAX];
};

void publisher_queue_begin(struct publisher_queue *queue, const struct media *media,
                           uint64_t start_ns);

/* The track whose packet is due first; the lower one of two that are due at a time. */
unsigned publisher_queue_next(const struct publisher_queue *queue);

/* When a track's next packet is due, monotonic; UINT64_MAX: it has none. */
static inline uint64_t publisher_queue_track_due_ns(const struct publisher_queue *queue,
                                                    unsigned track)
{
    uint64_t due_ns = queue->places[track].at.due_ns;
    return due_ns == UINT64_MAX ? due_ns : queue->start_ns + due_ns;
}

static inline uint64_t publisher_queue_due_ns(const struct publisher_queue *queue)
{
    return publisher_queue_track_due_ns(queue, publisher_queue_next(queue));
}

static inline const struct media_packet *publisher_queue_packet(const struct publisher_queue *queue,
                                                                const struct media *media,
                                                                unsigned track)
{
    return &media->packets[queue->places[track].at.index];
}

/* Moves a track on by a packet. */
void publisher_queue_advance(struct publisher_queue *queue, const struct media *media,
                             unsigned track);

/* Whether the track is in front of a frame that was due before stale_ns. */
static inline bool publisher_queue_is_stale(const struct publisher_queue *queue, unsigned track,
                                            uint64_t stale_ns)
{
    return !queue->places[track].begun && publisher_queue_track_due_ns(queue, track) < stale_ns;
}

/* Drops frames of a track as a whole, the oldest first: those that were due before stale_ns, but
   for a keyframe behind which no newer one was; and after a dropped frame all that are due by
   now_ns, up to the next keyframe. Tracks without keyframes have frames that stand alone. A frame
   that is begun stays, and so does all behind it. The number of packets, whose sequence numbers are
   used up. */
uint32_t publisher_queue_shed(struct publisher_queue *queue, const struct media *media,
                              unsigned track, uint64_t now_ns, uint64_t stale_ns);

/* Drops all of a track that is due by now_ns, frames that are begun included. The number of
   packets. */
uint32_t publisher_queue_clear(struct publisher_queue *queue, const struct media *media,
                               unsigned track, uint64_t now_ns);
