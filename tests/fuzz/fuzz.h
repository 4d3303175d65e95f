/* fuzz.h - what the fuzz targets of the text parsers share. */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A parser may only give back parts of its input. */
static inline void check_inside(struct slice whole, struct slice part)
{
    if (part.len > 0) {
        assert(part.data >= whole.data && part.data <= whole.data + whole.len);
        assert(part.len <= (size_t)(whole.data + whole.len - part.data));
    }
}
