/* sim_core.h - the inside of the simulated network: its queue of deliveries, its sockets, its
 * wires. */
#pragma once

#include <stdatomic.h>

#include "base/rng.h"
#include "net/backend.h"
#include "net/sim.h"

#define SIM_WINDOW 262144u /* bytes of TCP under way or unread, each direction */
#define SIM_PORTS 65536

enum sim_event_type {
    SIM_SYN,       /* to an address: a connect */
    SIM_CONNECTED, /* error */
    SIM_ACCEPTED,  /* to a listener: accepted */
    SIM_BYTES,
    SIM_FIN,
    SIM_RST,
    SIM_DATAGRAM, /* to an address until it has arrived */
    SIM_WRITABLE,
    SIM_RESUMED,
    SIM_RESOLVED,
    SIM_CLOSED,
};

/* What a fault makes of a delivery. */
enum sim_twist { SIM_PLAIN, SIM_RESETS, SIM_ENDS, SIM_LATE, SIM_COPY };

/* Names a socket of any loop of the sim; socket 0: none. */
struct sim_end {
    uint32_t loop;
    loop_socket socket;
};

struct sim_event {
    struct sim_event *next; /* in an inbox, a held queue or the spares */
    uint64_t at_ns;         /* when it arrives */
    enum sim_event_type type;
    enum sim_twist twist;
    int error;
    struct sim_end to;
    struct sim_end from;
    struct address to_address;   /* SYN, DATAGRAM */
    struct address from_address; /* SYN, DATAGRAM, ACCEPTED; RESOLVED: the answer */
    loop_socket accepted;
    uint64_t token;    /* RESOLVED */
    uint64_t flow;     /* DATAGRAM: the key of its flow; 0: not followed */
    uint64_t number;   /* DATAGRAM: of its flow */
    uint32_t segment;  /* DATAGRAM */
    uint32_t drops;    /* DATAGRAM: of the socket when it arrived */
    uint32_t capacity; /* of bytes */
    uint32_t len;
    uint8_t bytes[];
};

struct sim_queue {
    struct sim_event *first;
    struct sim_event *last;
    uint32_t count;
};

enum {
    SIM_IS_OPEN = 1,
    SIM_IS_UDP = 2,
    SIM_IS_LISTENER = 4,
    SIM_IS_SHARED = 8,
    SIM_CONNECTING = 16,
    SIM_READING = 32,
    SIM_PAUSED = 64,
    SIM_WANTS_ROOM = 128,
    SIM_ROOM_COMES = 256, /* a SIM_WRITABLE is under way */
    SIM_SHUT = 512,       /* we sent FIN or RST */
    SIM_DEAF = 1024,      /* a FIN or RST arrived: nothing after it counts */
    SIM_BROKEN = 2048,
    SIM_GRO = 4096,
};

struct sim_socket {
    uint32_t free_link; /* the pool's */
    uint16_t generation;
    uint16_t flags;
    uint64_t token;
    struct sim_end self;
    struct sim_end peer; /* TCP */
    struct address local;
    struct address remote;
    struct sim_socket *neighbour; /* bound to the same port */
    struct sim_queue held;        /* arrived while nobody wanted to read */
    uint64_t sent_until_ns; /* TCP: arrival of the last thing sent; later ones come no earlier */
    struct rng rng;         /* of its own, so that one connection's faults don't move another's */
    uint32_t outstanding;   /* TCP: bytes sent and not yet read */
    uint32_t arrived;       /* TCP: bytes not yet read. UDP: charge of what is held */
    uint32_t rcvbuf;
    uint32_t drops;
    uint32_t identity; /* never reused */
};

struct sim_loop {
    struct loop loop; /* first: a loop is cast to this */
    struct sim *sim;
    uint32_t number;
    struct pool sockets;
    struct sim_queue inbox; /* arrived, for the next turn */
    atomic_bool woken;
    bool frozen;
};

/* What one socket sends to one address, followed while datagrams may overtake each other. */
struct sim_flow {
    uint64_t key;
    uint64_t last_ns;
    uint64_t sent;
    uint64_t newest; /* the highest number that has arrived */
};

