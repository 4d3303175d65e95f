#include "server/fault.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/units.h"
#include "proto/rtsp.h"
#include "proto/url.h"

#define VALUE_MAX 64u
#define WHOLE (UINT64_C(1) << 32)

typedef bool (*parser)(const char *value, struct faults *faults, void *field);

/* "1/100", "1%" or "0.01". */
static bool parse_share(const char *value, struct faults *faults, void *field)
{
    struct slice rest = slice_from_string(value);
    struct slice above = slice_take_until(&rest, '/');
    uint64_t n, of;
    double ratio;
    if (rest.len > 0) {
        if (!slice_to_u64(above, WHOLE, &n) || !slice_to_u64(rest, WHOLE, &of) || of == 0 || n > of)
            return false;
        ratio = (double)n / (double)of;
    } else if (!units_parse_ratio(value, &ratio)) {
        return false;
    }
    *(uint64_t *)field = (uint64_t)llround(ratio * (double)WHOLE);
    return faults->drop + faults->duplicate + faults->reorder <= WHOLE;
}

static bool parse_duration(const char *value, struct faults *faults, void *field)
{
    return units_parse_duration(value, field);
}

/* "2s/10s" */
static bool parse_stall(const char *value, struct faults *faults, void *field)
{
    char length[VALUE_MAX];
    struct slice rest = slice_from_string(value);
    if (!slice_to_string(slice_take_until(&rest, '/'), length, sizeof(length)) || rest.len == 0)
        return false;
    return units_parse_duration(length, &faults->stall_ns) &&
           units_parse_duration((const char *)rest.data, &faults->stall_every_ns) &&
           faults->stall_ns > 0 && faults->stall_ns < faults->stall_every_ns;
}

static bool parse_bitrate(const char *value, struct faults *faults, void *field)
{
    return units_parse_bitrate(value, field) && *(uint64_t *)field > 0;
}

static bool parse_count(const char *value, struct faults *faults, void *field)
{
    uint64_t count;
    if (!units_parse_count(value, 1, 1000000000, &count))
        return false;
    *(uint32_t *)field = (uint32_t)count;
    return true;
}

static bool parse_status(const char *value, struct faults *faults, void *field)
{
    uint64_t status;
    if (!units_parse_count(value, 300, 599, &status))
        return false;
    faults->status = (uint16_t)status;
    return true;
}

static bool parse_sequence(const char *value, struct faults *faults, void *field)
{
    uint64_t sequence;
    if (!units_parse_count(value, 0, UINT16_MAX, &sequence))
        return false;
    faults->sequence = (uint16_t)sequence;
    faults->has_sequence = true;
    return true;
}

static bool parse_mute(const char *value, struct faults *faults, void *field)
{
    for (unsigned method = RTSP_OTHER + 1; method < RTSP_METHODS; method++) {
        if (slice_equal_nocase(rtsp_method_name((enum rtsp_method)method),
                               slice_from_string(value))) {
            faults->mute |= 1u << method;
            return true;
        }
    }
    return false;
}

static bool parse_flag(const char *value, struct faults *faults, void *field)
{
    bool on = strcmp(value, "1") == 0;
    *(bool *)field = on;
    return on || strcmp(value, "0") == 0;
}

