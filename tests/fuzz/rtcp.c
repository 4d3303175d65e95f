/* rtcp: a compound ends, its blocks are inside, and a report written back reads the same. */
#include <assert.h>
#include <string.h>

#include "proto/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ERA_END_NS UINT64_C(2085978496000000000) /* NTP's seconds wrap in 2036 */

static void check_report(const struct rtcp *report)
{
    char bytes[1024];
    struct text text = text_init(bytes, sizeof(bytes));
    struct rtcp again;
    rtcp_write_sr(&text, report);
    struct slice written = text_slice(&text);
    assert(!text.overflow && rtcp_next(&written, &again) == RTCP_OK && written.len == 0);
    assert(again.ssrc == report->ssrc && again.ntp == report->ntp);
    assert(again.rtp_timestamp == report->rtp_timestamp);
    assert(slice_equal(again.blocks, report->blocks));
}

static void check_blocks(uint32_t ssrc, struct slice blocks)
{
    struct rtcp_block read[31];
    char bytes[1024];
    struct text text = text_init(bytes, sizeof(bytes));
    struct slice before = blocks;
    struct rtcp again;
    unsigned count = 0;
    while (rtcp_block_next(&blocks, &read[count]))
        count++;
    assert(blocks.len == 0);
    rtcp_write_rr(&text, ssrc, read, count);
    struct slice written = text_slice(&text);
    assert(rtcp_next(&written, &again) == RTCP_OK && slice_equal(again.blocks, before));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice compound = slice_make(data, size);
    struct rtcp rtcp;
    enum rtcp_result result;
    size_t before = size;
    while ((result = rtcp_next(&compound, &rtcp)) == RTCP_OK) {
        assert(compound.len < before);
        before = compound.len;
        if (rtcp.type == RTCP_SR)
            check_report(&rtcp);
        check_blocks(rtcp.ssrc, rtcp.blocks);
        uint64_t ns = rtcp_ntp_to_ns(rtcp.ntp);
        if (ns != 0 && ns < ERA_END_NS)
            assert(rtcp_ntp_to_ns(rtcp_ntp_from_ns(ns)) == ns);
    }
    assert(compound.len == 0);
    return 0;
}
