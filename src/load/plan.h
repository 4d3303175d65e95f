/* plan.h - what a run is: every option resolved and checked, as plain data that stays the same from
 * the start on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "load/distribution.h"
#include "load/machine.h"
#include "load/profile.h"
#include "load/url_list.h"
#include "media/media.h"
#include "net/address.h"
#include "proto/auth.h"
#include "stats/misbehaviour.h"
#include "stats/slo.h"

/* Sockets that one shard's file table takes at most; a shard more where the plan needs it. */
#define PLAN_SHARD_SOCKETS 16000u
#define PLAN_SHARDS_MAX 512u
#define PLAN_READERS_MAX 10000000u
#define PLAN_PUBLISH_URL_MAX 1000u /* bytes */
#define PLAN_BIND_MAX 65536u

enum plan_arrival { ARRIVAL_EVEN, ARRIVAL_POISSON };
enum plan_transport {
    PLAN_TCP,
    PLAN_UDP,
    PLAN_AUTO
}; /* auto: UDP, and TCP where the server refuses that or sends nothing */
enum plan_tracks { TRACKS_ALL, TRACKS_VIDEO, TRACKS_AUDIO };
enum plan_find { FIND_NOTHING, FIND_READERS, FIND_RATE };
enum plan_io { IO_AUTO, IO_URING, IO_EPOLL };
enum plan_log { LOG_TEXT, LOG_JSON };
enum plan_keepalive {
    KEEPALIVE_AUTO,
    KEEPALIVE_OPTIONS,
    KEEPALIVE_GET_PARAMETER,
    KEEPALIVE_SET_PARAMETER,
    KEEPALIVE_NONE,
};

/* Strings are borrowed and must outlive the plan, but for what the URL list owns. */
struct plan {
    const char *group;  /* its name among several plans of one run; NULL: there is only this one */
    uint64_t begins_ns; /* after the run's start; all times of the plan count from then */
    struct url_list urls;
    const char *user; /* for URLs that name none; NULL: none */
    const char *password;

    uint32_t readers; /* that can be wanted at a time, all shares together; numbered from 1 */
    double rate_per_s;
    bool rate_given;
    struct profile profile;   /* its readers, duration and seed are set by plan_resolve */
    struct distribution life; /* of each session; NONE: until the plan ends or its reader leaves */
    struct distribution zap;  /* how long a viewer stays with a stream; NONE: for ever */
    double zipf;              /* exponent of the URLs' popularity; 0: dealt round robin */
    double bad_ratio;         /* share of the readers that misbehave */
    uint32_t
        bad_weights[MISBEHAVIOURS]; /* how often each kind is drawn; all 0: nobody misbehaves */
    uint64_t bad_after_ns;          /* a calm stretch first, to hold the rest against */
    bool open; /* sessions arrive at the rate whatever happens; readers is the most at a time */
    enum plan_arrival arrival;
    bool adaptive;        /* fewer are begun while many fail */
    uint64_t duration_ns; /* from the run's start, the ramp included */
    uint64_t warmup_ns;
    uint32_t share, shares; /* share 1 to shares: which readers are ours */
    uint64_t seed;
    bool seed_given;

    const struct media *publish; /* what sessions send; NULL: they read. Borrowed */
    uint64_t publish_queue_ns;   /* what the network doesn't take waits for so long */
    enum plan_transport transport;
    enum plan_tracks tracks;
    enum plan_keepalive keepalive;
    bool close_reset;
    bool trust_redirects; /* credentials and secret headers go wherever a redirect leads */
    bool end_on_stall;    /* a media timeout ends the session */
    bool reconnect;
    uint32_t retries;
    bool retries_given;
    uint64_t backoff_ns;
    uint64_t timeout_ns; /* of each phase, absolute */
    uint64_t media_timeout_ns;
    uint64_t report_ns; /* between receiver reports; 0: 5 s. For simulations of very long runs */
    const char *user_agent;
    const char *headers; /* "Name: value" lines, each with its CRLF; "" for none */

    enum plan_io io;
    uint32_t threads;     /* asked for; 0: as needed */
    uint64_t coalesce_ns; /* 0 to 5 ms */
    bool quickack;
    bool gro;
    uint32_t rcvbuf; /* SO_RCVBUF asked for, bytes; 0: the system's. plan_resolve sets it for UDP */
    uint32_t denied; /* LOOP_DENY_* */
    uint16_t rtp_port_low,
        rtp_port_high; /* inclusive; an even number of them from an even one on. 0: not given */
    const char *congestion; /* TCP congestion control; NULL: the system's */
    bool freebind;          /* bind to addresses that only a local route makes ours */
    struct address *bind;   /* source addresses, dealt round robin; borrowed */
    uint32_t bind_count;    /* 0: the system's choice */
    uint64_t
        halt_ns; /* test hook: each shard halts for halt_ns once every halt_period_ns; 0: never */
    uint64_t halt_period_ns;

