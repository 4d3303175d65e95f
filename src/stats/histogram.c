#include "stats/histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define HIGHEST UINT64_C(3600000000)

/* Values below 2^bits have a bucket each: the least power of two that tells 2 * 10^digits apart. */
static uint8_t sub_bucket_bits(unsigned digits)
{
    static const uint8_t bits[] = {0, 5, 8, 11};
    assert(digits >= 1 && digits <= 3);
    return bits[digits];
}

/* Each further octave up to HIGHEST takes half as many, each twice as wide as those of the last. */
static uint32_t bucket_count(unsigned bits)
{
    uint32_t octaves = 1;
    while (UINT64_C(1) << (bits + octaves - 1) <= HIGHEST)
        octaves++;
    return (octaves + 1) << (bits - 1);
}

uint32_t histogram_counts_bytes(unsigned digits)
{
    return bucket_count(sub_bucket_bits(digits)) * (uint32_t)sizeof(uint64_t);
}

void histogram_init(struct histogram *histogram, unsigned digits, uint64_t *counts)
{
    uint8_t bits = sub_bucket_bits(digits);
    *histogram = (struct histogram){
        .digits = (uint8_t)digits,
        .sub_bucket_bits = bits,
        .bucket_count = bucket_count(bits),
        .min = UINT64_MAX,
        .counts = counts,
    };
}

static uint32_t bucket_of(const struct histogram *histogram, uint64_t value)
{
    unsigned bits = histogram->sub_bucket_bits;
    uint64_t mask = (UINT64_C(1) << bits) - 1;
    unsigned octave = 64 - (unsigned)__builtin_clzll(value | mask) - bits;
    return (uint32_t)((octave << (bits - 1)) + (value >> octave));
}

static void widen(struct histogram *histogram, uint32_t low, uint32_t high)
{
    if (histogram->low == histogram->high) {
        histogram->low = low;
        histogram->high = high;
        return;
    }
    if (low < histogram->low)
        histogram->low = low;
    if (high > histogram->high)
        histogram->high = high;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram_record_many(histogram, value, 1);
}

void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t times)
{
    if (value > HIGHEST)
        value = HIGHEST;
    uint32_t i = bucket_of(histogram, value);
    widen(histogram, i, i + 1);
    histogram->counts[i] += times;
    histogram->count += times;
    histogram->sum += value * times;
    if (value < histogram->min)
        histogram->min = value;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram->counts + histogram->low, 0,
           (histogram->high - histogram->low) * sizeof(histogram->counts[0]));
    histogram_init(histogram, histogram->digits, histogram->counts);
}

void histogram_add(struct histogram *to, const struct histogram *from)
{
    assert(to->digits == from->digits);
    if (from->count == 0)
        return;
    for (uint32_t i = from->low; i < from->high; i++)
        to->counts[i] += from->counts[i];
    widen(to, from->low, from->high);
    to->count += from->count;
    to->sum += from->sum;
    if (from->min < to->min)
        to->min = from->min;
    if (from->max > to->max)
        to->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *histogram, double q)
{
    /* A hair lower: 0.07 * 100 = 7.000000000000001 asks for the 7th value, not for the 8th. */
    double rank = ceil(nextafter(q, 0) * (double)histogram->count);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank;
    uint64_t seen = 0;
    for (uint32_t i = histogram->low; i < histogram->high; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted) {
            uint64_t value = histogram_bucket_high(histogram, i);
            return value < histogram->max ? value : histogram->max;
        }
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? (double)histogram->sum / (double)histogram->count : 0;
}

/* How often the width of bucket i doubled. */
static unsigned octave_of(const struct histogram *histogram, uint32_t i)
{
    uint32_t half_octaves = i >> (histogram->sub_bucket_bits - 1);
    return half_octaves > 0 ? half_octaves - 1 : 0;
}

uint64_t histogram_bucket_low(const struct histogram *histogram, uint32_t i)
{
    unsigned octave = octave_of(histogram, i);
    return (uint64_t)(i - (octave << (histogram->sub_bucket_bits - 1))) << octave;
}

uint64_t histogram_bucket_high(const struct histogram *histogram, uint32_t i)
{
    return histogram_bucket_low(histogram, i) + (UINT64_C(1) << octave_of(histogram, i)) - 1;
}

void histogram_subtract(struct histogram *to, const struct histogram *from)
{
    assert(to->digits == from->digits && to->count >= from->count);
    uint64_t max = to->max;
    to->count -= from->count;
    to->sum -= from->sum;
    to->min = UINT64_MAX;
    to->max = 0;
    for (uint32_t i = to->low; i < to->high; i++) {
        to->counts[i] -= i >= from->low && i < from->high ? from->counts[i] : 0;
        if (to->counts[i] == 0)
            continue;
        if (to->min == UINT64_MAX)
            to->min = histogram_bucket_low(to, i);
        to->max = histogram_bucket_high(to, i);
    }
    if (to->max > max)
        to->max = max;
}
