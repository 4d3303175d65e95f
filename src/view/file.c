#include "view/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int open_descriptor(const struct file *file)
{
    if (!file->temporary[0])
        return open(file->path, O_WRONLY | O_CLOEXEC);
    unlink(file->temporary); /* of a killed run that had our process id */
    return open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

int file_open(struct file *file, const char *path)
{
    int error = choose_names(file, path);
    if (error)
        return error;
    int descriptor = open_descriptor(file);
    if (descriptor < 0)
        return -errno;
    file->stream = fdopen(descriptor, "w");
    if (file->stream)
        return 0;
    error = -errno;
    close(descriptor);
    if (file->temporary[0])
        unlink(file->temporary);
    return error;
}

/* All of it is on the disk, as far as the kernel can tell. */
static int finish(struct file *file)
{
    bool failed = ferror(file->stream) || fflush(file->stream) != 0;
    int error = failed ? -(errno ? errno : EIO) : 0;
    if (!error && file->temporary[0] && fsync(fileno(file->stream)) != 0)
        error = -errno;
    if (fclose(file->stream) != 0 && !error)
        error = -errno;
    file->stream = NULL;
    return error;
}

int file_commit(struct file *file)
{
    errno = 0;
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
    file->stream = NULL;
    if (file->temporary[0])
        unlink(file->temporary);
}
