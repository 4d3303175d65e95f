#include "server/crew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "net/socket.h"

struct member {
    struct crew *crew;
    struct server_config config;
    struct server *server;
    pthread_t thread;
    int error;
    bool shares_table;        /* of open files, with the others */
    struct truth_path *truth; /* made as the thread ends */
    size_t truth_count;
};

struct crew {
    struct path_registry registry;
    atomic_bool stopping;
    struct crew_ways ways;
    sem_t ready;
    sem_t leave; /* nobody wakes the shards any more: they may go */
    struct address address;
    struct truth_path *truth;
    size_t truth_count;
    unsigned count;
    struct member members[];
};

static int make_server(struct member *member)
{
    const struct crew_ways *ways = &member->crew->ways;
    if (ways->fallback && ways->rings > 0 && member->config.shard >= ways->rings)
        member->config.loop.kind = LOOP_EPOLL;
    int error = server_new(&member->server, &member->config);
    bool refused = error == -EPERM || error == -ENOSYS || error == -EACCES || error == -ENOMEM;
    if (refused && ways->fallback && member->config.loop.kind == LOOP_URING) {
        member->config.loop.kind = LOOP_EPOLL;
        error = server_new(&member->server, &member->config);
    }
    return error;
}

static void keep_truth(struct member *member)
{
    size_t count = server_truth(member->server, NULL, 0);
    member->truth = calloc(count + 1, sizeof(*member->truth));
    if (member->truth)
        member->truth_count = server_truth(member->server, member->truth, count);
}

/* A table of open files of its own lets each shard have as many as the limit allows. */
static void *run_member(void *argument)
{
    struct member *member = argument;
    member->shares_table = files_own_table() != 0;
    member->error = make_server(member);
    sem_post(&member->crew->ready);
    if (member->error)
        return NULL;
    while (!atomic_load(&member->crew->stopping))
        server_turn(member->server, TIME_NEVER);
    server_stop(member->server);
    keep_truth(member);
    while (sem_wait(&member->crew->leave) != 0)
        ;
    server_free(member->server);
    return NULL;
}

/* Starts one and waits until it listens. */
static int start_member(struct crew *crew, const struct server_config *config)
{
    unsigned threads = crew->ways.threads;
    struct member *member = &crew->members[crew->count];
    *member = (struct member){.crew = crew, .config = *config};
    member->config.registry = &crew->registry;
    member->config.shard = crew->count;
    member->config.shards = threads;
    member->config.shared_port = threads > 1;
    if (crew->count > 0)
        member->config.listen = crew->address;
    int error = pthread_create(&member->thread, NULL, run_member, member);
    if (error)
        return -error;
    while (sem_wait(&crew->ready) != 0)
        ;
    if (member->error) {
        pthread_join(member->thread, NULL);
        return member->error;
    }
    if (crew->count++ == 0)
        crew->address = *server_address(member->server);
    return 0;
}

/* Shards share their port by SO_REUSEPORT, which would let in another server of this user's as
   well. */
static int check_port(const struct server_config *config)
{
    const struct socket_ways ways = {0};
    int fd = socket_open_listener(&ways, &config->listen, false, NULL);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* What keeps a shard from starting, but doesn't keep those from running that have started. */
static bool is_shortage(int error)
{
    return error == -ENOMEM || error == -EAGAIN || error == -EMFILE || error == -ENFILE;
}

static int start_members(struct crew *crew, const struct server_config *config)
{
    int error = crew->ways.threads > 1 ? check_port(config) : 0;
    for (unsigned i = 0; i < crew->ways.threads && !error; i++)
        error = start_member(crew, config);
    return crew->count > 0 && crew->ways.fewer && is_shortage(error) ? 0 : error;
}

int crew_start(struct crew **out, const struct server_config *config, const struct crew_ways *ways)
{
    struct crew *crew = calloc(1, sizeof(*crew) + ways->threads * sizeof(struct member));
    sigset_t all, before;
    int error = crew ? path_registry_init(&crew->registry) : -ENOMEM;
    if (error) {
        free(crew);
        return error;
    }
    crew->ways = *ways;
    sem_init(&crew->ready, 0, 0);
    sem_init(&crew->leave, 0, 0);
    sigfillset(&all); /* signals are for the thread that started us */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    error = start_members(crew, config);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error) {
        *out = crew;
        return 0;
    }
    crew_stop(crew);
    crew_free(crew);
    return error;
}

const struct address *crew_address(const struct crew *crew)
{
    return &crew->address;
}

unsigned crew_shards(const struct crew *crew)
{
    return crew->count;
}

bool crew_shares_table(const struct crew *crew)
{
    return crew->count > 1 && crew->members[0].shares_table;
}

static void gather_truth(struct crew *crew)
{
    size_t count = 0;
    for (unsigned i = 0; i < crew->count; i++)
        count += crew->members[i].truth_count;
    crew->truth = calloc(count + 1, sizeof(*crew->truth));
    for (unsigned i = 0; i < crew->count && crew->truth; i++) {
        const struct member *member = &crew->members[i];
        if (member->truth_count > 0)
            memcpy(crew->truth + crew->truth_count, member->truth,
                   member->truth_count * sizeof(*member->truth));
        crew->truth_count += member->truth_count;
    }
    if (crew->truth)
        crew->truth_count = truth_merge(crew->truth, crew->truth_count);
}

void crew_stop(struct crew *crew)
{
    atomic_store(&crew->stopping, true);
    for (unsigned i = 0; i < crew->count; i++)
        server_wake(crew->members[i].server);
    for (unsigned i = 0; i < crew->count; i++)
        sem_post(&crew->leave);
    for (unsigned i = 0; i < crew->count; i++)
        pthread_join(crew->members[i].thread, NULL);
    gather_truth(crew);
}

struct truth_path *crew_truth(struct crew *crew, size_t *count)
{
    *count = crew->truth_count;
    return crew->truth;
}

struct truth_refused crew_refused(const struct crew *crew)
{
    return path_registry_refused(&crew->registry);
}

void crew_free(struct crew *crew)
{
    for (unsigned i = 0; i < crew->count; i++)
        free(crew->members[i].truth);
    free(crew->truth);
    sem_destroy(&crew->ready);
    sem_destroy(&crew->leave);
    path_registry_dispose(&crew->registry);
    free(crew);
}
