#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "a_run.h"
#include "view/csv.h"

static char path[] = "/tmp/rtspbench-view-csv-XXXXXX";

/* The cell of a column in a line; the column's place is that of its name in the first. */
static const char *cell(const char *head, const char *line, const char *name)
{
    static char value[64];
    size_t len = strlen(name);
    for (; *head; head++) {
        if (strncmp(head, name, len) == 0 && (head[len] == ',' || head[len] == '\n'))
            break;
        for (head = strchr(head, ','); *line++ != ',';)
            assert_true(*line != '\n');
        assert_non_null(head);
    }
    snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, ",\n"), line);
    return value;
}

static unsigned columns(const char *line)
{
    unsigned count = 1;
    for (; *line != '\n'; line++)
        count += *line == ',';
    return count;
}

static void test_columns(void **state)
{
    static const struct {
        const char *name, *first, *second;
    } cells[] = {
        {"t_s", "5.000", "30.500"},          {"target", "100", "100"},
        {"packets", "5", "1294567"},         {"bytes", "0", "1555208750"},
        {"startup_p95_ms", "", "8.75"},      {"latency_p50_ms", "", ""},
        {"cpu", "0.000", "0.432"},           {"server_sessions", "", ""},
        {"published", "0", "600000"},        {"published_bytes", "0", "750000000"},
        {"publish_dropped", "0", "1500"},    {"publish_late_p50_ms", "", "0.5"},
        {"publish_late_p95_ms", "", "1.25"}, {"publish_late_p99_ms", "", "2"},
    };
    char lines[3][1024];
    struct a_run run;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    a_run_begin(&run);
    a_run_publish(&run);
    assert_int_equal(view_csv_write(&run.snapshot, path), 0);
    FILE *file = fopen(path, "r");
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(fgets(lines[i], sizeof(lines[i]), file));
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    unlink(path);
    assert_int_equal(columns(lines[1]), columns(lines[0]));
    assert_int_equal(columns(lines[2]), columns(lines[0]));
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        assert_string_equal(cell(lines[0], lines[1], cells[i].name), cells[i].first);
        assert_string_equal(cell(lines[0], lines[2], cells[i].name), cells[i].second);
    }
    a_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
