#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 255 /* bytes of a domain name (RFC 1035, 2.3.4) */

struct question {
    struct question *next;
    uint16_t port;
    char host[HOST_MAX + 1];
    struct resolution answer;
};

struct queue {
    struct question *first;
    struct question **last;
};

/* Shared by the loop and the thread; whoever leaves last frees it. */
struct resolver {
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    struct queue questions;
    struct queue answers;
    void (*notify)(void *context);
    void *context;
    bool running;
    bool abandoned;
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_put(struct queue *queue, struct question *question)
{
    question->next = NULL;
    *queue->last = question;
    queue->last = &question->next;
}

static struct question *queue_take(struct queue *queue)
{
    struct question *question = queue->first;
    if (question) {
        queue->first = question->next;
        if (!queue->first)
            queue->last = &queue->first;
    }
    return question;
}

static void dispose(struct resolver *resolver)
{
    struct question *question;
    while ((question = queue_take(&resolver->questions)))
        free(question);
    while ((question = queue_take(&resolver->answers)))
        free(question);
    pthread_mutex_destroy(&resolver->mutex);
    pthread_cond_destroy(&resolver->asked);
    free(resolver);
}

struct resolver *resolver_new(void (*notify)(void *context), void *context)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver)
        return NULL;
    pthread_mutex_init(&resolver->mutex, NULL);
    pthread_cond_init(&resolver->asked, NULL);
    queue_init(&resolver->questions);
    queue_init(&resolver->answers);
    resolver->notify = notify;
    resolver->context = context;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    pthread_mutex_lock(&resolver->mutex);
    bool running = resolver->running;
    resolver->abandoned = true;
    pthread_cond_signal(&resolver->asked);
    pthread_mutex_unlock(&resolver->mutex);
    if (!running)
        dispose(resolver);
}

static void look_up(struct question *question)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    struct resolution *answer = &question->answer;
    if (getaddrinfo(question->host, NULL, &hints, &list) == 0) {
        for (struct addrinfo *at = list; at && answer->count < RESOLVE_MAX; at = at->ai_next) {
            struct address *address = &answer->addresses[answer->count];
            if (at->ai_addrlen > sizeof(*address))
                continue;
            memcpy(address, at->ai_addr, at->ai_addrlen);
            address_set_port(address, question->port);
            answer->count++;
        }
        freeaddrinfo(list);
    }
    answer->error = answer->count > 0 ? 0 : -ENOENT;
}

static void *serve(void *argument)
{
    struct resolver *resolver = argument;
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->abandoned) {
        struct question *question = queue_take(&resolver->questions);
        if (!question) {
            pthread_cond_wait(&resolver->asked, &resolver->mutex);
            continue;
        }
        pthread_mutex_unlock(&resolver->mutex);
        look_up(question);
        pthread_mutex_lock(&resolver->mutex);
        queue_put(&resolver->answers, question);
        if (!resolver->abandoned)
            resolver->notify(resolver->context);
    }
    pthread_mutex_unlock(&resolver->mutex);
    dispose(resolver);
    return NULL;
}

/* Signals are for the threads that know what to do with them. */
static int start(struct resolver *resolver)
{
    sigset_t all, old;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&thread, NULL, serve, resolver);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return -error;
    pthread_detach(thread);
    resolver->running = true;
    return 0;
}

int resolver_ask(struct resolver *resolver, struct slice host, uint16_t port, uint64_t token)
{
    if (host.len == 0 || slice_find_byte(host, '\0') >= 0)
        return -EINVAL;
    struct question *question = calloc(1, sizeof(*question));
    if (!question)
        return -ENOMEM;
    question->port = port;
    question->answer.token = token;
    if (!slice_to_string(host, question->host, sizeof(question->host))) {
        free(question);
        return -EINVAL;
    }
    pthread_mutex_lock(&resolver->mutex);
    int error = resolver->running ? 0 : start(resolver);
    if (error == 0) {
        queue_put(&resolver->questions, question);
        pthread_cond_signal(&resolver->asked);
    }
    pthread_mutex_unlock(&resolver->mutex);
    if (error)
        free(question);
    return error;
}

bool resolver_answer(struct resolver *resolver, struct resolution *out)
{
    pthread_mutex_lock(&resolver->mutex);
    struct question *question = queue_take(&resolver->answers);
    pthread_mutex_unlock(&resolver->mutex);
    if (question)
        *out = question->answer;
    free(question);
    return question != NULL;
}
