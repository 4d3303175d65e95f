#include "cli/feeder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"

#define PIECE 4096u /* a write, so that a slow reader is told from one that stands still */

struct chunk {
    struct chunk *next;
    size_t len;
    char bytes[];
};

struct feeder {
    int descriptor;
    size_t room;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t filled, moved;
    struct chunk *first, **end;
    size_t waiting;    /* bytes, of the chunk under way too */
    uint64_t written;  /* bytes, in all */
    uint64_t left_out; /* lines */
    int error;
    bool ending;
};

/* The next piece of chunk has gone, or was given up. */
static void count(struct feeder *feeder, size_t len, int error)
{
    pthread_mutex_lock(&feeder->lock);
    feeder->waiting -= len;
    feeder->written += len;
    feeder->error = feeder->error ? feeder->error : error;
    pthread_cond_broadcast(&feeder->moved);
    pthread_mutex_unlock(&feeder->lock);
}

static void write_chunk(struct feeder *feeder, const struct chunk *chunk)
{
    int error = feeder_error(feeder);
    for (size_t at = 0; at < chunk->len;) {
        size_t len = chunk->len - at < PIECE ? chunk->len - at : PIECE;
        if (!error)
            error = file_write_all(feeder->descriptor, chunk->bytes + at, len);
        count(feeder, len, error);
        at += len;
    }
}

/* The next chunk, the caller's; NULL: it is over. */
static struct chunk *take(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    while (!feeder->first && !feeder->ending)
        pthread_cond_wait(&feeder->filled, &feeder->lock);
    struct chunk *chunk = feeder->first;
    if (chunk)
        feeder->first = chunk->next;
    if (!feeder->first)
        feeder->end = &feeder->first;
    pthread_mutex_unlock(&feeder->lock);
    return chunk;
}

static void *work(void *argument)
{
    struct feeder *feeder = argument;
    for (struct chunk *chunk = take(feeder); chunk; chunk = take(feeder)) {
        write_chunk(feeder, chunk);
        free(chunk);
    }
    return NULL;
}

static void dispose(struct feeder *feeder)
{
    pthread_mutex_destroy(&feeder->lock);
    pthread_cond_destroy(&feeder->filled);
    pthread_cond_destroy(&feeder->moved);
    free(feeder);
}

/* Signals are for the thread that waits for them. */
static int start(struct feeder *feeder)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&feeder->thread, NULL, work, feeder);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

struct feeder *feeder_new(int descriptor, size_t room)
{
    struct feeder *feeder = calloc(1, sizeof(*feeder));
    pthread_condattr_t monotonic;
    if (!feeder)
        return NULL;
    feeder->descriptor = descriptor;
    feeder->room = room;
    feeder->end = &feeder->first;
    pthread_mutex_init(&feeder->lock, NULL);
    pthread_cond_init(&feeder->filled, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&feeder->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start(feeder) == 0)
        return feeder;
    dispose(feeder);
    return NULL;
}

static uint64_t count_lines(const char *bytes, size_t len)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += bytes[i] == '\n';
    return lines;
}

void feeder_add(struct feeder *feeder, const char *bytes, size_t len, bool may_leave_out)
{
    struct chunk *chunk = len > 0 ? malloc(sizeof(*chunk) + len) : NULL;
    if (chunk) {
        chunk->next = NULL;
        chunk->len = len;
        memcpy(chunk->bytes, bytes, len);
    }
    pthread_mutex_lock(&feeder->lock);
    bool fits = !may_leave_out || feeder->waiting + len <= feeder->room;
    if (chunk && fits) {
        *feeder->end = chunk;
        feeder->end = &chunk->next;
        feeder->waiting += len;
        chunk = NULL;
        pthread_cond_signal(&feeder->filled);
    } else if (len > 0) {
        feeder->left_out += count_lines(bytes, len);
        if (fits && !feeder->error)
            feeder->error = -ENOMEM;
    }
    pthread_mutex_unlock(&feeder->lock);
    free(chunk);
}

bool feeder_wait(struct feeder *feeder, uint32_t patience_ms)
{
    pthread_mutex_lock(&feeder->lock);
    while (feeder->waiting > 0) {
        uint64_t before = feeder->written;
        uint64_t until_ns = clock_monotonic_ns() + patience_ms * NS_PER_MS;
        struct timespec until = {(time_t)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S)};
        int late = patience_ms == FEEDER_FOREVER
                       ? pthread_cond_wait(&feeder->moved, &feeder->lock)
                       : pthread_cond_timedwait(&feeder->moved, &feeder->lock, &until);
        if (late && feeder->written == before)
            break;
    }
    bool done = feeder->waiting == 0;
    pthread_mutex_unlock(&feeder->lock);
    return done;
}

int feeder_error(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    int error = feeder->error;
    pthread_mutex_unlock(&feeder->lock);
    return error;
}

uint64_t feeder_left_out(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    uint64_t lines = feeder->left_out;
    pthread_mutex_unlock(&feeder->lock);
    return lines;
}

size_t feeder_waiting(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    size_t waiting = feeder->waiting;
    pthread_mutex_unlock(&feeder->lock);
    return waiting;
}

void feeder_free(struct feeder *feeder)
{
    if (!feeder)
        return;
    pthread_mutex_lock(&feeder->lock);
    feeder->ending = true;
    pthread_cond_signal(&feeder->filled);
    pthread_mutex_unlock(&feeder->lock);
    pthread_join(feeder->thread, NULL);
    dispose(feeder);
}