static const struct fault_name {
    const char *name;
    parser parse;
    size_t field;
    const char *expected;
} names[] = {
    {"drop", parse_share, offsetof(struct faults, drop), "a share such as 1/100"},
    {"dup", parse_share, offsetof(struct faults, duplicate), "a share such as 1/60"},
    {"reorder", parse_share, offsetof(struct faults, reorder), "a share such as 1/40"},
    {"delay", parse_duration, offsetof(struct faults, delay_ns), "a duration such as 50ms"},
    {"seq", parse_sequence, 0, "a sequence number, 0 to 65535"},
    {"stall", parse_stall, 0, "a length and a period such as 2s/10s"},
    {"reset_after", parse_duration, offsetof(struct faults, reset_after_ns),
     "a duration such as 5s"},
    {"close_after", parse_duration, offsetof(struct faults, close_after_ns),
     "a duration such as 5s"},
    {"status", parse_status, 0, "a status, 300 to 599"},
    {"describe_delay", parse_duration, offsetof(struct faults, describe_delay_ns),
     "a duration such as 500ms"},
    {"mute", parse_mute, 0, "a method such as describe"},
    {"bitrate_cap", parse_bitrate, offsetof(struct faults, bitrate_cap_bps),
     "a bit rate such as 100M"},
    {"max_sessions", parse_count, offsetof(struct faults, max_sessions), "a number from 1 on"},
    {"session_timeout", parse_duration, offsetof(struct faults, session_timeout_ns),
     "a duration such as 10s"},
    {"queue", parse_count, offsetof(struct faults, queue), "a number of packets from 1 on"},
    {"stall_all", parse_flag, offsetof(struct faults, stall_all), "1 or 0"},
    {"spread", parse_flag, offsetof(struct faults, spread), "1 or 0"},
};

static const struct fault_name *find(struct slice name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(name, slice_from_string(names[i].name)))
            return &names[i];
    }
    return NULL;
}

bool faults_set(struct faults *faults, struct slice pair, struct text *error)
{
    char value[VALUE_MAX];
    struct slice name = slice_take_until(&pair, '=');
    const struct fault_name *fault = find(name);
    if (!fault) {
        text_add_string(error, "unknown fault '");
        text_add_escaped(error, name);
        text_add_string(error, "'");
        return false;
    }
    struct faults changed = *faults;
    if (url_decode(pair, value, sizeof(value)) &&
        fault->parse(value, &changed, (uint8_t *)&changed + fault->field)) {
        *faults = changed;
        return true;
    }
    text_printf(error, "fault %s=", fault->name);
    text_add_escaped(error, pair);
    text_printf(error, ": expected %s", fault->expected);
    if (fault->parse == parse_share)
        text_add_string(error, "; drop, dup and reorder together at most 1");
    return false;
}

bool faults_parse(struct faults *faults, struct slice query, struct text *error)
{
    while (query.len > 0) {
        struct slice part = slice_take_until(&query, '&');
        while (part.len > 0) {
            struct slice pair = slice_take_until(&part, ',');
            if (pair.len > 0 && !faults_set(faults, pair, error))
                return false;
        }
    }
    return true;
}

enum fault_fate faults_fate(const struct faults *faults, uint64_t seed, uint64_t number)
{
    uint64_t below = faults->drop;
    if (below + faults->duplicate + faults->reorder == 0)
        return FATE_SENT;
    struct rng rng = rng_init(seed, number, 0);
    uint64_t draw = rng_next(&rng) >> 32;
    if (draw < below)
        return FATE_DROPPED;
    below += faults->duplicate;
    if (draw < below)
        return FATE_DUPLICATED;
    return draw < below + faults->reorder ? FATE_HELD : FATE_SENT;
}

uint64_t faults_media_time(const struct faults *faults, uint64_t played_ns, uint64_t now_ns)
{
    uint64_t flowing_ns = faults->stall_every_ns - faults->stall_ns;
    if (faults->stall_every_ns > 0 && now_ns > played_ns) {
        uint64_t in_period_ns = (now_ns - played_ns) % faults->stall_every_ns;
        if (in_period_ns > flowing_ns)
            now_ns -= in_period_ns - flowing_ns;
    }
    return now_ns > faults->delay_ns ? now_ns - faults->delay_ns : 0;
}

uint64_t faults_write_time(const struct faults *faults, uint64_t played_ns, uint64_t due_ns)
{
    uint64_t at_ns = due_ns + faults->delay_ns;
    uint64_t flowing_ns = faults->stall_every_ns - faults->stall_ns;
    if (faults->stall_every_ns > 0 && at_ns > played_ns) {
        uint64_t in_period_ns = (at_ns - played_ns) % faults->stall_every_ns;
        if (in_period_ns > flowing_ns)
            at_ns += faults->stall_every_ns - in_period_ns;
    }
    return at_ns;
}
