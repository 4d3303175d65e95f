/* panel_readers.h - compares the readers of one stream: who gets a packet later, who misses the
 * same ones. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/stats.h"

#define PANEL_FIRSTS 256u
#define PANEL_GAPS 32u

/* A track of a stream, as the panel's readers on this shard see it. It can't see readers of other
   shards and machines, nor those outside the panel. Frames are matched by RTP timestamp, so a
   server that gives each reader timestamps of its own is not compared, and neither is a reader that
   is more than about PANEL_FIRSTS frames behind. Gaps are matched by SSRC and sequence number;
   readers whose server rewrites these are left out of the ratio. Ready when zeroed. */
struct panel_readers {
    struct {
        uint64_t arrival_ns; /* at the first reader; 0: unused */
        uint32_t timestamp;
        uint32_t reader;
    } firsts[PANEL_FIRSTS]; /* by a hash of the timestamp */
    struct panel_gap {
        uint32_t reader; /* 0: unused */
        uint16_t first;  /* low bits of the sequence numbers: readers joined at different times */
        uint16_t count;
        uint16_t missing; /* still */
        bool shared;      /* another reader misses some of it too */
        bool settled;     /* counted */
        uint32_t opened_ms;
    } gaps[PANEL_GAPS];
    uint64_t newest_ns; /* of all frames */
    uint32_t newest_timestamp;
    uint32_t next_gap;
    uint64_t ssrc_ns; /* when the SSRC was last seen */
    uint32_t ssrc;
    uint32_t ssrc_round; /* counts its changes; never 0 once set */
    uint32_t twins;      /* readers that see this SSRC */
};

/* What each reader keeps a track. Ready when zeroed and the first two are set. */
struct panel_reader {
    uint64_t
        joined_ns; /* its first packet: what others had got before isn't held against the server */
    uint32_t reader;     /* never 0 */
    uint32_t ssrc_round; /* in which it is one of the twins; 0: none */
};

/* The first packet of a frame, with nothing missing before it: its delay behind the first reader
   goes to METRIC_PANEL_CROSS_READER. */
void panel_readers_on_frame(struct panel_readers *readers, struct panel_reader *self,
                            struct stats *stats, uint32_t timestamp, uint64_t arrival_ns);

/* Keeps count of who can be compared by sequence numbers. */
void panel_readers_on_ssrc(struct panel_readers *readers, struct panel_reader *self, uint32_t ssrc,
                           uint64_t arrival_ns);

/* A gap opened; a packet of one came after all. */
void panel_readers_on_gap(struct panel_readers *readers, struct panel_reader *self,
                          struct panel_counts *counts, struct panel_gap gap);
void panel_readers_on_filled(struct panel_readers *readers, const struct panel_reader *self,
                             uint16_t sequence);

/* Counts this reader's gaps that are over 2 s old, or all of them. */
void panel_readers_settle(struct panel_readers *readers, const struct panel_reader *self,
                          struct panel_counts *counts, uint32_t now_ms, bool all);

/* The reader leaves; its gaps must have been settled. */
void panel_readers_leave(struct panel_readers *readers, struct panel_reader *self);
