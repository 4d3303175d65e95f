#include "client/panel_latency.h"

#include <endian.h>
#include <string.h>

#include "base/clock.h"
#include "proto/rtcp.h"

#define EARLY_NS ((int64_t)(10 * NS_PER_MS))
#define LATE_NS ((int64_t)(3600 * NS_PER_S))
#define SAMPLE_NS (90 * NS_PER_MS)
#define ONVIF_REPLAY 0xabacu /* extension profile (ONVIF Streaming Specification, 6.3) */

void panel_latency_on_report(struct panel_latency *latency, uint64_t ntp, uint32_t rtp_timestamp)
{
    latency->report_unix_ns = rtcp_ntp_to_ns(ntp);
    latency->report_timestamp = rtp_timestamp;
}

static uint64_t load_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof(value));
    return be64toh(value);
}

/* The capture time inside a packet: "RTSB" and 64 bits of nanoseconds since 1970 at the payload's
   start (our own server's pattern), or the NTP time of ONVIF's header extension. 0 when there is
   none. */
static uint64_t stamp_of(const struct rtp *packet)
{
    if (packet->payload.len >= 12 && memcmp(packet->payload.data, "RTSB", 4) == 0)
        return load_u64(packet->payload.data + 4);
    if (packet->has_extension && packet->extension_profile == ONVIF_REPLAY &&
        packet->extension.len >= 8)
        return rtcp_ntp_to_ns(load_u64(packet->extension.data));
    return 0;
}

/* When a frame was captured by the last sender report; false without one. */
static bool reported_capture(const struct panel_latency *latency, uint32_t timestamp,
                             uint32_t clock_rate, uint64_t *capture_ns)
{
    if (latency->report_unix_ns == 0 || clock_rate == 0)
        return false;
    int64_t ticks = (int32_t)(timestamp - latency->report_timestamp);
    *capture_ns = latency->report_unix_ns + (uint64_t)(ticks * (int64_t)NS_PER_S / clock_rate);
    return true;
}

bool panel_latency_of(struct panel_latency *latency, const struct rtp *packet, uint32_t clock_rate,
                      uint64_t unix_arrival_ns, uint64_t *latency_us)
{
    uint64_t capture_ns = stamp_of(packet);
    if (capture_ns != 0)
        latency->source = PANEL_LATENCY_STAMP;
    else if (latency->source == PANEL_LATENCY_STAMP ||
             !reported_capture(latency, packet->timestamp, clock_rate, &capture_ns))
        return false;
    int64_t passed_ns = (int64_t)(unix_arrival_ns - capture_ns);
    if (passed_ns < -EARLY_NS || passed_ns > LATE_NS)
        return false;
    if (latency->source == PANEL_LATENCY_NONE)
        latency->source = PANEL_LATENCY_REPORT;
    *latency_us = passed_ns > 0 ? (uint64_t)passed_ns / NS_PER_US : 0;
    return true;
}

void panel_latency_note_transit(struct panel_latency *latency, uint32_t due, uint32_t clock_rate,
                                uint64_t unix_arrival_ns, int64_t *base_ns)
{
    uint64_t capture_ns;
    bool too_soon = unix_arrival_ns - latency->transit_sampled_ns < SAMPLE_NS;
    if (latency->transit_count == PANEL_TRANSITS || too_soon ||
        !reported_capture(latency, due, clock_rate, &capture_ns))
        return;
    int64_t transit_ns = (int64_t)(unix_arrival_ns - capture_ns);
    if (*base_ns == PANEL_NO_BASE)
        *base_ns = transit_ns;
    int64_t us = (transit_ns - *base_ns) / (int64_t)NS_PER_US;
    if (us > INT32_MAX || us < INT32_MIN)
        return; /* the server's clock was set by over half an hour */
    latency->transit_sampled_ns = unix_arrival_ns;
    latency->transits_us[latency->transit_count++] = (int32_t)us;
}

void panel_latency_forget(struct panel_latency *latency)
{
    latency->transit_count = 0;
    latency->transit_sampled_ns = 0;
    latency->held_count = 0;
}

static void sort(int32_t *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        int32_t value = values[i];
        unsigned at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

bool panel_latency_take_median(struct panel_latency *latency, int32_t *median_us)
{
    unsigned count = latency->transit_count;
    int32_t *values = latency->transits_us;
    if (count == 0)
        return false;
    sort(values, count);
    int64_t twice = (int64_t)values[count / 2] + values[(count - 1) / 2];
    *median_us = (int32_t)(twice / 2);
    latency->transit_count = 0;
    return true;
}
