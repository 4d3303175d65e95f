#include "net/stamp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define OLDEST (60 * NS_PER_S)

/* NTP slews by 500 parts per million at most; twice that, and two reads of the clock apart. */
#define SLEW_PER_MILLION 1000
#define READ_APART (2 * NS_PER_MS)

static uint32_t read_u32(const struct cmsghdr *control)
{
    uint32_t value;
    memcpy(&value, CMSG_DATA(control), sizeof(value));
    return value;
}

static void read_one(struct remarks *remarks, const struct cmsghdr *control)
{
    if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_TIMESTAMPNS) {
        struct timespec at;
        memcpy(&at, CMSG_DATA(control), sizeof(at));
        remarks->stamp_ns = (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec;
    } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
        remarks->drops = read_u32(control);
        remarks->has_drops = true;
    } else if (control->cmsg_level == IPPROTO_TCP && control->cmsg_type == TCP_CM_INQ) {
        remarks->unread = read_u32(control);
    } else if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
        remarks->segment = read_u32(control);
    }
}

struct remarks remarks_read(struct msghdr *message)
{
    struct remarks remarks = {0};
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    for (; control; control = CMSG_NXTHDR(message, control))
        read_one(&remarks, control);
    return remarks;
}

void stamper_measure(struct stamper *stamper, uint64_t monotonic_ns, uint64_t realtime_ns)
{
    int64_t offset_ns = (int64_t)(monotonic_ns - realtime_ns);
    uint64_t moved = (uint64_t)llabs(offset_ns - stamper->offset_ns);
    uint64_t passed = monotonic_ns - stamper->measured_at_ns;
    if (stamper->measured_at_ns > 0 && moved > READ_APART + passed / 1000000 * SLEW_PER_MILLION)
        stamper->stepped_at_ns = monotonic_ns;
    stamper->offset_ns = offset_ns;
    stamper->measured_at_ns = monotonic_ns;
}

uint64_t stamper_convert(const struct stamper *stamper, uint64_t stamp_ns, uint64_t now_ns)
{
    int64_t at_ns = (int64_t)stamp_ns + stamper->offset_ns;
    if (stamp_ns == 0 || at_ns <= 0 || (uint64_t)at_ns > now_ns)
        return 0;
    if (now_ns - (uint64_t)at_ns > OLDEST || (uint64_t)at_ns < stamper->stepped_at_ns)
        return 0;
    return (uint64_t)at_ns;
}
