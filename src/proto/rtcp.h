/* rtcp.h - RTCP sender and receiver reports, SDES and BYE (RFC 3550, 6). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"

enum rtcp_type { RTCP_SR = 200, RTCP_RR = 201, RTCP_SDES = 202, RTCP_BYE = 203, RTCP_APP = 204 };

/* One packet of a compound. */
struct rtcp {
    uint8_t type;
    uint8_t count;
    uint32_t ssrc; /* of the sender; 0 in a packet too short to have one */
    uint64_t ntp;  /* SR: 32.32 seconds since 1900 */
    uint32_t rtp_timestamp;
    uint32_t packet_count;
    uint32_t octet_count;
    struct slice blocks;  /* SR and RR: 24 bytes each */
    struct slice leaving; /* BYE: 4 bytes each */
};

/* A report block (RFC 3550, 6.4.1). */
struct rtcp_block {
    uint32_t ssrc;
    uint8_t fraction_lost;   /* 1/256 */
    int32_t cumulative_lost; /* 24 bits, signed */
    uint32_t extended_sequence;
    uint32_t jitter;         /* RTP clock units */
    uint32_t last_sr;        /* middle 32 bits of its NTP stamp; 0 when none */
    uint32_t delay_since_sr; /* 1/65536 s */
};

enum rtcp_result { RTCP_OK, RTCP_END, RTCP_INVALID };

/* Takes the next packet from a compound. INVALID when the rest makes no sense (version, length). */
enum rtcp_result rtcp_next(struct slice *compound, struct rtcp *out);

/* Does a BYE name that source as one that leaves (RFC 3550, 6.6)? */
bool rtcp_bye_names(const struct rtcp *bye, uint32_t ssrc);

/* Takes the next report block of an SR or RR. */
bool rtcp_block_next(struct slice *blocks, struct rtcp_block *out);

/* Append packets. cname is at most 255 bytes. */
void rtcp_write_rr(struct text *to, uint32_t ssrc, const struct rtcp_block *blocks, unsigned count);
void rtcp_write_sr(struct text *to, const struct rtcp *report);
void rtcp_write_sdes(struct text *to, uint32_t ssrc, struct slice cname);
void rtcp_write_bye(struct text *to, uint32_t ssrc);

/* 32.32 NTP time of nanoseconds since 1970, and back (0 for times before 1970). */
uint64_t rtcp_ntp_from_ns(uint64_t unix_ns);
uint64_t rtcp_ntp_to_ns(uint64_t ntp);
