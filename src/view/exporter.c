#include "view/exporter.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "view/prometheus.h"
#include "view/visitors.h"

#define SCRAPERS 16u
#define IDLE_S 120u

static const char *const content_types[PROMETHEUS_FORMATS] = {
    [PROMETHEUS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [PROMETHEUS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

struct exporter {
    struct MHD_Daemon *daemon;
    struct visitors visitors; /* the daemon's thread's */
    bool loopback;
    struct prometheus_peaks peaks;
    pthread_mutex_t lock; /* of what follows */
    struct {
        char *text;
        size_t len;
    } pages[PROMETHEUS_FORMATS];
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct MHD_Response *response)
{
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    /* It is only read. */
    return answer(connection, status, "text/plain; charset=utf-8",
                  MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                  MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_metrics(struct exporter *exporter, struct MHD_Connection *connection)
{
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
    bool open = accept && strstr(accept, "application/openmetrics-text");
    enum prometheus_format format = open ? PROMETHEUS_OPENMETRICS : PROMETHEUS_TEXT;
    pthread_mutex_lock(&exporter->lock);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        exporter->pages[format].len, exporter->pages[format].text, MHD_RESPMEM_MUST_COPY);
    pthread_mutex_unlock(&exporter->lock);
    return answer(connection, MHD_HTTP_OK, content_types[format], response);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_len, void **request)
{
    struct exporter *exporter = context;
    visitors_asked(&exporter->visitors, connection, false);
    if (exporter->loopback && !visitors_know_us(connection))
        return answer_text(connection, MHD_HTTP_FORBIDDEN,
                           "Unknown Host header: use the address that rtspbench listens on.\n");
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET alone.\n");
    if (strcmp(path, "/metrics") == 0)
        return answer_metrics(exporter, connection);
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "The metrics are at /metrics.\n");
}

static void ignore_log(void *context, const char *format, va_list arguments)
{
}

/* Its thread must not take signals that the run waits for. */
static struct MHD_Daemon *start_daemon(struct exporter *exporter, const struct sockaddr *address)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG |
                     (address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    errno = 0;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, exporter, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_CONNECTION_LIMIT, 2 * SCRAPERS, MHD_OPTION_NOTIFY_CONNECTION, visitors_notify,
        &exporter->visitors, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return daemon;
}

struct exporter *exporter_start(const struct sockaddr *address, bool loopback, struct text *error)
{
    struct exporter *exporter = calloc(1, sizeof(*exporter));
    assert(exporter);
    exporter->loopback = loopback;
    exporter->visitors.most = SCRAPERS;
    pthread_mutex_init(&exporter->lock, NULL);
    for (unsigned i = 0; i < PROMETHEUS_FORMATS; i++) {
        FILE *to = open_memstream(&exporter->pages[i].text, &exporter->pages[i].len);
        assert(to);
        prometheus_write_first((enum prometheus_format)i, to);
        fclose(to);
    }
    exporter->daemon = start_daemon(exporter, address);
    if (exporter->daemon)
        return exporter;
    text_add_string(error, errno ? strerror(errno) : "cannot listen there");
    exporter_stop(exporter);
    return NULL;
}

uint16_t exporter_port(const struct exporter *exporter)
{
    return MHD_get_daemon_info(exporter->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void exporter_show(struct exporter *exporter, const struct snapshot *snapshot)
{
    prometheus_peaks_see(&exporter->peaks, snapshot);
    for (unsigned i = 0; i < PROMETHEUS_FORMATS; i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *to = open_memstream(&text, &len);
        assert(to);
        prometheus_write(snapshot, &exporter->peaks, (enum prometheus_format)i, to);
        fclose(to);
        pthread_mutex_lock(&exporter->lock);
        char *before = exporter->pages[i].text;
        exporter->pages[i].text = text;
        exporter->pages[i].len = len;
        pthread_mutex_unlock(&exporter->lock);
        free(before);
    }
}

void exporter_stop(struct exporter *exporter)
{
    if (!exporter)
        return;
    if (exporter->daemon)
        MHD_stop_daemon(exporter->daemon);
    pthread_mutex_destroy(&exporter->lock);
    for (unsigned i = 0; i < PROMETHEUS_FORMATS; i++)
        free(exporter->pages[i].text);
    free(exporter);
}
