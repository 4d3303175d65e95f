/* sdp.h - session descriptions (RFC 8866, RFC 2326 appendix C) as cameras and servers send them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "proto/codec.h"

#define SDP_MEDIA_MAX 64u
#define SDP_FORMATS_MAX 8u /* payload types kept a media */

enum sdp_kind { SDP_VIDEO, SDP_AUDIO, SDP_APPLICATION, SDP_OTHER };

struct sdp_format {
    uint8_t payload_type;
    uint8_t channels;    /* audio; 0 when not given */
    enum codec codec;    /* CODEC_UNKNOWN when the name is unknown or missing */
    uint32_t clock_rate; /* Hz; 0 when unknown (no rtpmap, no static type, or an absurd value) */
    struct slice name;   /* the encoding name of the rtpmap; empty without one */
    struct slice fmtp;   /* its parameters, after the payload type */
};

struct sdp_media {
    enum sdp_kind kind;
    uint16_t port;
    bool secure;      /* RTP/SAVP */
    bool rtp;         /* an RTP profile at all */
    bool backchannel; /* sendonly beside other media that aren't: for the client to fill, not to
                         play */
    struct slice protocol;
    struct slice control;    /* as written; empty when absent */
    struct slice connection; /* address of the media's c= line, else the session's; may be empty */
    uint32_t bandwidth_kbps; /* b=AS; 0 when absent */
    double frame_rate;       /* a=framerate; 0 when absent */
    unsigned format_count;   /* 0: nothing that can be received, so nothing to set up */
    struct sdp_format formats[SDP_FORMATS_MAX];
};

/* Borrows the text it was parsed from. */
struct sdp {
    struct slice name;    /* s= */
    struct slice control; /* session level a=control; empty when absent */
    struct slice range;   /* a=range value */
    unsigned media_count;
    unsigned media_skipped; /* beyond SDP_MEDIA_MAX */
    unsigned odd_lines;     /* lines that made no sense, ignored */
    struct sdp_media media[SDP_MEDIA_MAX];
};

enum sdp_result {
    SDP_OK,
    SDP_NO_MEDIA,  /* no m= line that carries RTP with a format we can receive */
    SDP_TOO_LARGE, /* over 1 MiB, or a line over 64 KiB */
};

/* Reads line by line and forgives: LF or CRLF, missing o= s= t=, a second s= in a media, m= lines
   of other protocols (kept, rtp false), rtpmap over static types, a bare a=fmtp, fmtp under another
   media, dynamic types shared by two media. */
enum sdp_result sdp_parse(struct slice text, struct sdp *out);

/* The format of that payload type, or NULL. */
const struct sdp_format *sdp_find_format(const struct sdp_media *media, uint8_t payload_type);
