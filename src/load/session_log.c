#include "load/session_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ROOM (4u << 20) /* of each buffer: some seconds of 3,000 sessions a second */
#define PIECE 65536u    /* a write: one that takes long is told from one that stands still */
#define PATIENCE_S 5
#define WRITE_FROM (256u << 10) /* bytes; what is less waits for the next of ... */
#define WRITE_EVERY_NS (200 * NS_PER_MS)

struct session_log {
    FILE *stream;
    const char *path;
    uint64_t rotate_bytes;
    uint32_t keep;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t filled;
    char *filling, *writing; /* buffers; the second is the thread's */
    size_t len;              /* of filling */
    bool ending;
    uint64_t left_out; /* lines that found no room */
    _Atomic(uint64_t) progress;
    /* the thread's */
    int fd;
    uint64_t size;
    int error; /* the first */
};

/* A line, from whoever wrote it; left out where the disk, or who reads it, is seconds behind. */
static ssize_t take(void *cookie, const char *bytes, size_t len)
{
    struct session_log *log = cookie;
    pthread_mutex_lock(&log->lock);
    if (len <= ROOM - log->len) {
        memcpy(log->filling + log->len, bytes, len);
        log->len += len;
    } else {
        log->left_out++;
    }
    if (log->len > WRITE_FROM)
        pthread_cond_signal(&log->filled);
    pthread_mutex_unlock(&log->lock);
    return (ssize_t)len;
}

static void write_all(struct session_log *log, const char *bytes, size_t len)
{
    while (len > 0 && !log->error) {
        ssize_t n = write(log->fd, bytes, len < PIECE ? len : PIECE);
        if (n < 0 && errno != EINTR)
            log->error = -errno;
        if (n <= 0)
            continue;
        bytes += n;
        len -= (size_t)n;
        log->size += (uint64_t)n;
        log->progress++;
    }
}

static void rename_nth(const struct session_log *log, uint32_t from, uint32_t to)
{
    char old[4096], new[4096];
    int n = from > 0 ? snprintf(old, sizeof(old), "%s.%u", log->path, from)
                     : snprintf(old, sizeof(old), "%s", log->path);
    int m = snprintf(new, sizeof(new), "%s.%u", log->path, to);
    if (n > 0 && (size_t)n < sizeof(old) && m > 0 && (size_t)m < sizeof(new))
        rename(old, new); /* one that isn't there yet is no matter */
}

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return fd < 0 ? -errno : fd;
}

static void rotate(struct session_log *log)
{
    for (uint32_t i = log->keep; i > 0; i--)
        rename_nth(log, i - 1, i);
    close(log->fd);
    log->fd = open_file(log->path);
    log->size = 0;
    if (log->fd < 0)
        log->error = log->fd;
}

/* How much of it goes into this file: whole lines that fit, but one at least. */
static size_t fitting(const struct session_log *log, const char *bytes, size_t len)
{
    uint64_t room = log->rotate_bytes > log->size ? log->rotate_bytes - log->size : 0;
    size_t fits = 0;
    if (log->rotate_bytes == 0 || len <= room)
        return len;
    while (fits < len) {
        const char *end = memchr(bytes + fits, '\n', len - fits);
        size_t next = end ? (size_t)(end + 1 - bytes) : len;
        if (next > room && (fits > 0 || log->size > 0))
            break;
        fits = next;
    }
    return fits;
}

static void write_lines(struct session_log *log, const char *bytes, size_t len)
{
    while (len > 0 && !log->error) {
        size_t fits = fitting(log, bytes, len);
        write_all(log, bytes, fits);
        bytes += fits;
        len -= fits;
        if (len > 0 && !log->error)
            rotate(log);
    }
}

static void *work(void *argument)
{
    struct session_log *log = argument;
    bool ending = false;
    while (!ending) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        uint64_t at_ns = (uint64_t)until.tv_nsec + WRITE_EVERY_NS;
        until.tv_sec += (time_t)(at_ns / NS_PER_S);
        until.tv_nsec = (long)(at_ns % NS_PER_S);
        pthread_mutex_lock(&log->lock);
        if (!log->ending && log->len <= WRITE_FROM)
            pthread_cond_timedwait(&log->filled, &log->lock, &until);
        char *full = log->filling;
        size_t len = log->len;
        log->filling = log->writing;
        log->writing = full;
        log->len = 0;
        ending = log->ending;
        pthread_mutex_unlock(&log->lock);
        write_lines(log, full, len);
    }
    return NULL;
}

static void dispose(struct session_log *log)
{
    if (log->stream)
        fclose(log->stream);
    if (log->fd >= 0)
        close(log->fd);
    pthread_mutex_destroy(&log->lock);
    pthread_cond_destroy(&log->filled);
    free(log->filling);
    free(log->writing);
    free(log);
}

/* Signals are for the thread that waits for them. */
static int start(struct session_log *log)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = -pthread_create(&log->thread, NULL, work, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int begin(struct session_log *log)
{
    const cookie_io_functions_t functions = {.write = take};
    struct stat status;
    log->filling = malloc(ROOM);
    log->writing = malloc(ROOM);
    log->fd = open_file(log->path);
    if (log->fd < 0)
        return log->fd;
    log->stream = fopencookie(log, "w", functions);
    if (!log->filling || !log->writing || !log->stream)
        return -ENOMEM;
    setvbuf(log->stream, NULL, _IONBF, 0); /* a line comes in one piece */
    if (fstat(log->fd, &status) < 0 || !S_ISREG(status.st_mode))
        log->rotate_bytes = 0;
    return start(log);
}

int session_log_open(struct session_log **out, const char *path, uint64_t rotate_bytes,
                     uint32_t keep)
{
    struct session_log *log = calloc(1, sizeof(*log));
    if (!log)
        return -ENOMEM;
    log->path = path;
    log->rotate_bytes = rotate_bytes;
    log->keep = keep;
    log->fd = -1;
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->filled, NULL);
    int error = begin(log);
    if (error)
        dispose(log);
    *out = error ? NULL : log;
    return error;
}

FILE *session_log_stream(const struct session_log *log)
{
    return log->stream;
}

/* False: nothing was taken for long. Then the thread keeps the log until the process ends. */
static bool join(struct session_log *log)
{
    for (;;) {
        uint64_t before = log->progress;
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PATIENCE_S;
        if (pthread_timedjoin_np(log->thread, NULL, &until) == 0)
            return true;
        if (log->progress == before) {
            pthread_detach(log->thread);
            return false;
        }
    }
}

int session_log_close(struct session_log *log)
{
    if (!log)
        return 0;
    pthread_mutex_lock(&log->lock);
    log->ending = true;
    pthread_cond_signal(&log->filled);
    pthread_mutex_unlock(&log->lock);
    if (!join(log))
        return SESSION_LOG_STANDS_STILL;
    int error = log->error ? log->error : log->left_out > 0 ? SESSION_LOG_LEFT_OUT : 0;
    dispose(log);
    return error;
}

const char *session_log_error(int error)
{
    return error == SESSION_LOG_LEFT_OUT       ? "lines were left out, as they are taken too slowly"
           : error == SESSION_LOG_STANDS_STILL ? "nothing was taken for 5 s"
                                               : strerror(-error);
}
