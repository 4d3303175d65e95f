#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/files.h"
#include "load/session_log.h"

#define THREADS 4u
#define LINES 5000u

static char folder[] = "/tmp/rtspbench-log-XXXXXX";

static const char *path_of(unsigned nth)
{
    static char path[64];
    snprintf(path, sizeof(path), nth > 0 ? "%s/log.%u" : "%s/log", folder, nth);
    return path;
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    for (unsigned i = 0; i < 300; i++)
        unlink(path_of(i));
    return rmdir(folder);
}

/* As shards do: with a file table of its own. */
static void *write_lines(void *argument)
{
    FILE *to = argument;
    static _Atomic(unsigned) started;
    unsigned me = started++ % THREADS;
    assert_int_equal(files_own_table(), 0);
    for (unsigned i = 0; i < LINES; i++) {
        char line[64];
        int len = snprintf(line, sizeof(line), "{\"thread\":%u,\"line\":%u}\n", me, i);
        assert_int_equal(fwrite(line, 1, (size_t)len, to), len);
    }
    return NULL;
}

static void write_from_threads(struct session_log *log)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, session_log_stream(log)),
                         0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Reads the files from the newest on: each thread's lines must come whole and in order, without a
   gap, up to its last one. Returns how many there are. */
static unsigned check_files(unsigned files, long most_bytes)
{
    unsigned next[THREADS], count = 0;
    bool seen[THREADS] = {false};
    for (unsigned nth = files; nth-- > 0;) {
        char line[128];
        unsigned thread, number;
        FILE *file = fopen(path_of(nth), "r");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file)) {
            assert_int_equal(sscanf(line, "{\"thread\":%u,\"line\":%u}\n", &thread, &number), 2);
            assert_true(thread < THREADS && (!seen[thread] || number == next[thread]));
            seen[thread] = true;
            next[thread] = number + 1;
            count++;
        }
        assert_true(most_bytes == 0 || ftell(file) <= most_bytes);
        fclose(file);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_true(!seen[i] || next[i] == LINES);
    return count;
}

static void test_one_file(void **state)
{
    struct session_log *log;
    assert_int_equal(session_log_open(&log, path_of(0), 0, 5), 0);
    write_from_threads(log);
    assert_int_equal(session_log_close(log), 0);
    assert_int_equal(check_files(1, 0), THREADS * LINES);
    assert_int_equal(access(path_of(1), F_OK), -1);
}

static void test_all_kept(void **state)
{
    struct session_log *log;
    assert_int_equal(session_log_open(&log, path_of(0), 4096, 250), 0);
    write_from_threads(log);
    assert_int_equal(session_log_close(log), 0);
    unsigned files = 0;
    while (access(path_of(files), F_OK) == 0)
        files++;
    assert_in_range(files, 100, 200); /* 20,000 lines of 24 to 27 bytes */
    assert_int_equal(check_files(files, 4096), THREADS * LINES);
}

static void test_three_kept(void **state)
{
    struct session_log *log;
    remove_folder(state);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(session_log_open(&log, path_of(0), 20000, 3), 0);
    write_from_threads(log);
    assert_int_equal(session_log_close(log), 0);
    assert_in_range(check_files(4, 20000), 3 * 20000 / 28, 4 * 20000 / 20);
    assert_int_equal(access(path_of(4), F_OK), -1);
}

/* A line longer than a file has one for itself. */
static void test_long_line(void **state)
{
    struct session_log *log;
    char line[3000];
    struct stat status;
    assert_int_equal(session_log_open(&log, path_of(0), 1000, 3), 0);
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    fwrite("a\n", 1, 2, session_log_stream(log));
    fwrite(line, 1, sizeof(line), session_log_stream(log));
    fwrite("b\n", 1, 2, session_log_stream(log));
    assert_int_equal(session_log_close(log), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(stat(path_of(i), &status), 0);
        assert_int_equal(status.st_size, i == 1 ? sizeof(line) : 2);
    }
}

static void test_errors(void **state)
{
    struct session_log *log;
    assert_int_equal(session_log_open(&log, "/nowhere/log", 0, 1), -ENOENT);
    assert_null(log);
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(session_log_open(&log, "/dev/full", 100, 1), 0);
    for (unsigned i = 0; i < 100000; i++)
        fwrite("a line that finds no room\n", 1, 26, session_log_stream(log));
    assert_int_equal(session_log_close(log), -ENOSPC);
    assert_int_equal(access("/dev/full.1", F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file),   cmocka_unit_test(test_all_kept),
        cmocka_unit_test(test_three_kept), cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
