#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "a_run.h"
#include "view/junit.h"

static char path[] = "/tmp/rtspbench-view-junit-XXXXXX";
static char file[16384];

static void write_file(const struct snapshot *snapshot)
{
    assert_int_equal(view_junit_write(snapshot, path), 0);
    FILE *from = fopen(path, "r");
    assert_non_null(from);
    size_t len = fread(file, 1, sizeof(file) - 1, from);
    fclose(from);
    file[len] = '\0';
}

static void assert_holds(const char *part)
{
    if (!strstr(file, part))
        assert_string_equal(file, part);
}

static unsigned occurrences(const char *text)
{
    unsigned n = 0;
    for (const char *at = strstr(file, text); at; at = strstr(at + 1, text))
        n++;
    return n;
}

static void lose_all_media(struct a_run *run)
{
    memset(run->total->rtp, 0, sizeof(run->total->rtp));
}

/* What befell most is in the suite itself, so that it is seen without opening a case. */
static void test_headline(void **state)
{
    struct slo_result slo = {.expression = "connect.p95<1us", .measured = true, .value = 2};
    struct a_run run;
    a_run_begin(&run);
    run.snapshot.slos = &slo;
    run.snapshot.slo_count = 1;
    write_file(&run.snapshot);
    assert_holds("<property name=\"headline\" value=\"FAIL  97 of 100 sessions, ");
    assert_holds("missed connect.p95&lt;1us (it was 2");
    assert_int_equal(occurrences("p95<1us"), 0);
    assert_int_equal(occurrences("<property "), 1);
    run.snapshot.interrupted = (struct interrupted){SIGTERM, 2 * NS_PER_S, 20 * NS_PER_S};
    write_file(&run.snapshot);
    assert_int_equal(occurrences("<property "), 2);
    assert_holds(
        "<property name=\"interrupted\" value=\"interrupted after 2.0 of 20 s, by SIGTERM\"/>");
    a_run_end(&run);
}

/* A value is what something was; that many never got there isn't. */
static void test_messages(void **state)
{
    struct slo_result slos[] = {
        {.expression = "startup.p95<1s", .measured = true, .value = INFINITY, .beyond = 7},
        {.expression = "freezes=0", .unit = SLO_COUNT},
        {.expression = "sessions.failed=0", .unit = SLO_COUNT, .measured = true, .value = 2},
    };
    struct a_run run;
    a_run_begin(&run);
    run.snapshot.slos = slos;
    run.snapshot.slo_count = 3;
    write_file(&run.snapshot);
    assert_holds("tests=\"4\" failures=\"3\" errors=\"0\"");
    assert_holds("<failure message=\"7 never got there\"/>");
    assert_holds("<failure message=\"never measured\"/>");
    assert_holds("<failure message=\"it was 2\"/>");
    a_run_end(&run);
}

/* A run without any media fails with objectives, whatever they are: where all are kept, a case of
   its own says why. */
static void test_no_media(void **state)
{
    struct slo_result slo = {.expression = "sessions.failed<9", .measured = true, .ok = true};
    struct a_run run;
    a_run_begin(&run);
    run.snapshot.slos = &slo;
    run.snapshot.slo_count = 1;
    write_file(&run.snapshot);
    assert_holds("tests=\"2\" failures=\"0\" errors=\"0\"");
    assert_int_equal(occurrences("name=\"media\""), 0);

    lose_all_media(&run);
    write_file(&run.snapshot);
    assert_holds("tests=\"3\" failures=\"1\" errors=\"0\"");
    assert_holds(
        "name=\"media\">\n      <failure message=\"no RTP packet came after the warm-up\"/>");

    slo.ok = false;
    write_file(&run.snapshot);
    assert_holds("tests=\"2\" failures=\"1\" errors=\"0\"");
    assert_int_equal(occurrences("name=\"media\""), 0);

    slo.ok = true;
    run.snapshot.generator.limits = 1u << LIMIT_LOOP_LAG;
    write_file(&run.snapshot);
    assert_holds("tests=\"2\" failures=\"0\" errors=\"1\"");
    assert_int_equal(occurrences("name=\"media\""), 0);
    a_run_end(&run);
}

/* Without objectives a run may pass without media; one that established nothing has a case. */
static void test_no_media_case(void **state)
{
    struct slo_result slo = {.expression = "loss_ratio<1%", .measured = true, .ok = true};
    struct a_run run;
    a_run_begin(&run);
    lose_all_media(&run);
    write_file(&run.snapshot);
    assert_holds("tests=\"1\" failures=\"0\" errors=\"0\"");

    run.snapshot.slos = &slo;
    run.snapshot.slo_count = 1;
    run.total->sessions.established = 0;
    write_file(&run.snapshot);
    assert_holds("tests=\"2\" failures=\"1\" errors=\"0\"");
    assert_holds("<failure message=\"none of 100: describe status 404 Not Found\"/>");
    a_run_end(&run);
}

static void test_publishers(void **state)
{
    struct slo_result slo = {.expression = "sessions.failed<9", .measured = true, .ok = true};
    struct a_run run;
    a_run_begin(&run);
    a_run_publish_only(&run);
    run.info.publishes = true;
    run.total->published.packets = 0;
    run.snapshot.slos = &slo;
    run.snapshot.slo_count = 1;
    write_file(&run.snapshot);
    assert_holds("tests=\"3\" failures=\"1\" errors=\"0\"");
    assert_holds("<failure message=\"no RTP packet was written after the warm-up\"/>");
    a_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headline),   cmocka_unit_test(test_messages),
        cmocka_unit_test(test_no_media),   cmocka_unit_test(test_no_media_case),
        cmocka_unit_test(test_publishers),
    };
    int descriptor = mkstemp(path);
    if (descriptor < 0 || close(descriptor) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
