/* test.h - cmocka with the includes it wants, and a guard page for parsers. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/slice.h"

/* Copies bytes so that they end where an unreadable page begins: a parser that reads on crashes.
   The copy stays until the program ends. */
static inline struct slice guarded(struct slice bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (bytes.len + page - 1) / page * page;
    uint8_t *base =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(base != MAP_FAILED);
    assert_int_equal(mprotect(base + room, page, PROT_NONE), 0);
    if (bytes.len > 0)
        memcpy(base + room - bytes.len, bytes.data, bytes.len);
    return slice_make(base + room - bytes.len, bytes.len);
}

/* The same in one place that each call uses again: for the many splits of an input of up to 2 MiB.
 */
static inline struct slice guarded_again(struct slice bytes)
{
    static uint8_t *end;
    const size_t room = 2 * 1024 * 1024;
    if (!end) {
        uint8_t *base =
            mmap(NULL, room + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(base != MAP_FAILED);
        end = base + room;
        assert_int_equal(mprotect(end, 65536, PROT_NONE), 0);
    }
    assert_true(bytes.len <= room);
    if (bytes.len > 0)
        memcpy(end - bytes.len, bytes.data, bytes.len);
    return slice_make(end - bytes.len, bytes.len);
}
