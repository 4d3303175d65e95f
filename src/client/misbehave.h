/* misbehave.h - clients that do what they shouldn't: a small script each on the ordinary session.
 */
#pragma once

#include "client/client.h"
#include "stats/misbehaviour.h"

/* A request is about to go out. True: the script has taken over, and it does not. */
bool misbehave_on_request(struct client *client, struct session *session, enum rtsp_method method);

/* PLAY was answered. */
void misbehave_on_playing(struct client *client, struct session *session);

/* The script's next step is due. */
void misbehave_on_tick(struct client *client, struct session *session);
void misbehave_on_answer(struct client *client, const struct session *session, unsigned status);

/* A session began, and ended: counted in the good clients' statistics, apart from their numbers. */
void misbehave_began(struct client *client, const struct session *session);
void misbehave_ended(struct client *client, const struct session *session,
                     enum session_outcome outcome);

static inline enum misbehaviour misbehaviour_of(const struct session *session)
{
    return (enum misbehaviour)(session->misbehaviour - 1);
}
