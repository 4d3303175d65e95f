/* media_tracks.h - which streams of a media file are sent, and how each codec goes into RTP. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "media/media.h"

struct AVFormatContext;
struct AVStream;

struct carriage {
    unsigned codec;      /* an enum AVCodecID */
    const char *name;    /* of the rtpmap; NULL: aac_describe writes it */
    const char *filter;  /* bitstream filter to Annex B */
    uint32_t clock_rate; /* 0: the sample rate */
    uint8_t payload_type;
    uint8_t sample_bytes; /* PCM */
    bool swap;            /* little-endian samples: L16 is big-endian */
};

/* NULL where RTP sessions here can't carry the stream. */
const struct carriage *carriage_of(const struct AVStream *stream);

/* Indexes of the file's streams in the order of the tracks that they become. */
struct media_choice {
    unsigned count; /* 1 or more */
    unsigned streams[MEDIA_TRACKS_MAX];
};

/* wanted: "video", "audio" or a stream's index, up to MEDIA_TRACKS_MAX of them separated by commas;
   NULL: video and audio, as far as they can be carried, and a note in media tells what is left out.
   False: why says what was wrong and which streams there are. */
bool media_tracks_choose(struct AVFormatContext *input, const char *wanted,
                         struct media_choice *choice, struct media *media, struct text *why);
