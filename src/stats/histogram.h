/* histogram.h - counts of values in log-linear buckets, as HdrHistogram lays them out. */
#pragma once

#include <stdint.h>

/* Values from 1 to 3.6e9 (an hour in microseconds); 0 counts as 0, greater ones as the greatest.
   Counts are exact; a percentile is off by less than one part in 10^digits. */
struct histogram {
    uint8_t digits; /* significant: 1, 2 or 3 */
    uint8_t sub_bucket_bits;
    uint32_t bucket_count; /* length of counts */
    uint32_t low, high;    /* the range of counts that may be set: [low, high) */
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* exact; of an empty histogram UINT64_MAX */
    uint64_t max;
    uint64_t *counts; /* 64 bits: a day of frames of very many sessions may fall into one bucket */
};

/* Bytes that the counts of such a histogram need. */
uint32_t histogram_counts_bytes(unsigned digits);

/* counts: that many zeroed bytes of the caller's, kept. */
void histogram_init(struct histogram *histogram, unsigned digits, uint64_t *counts);
void histogram_record(struct histogram *histogram, uint64_t value);

/* So many times the same. */
void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t times);
void histogram_clear(struct histogram *histogram);

/* Takes away what to held earlier, from; min and max become those of the buckets that are left. */
void histogram_subtract(struct histogram *to, const struct histogram *from);

/* Adds from to to, exactly; both have the same digits. */
void histogram_add(struct histogram *to, const struct histogram *from);

/* The value that a share of q (0 to 1) of all values is not above, at a bucket's upper end but
   never above max; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double q);
double histogram_mean(const struct histogram *histogram);

/* The lowest and highest value that index i counts. */
uint64_t histogram_bucket_low(const struct histogram *histogram, uint32_t i);
uint64_t histogram_bucket_high(const struct histogram *histogram, uint32_t i);
