/* interleaved: a stream comes apart alike whole and byte by byte, and a resync never passes its
 * end. */
#include <assert.h>
#include <string.h>

#include "proto/interleaved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
    uint64_t value;
    uint64_t frames, texts;
};

static void add(struct digest *digest, struct slice bytes)
{
    while (bytes.len > 0)
        digest->value = digest->value * 1099511628211u + slice_take_byte(&bytes) + 1;
}

/* Text is taken a byte at a time, as a caller would who never finds a message. */
static void feed(struct interleaved *split, struct slice input, struct digest *digest)
{
    struct slice piece;
    enum interleaved_event event;
    while ((event = interleaved_next(split, &input, &piece)) != INTERLEAVED_NEED_MORE) {
        if (event == INTERLEAVED_TEXT) {
            slice_take_byte(&input);
            digest->texts++;
            continue;
        }
        assert(piece.len > 0);
        add(digest, piece);
        digest->frames += split->left == 0;
    }
    assert(input.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct interleaved whole = {0}, bytewise = {0};
    struct digest a = {0}, b = {0};
    struct interleaved_hint hint = {.channels = {3}, .payload_types = {0, UINT64_C(1) << 32}};
    feed(&whole, slice_make(data, size), &a);
    for (size_t i = 0; i < size; i++)
        feed(&bytewise, slice_make(data + i, 1), &b);
    assert(memcmp(&a, &b, sizeof(a)) == 0);
    assert(whole.state == bytewise.state && whole.left == bytewise.left);
    size_t skip = interleaved_resync(&hint, slice_make(data, size));
    assert(skip <= size);
    assert(skip == size || interleaved_resync(&hint, slice_make(data + skip, size - skip)) == 0);
    return 0;
}
