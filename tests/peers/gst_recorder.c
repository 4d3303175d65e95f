/* gst_recorder.c - GStreamer's RTSP server that takes what is published and decodes it: a peer for
 * our tests.
 *
 *     gst-recorder
 *
 * Takes a publisher of H.264 and AAC at each of /1 ... /16. Prints "ready rtsp://127.0.0.1:PORT/"
 * when it listens, "session PATH PACKETS LOST PICTURES SOUNDS" when a publisher says TEARDOWN,
 * "complaint PATH TEXT" for each error and warning of a pipeline; runs until it is killed. */
#include <stdio.h>
#include <stdlib.h>

#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>

#define PATHS 16
#define LOOK_US 50000 /* so long no packet came: what was on its way has arrived */

#define LAUNCH                                                                                     \
    "( rtph264depay name=depay0 ! h264parse ! avdec_h264 ! fakesink name=sink0 sync=false "        \
    "rtpmp4gdepay name=depay1 ! aacparse ! avdec_aac ! fakesink name=sink1 sync=false )"

/* What is published at a path. */
struct _Recording {
    GstRTSPMedia media;
    char *path;
    gint decoded[2]; /* pictures, and buffers of sound */
};

G_DECLARE_FINAL_TYPE(Recording, recording, RECORDER, RECORDING, GstRTSPMedia)
G_DEFINE_TYPE(Recording, recording, GST_TYPE_RTSP_MEDIA)

static gboolean on_message(GstRTSPMedia *media, GstMessage *message)
{
    GError *error = NULL;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
        gst_message_parse_warning(message, &error, NULL);
    if (error)
        printf("complaint %s %s: %s\n", RECORDER_RECORDING(media)->path,
               GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), error->message);
    fflush(stdout);
    g_clear_error(&error);
    return GST_RTSP_MEDIA_CLASS(recording_parent_class)->handle_message(media, message);
}

static void recording_finalize(GObject *object)
{
    g_free(RECORDER_RECORDING(object)->path);
    G_OBJECT_CLASS(recording_parent_class)->finalize(object);
}

static void recording_class_init(RecordingClass *class)
{
    GST_RTSP_MEDIA_CLASS(class)->handle_message = on_message;
    G_OBJECT_CLASS(class)->finalize = recording_finalize;
}

static void recording_init(Recording *recording)
{
    recording->path = g_strdup("?");
}

static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer number)
{
    g_atomic_int_inc((gint *)number);
    return GST_PAD_PROBE_OK;
}

static void on_media_configure(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer user)
{
    GstElement *bin = gst_rtsp_media_get_element(media);
    for (int i = 0; i < 2; i++) {
        GstElement *sink = gst_bin_get_by_name(GST_BIN(bin), i == 0 ? "sink0" : "sink1");
        GstPad *pad = gst_element_get_static_pad(sink, "sink");
        gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count,
                          &RECORDER_RECORDING(media)->decoded[i], NULL);
        gst_object_unref(pad);
        gst_object_unref(sink);
    }
    gst_object_unref(bin);
}

/* What came on a track, as GStreamer's RTP session counts it. */
static void add_received(GstRTSPStream *stream, guint64 *packets, gint *lost)
{
    GObject *session = gst_rtsp_stream_get_rtpsession(stream);
    GstStructure *stats = NULL;
    g_object_get(session, "stats", &stats, NULL);
    GValueArray *sources = g_value_get_boxed(gst_structure_get_value(stats, "source-stats"));
    for (guint i = 0; sources && i < sources->n_values; i++) {
        const GstStructure *source = g_value_get_boxed(&sources->values[i]);
        gboolean internal = TRUE;
        guint64 received = 0;
        gint missed = 0;
        gst_structure_get_boolean(source, "internal", &internal);
        gst_structure_get_uint64(source, "packets-received", &received);
        gst_structure_get_int(source, "packets-lost", &missed);
        *packets += internal ? 0 : received;
        *lost += internal ? 0 : missed;
    }
    gst_structure_free(stats);
    g_object_unref(session);
}

static void add_all_received(GstRTSPMedia *media, guint64 *packets, gint *lost)
{
    *packets = 0;
    *lost = 0;
    for (guint i = 0; i < gst_rtsp_media_n_streams(media); i++)
        add_received(gst_rtsp_media_get_stream(media, i), packets, lost);
}

/* TEARDOWN overtakes the packets before it, which other threads carry through the pipeline. */
static GstRTSPStatusCode on_teardown(GstRTSPClient *client, GstRTSPContext *context, gpointer user)
{
    GstRTSPMedia *media = gst_rtsp_session_media_get_media(context->sessmedia);
    guint64 packets, before;
    gint lost;
    add_all_received(media, &packets, &lost);
    do {
        before = packets;
        g_usleep(LOOK_US);
        add_all_received(media, &packets, &lost);
    } while (packets != before);
    Recording *recording = RECORDER_RECORDING(media);
    printf("session %s %" G_GUINT64_FORMAT " %d %d %d\n", context->uri->abspath, packets, lost,
           g_atomic_int_get(&recording->decoded[0]), g_atomic_int_get(&recording->decoded[1]));
    fflush(stdout);
    return GST_RTSP_STS_OK;
}

static void on_announce(GstRTSPClient *client, GstRTSPContext *context, gpointer user)
{
    Recording *recording = RECORDER_RECORDING(context->media);
    g_free(recording->path);
    recording->path = g_strdup(context->uri->abspath);
}

static void on_client_connected(GstRTSPServer *server, GstRTSPClient *client, gpointer user)
{
    g_signal_connect(client, "announce-request", G_CALLBACK(on_announce), NULL);
    g_signal_connect(client, "pre-teardown-request", G_CALLBACK(on_teardown), NULL);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    GstRTSPServer *server = gst_rtsp_server_new();
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
    gst_rtsp_media_factory_set_media_gtype(factory, recording_get_type());
    gst_rtsp_media_factory_set_launch(factory, LAUNCH);
    g_signal_connect(factory, "media-configure", G_CALLBACK(on_media_configure), NULL);
    for (int i = 1; i <= PATHS; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%d", i);
        gst_rtsp_mount_points_add_factory(mounts, path, g_object_ref(factory));
    }
    g_signal_connect(server, "client-connected", G_CALLBACK(on_client_connected), NULL);
    gst_rtsp_server_set_address(server, "127.0.0.1");
    gst_rtsp_server_set_service(server, "0");
    if (gst_rtsp_server_attach(server, NULL) == 0) {
        fprintf(stderr, "gst_recorder: cannot listen\n");
        return 1;
    }
    printf("ready rtsp://127.0.0.1:%d/\n", gst_rtsp_server_get_bound_port(server));
    fflush(stdout);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
    return 0;
}
