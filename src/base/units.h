/* units.h - durations, rates, sizes and ratios as people type them, and as they read them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* "500ms" "30s" "5m" "1h30m" "7d" (and us, ns) to nanoseconds; a unit is required but for 0. */
bool units_parse_duration(const char *text, uint64_t *ns);

/* "100/s" "600/m" "3600/h" to events a second; a bare number is per second. Must be over 0. */
bool units_parse_rate(const char *text, double *per_s);

/* "64k" "2M" "1G" "1500" with optional B, to bytes; k is 1024. */
bool units_parse_size(const char *text, uint64_t *bytes);

/* "500k" "100M" "1Gbit" "2.5Mbit/s" to bits a second; k is 1000. */
bool units_parse_bitrate(const char *text, uint64_t *bps);

/* "0.1%" or "0.001". Between 0 and 1. */
bool units_parse_ratio(const char *text, double *ratio);

/* A whole number that fills the text, in [min, max]. */
bool units_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *count);

/* "1.23 s", "4.5 ms", "870 us": three significant digits. */
void units_write_duration(struct text *to, uint64_t ns);

/* "1,234,567". */
void units_write_count(struct text *to, uint64_t count);

/* "1.2 MB", "980 kB", "96 B" (powers of 1000). */
void units_write_bytes(struct text *to, uint64_t bytes);

/* "183 Mbit/s". */
void units_write_bitrate(struct text *to, double bps);

/* The greatest number that divides both; the other one where one is 0. */
uint64_t units_greatest_divisor(uint64_t a, uint64_t b);

/* From one unit to another: value * by / of, rounded down, without overflow on the way. */
static inline uint64_t units_scale(uint64_t value, uint64_t by, uint64_t of)
{
    return (uint64_t)((unsigned __int128)value * by / of);
}
