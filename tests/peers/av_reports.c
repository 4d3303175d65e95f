/* av_reports.c - when libavformat takes frames to have been captured, by the sender reports: a peer
 * for our tests.
 *
 *     av_reports rtsp://... SECONDS [listen]
 *
 * Prints "video ARRIVAL CAPTURE" or "audio ..." for each packet once a report has come, both in
 * microseconds since 1970. With listen it is the server, and takes one publisher. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>
#include <libavutil/time.h>

static const char *kind_of(const AVFormatContext *input, const AVPacket *packet)
{
    enum AVMediaType type = input->streams[packet->stream_index]->codecpar->codec_type;
    return type == AVMEDIA_TYPE_VIDEO ? "video" : "audio";
}

static void print_packet(const AVFormatContext *input, const AVPacket *packet)
{
    size_t size = 0;
    const void *side = av_packet_get_side_data(packet, AV_PKT_DATA_PRFT, &size);
    AVProducerReferenceTime reference;
    if (!side || size < sizeof(reference))
        return;
    memcpy(&reference, side, sizeof(reference));
    printf("%s %lld %lld\n", kind_of(input, packet), (long long)av_gettime(),
           (long long)reference.wallclock);
}

int main(int argc, char **argv)
{
    AVFormatContext *input = avformat_alloc_context();
    AVPacket *packet = av_packet_alloc();
    AVDictionary *options = NULL;
    if (argc < 3 || !input || !packet)
        return 2;
    av_log_set_level(AV_LOG_ERROR);
    av_dict_set(&options, "rtsp_transport", "tcp", 0);
    if (argc > 3)
        av_dict_set(&options, "rtsp_flags", argv[3], 0);
    input->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOBUFFER;
    if (avformat_open_input(&input, argv[1], NULL, &options) < 0)
        return 1;
    int64_t end = av_gettime() + atoll(argv[2]) * 1000000;
    while (av_gettime() < end && av_read_frame(input, packet) >= 0) {
        print_packet(input, packet);
        av_packet_unref(packet);
    }
    return 0;
}
