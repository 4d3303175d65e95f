/* rtp: views stay inside the packet, and what a prefix shows is what the whole packet holds. */
#include <assert.h>

#include "proto/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice whole, struct slice part)
{
    assert(part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

/* Reads each byte, for the sanitizer. */
static unsigned sum(struct slice bytes)
{
    unsigned total = 0;
    while (bytes.len > 0)
        total += slice_take_byte(&bytes);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice packet = slice_make(data, size);
    struct rtp whole = {0}, cut;
    enum rtp_result result = rtp_parse(packet, &whole);
    (void)rtp_is_rtcp(packet);
    if (result == RTP_OK) {
        check_inside(packet, whole.extension);
        check_inside(packet, whole.payload);
        assert(sum(whole.extension) + sum(whole.payload) <= 255 * size);
    }
    for (size_t n = 0; n < size && n < 100; n++) {
        struct slice prefix = slice_make(data, n);
        enum rtp_result seen = rtp_parse_prefix(prefix, size, &cut);
        assert(n < RTP_HEADER_MIN ? seen == RTP_SHORT : seen != RTP_SHORT);
        if (seen == RTP_BAD)
            assert(result == RTP_BAD);
        if (seen == RTP_OK) {
            check_inside(prefix, cut.extension);
            check_inside(prefix, cut.payload);
        }
    }
    return 0;
}
