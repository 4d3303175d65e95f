#include "cli/out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define ROOM 65536u   /* bytes that may wait for a reader before lines are left out */
#define PRINTED 4096u /* bytes of a line at once */
#define MESSAGE 17000u
#define SETTLE_MS 100u

struct outlet {
    int descriptor;
    bool is_terminal;
    FILE *stream;
    FILE *lines;           /* the same, but may be left out */
    struct feeder *feeder; /* NULL: written at once */
    bool left;             /* its reader has gone */
    int error;             /* -errno of the first write that failed */
};

static struct outlet output = {.descriptor = STDOUT_FILENO};
static struct outlet errors = {.descriptor = STDERR_FILENO};
static uint32_t patience_ms = FEEDER_FOREVER;

/* A terminal that was closed, or whose line was cut, gives EIO. */
static bool has_reader_left(const struct outlet *outlet, int error)
{
    return error == -EPIPE || (error == -EIO && outlet->is_terminal);
}

static void note(struct outlet *outlet, int error)
{
    outlet->left |= has_reader_left(outlet, error);
    if (!outlet->error && !outlet->left)
        outlet->error = error;
}

/* Takes everything: the run goes on, whatever becomes of what it says. */
static ssize_t take(struct outlet *outlet, const char *bytes, size_t len, bool may_leave_out)
{
    if (outlet->feeder)
        feeder_add(outlet->feeder, bytes, len, may_leave_out);
    else if (!outlet->left && !outlet->error)
        note(outlet, file_write_all(outlet->descriptor, bytes, len));
    return (ssize_t)len;
}

static ssize_t take_all(void *cookie, const char *bytes, size_t len)
{
    return take(cookie, bytes, len, false);
}

static ssize_t take_lines(void *cookie, const char *bytes, size_t len)
{
    return take(cookie, bytes, len, true);
}

/* Lines come in one piece, up to ROOM. */
static FILE *make_stream(struct outlet *outlet, cookie_write_function_t *write, int mode)
{
    const cookie_io_functions_t functions = {.write = write};
    FILE *stream = fopencookie(outlet, "w", functions);
    assert(stream);
    setvbuf(stream, NULL, mode, ROOM);
    return stream;
}

void out_begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 0; i <= STDERR_FILENO; i++) {
        /* Opened the wrong way round, so that using it still fails. */
        if (fcntl(i, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", i == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

FILE *out_stream(void)
{
    if (!output.stream) {
        output.is_terminal = isatty(output.descriptor);
        output.stream = make_stream(&output, take_all, output.is_terminal ? _IOLBF : _IOFBF);
    }
    return output.stream;
}

FILE *out_lines(void)
{
    fflush(out_stream());
    if (!output.lines)
        output.lines = make_stream(&output, take_lines, _IOFBF);
    return output.lines;
}

FILE *out_errors(void)
{
    if (!errors.stream)
        errors.stream = make_stream(&errors, take_lines, _IOLBF);
    return errors.stream;
}

void out_print(FILE *to, struct slice lines)
{
    char room[4 * PRINTED];
    while (lines.len > 0) {
        struct slice rest = lines, line = slice_take_until(&rest, '\n');
        bool whole = line.len <= PRINTED, ended = whole && line.len < lines.len;
        if (!whole)
            line.len = PRINTED;
        struct text text = text_init(room, sizeof(room));
        text_add_printable(&text, line);
        fwrite(text.data, 1, text.len, to);
        if (ended)
            fputc('\n', to);
        slice_take(&lines, line.len + ended);
    }
}

void out_say(const char *format, ...)
{
    char room[MESSAGE], printable[MESSAGE];
    struct text text = text_init(printable, sizeof(printable));
    va_list args;
    va_start(args, format);
    vsnprintf(room, sizeof(room), format, args);
    va_end(args);
    text_add_printable(&text, slice_from_string(room));
    fprintf(out_errors(), "rtspbench: %s\n", text_string(&text));
}

void out_detach(uint32_t patience)
{
    if (output.feeder)
        return;
    patience_ms = patience;
    fflush(out_stream());
    fflush(out_errors());
    output.feeder = feeder_new(output.descriptor, ROOM);
    errors.feeder = feeder_new(errors.descriptor, ROOM);
}

void out_settle(void)
{
    fflush(out_stream());
    fflush(out_errors());
    if (output.feeder)
        feeder_wait(output.feeder, SETTLE_MS);
    if (errors.feeder)
        feeder_wait(errors.feeder, SETTLE_MS);
}

/* What the thread wrote; false, with error, where its reader stands still. */
static bool finish_feeder(struct text *error)
{
    bool done = feeder_wait(output.feeder, patience_ms);
    uint64_t left_out = feeder_left_out(output.feeder);
    note(&output, feeder_error(output.feeder));
    if (left_out > 0 && !output.error && !output.left)
        out_say("%llu interval line%s left out: standard output was read too slowly",
                (unsigned long long)left_out, left_out == 1 ? " was" : "s were");
    if (done) {
        feeder_free(output.feeder);
        output.feeder = NULL;
        return true;
    }
    text_printf(error, "standard output: nobody read for %u s, %zu bytes were not written",
                patience_ms / 1000, feeder_waiting(output.feeder));
    return false;
}

bool out_finish(struct text *error)
{
    if (output.lines)
        fflush(output.lines);
    if (output.stream)
        fflush(output.stream);
    if (output.feeder && !finish_feeder(error))
        return false;
    if (!output.error)
        return true;
    text_printf(error, "standard output: %s", strerror(-output.error));
    return false;
}

void out_end(void)
{
    if (errors.stream)
        fflush(errors.stream);
    if (!errors.feeder || !feeder_wait(errors.feeder, 10 * SETTLE_MS))
        return;
    feeder_free(errors.feeder);
    errors.feeder = NULL;
}
