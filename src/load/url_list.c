#include "load/url_list.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "proto/rtsp.h"
#include "proto/secrets.h"

#define URL_BYTES_MAX 4096u

/* A "{A..B}" in a pattern. */
struct range {
    struct slice before;
    struct slice after;
    uint64_t from, to;
    int digits; /* least, filled up with zeros */
    bool too_large;
};

static void say(struct text *error, struct slice pattern, const char *what)
{
    text_add_string(error, "URL '");
    secrets_mask_word(error, pattern);
    text_printf(error, "' %s", what);
}

static bool is_number(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.len > 0;
}

/* Reads "A..B}" that follows a brace. */
static bool range_read(struct slice inside, struct range *out)
{
    ptrdiff_t end = slice_find_byte(inside, '}');
    ptrdiff_t dot = slice_find_byte(inside, '.');
    if (end < 0 || dot < 0 || dot > end - 2 || inside.data[dot + 1] != '.')
        return false;
    struct slice from = slice_make(inside.data, (size_t)dot);
    struct slice to = slice_make(inside.data + dot + 2, (size_t)(end - dot - 2));
    if (!is_number(from) || !is_number(to))
        return false;
    out->too_large =
        !slice_to_u64(from, UINT32_MAX, &out->from) || !slice_to_u64(to, UINT32_MAX, &out->to);
    bool padded = from.len > 1 && from.data[0] == '0';
    out->digits = padded ? (int)from.len : 1;
    out->after = slice_make(inside.data + end + 1, inside.len - (size_t)end - 1);
    return true;
}

/* The first range in text; other braces are just characters. */
static bool range_find(struct slice text, struct range *out)
{
    for (size_t i = 0; i < text.len; i++) {
        struct slice inside = slice_make(text.data + i + 1, text.len - i - 1);
        if (text.data[i] == '{' && range_read(inside, out)) {
            out->before = slice_make(text.data, i);
            return true;
        }
    }
    return false;
}

static char *decode(struct slice encoded)
{
    char *out = malloc(encoded.len + 1);
    if (out && !url_decode(encoded, out, encoded.len + 1)) {
        free(out);
        return NULL;
    }
    return out;
}

static void item_dispose(struct url_item *item)
{
    if (item->password)
        explicit_bzero(item->password, strlen(item->password));
    if (item->shown != item->url)
        free(item->shown);
    free(item->url);
    free(item->user);
    free(item->password);
}

static bool list_grow(struct url_list *list)
{
    if (list->count < list->room)
        return true;
    uint32_t room = list->room ? list->room * 2 : 16;
    struct url_item *items = realloc(list->items, room * sizeof(*items));
    if (!items)
        return false;
    list->items = items;
    list->room = room;
    return true;
}

/* What outputs show of a URL; NULL when out of memory. */
static char *make_shown(char *url)
{
    char room[3 * URL_BYTES_MAX];
    struct text masked = text_init(room, sizeof(room));
    secrets_mask(&masked, slice_from_string(url));
    return strcmp(text_string(&masked), url) == 0 ? url : strdup(room);
}

/* Fills item from a URL without ranges and weight; NULL, or what is wrong with it. */
static const char *item_read(struct url_item *item, struct slice text)
{
    char plain[URL_BYTES_MAX];
    struct text line = text_init(plain, sizeof(plain));
    struct url typed;
    const char *wrong = url_parse(text, &typed);
    if (wrong)
        return wrong;
    if (typed.secure)
        return "is rtsps://, and this version has no TLS: only rtsp:// can be loaded";
    url_write(&line, &typed);
    if (line.overflow)
        return "is longer than 4,095 bytes";
    item->url = strndup(line.data, line.len);
    item->shown = item->url ? make_shown(item->url) : NULL;
    if (!item->shown)
        return "does not fit into memory";
    if (typed.has_user) {
        item->user = decode(typed.user);
        item->password = decode(typed.password);
        if (!item->user || !item->password)
            return "has a user or password that holds a NUL";
        if (!rtsp_is_safe(slice_from_string(item->user)))
            return "has a user of more than one line";
    }
    return url_parse(slice_from_string(item->url), &item->parsed);
}

static bool add_one(struct url_list *list, struct slice text, uint32_t weight, struct text *error)
{
    struct url_item item = {.weight = weight};
    const char *wrong = "is one too many: at most 100,000 URLs";
    if (list->count < URL_LIST_MAX && list_grow(list))
        wrong = item_read(&item, text);
    if (wrong) {
        item_dispose(&item);
        say(error, text, wrong);
        return false;
    }
    list->items[list->count++] = item;
    return true;
}

static bool add_expanded(struct url_list *list, struct slice text, uint32_t weight,
                         struct text *error)
{
    struct range range;
    if (!range_find(text, &range))
        return add_one(list, text, weight, error);
    if (range.too_large) {
        say(error, text, "has a range of numbers beyond 4,294,967,295");
        return false;
    }
    uint64_t steps = range.from < range.to ? range.to - range.from : range.from - range.to;
    if (steps >= URL_LIST_MAX) {
        say(error, text, "expands to too many: at most 100,000 URLs");
        return false;
    }
    for (uint64_t i = 0; i <= steps; i++) {
        char room[URL_BYTES_MAX];
        struct text one = text_init(room, sizeof(room));
        uint64_t number = range.from < range.to ? range.from + i : range.from - i;
        text_add(&one, range.before);
        text_printf(&one, "%0*llu", range.digits, (unsigned long long)number);
        text_add(&one, range.after);
        if (one.overflow) {
            say(error, text, "is longer than 4,095 bytes");
            return false;
        }
        if (!add_expanded(list, text_slice(&one), weight, error))
            return false;
    }
    return true;
}

