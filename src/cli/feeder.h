/* feeder.h - writes to a descriptor from a thread of its own: who gives it something never waits
   for who reads it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feeder;

#define FEEDER_FOREVER UINT32_MAX

/* room: bytes that may wait before lines are left out. NULL when there is no memory or thread. */
struct feeder *feeder_new(int descriptor, size_t room);

/* Copies bytes. Where may_leave_out and there is no room, they are left out whole: give it whole
   lines. Else they are kept, however many wait already. */
void feeder_add(struct feeder *feeder, const char *bytes, size_t len, bool may_leave_out);

/* Waits until everything is written, but no longer than patience_ms after something was. True: it
   is, or a write failed. */
bool feeder_wait(struct feeder *feeder, uint32_t patience_ms);

/* -errno of the first write that failed; nothing is written after it. */
int feeder_error(struct feeder *feeder);

uint64_t feeder_left_out(struct feeder *feeder); /* lines */
size_t feeder_waiting(struct feeder *feeder);    /* bytes */

/* Ends the thread; everything must be written. There is no end to one whose reader stands still:
   that one stays until the process ends. */
void feeder_free(struct feeder *feeder);
