/* verdicts.h - rows of a table: what a run meets, what it is asked, and what an honest expert would
 * say of it.
 *
 * The expectations come from the rules (docs/METRICS.md, docs/SLO.md) and arithmetic, and were
 * written down before the program was asked. Where the two disagree one of them is wrong: find out
 * which before changing a row. */
#pragma once

#include "world.h"

#define VERDICT_PATHS 3u
#define VERDICT_EVENTS 4u
#define VERDICT_SLOS 8u
#define VERDICT_LAGS 2u

enum verdict_act {
    NOTHING,
    SERVER_DIES, /* its connections are closed, new ones refused */
    SERVER_STARTS,
    SERVER_FREEZES, /* as by SIGSTOP */
    SERVER_GOES_ON,
    MACHINE_GOES,        /* frozen, and new connections are never answered */
    NETWORK_LOSES_A_SYN, /* what is sent in this millisecond comes a second late */
};

struct verdict_event {
    uint32_t at_ms; /* since the run's start */
    enum verdict_act act;
};

/* So many samples a second, spread over whole seconds. */
struct verdict_lag {
    enum metric metric;
    uint32_t from_s, to_s, per_s;
    uint32_t ms;
};

/* What is left out is 0, and means what the comment says. */
struct verdict_row {
    const char *name;

    /* The server. */
    const char *paths[VERDICT_PATHS]; /* with faults behind; none: "a" */
    enum world_media media;           /* 0 stands for WORLD_PLAIN */
    bool absent;                      /* nobody listens */
    bool no_reports;                  /* it sends no receiver reports within the run */
    struct sim_faults net;            /* a millisecond each way comes on top */
    struct verdict_event events[VERDICT_EVENTS];

    /* The load. */
    uint32_t readers;    /* or publishers; 20 */
    double rate;         /* a second; 100 */
    double seconds;      /* 20 */
    double warmup_s;     /* none */
    double life_s;       /* of each session: the run's */
    double zap_s;        /* never */
    const char *profile; /* constant */
    const char *stages;
    bool open;
    bool udp;
    bool publish;
    bool close_reset;
    bool reconnect;
    bool has_retries;
    uint32_t retries;
    double timeout_s;         /* 20 */
    double media_timeout_s;   /* 10 */
    uint32_t threads;         /* 1 */
    double signal_s;          /* none comes */
    double interval_s;        /* 1 */
    const char *also_publish; /* a second group, of 10 publishers: its path */
    double also_from_s;

    /* Ourselves. */
    uint32_t struck; /* bits: limits that somebody ran into */
    struct verdict_lag lags[VERDICT_LAGS];

    /* What is asked, each with a "+" in front where it is kept, and "-" where it is missed. */
    const char *slos[VERDICT_SLOS];

    /* What is said. */
    int status;
    const char *lead;    /* how the first line begins */
    const char *says[2]; /* what is found in it besides */
    const char *limits;  /* "files,memory"; NULL: none */
};

/* snapshot: NULL before the first interval is over. */
typedef void (*verdict_look)(void *context, const struct snapshot *snapshot);

/* Runs one and only shows what it comes to: at every turn, and at the end. */
void verdicts_read(const struct verdict_row *row, verdict_look on_turn, verdict_look on_end,
                   void *context);

/* Runs them all, then fails if one didn't hold. With TEST_ROW: rows whose name has that in it. */
void verdicts_run(const struct verdict_row *rows, size_t count);

#define VERDICTS_RUN(rows) verdicts_run(rows, sizeof(rows) / sizeof((rows)[0]))

/* The usual objectives of readers, all kept. */
#define USUAL_KEPT                                                                                 \
    "+failed_ratio<1%", "+no_media_ratio<1%", "+startup.p95<500ms", "+loss_ratio<0.1%",            \
        "+sessions.dropped=0"