    enum plan_find find;        /* a search: readers or rate are then the most it tries */
    bool readers_given;         /* likewise rate_given: not a default */
    uint64_t cool_down_ns;      /* between its levels */
    const char *between_levels; /* a command that is run there first; NULL: none */
    const struct slo *slos;     /* borrowed */
    uint32_t slo_count;
    bool slos_are_usual;    /* nobody asked for them: a search's own */
    struct ceiling ceiling; /* this machine's, as calibrated */
    uint32_t panel;
    uint64_t stats_interval_ns;
    enum plan_log log;
    bool quiet;
    const char *json_file; /* NULL: none */
    bool json_on_stdout;   /* the result goes to standard output; text goes to standard error */
    const char *sessions_log_file;
    uint64_t log_rotate_bytes;  /* of the sessions log; 0: it grows */
    uint32_t log_keep;          /* older files of it */
    uint32_t server_pid;        /* of the server under load; 0: not told */
    const char *server_pidfile; /* a file that names it, also after a restart; NULL: none */
    bool server_may_be_gone;    /* it need not be there at the start: later levels of a search */
    const char *server_metrics; /* URL; NULL: none */
    const char *csv_file;
    const char *hlog_file;
    const char *junit_file;
    const char *html_file;
    const char *prometheus; /* HOST:PORT of the metrics; NULL: none */
    const char *web;        /* HOST:PORT of the dashboard; NULL: none */
    const char *web_token;  /* what it asks for before it stops the run; NULL: it can't */

    /* Set by plan_resolve. */
    uint32_t own_readers; /* of our share */
    uint32_t
        readers_most; /* that there is room for where the target is raised by hand; of all shares */
    uint32_t shards;
    uint32_t tracks_assumed;      /* tracks a session is sized for */
    uint32_t sockets_per_session; /* likewise: 1 over TCP, 1 + 2 * tracks over UDP */
    uint32_t sockets_per_shard;   /* that the busiest shard can have open, nothing else counted */
    uint64_t memory_bytes;        /* estimate, the kernel's socket memory included */
};

/* The defaults of every option; no URL. */
void plan_init(struct plan *plan);
void plan_dispose(struct plan *plan);

/* Deals the URLs, fills in what was left to us, and sizes the run for the machine. False when the
   plan can't run: error then says what was wrong and what to do about it. warning gets what the
   user should know although it runs (lines, each with its newline). */
bool plan_resolve(struct plan *plan, const struct machine *machine, struct text *error,
                  struct text *warning);

/* Who a reader of that URL is: the URL's own user, else the plan's. An empty user: nobody. */
struct auth_credentials plan_credentials(const struct plan *plan, uint32_t url);

/* Does that reader misbehave, and how? -1: it doesn't. From (seed, reader) alone. */
int plan_misbehaviour(const struct plan *plan, uint32_t reader);

/* From when on all the readers that are ever wanted (but for peaks) should be there, since the
   plan's start: the ramp is over. */
uint64_t plan_steady_ns(const struct plan *plan);

/* When the target is first at its greatest, since the plan's start: before that moment a run has
   not had the load that its plan asks for. A constant plan's is there when the last reader is due.
   A rate (open), a day and a real-world load have no such moment: a tenth of the duration. Resolved
   plans only. */
uint64_t plan_target_reached_ns(const struct plan *plan);

/* The readers of our share that one shard has: reader numbers are share + i * shares, and i %
   shards is the shard. */
uint32_t plan_shard_readers(const struct plan *plan, uint32_t shard);

/* The same where so many readers are wanted in all. */
uint32_t plan_shard_share(const struct plan *plan, uint32_t shard, uint32_t readers);

/* The n-th reader (from 0) of a shard, as its number in the whole plan (from 1). */
static inline uint32_t plan_reader(const struct plan *plan, uint32_t shard, uint32_t n)
{
    return plan->share + (shard + n * plan->shards) * plan->shares;
}

/* Where a reader's address is: an index into bind. Only asked where bind_count > 0. */
static inline uint32_t plan_bind_of(const struct plan *plan, uint32_t reader)
{
    return (reader - 1) % plan->bind_count;
}

/* The result's "config": one JSON object, secrets masked. The caller frees it; NULL when out of
 * memory. */
char *plan_to_json(const struct plan *plan);

/* The same of several plans: sums, and each plan under "groups". */
char *plans_to_json(const struct plan *plans, uint32_t count);
