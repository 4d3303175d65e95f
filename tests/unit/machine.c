#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "load/machine.h"

static struct machine_load load;

/* Two cores as /proc/stat tells of them, in its ticks; the rest of the file is there, too. */
static struct busy_core see(const uint64_t busy[2], const uint64_t idle[2], uint64_t own_ns)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "cpu  1 2 3 4 5 6 7 8 0 0\n");
    for (int i = 0; i < 2; i++) {
        /* user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice */
        unsigned long part = busy[i] / 4, rest = busy[i] - 3 * part, half = idle[i] / 2;
        n += snprintf(text + n, sizeof(text) - (size_t)n, "cpu%d %lu 0 %lu %lu %lu 0 %lu %lu 0 0\n",
                      i, part, part, half, (unsigned long)idle[i] - half, part, rest);
    }
    snprintf(text + n, sizeof(text) - (size_t)n, "intr 1 2 3\nctxt 4\n");
    FILE *stat = fmemopen(text, strlen(text), "r");
    assert_non_null(stat);
    struct busy_core busiest = machine_see_cores(&load, stat, own_ns);
    fclose(stat);
    return busiest;
}

/* Looks of a second each, in ticks of 10 ms, of two cores of which both have been up for long. */
static void test_cores(void **state)
{
    static const struct {
        uint64_t busy[2]; /* ticks of 100 in that second */
        uint64_t own_ms;
        unsigned core;
        double busy_s, share, others;
    } rows[] = {
        {{10, 20}, 0, 0, 0, 0, 0},
        {{90, 20}, 0, 0, 0, 0, 0}, /* not over 90 % */
        {{100, 20}, 10, 0, 1, 1, 0.99},
        {{96, 100}, 10, 0, 2, 0.98, 1 - 0.02 / 1.96},
        {{50, 100}, 1000, 1, 2, 1, 1 - 1.01 / 2},
        {{100, 98}, 2000, 1, 3, 298 / 300.0, 0}, /* more of ours than it did: all may be */
        {{100, 10}, 0, 0, 2, 1, 0},              /* a second of its work may be ours */
        {{0, 0}, 0, 0, 0, 0, 0},
    };
    uint64_t busy[2] = {50000, 70000}, idle[2] = {900000, 880000}, own_ns = 77 * NS_PER_S;
    assert_int_equal(sysconf(_SC_CLK_TCK), 100);
    load = (struct machine_load){0};
    assert_int_equal(see(busy, idle, own_ns).busy_ns, 0); /* nothing to compare with yet */
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for (int i = 0; i < 2; i++) {
            busy[i] += rows[row].busy[i];
            idle[i] += 100 - rows[row].busy[i];
        }
        own_ns += rows[row].own_ms * NS_PER_MS;
        struct busy_core busiest = see(busy, idle, own_ns);
        assert_int_equal(busiest.core, rows[row].core);
        assert_float_equal((double)busiest.busy_ns / 1e9, rows[row].busy_s, 1e-6);
        assert_float_equal(busiest.share, rows[row].share, 1e-6);
        assert_float_equal(busiest.others, rows[row].others, 1e-6);
    }
}

/* A look after 90 ms waits for more; counts that went back (iowait does) begin anew. */
static void test_odd_looks(void **state)
{
    uint64_t busy[2] = {1000, 1000}, idle[2] = {1000, 1000};
    load = (struct machine_load){0};
    see(busy, idle, 0);
    busy[0] += 9;
    idle[1] += 9;
    assert_int_equal(see(busy, idle, 0).busy_ns, 0);
    busy[0] += 1;
    idle[1] += 1;
    struct busy_core busiest = see(busy, idle, 0);
    assert_int_equal(busiest.busy_ns, 100 * NS_PER_MS);
    assert_true(busiest.share == 1 && busiest.others == 1);
    idle[0] -= 500;
    assert_int_equal(see(busy, idle, 0).busy_ns, 0);
    busy[0] += 100;
    idle[1] += 100;
    assert_int_equal(see(busy, idle, 0).busy_ns, NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cores),
        cmocka_unit_test(test_odd_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
