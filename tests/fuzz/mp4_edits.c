/* mp4_edits: no content of a moov box makes it read on, or run on. */
#include "media/mp4_edits.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mp4_edits_are_left_out(slice_make(data, size));
    return 0;
}
