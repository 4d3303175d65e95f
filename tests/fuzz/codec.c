/* codec: the first byte names the codec, the rest is a payload; marks are known ones only. */
#include <assert.h>

#include "proto/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t clock_rate;
    if (size == 0)
        return 0;
    enum codec codec = (enum codec)(data[0] % CODECS);
    unsigned marks = codec_marks(codec, slice_make(data + 1, size - 1));
    assert((marks & 0xfff0u) == 0);
    assert((marks >> CODEC_RECOVERY_SHIFT > 0) == ((marks & CODEC_RECOVERY) != 0));
    assert(!(marks & CODEC_KEYFRAME) || codec_has_keyframes(codec));
    (void)codec_from_name(slice_make(data, size));
    (void)codec_from_static_type(data[0], &clock_rate);
    return 0;
}
