/* stamp.h - what came with a read: the kernel's time stamp, made monotonic, and its other remarks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for every control message that our sockets ask for. */
#define REMARKS_TCP 64 /* time stamp, TCP_INQ */
#define REMARKS_UDP 96 /* time stamp, SO_RXQ_OVFL, UDP_GRO */

struct remarks {
    uint64_t stamp_ns; /* CLOCK_REALTIME; 0: none */
    uint32_t unread;   /* TCP_INQ */
    uint32_t drops;    /* SO_RXQ_OVFL */
    uint32_t segment;  /* UDP_GRO; 0: not an aggregate */
    bool has_drops;    /* the kernel says nothing while the counter is 0 */
};

/* Reads the control messages of a received message. */
struct remarks remarks_read(struct msghdr *message);

/* Turns stamps of the wall clock into monotonic time. */
struct stamper {
    int64_t offset_ns;       /* monotonic minus wall clock */
    uint64_t measured_at_ns; /* monotonic */
    uint64_t stepped_at_ns;  /* when the wall clock was last found stepped: older stamps are void */
};

/* Measures the offset, once a turn. Both clocks are read by the caller, at the same moment. */
void stamper_measure(struct stamper *stamper, uint64_t monotonic_ns, uint64_t realtime_ns);

/* The monotonic time of a stamp; 0 when it can't be believed: it would lie in the future, over a
   minute back, or before a step of the clock. */
uint64_t stamper_convert(const struct stamper *stamper, uint64_t stamp_ns, uint64_t now_ns);