/* Cuts "*N" off the end of the pattern. False when the N there is not a weight. */
static bool take_weight(struct slice *pattern, uint32_t *weight)
{
    size_t digits = 0;
    uint64_t value;
    *weight = 1;
    while (digits < pattern->len && pattern->data[pattern->len - digits - 1] >= '0' &&
           pattern->data[pattern->len - digits - 1] <= '9')
        digits++;
    if (digits == 0 || digits == pattern->len || pattern->data[pattern->len - digits - 1] != '*')
        return true;
    struct slice number = slice_make(pattern->data + pattern->len - digits, digits);
    if (!slice_to_u64(number, URL_WEIGHTS_MAX, &value) || value == 0)
        return false;
    *weight = (uint32_t)value;
    pattern->len -= digits + 1;
    return true;
}

bool url_list_add(struct url_list *list, const char *pattern, struct text *error)
{
    struct slice text = slice_from_string(pattern);
    uint32_t weight;
    if (text.len >= URL_BYTES_MAX) {
        text_printf(error, "a URL of %zu bytes is too long: at most 4,095", text.len);
        return false;
    }
    if (!take_weight(&text, &weight)) {
        say(error, text, "has a weight that is not 1 to 1,000,000");
        return false;
    }
    return add_expanded(list, text, weight, error);
}

bool url_list_add_file(struct url_list *list, const char *path, struct text *error)
{
    FILE *file = fopen(path, "re");
    char line[URL_BYTES_MAX];
    unsigned number = 0;
    bool good = true;
    if (!file) {
        text_printf(error, "cannot read '%s': %s", path, strerror(errno));
        return false;
    }
    while (good && fgets(line, sizeof(line), file)) {
        char text[URL_BYTES_MAX];
        struct slice typed = slice_from_string(line);
        if (number++ == 0)
            slice_skip_mark(&typed);
        slice_to_string(slice_trim(typed), text, sizeof(text));
        if (text[0] == '\0' || text[0] == '#')
            continue;
        good = url_list_add(list, text, error);
        if (!good)
            text_printf(error, " (%s, line %u)", path, number);
    }
    fclose(file);
    return good;
}

/* One occurrence of a URL in the deal: the share (2 nth + 1) / (2 weight) of the way through it. */
struct turn {
    uint32_t url;
    uint32_t nth;
    uint32_t weight;
};

static int turn_compare(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    uint64_t a_at = (2 * (uint64_t)a->nth + 1) * b->weight;
    uint64_t b_at = (2 * (uint64_t)b->nth + 1) * a->weight;
    if (a_at != b_at)
        return a_at < b_at ? -1 : 1;
    return a->url < b->url ? -1 : a->url > b->url;
}

bool url_list_deal(struct url_list *list, struct text *error)
{
    uint64_t total = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->count; i++)
        total += list->items[i].weight;
    if (total == 0 || total > URL_WEIGHTS_MAX) {
        text_add_string(error, total == 0 ? "there is no URL"
                                          : "the URLs' weights add up to over 1,000,000");
        return false;
    }
    struct turn *turns = malloc(total * sizeof(*turns));
    uint32_t *deal = malloc(total * sizeof(*deal));
    if (!turns || !deal) {
        free(turns);
        free(deal);
        text_add_string(error, "the URLs do not fit into memory");
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t nth = 0; nth < list->items[i].weight; nth++)
            turns[n++] = (struct turn){i, nth, list->items[i].weight};
    qsort(turns, n, sizeof(*turns), turn_compare);
    for (uint32_t i = 0; i < n; i++)
        deal[i] = turns[i].url;
    free(turns);
    free(list->deal);
    list->deal = deal;
    list->deal_len = n;
    return true;
}

uint32_t url_list_of(const struct url_list *list, uint32_t reader)
{
    assert(reader > 0 && list->deal_len > 0);
    return list->deal[(reader - 1) % list->deal_len];
}

bool url_list_set_zipf(struct url_list *list, double exponent)
{
    double sum = 0;
    double *popularity = malloc(list->count * sizeof(*popularity));
    if (!popularity)
        return false;
    for (uint32_t i = 0; i < list->count; i++)
        popularity[i] = sum += pow(i + 1.0, -exponent);
    for (uint32_t i = 0; i < list->count; i++)
        popularity[i] /= sum;
    free(list->popularity);
    list->popularity = popularity;
    return true;
}

uint32_t url_list_draw(const struct url_list *list, double at)
{
    uint32_t low = 0, high = list->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->popularity[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void url_list_dispose(struct url_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        item_dispose(&list->items[i]);
    free(list->items);
    free(list->deal);
    free(list->popularity);
    *list = (struct url_list){0};
}
