#include "media/media_input.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "media/mp4_edits.h"

#define MOOV_MAX (UINT64_C(1) << 28) /* bytes; where it is longer its edits are not looked at */
#define BOXES_MAX 10000u             /* of a file at its top level; more are damage */

/* What the boxes at the top level of an MP4 file tell (ISO/IEC 14496-12, 4.2). */
struct boxes {
    bool mp4;  /* it begins as such a file does */
    bool moov; /* it has the index of its tracks, which is often written last ... */
    uint64_t moov_at, moov_len; /* ... and this is its content */
    uint64_t end;
};

static uint64_t read_number(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;
    while (count-- > 0)
        number = number << 8 | *bytes++;
    return number;
}

static bool begins_file(const uint8_t *type)
{
    static const char types[][5] = {"ftyp", "styp", "moov", "mdat", "free", "skip", "wide"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (memcmp(type, types[i], 4) == 0)
            return true;
    }
    return false;
}

static struct boxes read_boxes(FILE *file)
{
    struct boxes boxes = {0};
    uint8_t head[16]; /* size, type, and where the size is 1, the size in 8 bytes */
    for (unsigned i = 0; i < BOXES_MAX && fseeko(file, (off_t)boxes.end, SEEK_SET) == 0; i++) {
        size_t got = fread(head, 1, sizeof(head), file);
        uint64_t size = got >= 8 ? read_number(head, 4) : 0;
        if (size == 1)
            size = got == 16 ? read_number(head + 8, 8) : 0;
        if (got < 8 || (i == 0 && !begins_file(head + 4)))
            break;
        boxes.mp4 = true;
        bool moov = memcmp(head + 4, "moov", 4) == 0;
        uint64_t head_len = read_number(head, 4) == 1 ? 16 : 8;
        if (moov && size >= head_len) {
            boxes.moov_at = boxes.end + head_len;
            boxes.moov_len = size - head_len;
        }
        boxes.moov |= moov;
        if (size < 8 || size > INT64_MAX - boxes.end) /* 0: up to the file's end */
            break;
        boxes.end += size;
    }
    return boxes;
}

static struct boxes boxes_of(const char *path)
{
    struct boxes boxes = {0};
    struct stat found; /* a pipe can't be read a second time */
    bool regular = stat(path, &found) == 0 && S_ISREG(found.st_mode);
    FILE *file = regular ? fopen(path, "rbe") : NULL;
    if (!file)
        return boxes;
    boxes = read_boxes(file);
    fclose(file);
    return boxes;
}

uint64_t media_input_missing(const char *path)
{
    struct stat stat_of;
    if (stat(path, &stat_of) != 0 || !S_ISREG(stat_of.st_mode))
        return 0;
    struct boxes boxes = boxes_of(path);
    uint64_t size = (uint64_t)stat_of.st_size;
    return boxes.mp4 && boxes.end > size ? boxes.end - size : 0;
}

bool media_input_lacks_edits(const char *path)
{
    struct boxes boxes = boxes_of(path);
    size_t len = boxes.moov_len < MOOV_MAX ? (size_t)boxes.moov_len : 0;
    uint8_t *moov = len > 0 ? malloc(len) : NULL;
    FILE *file = moov ? fopen(path, "rbe") : NULL;
    bool lacks = false;
    if (file && fseeko(file, (off_t)boxes.moov_at, SEEK_SET) == 0)
        lacks = mp4_edits_are_left_out(slice_make(moov, fread(moov, 1, len, file)));
    if (file)
        fclose(file);
    free(moov);
    return lacks;
}

/* libavformat's own words for these would help nobody. */
static const char *explain(const char *path, const struct stat *found, int error)
{
    struct boxes boxes;
    if (!found)
        return error == AVERROR_PROTOCOL_NOT_FOUND ? strerror(ENOENT) : NULL;
    if (S_ISREG(found->st_mode) && found->st_size == 0)
        return "it is empty";
    if (!S_ISREG(found->st_mode) ||
        (error != AVERROR_INVALIDDATA && error != AVERROR_EOF && error != AVERROR(EIO)))
        return NULL;
    boxes = boxes_of(path);
    if (boxes.mp4 && !boxes.moov)
        return "it is cut off: it has no moov, the index that is written when a recording ends";
    return error == AVERROR_INVALIDDATA ? "it is no media file that libavformat can read"
                                        : "it is cut off, or can't be read to its end";
}

AVFormatContext *media_input_open(const char *path, char *why, size_t size)
{
    char url[PATH_MAX + 8];
    struct stat stat_of;
    AVFormatContext *input = NULL;
    bool found = stat(path, &stat_of) == 0;
    /* "12:30.mp4" would be a URL with the scheme 12. */
    int len = snprintf(url, sizeof(url), "%s%s", found ? "file:" : "", path);
    int error = len < (int)sizeof(url) ? 0 : AVERROR(ENAMETOOLONG);
    if (error >= 0)
        error = avformat_open_input(&input, url, NULL, NULL);
    if (error >= 0)
        error = avformat_find_stream_info(input, NULL);
    if (error >= 0)
        return input;
    const char *words = explain(path, found ? &stat_of : NULL, error);
    if (words)
        snprintf(why, size, "%s", words);
    else
        av_strerror(error, why, size);
    avformat_close_input(&input);
    return NULL;
}