struct sim_due {
    uint64_t at_ns;
    uint64_t sequence; /* ties go in the order of sending */
    struct sim_event *event;
};

struct sim_name {
    struct sim_name *next;
    struct address address;
    char name[];
};

struct sim {
    uint64_t seed;
    uint64_t now_ns;
    uint64_t sequence;
    uint64_t digest;
    struct sim_faults faults;
    struct sim_truth truth;
    struct sim_due *heap;
    size_t heap_count;
    size_t heap_room;
    struct sim_event *spares;
    struct sim_loop **loops; /* by number; NULL once freed */
    uint32_t loop_count;
    uint32_t undelivered; /* in all inboxes */
    uint32_t opened;
    uint32_t shared; /* picks among those that share a port, in turn */
    uint16_t next_port;
    struct sim_socket *bound[2][SIM_PORTS]; /* listeners, UDP */
    struct sim_flow *flows;                 /* a hash table, open addressing */
    uint32_t flow_count;
    uint32_t flow_room; /* a power of 2 */
    struct sim_name *names;
};

/* sim.c: time, the queue of deliveries, randomness. */

/* An event with room for len bytes, len set. Never fails: out of memory ends a test. */
struct sim_event *sim_event_new(struct sim *sim, enum sim_event_type type, size_t len);
void sim_event_free(struct sim *sim, struct sim_event *event);
void sim_schedule(struct sim *sim, struct sim_event *event, uint64_t at_ns);

/* Lets everything that is due arrive. */
void sim_pump(struct sim *sim);
void sim_put(struct sim_queue *queue, struct sim_event *event);
struct sim_event *sim_take(struct sim_queue *queue);
bool sim_chance(struct rng *rng, uint32_t ppm);
uint64_t sim_delay(const struct sim *sim, struct rng *rng);
void sim_note(struct sim *sim, const struct loop_event *event, uint32_t loop);
const struct sim_name *sim_find_name(const struct sim *sim, const char *name);

/* sim_ports.c: who is bound where. */
int sim_bind(struct sim *sim, struct sim_socket *socket);
void sim_unbind(struct sim *sim, struct sim_socket *socket);
uint16_t sim_ephemeral_port(struct sim *sim);

/* The socket bound to that address, else to its port at any; several in turn where shared. */
struct sim_socket *sim_bound(struct sim *sim, bool udp, const struct address *to);

/* 10.0.x.y or fd00::x:y, a host of its own for each loop. */
struct address sim_own_address(const struct sim_loop *loop, sa_family_t family);

/* What a datagram of this socket comes from: where it is bound, or the loop's own address. */
struct address sim_source(const struct sim *sim, const struct sim_socket *socket);

/* sim_wire.c: what is sent becomes deliveries, with the faults; what arrives reaches its socket. */
void sim_connect(struct sim *sim, struct sim_socket *socket);

/* How many of wish bytes a send takes now, or -errno. */
int64_t sim_room(struct sim *sim, struct sim_socket *socket, size_t wish);
void sim_send_bytes(struct sim *sim, struct sim_socket *socket, struct slice bytes);

/* FIN or RST, behind what was sent before. */
void sim_send_end(struct sim *sim, struct sim_socket *socket, bool reset);
void sim_send_datagrams(struct sim *sim, struct sim_socket *socket, const struct address *to,
                        struct slice bytes, uint32_t segment);

/* There is room to send again: SIM_WRITABLE, if it is wanted and not under way. */
void sim_offer_room(struct sim *sim, struct sim_socket *socket);
void sim_arrive(struct sim *sim, struct sim_event *event);

/* loop_sim.c */
struct sim_socket *sim_socket_at(const struct sim *sim, struct sim_end end); /* NULL: not open */
struct sim_socket *sim_socket_open(struct sim_loop *loop, uint16_t flags, uint64_t token);

/* Into the inbox of the loop that event->to names. */
void sim_deliver(struct sim *sim, struct sim_event *event);
