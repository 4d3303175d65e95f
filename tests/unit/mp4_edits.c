#include "test.h"

#include "media/mp4_edits.h"

/* Boxes are put together from the inside out; sizes in one byte are enough. */
#define BOX(size, type) "\0\0\0" size type
#define EDIT_PAUSE                                                                                 \
    "\0\0\0\x28"                                                                                   \
    "\xff\xff\xff\xff"                                                                             \
    "\0\1\0\0"
#define EDIT_MEDIA                                                                                 \
    "\0\0\0\x28"                                                                                   \
    "\0\0\4\0"                                                                                     \
    "\0\1\0\0"
#define WIDE_PAUSE                                                                                 \
    "\0\0\0\0\0\0\0\x28"                                                                           \
    "\xff\xff\xff\xff\xff\xff\xff\xff"                                                             \
    "\0\1\0\0"
#define WIDE_MEDIA                                                                                 \
    "\0\0\0\0\0\0\0\x28"                                                                           \
    "\0\0\0\0\0\0\4\0"                                                                             \
    "\0\1\0\0"
#define MVEX BOX("\x10", "mvex") "12345678"
#define TRAK_ONE                                                                                   \
    BOX("\x2c", "trak")                                                                            \
    BOX("\x24", "edts")                                                                            \
    BOX("\x1c", "elst")                                                                            \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\1" EDIT_MEDIA
#define TRAK_PAUSE                                                                                 \
    BOX("\x38", "trak")                                                                            \
    BOX("\x30", "edts")                                                                            \
    BOX("\x28", "elst")                                                                            \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\2" EDIT_PAUSE EDIT_MEDIA
#define TRAK_TWO                                                                                   \
    BOX("\x38", "trak")                                                                            \
    BOX("\x30", "edts")                                                                            \
    BOX("\x28", "elst")                                                                            \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\2" EDIT_MEDIA EDIT_MEDIA
#define TRAK_PAUSE_IN_IT                                                                           \
    BOX("\x38", "trak")                                                                            \
    BOX("\x30", "edts")                                                                            \
    BOX("\x28", "elst")                                                                            \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\2" EDIT_MEDIA EDIT_PAUSE
#define TRAK_WIDE                                                                                  \
    BOX("\x48", "trak")                                                                            \
    BOX("\x40", "edts")                                                                            \
    BOX("\x38", "elst")                                                                            \
    "\1\0\0\0"                                                                                     \
    "\0\0\0\2" WIDE_PAUSE WIDE_MEDIA
#define TRAK_WIDE_TWO                                                                              \
    BOX("\x48", "trak")                                                                            \
    BOX("\x40", "edts")                                                                            \
    BOX("\x38", "elst")                                                                            \
    "\1\0\0\0"                                                                                     \
    "\0\0\0\2" WIDE_MEDIA WIDE_MEDIA
#define TRAK_NONE BOX("\x10", "trak") BOX("\x08", "mdia")
#define LARGE                                                                                      \
    "\0\0\0\1"                                                                                     \
    "free"                                                                                         \
    "\0\0\0\0\0\0\0\x14"                                                                           \
    "1234" /* a size of 8 bytes */

static const struct {
    struct slice moov;
    bool left_out;
} rows[] = {
    {SLICE(TRAK_ONE MVEX), false},          {SLICE(TRAK_PAUSE MVEX), false},
    {SLICE(TRAK_TWO MVEX), true},           {SLICE(TRAK_TWO), false},
    {SLICE(MVEX TRAK_NONE TRAK_TWO), true}, {SLICE(TRAK_PAUSE_IN_IT MVEX), true},
    {SLICE(TRAK_WIDE MVEX), false},         {SLICE(TRAK_WIDE_TWO MVEX), true},
    {SLICE(LARGE TRAK_TWO MVEX), true},     {SLICE(TRAK_NONE MVEX), false},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (mp4_edits_are_left_out(guarded(rows[i].moov)) != rows[i].left_out)
            fail_msg("row %zu", i);
    }
}

/* What is cut off, and what claims to be longer than it is, is read as far as it goes. */
static void test_cut_off(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t len = 0; len < rows[i].moov.len; len++)
            mp4_edits_are_left_out(guarded_again(slice_make(rows[i].moov.data, len)));
    }
    static const char damaged[][24] = {"\0\0\0\0trak", "\0\0\0\7trak", "\xff\xff\xff\xfftrak",
                                       "\0\0\0\1trak\0\0\0\0\0\0\0\1"};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
        assert_false(mp4_edits_are_left_out(guarded(slice_make(damaged[i], 16))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
