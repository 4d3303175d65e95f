#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 5000 /* with the reader of a pipe */
#define PAUSE_MS 50

/* Fills in path and temporary. */
static int choose_names(struct file *file, const char *path)
{
    struct stat existing;
    bool exists = stat(path, &existing) == 0;
    file->temporary[0] = '\0';
    if (strlen(path) >= sizeof(file->path))
        return -ENAMETOOLONG;
    if (exists && S_ISDIR(existing.st_mode))
        return -EISDIR;
    if (!exists || !S_ISREG(existing.st_mode) || !realpath(path, file->path))
        strcpy(file->path, path);
    if (exists && !S_ISREG(existing.st_mode))
        return 0;
    int n = snprintf(file->temporary, sizeof(file->temporary), "%s.%ld.tmp", file->path,
                     (long)getpid());
    return n < 0 || (size_t)n >= sizeof(file->temporary) ? -ENAMETOOLONG : 0;
}

/* A device or a pipe; none of them may keep us. */
static int open_device(const char *path)
{
    for (unsigned waited_ms = 0;; waited_ms += PAUSE_MS) {
        int descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (descriptor >= 0 || errno != ENXIO || waited_ms >= PATIENCE_MS)
            return descriptor;
        poll(NULL, 0, PAUSE_MS); /* nobody reads from the pipe yet */
    }
}

static int open_descriptor(const struct file *file)
{
    if (!file->temporary[0])
        return open_device(file->path);
    unlink(file->temporary); /* of a killed run that had our process id */
    return open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

/* Waits for one that takes nothing; false when that lasts. */
static bool wait_for_room(int descriptor)
{
    struct pollfd one = {.fd = descriptor, .events = POLLOUT};
    return poll(&one, 1, PATIENCE_MS) > 0;
}

int file_write_all(int descriptor, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(descriptor, bytes, len);
        if (n < 0 && errno == EAGAIN && !wait_for_room(descriptor))
            return -ETIME;
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* The stream itself never fails: what it would forget, the cause, is kept here. */
static ssize_t take(void *cookie, const char *bytes, size_t len)
{
    struct file *file = cookie;
    if (!file->error)
        file->error = file_write_all(file->descriptor, bytes, len);
    return (ssize_t)len;
}

int file_open(struct file *file, const char *path)
{
    const cookie_io_functions_t functions = {.write = take};
    int error = choose_names(file, path);
    if (error)
        return error;
    file->error = 0;
    file->descriptor = open_descriptor(file);
    if (file->descriptor < 0)
        return -errno;
    file->stream = fopencookie(file, "w", functions);
    if (file->stream)
        return 0;
    close(file->descriptor);
    if (file->temporary[0])
        unlink(file->temporary);
    return -ENOMEM;
}

/* All of it is on the disk, as far as the kernel can tell. */
static int finish(struct file *file)
{
    int error = fclose(file->stream) != 0 ? -EIO : 0;
    if (file->error)
        error = file->error;
    if (!error && file->temporary[0] && fsync(file->descriptor) != 0)
        error = -errno;
    if (close(file->descriptor) != 0 && !error)
        error = -errno;
    file->stream = NULL;
    return error;
}

int file_commit(struct file *file)
{
    int error = finish(file);
    if (!file->temporary[0])
        return error;
    if (!error && rename(file->temporary, file->path) != 0)
        error = -errno;
    if (error)
        unlink(file->temporary);
    return error;
}

void file_discard(struct file *file)
{
    fclose(file->stream);
    close(file->descriptor);
    file->stream = NULL;
    if (file->temporary[0])
        unlink(file->temporary);
}

int file_check(const char *path)
{
    struct stat existing;
    struct file file;
    if (stat(path, &existing) == 0 && !S_ISREG(existing.st_mode) && !S_ISDIR(existing.st_mode))
        return access(path, W_OK) == 0 ? 0 : -errno;
    int error = file_open(&file, path);
    if (!error)
        file_discard(&file);
    return error;
}
