/* file.h - writes a file whole or not at all: a temporary one beside it is renamed at the end. */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdio.h>

/* Between open and commit or discard, the caller writes to stream, and need not look whether that
   went well: commit tells the first error. It must stay where it is meanwhile. */
struct file {
    FILE *stream;
    int descriptor;
    int error;                /* -errno of the first write that failed */
    char path[PATH_MAX];      /* where it goes: links followed */
    char temporary[PATH_MAX]; /* empty where path is a device or pipe, which is written directly */
};

/* 0, or -errno and nothing to clean up. */
int file_open(struct file *file, const char *path);

/* Puts the file in its place: 0, or -errno with whatever stood there before untouched. */
int file_commit(struct file *file);
void file_discard(struct file *file);

/* Whether path could be opened; leaves nothing behind, and doesn't touch a device or a pipe. 0 or
   -errno. */
int file_check(const char *path);

/* Writes all of it, however often it takes. Where descriptor doesn't block, it is waited for: up to
   5 s for a pipe that takes nothing. 0 or -errno, of which ETIME is that. */
int file_write_all(int descriptor, const char *bytes, size_t len);
