#include "server/exchange.h"

#include <inttypes.h>
#include <string.h>

#include "server/shard.h"

#define PATHS_BYTES 4096u /* of the names in a reply */

void exchange_begin(struct exchange *exchange, unsigned status)
{
    exchange->reply = text_init(exchange->server->reply, sizeof(exchange->server->reply));
    text_printf(&exchange->reply, "RTSP/1.0 %u %s\r\n", status, rtsp_reason_phrase(status));
    if (exchange->request && exchange->request->has_cseq)
        text_printf(&exchange->reply, "CSeq: %u\r\n", exchange->request->cseq);
    text_add_string(&exchange->reply, "Server: rtspbench\r\n");
}

void exchange_finish(struct exchange *exchange)
{
    text_add_string(&exchange->reply, "\r\n");
    if (exchange->reply.overflow) { /* only what a client sent us to send back can be that long */
        exchange_begin(exchange, 400);
        text_add_string(&exchange->reply, "\r\n");
    }
    connection_send(exchange->server, exchange->connection, text_slice(&exchange->reply));
}

void exchange_answer(struct exchange *exchange, unsigned status)
{
    exchange_begin(exchange, status);
    exchange_finish(exchange);
}

void exchange_answer_unknown(struct exchange *exchange)
{
    char room[PATHS_BYTES];
    struct text paths = text_init(room, sizeof(room));
    text_add_string(&paths, "Nothing plays at ");
    text_add_printable(&paths, exchange->target.path);
    text_add_string(&paths, ". These paths do:\r\n");
    library_write_paths(exchange->server->config.library, &paths);
    exchange_begin(exchange, 404);
    exchange_finish_with_body(exchange, "text/plain", text_slice(&paths));
}

void exchange_finish_with_body(struct exchange *exchange, const char *type, struct slice body)
{
    text_printf(&exchange->reply, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", type,
                body.len);
    text_add(&exchange->reply, body);
    if (exchange->reply.overflow)
        exchange_answer(exchange, 500);
    else
        connection_send(exchange->server, exchange->connection, text_slice(&exchange->reply));
}

void exchange_add_session(struct exchange *exchange)
{
    if (connection_has_session(exchange->connection))
        text_printf(&exchange->reply, "Session: %016" PRIx64 "\r\n",
                    exchange->connection->session.id);
}

bool exchange_names_session(const struct exchange *exchange)
{
    struct slice id, value = rtsp_header(exchange->request, "Session", 0);
    uint64_t number;
    uint32_t timeout_s;
    if (!value.data)
        return true;
    return connection_has_session(exchange->connection) &&
           rtsp_session_parse(value, &id, &timeout_s) &&
           slice_to_hex_u64(id, UINT64_MAX, &number) && number == exchange->connection->session.id;
}

void exchange_add_base(struct exchange *exchange)
{
    struct text *to = &exchange->reply;
    if (exchange->target.base.len > 0) {
        text_add(to, exchange->target.base);
    } else {
        text_add_string(to, "rtsp://");
        address_write(to, &exchange->server->address);
    }
    text_add_string(to, strcmp(exchange->target.key, "/") == 0 ? "" : exchange->target.key);
}

unsigned exchange_check_session(const struct exchange *exchange)
{
    const struct session *session = &exchange->connection->session;
    if (session->state == SESSION_NONE || !exchange_names_session(exchange))
        return 454;
    return session->path == exchange->path || exchange->target.path.data[0] == '*' ? 200 : 404;
}
