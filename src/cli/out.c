#include "cli/out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

struct outlet {
    int descriptor;
    bool is_terminal;
    FILE *stream;
    bool left; /* its reader has gone */
    int error; /* -errno of the first write that failed */
};

static struct outlet output = {.descriptor = STDOUT_FILENO};
static struct outlet errors = {.descriptor = STDERR_FILENO};

/* A terminal that was closed, or whose line was cut, gives EIO. */
static bool has_reader_left(const struct outlet *outlet, int error)
{
    return error == -EPIPE || (error == -EIO && outlet->is_terminal);
}

/* Takes everything: the run goes on, whatever becomes of what it says. */
static ssize_t take(void *cookie, const char *bytes, size_t len)
{
    struct outlet *outlet = cookie;
    if (outlet->left || outlet->error)
        return (ssize_t)len;
    int error = file_write_all(outlet->descriptor, bytes, len);
    outlet->left = has_reader_left(outlet, error);
    outlet->error = outlet->left ? 0 : error;
    return (ssize_t)len;
}

static FILE *stream_of(struct outlet *outlet, bool by_line)
{
    const cookie_io_functions_t functions = {.write = take};
    if (outlet->stream)
        return outlet->stream;
    outlet->is_terminal = isatty(outlet->descriptor);
    outlet->stream = fopencookie(outlet, "w", functions);
    assert(outlet->stream);
    if (by_line || outlet->is_terminal)
        setvbuf(outlet->stream, NULL, _IOLBF, BUFSIZ);
    return outlet->stream;
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
    return stream_of(&output, false);
}

FILE *out_errors(void)
{
    return stream_of(&errors, true);
}

bool out_finish(struct text *error)
{
    if (errors.stream)
        fflush(errors.stream);
    if (output.stream)
        fflush(output.stream);
    if (!output.error)
        return true;
    text_printf(error, "standard output: %s", strerror(-output.error));
    return false;
}
