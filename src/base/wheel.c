#include "base/wheel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"

static struct wheel_entry *entry_at(const struct wheel *wheel, uint32_t number)
{
    return (struct wheel_entry *)(void *)(wheel->records + (size_t)number * wheel->stride +
                                          wheel->offset);
}

int wheel_init(struct wheel *wheel, uint64_t now_ns, void *records, uint32_t stride,
               uint32_t offset)
{
    *wheel =
        (struct wheel){.epoch_ns = now_ns, .records = records, .stride = stride, .offset = offset};
    wheel->slots = calloc(WHEEL_SLOTS, sizeof(*wheel->slots));
    return wheel->slots ? 0 : -ENOMEM;
}

void wheel_dispose(struct wheel *wheel)
{
    free(wheel->slots);
    *wheel = (struct wheel){0};
}

static void unlink_entry(struct wheel *wheel, struct wheel_entry *entry)
{
    if (entry->next)
        entry_at(wheel, entry->next - 1)->previous = entry->previous;
    if (entry->previous)
        entry_at(wheel, entry->previous - 1)->next = entry->next;
    else
        wheel->slots[entry->slot - 1] = entry->next;
    *entry = (struct wheel_entry){0};
    wheel->count--;
}

void wheel_set(struct wheel *wheel, uint32_t number, uint64_t deadline_ns)
{
    struct wheel_entry *entry = entry_at(wheel, number);
    uint64_t away_ns = deadline_ns > wheel->epoch_ns ? deadline_ns - wheel->epoch_ns : 0;
    uint64_t deadline_ms = (away_ns + NS_PER_MS - 1) / NS_PER_MS;

    if (entry->slot)
        unlink_entry(wheel, entry);
    if (deadline_ms <= wheel->now_ms)
        deadline_ms = wheel->now_ms + 1; /* its slot has been swept: take the next one */
    uint32_t slot = (uint32_t)(deadline_ms % WHEEL_SLOTS);
    *entry = (struct wheel_entry){
        .next = wheel->slots[slot], .deadline_ms = (uint32_t)deadline_ms, .slot = slot + 1};
    if (entry->next)
        entry_at(wheel, entry->next - 1)->previous = number + 1;
    wheel->slots[slot] = number + 1;
    wheel->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
    wheel->count++;
}

void wheel_cancel(struct wheel *wheel, uint32_t number)
{
    struct wheel_entry *entry = entry_at(wheel, number);
    if (entry->slot)
        unlink_entry(wheel, entry);
}

/* Steps from now_ms to the next slot that may hold entries; 0 when none does. */
static uint32_t steps_to_occupied(const struct wheel *wheel)
{
    uint32_t from = (uint32_t)((wheel->now_ms + 1) % WHEEL_SLOTS);
    for (uint32_t done = 0; done < WHEEL_SLOTS + 64;) {
        uint32_t slot = (from + done) % WHEEL_SLOTS;
        uint64_t bits = wheel->occupied[slot / 64] >> (slot % 64);
        if (bits)
            return done + 1 + (uint32_t)__builtin_ctzll(bits);
        done += 64 - slot % 64;
    }
    return 0;
}

/* An entry of a slot that is due by that time, as its number + 1; 0 when none is. */
static uint32_t due_in_slot(const struct wheel *wheel, uint32_t slot, uint64_t by_ms)
{
    uint32_t at = wheel->slots[slot];
    while (at) {
        const struct wheel_entry *entry = entry_at(wheel, at - 1);
        if ((int32_t)(entry->deadline_ms - (uint32_t)by_ms) <= 0)
            return at;
        at = entry->next;
    }
    return 0;
}

uint32_t wheel_expire(struct wheel *wheel, uint64_t now_ns)
{
    uint64_t target_ms = now_ns > wheel->epoch_ns ? (now_ns - wheel->epoch_ns) / NS_PER_MS : 0;
    if (target_ms > wheel->now_ms + WHEEL_SLOTS)
        wheel->now_ms = target_ms - WHEEL_SLOTS; /* one whole turn sees every slot */
    while (wheel->now_ms < target_ms) {
        uint32_t steps = steps_to_occupied(wheel);
        if (steps == 0 || wheel->now_ms + steps > target_ms) {
            wheel->now_ms = target_ms;
            break;
        }
        wheel->now_ms += steps - 1;
        uint32_t slot = (uint32_t)((wheel->now_ms + 1) % WHEEL_SLOTS);
        uint32_t at = due_in_slot(wheel, slot, target_ms);
        if (at) {
            unlink_entry(wheel, entry_at(wheel, at - 1));
            return at - 1;
        }
        if (wheel->slots[slot] == 0)
            wheel->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
        wheel->now_ms++;
    }
    return UINT32_MAX;
}

uint64_t wheel_next_ns(const struct wheel *wheel)
{
    uint32_t steps = wheel->count > 0 ? steps_to_occupied(wheel) : 0;
    return steps > 0 ? wheel->epoch_ns + (wheel->now_ms + steps) * NS_PER_MS : TIME_NEVER;
}
