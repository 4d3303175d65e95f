#include "media/describe.h"

void describe(struct text *to, const struct media *media, bool v6)
{
    text_printf(to, "v=0\r\no=- 1 1 IN %s\r\ns=rtspbench ", v6 ? "IP6 ::1" : "IP4 127.0.0.1");
    text_add_printable(to, slice_from_string(media->name)); /* a file's may hold a line's end */
    text_printf(to, "\r\nc=IN %s\r\nt=0 0\r\na=control:*\r\na=range:npt=0-\r\n",
                v6 ? "IP6 ::" : "IP4 0.0.0.0");
    for (unsigned i = 0; i < media->track_count; i++) {
        const struct media_track *track = &media->tracks[i];
        unsigned type = track->payload_type;
        text_printf(to, "m=%s 0 RTP/AVP %u\r\n", track->video ? "video" : "audio", type);
        if (track->bandwidth_kbps > 0)
            text_printf(to, "b=AS:%u\r\n", track->bandwidth_kbps);
        text_printf(to, "a=rtpmap:%u %s\r\n", type, track->rtpmap);
        if (track->fmtp[0])
            text_printf(to, "a=fmtp:%u %s\r\n", type, track->fmtp);
        text_printf(to, "a=control:trackID=%u\r\n", i);
    }
}
