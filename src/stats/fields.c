#include "stats/fields.h"

#include <assert.h>

const struct stats_field stats_session_fields[] = {
    {"started", offsetof(struct session_counts, started)},
    {"established", offsetof(struct session_counts, established)},
    {"got_media", offsetof(struct session_counts, got_media)},
    {"failed", offsetof(struct session_counts, failed)},
    {"unanswered", offsetof(struct session_counts, unanswered)},
    {"cancelled", offsetof(struct session_counts, cancelled)},
    {"dropped", offsetof(struct session_counts, dropped)},
    {"completed", offsetof(struct session_counts, completed)},
    {"not_started", offsetof(struct session_counts, not_started)},
    {"retries", offsetof(struct session_counts, retries)},
    {NULL, 0},
};

const struct stats_field stats_stream_session_fields[] = {
    {"started", offsetof(struct session_counts, started)},
    {"established", offsetof(struct session_counts, established)},
    {"got_media", offsetof(struct session_counts, got_media)},
    {"failed", offsetof(struct session_counts, failed)},
    {"cancelled", offsetof(struct session_counts, cut_off)},
    {"dropped", offsetof(struct session_counts, dropped)},
    {"completed", offsetof(struct session_counts, completed)},
    {"not_started", offsetof(struct session_counts, not_started)},
    {"retries", offsetof(struct session_counts, retries)},
    {NULL, 0},
};

const struct stats_field stats_rtp_fields[] = {
    {"packets", offsetof(struct rtp_counts, packets)},
    {"bytes", offsetof(struct rtp_counts, bytes)},
    {"expected", offsetof(struct rtp_counts, expected)},
    {"lost", offsetof(struct rtp_counts, lost)},
    {"duplicates", offsetof(struct rtp_counts, duplicates)},
    {"reordered", offsetof(struct rtp_counts, reordered)},
    {"late", offsetof(struct rtp_counts, late)},
    {"resets", offsetof(struct rtp_counts, resets)},
    {"bad", offsetof(struct rtp_counts, bad)},
    {NULL, 0},
};

const struct stats_field stats_loss_fields[] = {
    {"network", offsetof(struct rtp_counts, lost_by[LOSS_NETWORK])},
    {"local_socket", offsetof(struct rtp_counts, lost_by[LOSS_LOCAL_SOCKET])},
    {"self", offsetof(struct rtp_counts, lost_by[LOSS_SELF])},
    {"server", offsetof(struct rtp_counts, lost_by[LOSS_SERVER])},
    {NULL, 0},
};

const struct stats_field stats_published_fields[] = {
    {"packets", offsetof(struct published_counts, packets)},
    {"bytes", offsetof(struct published_counts, bytes)},
    {"dropped", offsetof(struct published_counts, dropped)},
    {"reported_lost", offsetof(struct published_counts, reported_lost)},
    {"unconfirmed", offsetof(struct published_counts, unconfirmed)},
    {"unacked_bytes", offsetof(struct published_counts, unacked_bytes)},
    {NULL, 0},
};

const struct stats_field stats_drop_fields[] = {
    {"server", offsetof(struct published_counts, dropped_by[DROP_SERVER])},
    {"self", offsetof(struct published_counts, dropped_by[DROP_SELF])},
    {NULL, 0},
};

const struct stats_field stats_rtcp_fields[] = {
    {"sr_received", offsetof(struct rtcp_counts, sr_received)},
    {"rr_sent", offsetof(struct rtcp_counts, rr_sent)},
    {"sr_sent", offsetof(struct rtcp_counts, sr_sent)},
    {"rr_received", offsetof(struct rtcp_counts, rr_received)},
    {"bye_received", offsetof(struct rtcp_counts, bye_received)},
    {"bad", offsetof(struct rtcp_counts, bad)},
    {NULL, 0},
};

const struct stats_field stats_oddity_fields[] = {
    {"unknown_channel", offsetof(struct oddity_counts, unknown_channel)},
    {"unknown_type", offsetof(struct oddity_counts, unknown_type)},
    {"foreign", offsetof(struct oddity_counts, foreign)},
    {"unasked_replies", offsetof(struct oddity_counts, unasked_replies)},
    {"server_requests", offsetof(struct oddity_counts, server_requests)},
    {"resyncs", offsetof(struct oddity_counts, resyncs)},
    {"tracks_skipped", offsetof(struct oddity_counts, tracks_skipped)},
    {"redirects", offsetof(struct oddity_counts, redirects)},
    {"auth_rounds", offsetof(struct oddity_counts, auth_rounds)},
    {"keepalive_refused", offsetof(struct oddity_counts, keepalive_refused)},
    {NULL, 0},
};

const char *const media_kind_names[MEDIA_KINDS] = {"video", "audio", "other"};

const char *latency_name(enum metric metric)
{
    static const char *const names[LATENCY_METRICS] = {
        [METRIC_CONNECT] = "connect",     [METRIC_TLS] = "tls",
        [METRIC_OPTIONS] = "options",     [METRIC_DESCRIBE] = "describe",
        [METRIC_ANNOUNCE] = "announce",   [METRIC_SETUP] = "setup",
        [METRIC_PLAY] = "play",           [METRIC_RECORD] = "record",
        [METRIC_FIRST_RTP] = "first_rtp", [METRIC_FIRST_KEYFRAME] = "first_keyframe",
        [METRIC_STARTUP] = "startup",     [METRIC_JOIN] = "join",
        [METRIC_KEEPALIVE] = "keepalive", [METRIC_TEARDOWN] = "teardown",
        [METRIC_COME_BACK] = "come_back",
    };
    assert((unsigned)metric < LATENCY_METRICS);
    return names[metric];
}
