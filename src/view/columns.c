#include "view/columns.h"

#include <math.h>

unsigned columns_of(struct slice bytes)
{
    unsigned columns = 0;
    for (size_t i = 0; i < bytes.len; i++)
        columns += bytes.data[i] < 0x80 ? 1 : bytes.data[i] >= 0xc0 ? 2 : 0;
    return columns;
}

struct slice columns_clip(struct slice bytes, unsigned columns)
{
    size_t n = 0;
    unsigned used = 0;
    while (n < bytes.len) {
        size_t end = n + 1;
        while (end < bytes.len && (bytes.data[end] & 0xc0) == 0x80)
            end++;
        used += columns_of(slice_make(bytes.data + n, end - n));
        if (used > columns)
            break;
        n = end;
    }
    return slice_make(bytes.data, n);
}

void columns_add_clipped(struct text *to, unsigned columns, struct slice bytes)
{
    if (columns_clip(bytes, columns).len == bytes.len) {
        text_add(to, bytes);
        return;
    }
    text_add(to, columns_clip(bytes, columns - 3));
    text_add_string(to, "...");
}

void columns_add_right(struct text *to, unsigned width, struct slice cell)
{
    text_printf(to, "%*.*s", (int)width, (int)cell.len, (const char *)cell.data);
}

void columns_add_short(struct text *to, double value, int digits)
{
    static const struct {
        double factor;
        const char *suffix;
    } scales[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        double scaled = value / scales[i].factor;
        if (scaled < 0.9995)
            continue;
        int decimals = digits - (scaled < 9.95 ? 1 : scaled < 99.5 ? 2 : 3);
        text_printf(to, "%.*f%s", decimals > 0 ? decimals : 0, scaled, scales[i].suffix);
        return;
    }
    text_printf(to, "%.*f", value < 9.95 && value != floor(value) ? 1 : 0, value);
}
