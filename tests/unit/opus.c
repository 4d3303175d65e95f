#include "test.h"

#include "media/opus.h"

/* RFC 6716, table 2 and 3.2: configuration and code of the first byte. */
static void test_samples(void **state)
{
    static const struct {
        uint8_t bytes[2];
        size_t len;
        uint32_t samples;
    } rows[] = {
        {{0 << 3}, 1, 480},          /* SILK, 10 ms */
        {{3 << 3}, 1, 2880},         /* 60 ms */
        {{5 << 3 | 1}, 1, 1920},     /* two frames of 20 ms */
        {{12 << 3}, 1, 480},         /* hybrid, 10 ms */
        {{15 << 3 | 2}, 1, 1920},    /* two of 20 ms */
        {{16 << 3}, 1, 120},         /* CELT, 2.5 ms */
        {{31 << 3}, 1, 960},         /* 20 ms */
        {{31 << 3 | 3, 6}, 2, 5760}, /* six of 20 ms */
        {{31 << 3 | 3, 7}, 2, 0},    /* more than 120 ms */
        {{31 << 3 | 3, 0xc1}, 2, 960},
        {{31 << 3 | 3}, 1, 0},
        {{0}, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice packet = guarded(slice_make(rows[i].bytes, rows[i].len));
        if (opus_samples(packet) != rows[i].samples)
            fail_msg("row %zu: %u", i, opus_samples(packet));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
