#include "server/publish.h"

#include "server/publication.h"
#include "server/shard.h"

/* Without a type it is taken for what it must be. */
static bool is_sdp(const struct exchange *exchange)
{
    struct slice type = rtsp_header(exchange->request, "Content-Type", 0);
    struct slice essence = slice_trim(slice_take_until(&type, ';'));
    return essence.len == 0 || slice_equal_nocase(essence, SLICE("application/sdp"));
}

void publish_announce(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = connection_has_session(connection) ? 455 : !is_sdp(exchange) ? 415 : 200;
    struct publication *publication =
        status == 200 ? publication_take(exchange->server, connection) : NULL;
    if (!publication) {
        if (status == 200)
            server_count_refusal(exchange->server, REFUSED_MEMORY);
        exchange_answer(exchange, status == 200 ? 503 : status);
        return;
    }
    const char *wrong = announcement_parse(&publication->announcement, exchange->target.key,
                                           exchange->request->body);
    if (!wrong) {
        exchange_answer(exchange, 200);
        return;
    }
    publication_release(exchange->server, connection);
    exchange_begin(exchange, 400);
    exchange_finish_with_body(exchange, "text/plain", slice_from_string(wrong));
}

void publish_record(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = exchange_check_session(exchange);
    if (status == 200 && !connection_publishes(connection))
        status = 455;
    if (status == 200 && exchange->target.track != TARGET_WHOLE &&
        session_tracks_on(&connection->session) > 1)
        status = 460;
    if (status == 200 && connection->session.state == SESSION_READY)
        publication_record(exchange->server, connection);
    exchange_begin(exchange, status);
    if (status == 200)
        exchange_add_session(exchange);
    exchange_finish(exchange);
}
