/* file.h - writes a file whole or not at all: a temporary one beside it is renamed at the end. */
#pragma once

#include <limits.h>
#include <stdio.h>

/* Between open and commit or discard, the caller writes to stream. */
struct file {
    FILE *stream;
    char path[PATH_MAX];      /* where it goes: links followed */
    char temporary[PATH_MAX]; /* empty where path is a device or pipe, which is written directly */
};

/* 0, or -errno and nothing to clean up. */
int file_open(struct file *file, const char *path);

/* Puts the file in its place: 0, or -errno with whatever stood there before untouched. */
int file_commit(struct file *file);
void file_discard(struct file *file);
