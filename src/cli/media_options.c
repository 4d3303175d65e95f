#include "cli/media_options.h"

#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "cli/out.h"
#include "client/publisher.h"

#define PATTERN_BYTES_MIN 24u

struct media *media_option_pattern(const char *value, uint32_t most_bytes, struct text *error)
{
    char rate[32], room[160];
    struct text expected = text_init(room, sizeof(room));
    struct slice rest = slice_from_string(value);
    double per_s;
    uint64_t bytes;
    bool fits = slice_to_string(slice_take_until(&rest, ':'), rate, sizeof(rate));
    if (!fits || rest.len == 0 || !units_parse_rate(rate, &per_s) ||
        !units_parse_size((const char *)rest.data, &bytes) || bytes < PATTERN_BYTES_MIN ||
        bytes > most_bytes) {
        text_printf(&expected,
                    "packets a second and the bytes of each with its RTP header, %u to %u, such as "
                    "200/s:1250",
                    PATTERN_BYTES_MIN, most_bytes);
        options_complain(error, OPT_PATTERN, value, text_string(&expected));
        return NULL;
    }
    struct media *media = media_new_pattern(per_s, (uint32_t)bytes);
    if (!media)
        options_complain(error, OPT_PATTERN, value,
                         "a rate with a whole number of packets in some whole number of seconds");
    return media;
}

/* Takes the name off "[NAME=]FILE"; without one it is that of the file, up to its last suffix. */
static struct slice take_name(struct slice *file)
{
    const char *whole = (const char *)file->data;
    ptrdiff_t equals = slice_find_byte(*file, '=');
    if (equals > 0 && slice_find_byte(slice_make(whole, (size_t)equals), '/') < 0 &&
        access(whole, F_OK) != 0) {
        struct slice name = slice_take(file, (size_t)equals);
        slice_take(file, 1);
        return name;
    }
    const char *slash = strrchr(whole, '/');
    const char *name = slash ? slash + 1 : whole;
    const char *dot = strrchr(name, '.');
    return slice_make(name, dot > name ? (size_t)(dot - name) : strlen(name));
}

bool media_check_tracks(const struct options *options, struct text *error)
{
    const char *list = options_text(options, OPT_MEDIA_TRACKS);
    struct slice rest = slice_from_string(list ? list : "");
    bool right = true;
    uint64_t number;
    if (!list)
        return true;
    while (rest.len > 0) {
        bool ends = rest.data[rest.len - 1] == ',';
        struct slice word = slice_take_until(&rest, ',');
        right &= !(ends && rest.len == 0) &&
                 (slice_equal(word, SLICE("video")) || slice_equal(word, SLICE("audio")) ||
                  slice_to_u64(word, UINT32_MAX, &number));
    }
    if (!right)
        options_complain(error, OPT_MEDIA_TRACKS, list,
                         "video, audio or the number of a stream, or two of them with a comma "
                         "between, such as video,2");
    else if (!options_given(options, OPT_MEDIA))
        text_add_string(error, "--media-tracks chooses of a file's tracks: it needs --media");
    return error->len == 0;
}

static void say_notes(const char *file, const struct media *media)
{
    struct slice rest = slice_from_string(media->notes);
    while (rest.len > 0) {
        struct slice line = slice_take_until(&rest, '\n');
        out_say("%s: %.*s", file, (int)line.len, (const char *)line.data);
    }
}

struct media *media_option_file(const struct options *options, const char *value, uint32_t mtu_most,
                                struct text *error)
{
    char why[1024];
    struct slice file = slice_from_string(value), name = take_name(&file);
    if (name.len >= MEDIA_NAME_MAX) {
        text_printf(error, "--media '%s': expected a name of at most %u bytes", value,
                    MEDIA_NAME_MAX - 1);
        return NULL;
    }
    struct media_file from = {
        .path = (const char *)file.data,
        .mtu = (uint32_t)options_number(options, OPT_MTU),
        .mtu_most = mtu_most,
        .tracks = options_text(options, OPT_MEDIA_TRACKS),
    };
    struct media *media = media_new_file(&from, why, sizeof(why));
    if (!media) {
        text_printf(error, "--media '%s': %s", value, why);
        return NULL;
    }
    slice_to_string(name, media->name, sizeof(media->name));
    say_notes(from.path, media);
    return media;
}

/* An option that says what to publish, or how, where nothing is; NULL: there is none. */
static const char *astray(const struct options *options)
{
    static const struct {
        enum option_id option;
        const char *words;
    } rows[] = {
        {OPT_MEDIA, "--media says what to publish"},
        {OPT_PATTERN, "--pattern says what to publish"},
        {OPT_NO_AUDIO, "--no-audio says what to publish"},
        {OPT_MEDIA_TRACKS, "--media-tracks says what to publish"},
        {OPT_MTU, "--mtu says how large the packets are that are published"},
        {OPT_PUBLISH_QUEUE, "--publish-queue says how long what is published waits"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (options_given(options, rows[i].option))
            return rows[i].words;
    }
    return NULL;
}

/* Options that are each about a source, and more than one source. */
static bool check_source(const struct options *options, struct text *error)
{
    bool file = options_given(options, OPT_MEDIA), pattern = options_given(options, OPT_PATTERN);
    if ((file && pattern) || ((file || pattern) && options_given(options, OPT_NO_AUDIO)))
        text_add_string(error, "--media, --pattern and --no-audio (of the test card): one of them "
                               "says what is published");
    else if (pattern && options_given(options, OPT_MTU))
        text_add_string(error, "--mtu is for --media and the test card: --pattern says itself how "
                               "large its packets are");
    return error->len == 0 && media_check_tracks(options, error);
}

struct media *media_to_publish(const struct options *options, struct text *error)
{
    const char *file = options_text(options, OPT_MEDIA);
    const char *pattern = options_text(options, OPT_PATTERN);
    if (!options_given(options, OPT_PUBLISH)) {
        if (astray(options))
            text_printf(error, "%s: it needs --publish", astray(options));
        return NULL;
    }
    if (!check_source(options, error))
        return NULL;
    if (file)
        return media_option_file(options, file, PUBLISHER_PACKET_MAX, error);
    struct media *card = pattern ? NULL
                                 : media_new_card(!options_given(options, OPT_NO_AUDIO),
                                                  (uint32_t)options_number(options, OPT_MTU));
    return card ? card
                : media_option_pattern(pattern ? pattern : MEDIA_PATTERN_DEFAULT,
                                       PUBLISHER_PACKET_MAX, error);
}
