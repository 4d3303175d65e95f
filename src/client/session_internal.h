/* session_internal.h - what the parts of the session's state machine call of each other. */
#pragma once

#include <stdarg.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/client.h"

#define CLIENT_BLAME_MS 5000u /* what is missing this soon after a fault of ours is ours */

/* A session id too long to stand inline. */
struct long_id {
    char bytes[256];
};

/* The tracks beyond the inline ones. */
struct more_tracks {
    struct track tracks[SESSION_TRACKS_MORE];
};

/* session.c: the state and time. */
void session_enter(struct client *client, struct session *session, enum session_state state);
void session_arm(struct client *client, struct session *session);

/* Why a socket failed. Counts what this machine had no more of. */
enum reason session_reason_of(struct client *client, const struct session *session, int error);

/* The state's deadline begins anew. */
void session_enter_deadline(struct client *client, struct session *session);

/* outcome.c: the one door for failures. status is 0 where none was received; what is put in the
 * error's sample. */
void session_fail(struct client *client, struct session *session, enum reason reason,
                  unsigned status, struct slice what);

/* Counts the outcome and closes everything. */
void session_finish(struct client *client, struct session *session, enum session_outcome outcome);

/* Gives it the outcome that it has, were the run over now; nothing is closed. */
void session_abandon(struct client *client, struct session *session);

/* Closes everything without an outcome: next says how it goes on. */
void session_close_all(struct client *client, struct session *session, enum session_next next);

/* Waits span_ns for its next try. */
void session_wait(struct client *client, struct session *session, uint64_t span_ns);

/* Everything of a try is closed: goes on as session->next says. */
void session_after_closed(struct client *client, struct session *session);

/* Counts a failure that does not end the session. */
void session_count_error(struct client *client, const struct session *session, enum reason reason,
                         unsigned status, struct slice what);

/* try.c. A session took up a record: its first or next try begins now, or waits for a conversation.
 */
void session_begin_try(struct client *client, struct session *session);

/* TEARDOWN was answered over UDP: reads on for what is still under way. */
void session_drain(struct client *client, struct session *session);

/* Gives a new start its life and its URL. */
void session_live(struct client *client, struct session *session);

/* Nothing may follow: the plan has ended, or the reader has left. */
static inline bool session_is_over(const struct client *client, const struct session *session)
{
    return client->stopping || (session->flags & FLAG_LEFT);
}

/* A drop is over and done with: coming back is a new start, due now. */
void session_come_back(struct client *client, struct session *session);
enum phase session_phase(const struct session *session);
void session_measure(struct client *client, struct session *session, enum metric metric,
                     uint64_t from_ns, uint64_t to_ns);

static inline uint32_t session_ms(const struct client *client, uint64_t span_ns)
{
    uint32_t at = client->now_ms + (uint32_t)(span_ns / NS_PER_MS);
    return at ? at : 1;
}

/* Was this machine so late, not long ago, that what is missing may be its fault? */
static inline bool client_was_late(const struct client *client)
{
    return client->last_lag_ms != 0 && client->now_ms - client->last_lag_ms < CLIENT_BLAME_MS;
}

static inline bool client_publishes(const struct client *client)
{
    return client->config->publish;
}

static inline uint64_t session_token(const struct client *client, const struct session *session,
                                     uint8_t channel)
{
    return client->token_bit | client_index(client, session) | (uint64_t)session->generation << 32 |
           (uint64_t)channel << 56;
}

static inline struct conversation *session_talk(struct client *client,
                                                const struct session *session)
{
    return conversation_at(&client->conversations, session->conversation);
}

static inline struct description *session_description(const struct client *client,
                                                      const struct session *session)
{
    return pool_at(&client->descriptions, session->description - 1);
}

static inline struct session_udp *session_udp_of(const struct client *client,
                                                 const struct session *session)
{
    return pool_at(&client->udps, session->udp - 1);
}

/* request.c: what a session says. */
struct slice session_url(struct client *client, const struct session *session);
bool session_may_authenticate(const struct client *client, const struct session *session);
void request_options(struct client *client, struct session *session);
void request_describe(struct client *client, struct session *session);
void request_announce(struct client *client, struct session *session);
void request_setup(struct client *client, struct session *session);
void request_play(struct client *client, struct session *session);
void request_record(struct client *client, struct session *session);
void request_teardown(struct client *client, struct session *session);
void request_keepalive(struct client *client, struct session *session);

/* Says the pending request again, under a new CSeq (after a challenge). */
void request_again(struct client *client, struct session *session);

/* Answers a request of the server's; unanswered while our own writes are stuck. */
void request_answer(struct client *client, struct session *session, unsigned status, uint32_t cseq);

/* Sends what the kernel takes now and keeps the rest. Errors are left to the event that follows
 * them. */
void session_send(struct client *client, struct session *session, struct slice bytes);
/* Keeps what the kernel didn't take, at most PUBLISHER_PACKET_MAX bytes, until it does. */
void session_keep(struct client *client, struct session *session, struct slice rest);
void session_flush(struct client *client, struct session *session);
bool session_can_send(struct client *client, const struct session *session);

/* reply.c: what a session is told. TEARDOWN was answered, if only by closing the connection. */
void session_on_goodbye(struct client *client, struct session *session, uint64_t arrival_ns);
void session_on_message(struct client *client, struct session *session,
                        const struct rtsp_message *message, uint64_t arrival_ns);
void session_on_resolved(struct client *client, struct session *session,
                         const struct session_event *event);

/* setup.c */
void setup_next_track(struct client *client, struct session *session);

/* Keeps the first id that a server gave: later ones are ignored, but their timeout holds. False for
   one that can't be sent back. */
bool setup_adopt_id(struct client *client, struct session *session, struct slice header);
void setup_on_reply(struct client *client, struct session *session,
                    const struct rtsp_message *reply);
/* Takes over what the kernel dropped on the RTP sockets so far. */
void setup_count_drops(struct client *client, struct session *session);
void setup_close_udp(struct client *client, struct session *session);
void setup_forget(struct client *client, struct session *session);

/* stream.c: bytes and datagrams. */
void stream_on_bytes(struct client *client, struct session *session,
                     const struct session_event *event);
void stream_on_datagram(struct client *client, struct session *session,
                        const struct session_event *event);
void stream_send_reports(struct client *client, struct session *session);

/* media.c: RTP and RTCP packets, whole or as far as they are there. */
struct media_piece {
    struct slice bytes;
    size_t total_len; /* of the packet; more than bytes.len where a read ended inside it */
    uint64_t arrival_ns;
    uint32_t drops; /* UDP: the socket's counter */
};

void media_on_rtp(struct client *client, struct session *session, unsigned track,
                  const struct media_piece *piece);
void media_on_rtcp(struct client *client, struct session *session, unsigned track,
                   const struct media_piece *piece);

/* TEARDOWN goes out: what still comes is counted, but silence is not held against the server. */
void media_stop(struct client *client, struct session *session);
void media_end(struct client *client, struct session *session);
