#include "net/sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/sim_core.h"

#define SPARE_BYTES 2048u /* events up to this size are kept for the next one */

static void *grown(void *base, size_t count, size_t size)
{
    void *larger = reallocarray(base, count, size);
    if (!larger)
        abort();
    return larger;
}

struct sim *sim_new(uint64_t seed, uint64_t start_ns)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    assert(start_ns > 0);
    if (!sim)
        return NULL;
    sim->seed = seed;
    sim->now_ns = start_ns;
    sim->next_port = 32768;
    return sim;
}

void sim_free(struct sim *sim)
{
    if (!sim)
        return;
    for (uint32_t i = 0; i < sim->loop_count; i++)
        assert(!sim->loops[i]);
    for (size_t i = 0; i < sim->heap_count; i++)
        free(sim->heap[i].event);
    for (struct sim_event *spare; (spare = sim->spares); free(spare))
        sim->spares = spare->next;
    for (struct sim_name *name; (name = sim->names); free(name))
        sim->names = name->next;
    free(sim->heap);
    free(sim->loops);
    free(sim->flows);
    free(sim);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
    sim->faults = *faults;
}

struct sim_truth sim_get_truth(const struct sim *sim)
{
    return sim->truth;
}

uint64_t sim_now(const struct sim *sim)
{
    return sim->now_ns;
}

uint64_t sim_digest(const struct sim *sim)
{
    return sim->digest;
}

struct sim_event *sim_event_new(struct sim *sim, enum sim_event_type type, size_t len)
{
    struct sim_event *event = len <= SPARE_BYTES ? sim->spares : NULL;
    uint32_t capacity = len <= SPARE_BYTES ? SPARE_BYTES : (uint32_t)len;
    if (event)
        sim->spares = event->next;
    else
        event = grown(NULL, 1, sizeof(*event) + capacity);
    memset(event, 0, sizeof(*event));
    event->type = type;
    event->capacity = capacity;
    event->len = (uint32_t)len;
    return event;
}

void sim_event_free(struct sim *sim, struct sim_event *event)
{
    if (event->capacity > SPARE_BYTES) {
        free(event);
        return;
    }
    event->next = sim->spares;
    sim->spares = event;
}

void sim_put(struct sim_queue *queue, struct sim_event *event)
{
    event->next = NULL;
    if (queue->count++ == 0)
        queue->first = event;
    else
        queue->last->next = event;
    queue->last = event;
}

struct sim_event *sim_take(struct sim_queue *queue)
{
    struct sim_event *event = queue->first;
    if (event) {
        queue->first = event->next;
        queue->count--;
    }
    return event;
}

static bool before(const struct sim_due *a, const struct sim_due *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->sequence < b->sequence);
}

void sim_schedule(struct sim *sim, struct sim_event *event, uint64_t at_ns)
{
    struct sim_due due = {at_ns, sim->sequence++, event};
    size_t at = sim->heap_count++;
    event->at_ns = at_ns;
    if (at == sim->heap_room) {
        sim->heap_room = sim->heap_room ? sim->heap_room * 2 : 1024;
        sim->heap = grown(sim->heap, sim->heap_room, sizeof(sim->heap[0]));
    }
    for (; at > 0 && before(&due, &sim->heap[(at - 1) / 2]); at = (at - 1) / 2)
        sim->heap[at] = sim->heap[(at - 1) / 2];
    sim->heap[at] = due;
}

static struct sim_event *pop(struct sim *sim)
{
    struct sim_event *first = sim->heap[0].event;
    struct sim_due moved = sim->heap[--sim->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sim->heap_count)
            break;
        if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!before(&sim->heap[child], &moved))
            break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = moved;
    return first;
}

void sim_pump(struct sim *sim)
{
    while (sim->heap_count > 0 && sim->heap[0].at_ns <= sim->now_ns)
        sim_arrive(sim, pop(sim));
}

static bool something_waits(const struct sim *sim)
{
    uint32_t kept = 0; /* for loops that nobody turns */
    for (uint32_t i = 0; i < sim->loop_count; i++) {
        const struct sim_loop *loop = sim->loops[i];
        if (loop && loop->frozen)
            kept += loop->inbox.count;
        else if (loop && atomic_load(&loop->woken))
            return true;
    }
    return sim->undelivered > kept;
}

bool sim_advance(struct sim *sim, uint64_t limit_ns)
{
    sim_pump(sim);
    if (something_waits(sim))
        return true;
    bool due = sim->heap_count > 0 && sim->heap[0].at_ns <= limit_ns;
    if (due)
        sim->now_ns = sim->heap[0].at_ns;
    else if (limit_ns != TIME_NEVER && limit_ns > sim->now_ns)
        sim->now_ns = limit_ns;
    sim_pump(sim);
    return due;
}

void sim_freeze(struct sim *sim, const struct address *listener, bool frozen)
{
    const struct sim_socket *socket = sim_bound(sim, false, listener);
    assert(socket);
    sim->loops[socket->self.loop]->frozen = frozen;
}

void sim_freeze_loop(struct loop *loop, bool frozen)
{
    ((struct sim_loop *)loop)->frozen = frozen;
}

void sim_add_name(struct sim *sim, const char *name, const struct address *address)
{
    size_t size = strlen(name) + 1;
    struct sim_name *added = grown(NULL, 1, sizeof(*added) + size);
    memcpy(added->name, name, size);
    added->address = *address;
    added->next = sim->names;
    sim->names = added;
}

const struct sim_name *sim_find_name(const struct sim *sim, const char *name)
{
    const struct sim_name *at = sim->names;
    while (at && strcmp(at->name, name) != 0)
        at = at->next;
    return at;
}

bool sim_chance(struct rng *rng, uint32_t ppm)
{
    return ppm > 0 && rng_below(rng, 1000000) < ppm;
}

uint64_t sim_delay(const struct sim *sim, struct rng *rng)
{
    uint64_t jitter_ns = sim->faults.latency_jitter_ns;
    return sim->faults.latency_ns + (jitter_ns > 0 ? rng_below(rng, jitter_ns + 1) : 0);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 32;
}

/* Four lanes, since one chain of multiplications would cost more than the rest of the sim. */
static void hash_block(uint64_t lanes[4], const void *block)
{
    uint64_t words[4];
    memcpy(words, block, sizeof(words));
    for (int i = 0; i < 4; i++)
        lanes[i] = mix(lanes[i], words[i]);
}

static uint64_t hash_bytes(struct slice bytes)
{
    uint64_t lanes[4] = {bytes.len, 2, 3, 4};
    uint8_t last[32] = {0};
    while (bytes.len >= sizeof(last))
        hash_block(lanes, slice_take(&bytes, sizeof(last)).data);
    memcpy(last, bytes.data, bytes.len);
    hash_block(lanes, last);
    return mix(mix(mix(lanes[0], lanes[1]), lanes[2]), lanes[3]);
}

void sim_note(struct sim *sim, const struct loop_event *event, uint32_t loop)
{
    uint64_t hash = mix(sim->digest, sim->now_ns);
    hash = mix(hash, (uint64_t)loop << 32 | event->socket);
    hash = mix(hash, (uint64_t)event->type << 32 | (uint32_t)event->error);
    hash = mix(hash, event->arrival_ns);
    sim->digest = mix(hash, event->bytes.len > 0 ? hash_bytes(event->bytes) : event->accepted);
}
