/* transport: what is accepted is usable, inside the input, and reads the same when written again.
 */
#include "proto/transport.h"

#include <inttypes.h>

#include "base/text.h"
#include "fuzz.h"

static void check_pair(const uint16_t pair[2])
{
    assert(pair[0] > 0 && pair[1] > 0);
}

static void check_usable(struct slice value, const struct transport *transport)
{
    check_inside(value, transport->source);
    check_inside(value, transport->destination);
    if (transport->has_interleaved)
        assert(transport->interleaved[0] < transport->interleaved[1] &&
               transport->interleaved[1] <= 255);
    if (transport->has_client_port)
        check_pair(transport->client_port);
    if (transport->has_server_port)
        check_pair(transport->server_port);
}

static void write(struct text *to, const struct transport *transport)
{
    static const char *const lower[] = {"/TCP;unicast", "/UDP;unicast", "/UDP;multicast"};
    text_printf(to, "RTP/%s%s", transport->secure ? "SAVP" : "AVP", lower[transport->lower]);
    if (transport->has_interleaved)
        text_printf(to, ";interleaved=%d-%d", transport->interleaved[0], transport->interleaved[1]);
    if (transport->has_client_port)
        text_printf(to, ";client_port=%d-%d", transport->client_port[0], transport->client_port[1]);
    if (transport->has_server_port)
        text_printf(to, ";server_port=%d-%d", transport->server_port[0], transport->server_port[1]);
    if (transport->has_ssrc)
        text_printf(to, ";ssrc=%08" PRIx32, transport->ssrc);
    text_add_string(to, transport->record ? ";mode=record" : "");
}

static void check_again(const struct transport *once)
{
    char buffer[256];
    struct text text = text_init(buffer, sizeof(buffer));
    struct transport twice;
    write(&text, once);
    assert(!text.overflow && transport_parse(text_slice(&text), &twice) == TRANSPORT_OK);
    assert(once->lower == twice.lower);
    assert(once->secure == twice.secure && once->record == twice.record);
    assert(once->has_interleaved == twice.has_interleaved);
    assert(once->has_client_port == twice.has_client_port);
    assert(once->has_server_port == twice.has_server_port);
    assert(once->has_ssrc == twice.has_ssrc && once->ssrc == twice.ssrc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice value = slice_make(data, size), list = value;
    struct transport transport;
    enum transport_result result, first = transport_parse(value, &transport);
    if (first == TRANSPORT_OK) {
        check_usable(value, &transport);
        check_again(&transport);
    }
    bool any = false;
    for (size_t before = list.len; transport_next(&list, &transport, &result); before = list.len) {
        assert(list.len < before);
        any |= result == TRANSPORT_OK;
        if (result == TRANSPORT_OK)
            check_usable(value, &transport);
    }
    assert(any == (first == TRANSPORT_OK));
    return 0;
}
