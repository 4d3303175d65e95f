/* media_read.h - reads a media file's units into memory, with the times that the file gives them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/media.h"
#include "media/media_tracks.h"
#include "media/nal_pack.h"
#include "media/timing.h"

struct AVBSFContext;
struct AVCodecContext;
struct AVCodecParserContext;
struct AVFormatContext;
struct AVStream;

/* What becomes a track. */
struct media_stream {
    struct AVStream *from;
    const struct carriage *carriage;
    struct AVBSFContext *filter;         /* to Annex B; NULL: none is needed */
    struct AVCodecParserContext *parser; /* of pictures without a pts ... */
    struct AVCodecContext *context;
    int64_t epoch;    /* ... how often their order has begun anew ... */
    int64_t order;    /* ... that of the last one ... */
    bool keyed;       /* ... whether there was a keyframe ... */
    bool unordered;   /* ... and whether behind it an order can't be told */
    uint8_t *samples; /* PCM that isn't cut into units yet ... */
    size_t samples_len, samples_room;
    int64_t samples_at;         /* ... and its time in the track's clock */
    size_t extra_at, extra_len; /* the file's parameter sets, Annex B, in bytes */
    struct nal_sets sets;       /* borrowed from bytes */
};

/* A file on its way to being a media. */
struct loading {
    struct AVFormatContext *input;
    struct media *media;
    uint32_t mtu_most;                             /* of media_file */
    struct media_stream streams[MEDIA_TRACKS_MAX]; /* track_count of the media */
    struct timing timing;                          /* its units are owned */
    size_t unit_room;
    uint8_t *bytes; /* of all units, and their parameter sets; owned */
    size_t len, room;
    char *error;
    size_t error_size;
};

/* Says why a file can't be sent; false. */
bool loading_fail(struct loading *loading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Of a video stream. */
enum nal_codec loading_codec(const struct media_stream *stream);

/* Reads all of the streams, whose clocks are in timing. False: loading_fail has said why. */
bool loading_read(struct loading *loading);
