/* gst_server.c - GStreamer's RTSP server with a test stream of about 500 kbit/s: a peer for our
 * tests.
 *
 *     gst_server [--basic USER:PASSWORD | --digest USER:PASSWORD] [--timeout SECONDS]
 * [--max-sessions N]
 *                [--jpeg] [--b-frames N] [--control NAME] [--transport tcp|udp]
 *
 * Prints "ready rtsp://127.0.0.1:PORT/test" when it listens, and runs until it is killed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>

#define VIDEO                                                                                      \
    "videotestsrc is-live=true pattern=ball ! "                                                    \
    "video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
#define PAY264 "rtph264pay name=pay0 pt=96 config-interval=-1 "
#define H264 "x264enc bitrate=430 tune=zerolatency speed-preset=ultrafast key-int-max=25 ! " PAY264
#define H264_B                                                                                     \
    "x264enc bitrate=430 speed-preset=ultrafast key-int-max=25 rc-lookahead=0 b-adapt=false "      \
    "sliced-threads=true bframes=%d ! video/x-h264,profile=main ! " PAY264
#define JPEG "jpegenc quality=40 ! rtpjpegpay name=pay0 pt=26 "
#define AUDIO                                                                                      \
    "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay "         \
    "name=pay1 pt=8"

static char *basic, *digest, *control, *transport;
static int timeout_s, max_sessions, b_frames;
static gboolean jpeg;

static GOptionEntry entries[] = {
    {"basic", 0, 0, G_OPTION_ARG_STRING, &basic, "ask for Basic authentication", "USER:PASSWORD"},
    {"digest", 0, 0, G_OPTION_ARG_STRING, &digest, "ask for Digest authentication",
     "USER:PASSWORD"},
    {"timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s, "session timeout", "SECONDS"},
    {"max-sessions", 0, 0, G_OPTION_ARG_INT, &max_sessions, "refuse more", "N"},
    {"jpeg", 0, 0, G_OPTION_ARG_NONE, &jpeg, "Motion JPEG in place of H.264", NULL},
    {"b-frames", 0, 0, G_OPTION_ARG_INT, &b_frames, "in a row, which reorder the pictures", "N"},
    {"control", 0, 0, G_OPTION_ARG_STRING, &control, "start of the tracks' control names", "NAME"},
    {"transport", 0, 0, G_OPTION_ARG_STRING, &transport, "only this one", "tcp|udp"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Says that the source can't seek, as a camera's can't: else GStreamer blocks a shared media for a
   moment whenever somebody joins, and everyone loses packets. */
static GstPadProbeReturn refuse_seeking(GstPad *pad, GstPadProbeInfo *info, gpointer user)
{
    GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
    if (GST_QUERY_TYPE(query) != GST_QUERY_SEEKING)
        return GST_PAD_PROBE_OK;
    gst_query_set_seeking(query, GST_FORMAT_TIME, FALSE, 0, -1);
    return GST_PAD_PROBE_HANDLED;
}

static void on_media_configure(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer user)
{
    for (guint i = 0; i < gst_rtsp_media_n_streams(media); i++) {
        GstRTSPStream *stream = gst_rtsp_media_get_stream(media, i);
        GstPad *pad = gst_rtsp_stream_get_srcpad(stream);
        gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM, refuse_seeking, NULL, NULL);
        gst_object_unref(pad);
        if (control) {
            char *name = g_strdup_printf("%s%u", control, i + 1);
            gst_rtsp_stream_set_control(stream, name);
            g_free(name);
        }
    }
}

static GstRTSPMediaFactory *make_factory(void)
{
    GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
    char *reordered = g_strdup_printf("( " VIDEO H264_B AUDIO " )", b_frames);
    const char *plain = jpeg ? "( " VIDEO JPEG AUDIO " )" : "( " VIDEO H264 AUDIO " )";
    gst_rtsp_media_factory_set_launch(factory, b_frames > 0 ? reordered : plain);
    g_free(reordered);
    gst_rtsp_media_factory_set_shared(factory, TRUE);
    if (transport)
        gst_rtsp_media_factory_set_protocols(factory, strcmp(transport, "tcp") == 0
                                                          ? GST_RTSP_LOWER_TRANS_TCP
                                                          : GST_RTSP_LOWER_TRANS_UDP);
    g_signal_connect(factory, "media-configure", G_CALLBACK(on_media_configure), NULL);
    return factory;
}

/* Who has this token may do everything; who has none, nothing. */
static void ask_for_password(GstRTSPServer *server, GstRTSPMediaFactory *factory, const char *pair,
                             bool is_digest)
{
    GstRTSPAuth *auth = gst_rtsp_auth_new();
    GstRTSPToken *token =
        gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "user", NULL);
    char **both = g_strsplit(pair, ":", 2);
    gst_rtsp_media_factory_add_role(factory, "user", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS,
                                    G_TYPE_BOOLEAN, TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT,
                                    G_TYPE_BOOLEAN, TRUE, NULL);
    if (is_digest) {
        gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
        gst_rtsp_auth_add_digest(auth, both[0], both[1], token);
    } else {
        char *encoded = gst_rtsp_auth_make_basic(both[0], both[1]);
        gst_rtsp_auth_add_basic(auth, encoded, token);
        g_free(encoded);
    }
    gst_rtsp_server_set_auth(server, auth);
    gst_rtsp_token_unref(token);
    g_object_unref(auth);
    g_strfreev(both);
}

/* GStreamer's pool lets sessions live as long as it says here, unless a keepalive comes. */
static void on_new_session(GstRTSPClient *client, GstRTSPSession *session, gpointer user)
{
    gst_rtsp_session_set_timeout(session, (guint)timeout_s);
}

static void on_client_connected(GstRTSPServer *server, GstRTSPClient *client, gpointer user)
{
    if (timeout_s > 0)
        g_signal_connect(client, "new-session", G_CALLBACK(on_new_session), NULL);
}

static gboolean drop_expired_sessions(gpointer pool)
{
    gst_rtsp_session_pool_cleanup(pool);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    GOptionContext *context = g_option_context_new(NULL);
    GError *error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_group(context, gst_init_get_option_group());
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "gst_server: %s\n", error->message);
        return 2;
    }
    GstRTSPServer *server = gst_rtsp_server_new();
    GstRTSPMediaFactory *factory = make_factory();
    GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
    GstRTSPSessionPool *pool = gst_rtsp_server_get_session_pool(server);
    if (basic || digest)
        ask_for_password(server, factory, basic ? basic : digest, !basic);
    if (max_sessions > 0)
        gst_rtsp_session_pool_set_max_sessions(pool, (guint)max_sessions);
    gst_rtsp_mount_points_add_factory(mounts, "/test", factory);
    g_signal_connect(server, "client-connected", G_CALLBACK(on_client_connected), NULL);
    gst_rtsp_server_set_address(server, "127.0.0.1");
    gst_rtsp_server_set_service(server, "0");
    gst_rtsp_server_set_backlog(server, 1024);
    if (gst_rtsp_server_attach(server, NULL) == 0) {
        fprintf(stderr, "gst_server: cannot listen\n");
        return 1;
    }
    g_timeout_add_seconds(1, drop_expired_sessions, pool);
    printf("ready rtsp://127.0.0.1:%d/test\n", gst_rtsp_server_get_bound_port(server));
    fflush(stdout);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
    return 0;
}
