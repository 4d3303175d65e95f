/* wheel.h - a hashed timing wheel: one deadline for each of very many records (Varghese and Lauck,
 * scheme 6). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Embedded in the record that waits. Ready when zeroed. */
struct wheel_entry {
    uint32_t next; /* entry numbers + 1; 0 is none */
    uint32_t previous;
    uint32_t deadline_ms; /* since the wheel's epoch; meaningful while linked */
    uint32_t slot;        /* + 1; 0 while not linked */
};

#define WHEEL_SLOTS 4096u

/* Slots of 1 ms. An entry further away than one turn is looked at once a turn (4.1 s). Deadlines
   must be under 24 days away; the wheel itself may turn for ever. */
struct wheel {
    uint64_t epoch_ns;
    uint64_t now_ms; /* since the epoch; every slot up to it has been swept */
    uint32_t count;
    uint8_t *records; /* the caller's: entry i is at records + i * stride + offset */
    uint32_t stride;
    uint32_t offset;
    uint32_t *slots;                     /* heads, as entry numbers + 1 */
    uint64_t occupied[WHEEL_SLOTS / 64]; /* a bit a slot that may hold entries */
};

/* Entries are named by number and found at records + number * stride + offset. 0 or -ENOMEM. */
int wheel_init(struct wheel *wheel, uint64_t now_ns, void *records, uint32_t stride,
               uint32_t offset);
void wheel_dispose(struct wheel *wheel);

/* Arms or moves an entry. It fires at the first advance past the deadline, rounded up to 1 ms. */
void wheel_set(struct wheel *wheel, uint32_t number, uint64_t deadline_ns);
void wheel_cancel(struct wheel *wheel, uint32_t number);

/* Unlinks and returns the next entry whose deadline has passed, or UINT32_MAX. Call until it gives
 * that. */
uint32_t wheel_expire(struct wheel *wheel, uint64_t now_ns);

/* When the next entry could be due: never later than the nearest deadline; TIME_NEVER when empty.
 */
uint64_t wheel_next_ns(const struct wheel *wheel);
