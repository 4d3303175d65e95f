#include "test.h"

#include "cli/serve_size.h"

#define GIB (UINT64_C(1) << 30)

static struct machine machine_of(uint32_t cores, uint64_t nofile)
{
    return (struct machine){
        .cores = cores, .memory_bytes = 64 * GIB, .nofile = nofile, .files_free = 1000000};
}

/* A shard of 20,000 files has 19,936 connections and plans for four fifths of them, 15,949. */
static void test_threads(void **state)
{
    static const struct {
        uint32_t cores;
        uint64_t nofile;
        unsigned asked;
        uint32_t max_sessions;
        unsigned threads;
        uint32_t connections;
        unsigned rings;
    } rows[] = {
        {2, 20000, 0, 0, 7, 19936, 2},          /* 100,000 / 15,949 */
        {16, 20000, 0, 0, 16, 19936, 16},       /* a shard a core */
        {2, 1048576, 0, 0, 7, 20000, 2},        /* 100,000 / 16,000, and no more a shard */
        {2, 1024, 0, 0, 32, 960, 2},            /* bounded while nobody asks for more */
        {2, 1024, 0, 100000, 131, 960, 2},      /* 100,000 / 768 */
        {2, 1048576, 0, 1000000, 63, 20000, 2}, /* 1,000,000 / 16,000 */
        {8, 20000, 0, 10, 8, 19936, 8},
        {8, 20000, 0, 1, 1, 19936, 1}, /* one session keeps one shard busy */
        {2, 20000, 1, 100000, 1, 19936, 0},
        {2, 20000, 300, 0, 300, 19936, 0},
        {2, 64, 0, 40, 2, 48, 2},      /* of 64 files 16 aren't for connections */
        {2, 64, 0, 100, 5, 48, 2},     /* 100 / 24: half of 48, since a hash deals few unevenly */
        {600, 64, 0, 0, 512, 48, 600}, /* the most that there can be */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct machine machine = machine_of(rows[i].cores, rows[i].nofile);
        struct serve_size size = serve_size_fit(&machine, rows[i].asked, rows[i].max_sessions);
        assert_int_equal(size.threads, rows[i].threads);
        assert_int_equal(size.connections, rows[i].connections);
        assert_int_equal(size.fewer, rows[i].asked == 0);
        assert_int_equal(size.rings, rows[i].rings);
    }
}

/* No more shards than memory has sessions for: 100 MB are under 14,000. */
static void test_little_memory(void **state)
{
    struct machine machine = machine_of(2, 20000);
    machine.memory_bytes = 100000000;
    assert_int_equal(serve_size_fit(&machine, 0, 0).threads, 2);
}

static void expect(const struct machine *machine, struct serve_room room, const char *line)
{
    char words[200];
    struct text text = text_init(words, sizeof(words));
    serve_size_tell(&text, machine, &room);
    assert_string_equal(text_string(&text), line);
}

static void test_told(void **state)
{
    struct machine machine = machine_of(2, 20000);
    expect(&machine, (struct serve_room){4, false, 19936, 0},
           "holds up to 79,744 sessions in 4 shards (open files: 19,936 a shard)");
    expect(&machine, (struct serve_room){1, false, 20000, 0},
           "holds up to 20,000 sessions in 1 shard (20,000 a shard)");
    expect(&machine, (struct serve_room){4, true, 19936, 0},
           "holds up to 19,936 sessions in 4 shards (open files: 19,936 for all of them)");
    expect(&machine, (struct serve_room){4, false, 19936, 79744},
           "holds up to 79,744 sessions in 4 shards (--max-sessions)");
    expect(&machine, (struct serve_room){4, false, 19936, 79745},
           "holds up to 79,744 sessions in 4 shards (open files: 19,936 a shard)");
    machine.files_free = 1000;
    expect(&machine, (struct serve_room){4, false, 19936, 0},
           "holds up to 1,000 sessions in 4 shards (fs.file-max)");
    machine.files_free = 1000000;
    machine.memory_bytes = 71680000; /* nine tenths of it are 9,000 sessions of 7,168 bytes */
    expect(&machine, (struct serve_room){4, false, 19936, 0},
           "holds up to 9,000 sessions in 4 shards (memory)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
