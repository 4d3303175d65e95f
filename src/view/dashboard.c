#include "view/dashboard.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "view/json.h"
#include "view/json_dump.h"
#include "view/json_series.h"
#include "view/visitors.h"
#include "view/web.h"

#define ROWS 2048u
#define STREAMS 100u /* shown live */
#define VIEWERS 64u
#define IDLE_S 120u
#define CHUNK 32768u

/* Nothing from elsewhere, nothing inline. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "                \
    "img-src data:; base-uri 'none'; form-action 'none'"

/* A page over the buttons could have them pressed. */
#define NO_FRAMES "; frame-ancestors 'none'"

/* One who listens for events. */
struct viewer {
    struct dashboard *dashboard;
    struct MHD_Connection *connection;
    struct viewer *next;
    uint64_t row_ns;   /* the end of the last row that it was sent */
    uint64_t version;  /* of the state that it was sent */
    char *event;       /* under way; NULL: none */
    size_t len, sent;  /* of event */
    bool asleep;       /* its connection is suspended until there is something new */
    bool told_the_end; /* it has what the run ended with */
};

struct dashboard {
    struct dashboard_config config;
    struct MHD_Daemon *daemon;
    struct visitors visitors; /* the daemon's thread's */
    char *page;               /* with links to style and script */
    size_t page_len;
    pthread_mutex_t lock; /* of all below */
    struct viewer *viewers;
    struct timeline history;
    char *state; /* the latest, as JSON; NULL while nobody looks */
    uint64_t version;
    bool ended;
    bool closing;
    bool stop_asked;
    struct timeline_row rows[ROWS];
};

static void build_state(struct dashboard *dashboard, const struct snapshot *snapshot)
{
    json_t *state =
        dashboard->ended ? view_json_result(snapshot) : view_json_state(snapshot, STREAMS);
    if (dashboard->ended) {
        json_object_del(state, "timeline");
        json_object_del(state, "series");
    }
    free(dashboard->state);
    dashboard->state = json_dumps(state, JSON_COMPACT | VIEW_JSON_FORMAT);
    assert(dashboard->state);
    json_decref(state);
}

static const char *word(bool is)
{
    return is ? "true" : "false";
}

/* The state and the rows that this viewer lacks, as one event. Its id is where the rows end. */
static void build_event(struct viewer *viewer)
{
    struct dashboard *dashboard = viewer->dashboard;
    const struct timeline *history = &dashboard->history;
    json_t *series = view_series(history->rows, history->count, viewer->row_ns);
    char *rows = json_dumps(series, JSON_COMPACT | VIEW_JSON_FORMAT);
    uint64_t last_ns = history->count > 0 ? history->rows[history->count - 1].t_ns : 0;
    json_decref(series);
    int len =
        asprintf(&viewer->event,
                 "retry: 1000\nid: %llu\nevent: state\n"
                 "data: {\"ended\":%s,\"control\":%s,\"paused\":%s,\"target_scale\":%g,"
                 "\"series\":%s,\"result\":%s}\n\n",
                 (unsigned long long)last_ns, word(dashboard->ended), word(dashboard->config.token),
                 word(atomic_load(dashboard->config.paused)),
                 (1000 + atomic_load(dashboard->config.change)) / 1000.0, rows, dashboard->state);
    assert(len > 0);
    free(rows);
    viewer->len = (size_t)len;
    viewer->sent = 0;
    viewer->row_ns = last_ns;
    viewer->version = dashboard->version;
    viewer->told_the_end = dashboard->ended;
}

/* What goes out next to a viewer; MHD's content reader, on its thread. */
static ssize_t read_events(void *context, uint64_t position, char *to, size_t most)
{
    struct viewer *viewer = context;
    struct dashboard *dashboard = viewer->dashboard;
    ssize_t n = 0;
    pthread_mutex_lock(&dashboard->lock);
    if (dashboard->closing || (!viewer->event && viewer->told_the_end)) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (!viewer->event && (viewer->version == dashboard->version || !dashboard->state)) {
        viewer->asleep = true;
        MHD_suspend_connection(viewer->connection);
    } else {
        if (!viewer->event)
            build_event(viewer);
        n = (ssize_t)(viewer->len - viewer->sent < most ? viewer->len - viewer->sent : most);
        memcpy(to, viewer->event + viewer->sent, (size_t)n);
        viewer->sent += (size_t)n;
        if (viewer->sent == viewer->len) {
            free(viewer->event);
            viewer->event = NULL;
        }
    }
    pthread_mutex_unlock(&dashboard->lock);
    return n;
}

static void forget_viewer(void *context)
{
    struct viewer *viewer = context;
    struct dashboard *dashboard = viewer->dashboard;
    pthread_mutex_lock(&dashboard->lock);
    struct viewer **at = &dashboard->viewers;
    while (*at != viewer)
        at = &(*at)->next;
    *at = viewer->next;
    pthread_mutex_unlock(&dashboard->lock);
    free(viewer->event);
    free(viewer);
}

static void wake_viewers(struct dashboard *dashboard)
{
    for (struct viewer *viewer = dashboard->viewers; viewer; viewer = viewer->next) {
        if (!viewer->asleep)
            continue;
        viewer->asleep = false;
        MHD_resume_connection(viewer->connection);
    }
}

static struct viewer *new_viewer(struct dashboard *dashboard, struct MHD_Connection *connection)
{
    struct viewer *viewer = calloc(1, sizeof(*viewer));
    const char *last = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Last-Event-ID");
    assert(viewer);
    viewer->dashboard = dashboard;
    viewer->connection = connection;
    viewer->row_ns = last ? strtoull(last, NULL, 10) : 0;
    pthread_mutex_lock(&dashboard->lock);
    viewer->next = dashboard->viewers;
    dashboard->viewers = viewer;
    pthread_mutex_unlock(&dashboard->lock);
    return viewer;
}

/* Queues and lets go of a response. */
static enum MHD_Result answer(const struct dashboard *dashboard, struct MHD_Connection *connection,
                              unsigned status, const char *type, struct MHD_Response *response)
{
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Content-Security-Policy",
                            dashboard->config.token ? POLICY NO_FRAMES : POLICY);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_bytes(const struct dashboard *dashboard,
                                    struct MHD_Connection *connection, const char *type,
                                    struct slice bytes)
{
    /* It is only read. */
    return answer(dashboard, connection, MHD_HTTP_OK, type,
                  MHD_create_response_from_buffer(bytes.len, (void *)(uintptr_t)bytes.data,
                                                  MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_text(const struct dashboard *dashboard,
                                   struct MHD_Connection *connection, unsigned status,
                                   const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    return answer(dashboard, connection, status, "text/plain; charset=utf-8", response);
}

static enum MHD_Result answer_events(struct dashboard *dashboard, struct MHD_Connection *connection)
{
    struct viewer *viewer = new_viewer(dashboard, connection);
    visitors_asked(&dashboard->visitors, connection, true);
    return answer(dashboard, connection, MHD_HTTP_OK, "text/event-stream; charset=utf-8",
                  MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK, read_events, viewer,
                                                    forget_viewer));
}

/* In a time that doesn't depend on where they differ. */
static bool same_token(const char *expected, const char *given)
{
    size_t len = strlen(expected), given_len = strlen(given);
    unsigned char difference = len != given_len;
    for (size_t i = 0; i < given_len; i++)
        difference |= (unsigned char)(expected[len > 0 ? i % len : 0] ^ given[i]);
    return difference == 0;
}

static bool has_token(const struct dashboard *dashboard, struct MHD_Connection *connection)
{
    static const char scheme[] = "Bearer ";
    const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    return header && strncmp(header, scheme, sizeof(scheme) - 1) == 0 &&
           same_token(dashboard->config.token, header + sizeof(scheme) - 1);
}

/* A second signal would end the run at once, as a second Ctrl-C does. */
static void stop_once(struct dashboard *dashboard)
{
    pthread_mutex_lock(&dashboard->lock);
    bool first = !dashboard->stop_asked && !dashboard->ended;
    dashboard->stop_asked = true;
    pthread_mutex_unlock(&dashboard->lock);
    if (first)
        dashboard->config.stop(dashboard->config.context);
}

static enum MHD_Result step(struct dashboard *dashboard, struct MHD_Connection *connection, bool up)
{
    char room[128];
    bool changed = dashboard->config.step(dashboard->config.context, up);
    snprintf(room, sizeof(room), "%s %g %% of the plan's.\n",
             changed ? "The target is"
             : up    ? "There is room for no more than"
                     : "The least is",
             (1000 + atomic_load(dashboard->config.change)) / 10.0);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(room), room, MHD_RESPMEM_MUST_COPY);
    return answer(dashboard, connection, changed ? MHD_HTTP_ACCEPTED : MHD_HTTP_CONFLICT,
                  "text/plain; charset=utf-8", response);
}

static enum MHD_Result control(struct dashboard *dashboard, struct MHD_Connection *connection,
                               const char *path)
{
    if (!dashboard->config.token)
        return answer_text(dashboard, connection, MHD_HTTP_FORBIDDEN,
                           "This dashboard only shows: see --web-control.\n");
    if (!has_token(dashboard, connection))
        return answer_text(dashboard, connection, MHD_HTTP_UNAUTHORIZED,
                           "The token is missing or wrong.\n");
    if (strcmp(path, "/control/stop") == 0)
        stop_once(dashboard);
    else if (strcmp(path, "/control/pause") == 0)
        dashboard->config.pause(dashboard->config.context, true);
    else if (strcmp(path, "/control/resume") == 0)
        dashboard->config.pause(dashboard->config.context, false);
    else if (strcmp(path, "/control/raise") == 0 || strcmp(path, "/control/lower") == 0)
        return step(dashboard, connection, strcmp(path, "/control/raise") == 0);
    else
        return answer_text(dashboard, connection, MHD_HTTP_NOT_FOUND,
                           "There is no such control.\n");
    return answer_text(dashboard, connection, MHD_HTTP_ACCEPTED, "It shall be done.\n");
}

static enum MHD_Result get(struct dashboard *dashboard, struct MHD_Connection *connection,
                           const char *path)
{
    struct web_assets web;
    web_assets(&web);
    if (strcmp(path, "/") == 0)
        return answer_bytes(dashboard, connection, "text/html; charset=utf-8",
                            slice_make(dashboard->page, dashboard->page_len));
    if (strcmp(path, "/app.js") == 0)
        return answer_bytes(dashboard, connection, "text/javascript; charset=utf-8", web.script);
    if (strcmp(path, "/app.css") == 0)
        return answer_bytes(dashboard, connection, "text/css; charset=utf-8", web.style);
    if (strcmp(path, "/events") == 0)
        return answer_events(dashboard, connection);
    return answer_text(dashboard, connection, MHD_HTTP_NOT_FOUND, "There is no such page.\n");
}

/* MHD calls it when the head of a request is there, for each part of its body, and at its end. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_len, void **request)
{
    static char seen;
    struct dashboard *dashboard = context;
    if (!*request || *body_len > 0) {
        visitors_asked(&dashboard->visitors, connection, false);
        *request = &seen;
        *body_len = 0;
        return MHD_YES;
    }
    if (dashboard->config.loopback && !visitors_know_us(connection))
        return answer_text(dashboard, connection, MHD_HTTP_FORBIDDEN,
                           "Unknown Host header: use the address that rtspbench listens on.\n");
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return get(dashboard, connection, path);
    if (strcmp(method, "POST") == 0)
        return control(dashboard, connection, path);
    return answer_text(dashboard, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or POST.\n");
}

static void ignore_log(void *context, const char *format, va_list arguments)
{
}

/* The page with its markers replaced. */
static void build_page(struct dashboard *dashboard, const struct web_assets *web)
{
    FILE *stream = open_memstream(&dashboard->page, &dashboard->page_len);
    const char *page = (const char *)web->page.data;
    const char *end = page + web->page.len;
    const char *style = memmem(page, web->page.len, WEB_STYLE, strlen(WEB_STYLE));
    const char *script = memmem(page, web->page.len, WEB_SCRIPT, strlen(WEB_SCRIPT));
    assert(stream && style && script);
    fwrite(page, 1, (size_t)(style - page), stream);
    fputs("<link rel=\"stylesheet\" href=\"app.css\">", stream);
    style += strlen(WEB_STYLE);
    fwrite(style, 1, (size_t)(script - style), stream);
    fputs("<script src=\"app.js\"></script>", stream);
    script += strlen(WEB_SCRIPT);
    fwrite(script, 1, (size_t)(end - script), stream);
    fclose(stream);
}

/* Its thread must not take signals that the run waits for. */
static struct MHD_Daemon *start_daemon(struct dashboard *dashboard)
{
    const struct sockaddr *address = dashboard->config.address;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    errno = 0;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, dashboard, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_CONNECTION_LIMIT, 2 * VIEWERS, MHD_OPTION_NOTIFY_CONNECTION, visitors_notify,
        &dashboard->visitors, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return daemon;
}

struct dashboard *dashboard_start(const struct dashboard_config *config, struct text *error)
{
    struct web_assets web;
    struct dashboard *dashboard = calloc(1, sizeof(*dashboard));
    if (!web_assets(&web) || !dashboard) {
        text_add_string(error, dashboard ? "this build has no dashboard: npm was missing"
                                         : "out of memory");
        free(dashboard);
        return NULL;
    }
    dashboard->config = *config;
    dashboard->visitors.most = VIEWERS;
    dashboard->history = (struct timeline){.rows = dashboard->rows, .room = ROWS};
    pthread_mutex_init(&dashboard->lock, NULL);
    build_page(dashboard, &web);
    dashboard->daemon = start_daemon(dashboard);
    if (dashboard->daemon)
        return dashboard;
    text_add_string(error, errno ? strerror(errno) : "cannot listen there");
    dashboard_stop(dashboard);
    return NULL;
}

uint16_t dashboard_port(const struct dashboard *dashboard)
{
    return MHD_get_daemon_info(dashboard->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* With the lock held. */
static void publish(struct dashboard *dashboard, const struct snapshot *snapshot)
{
    if (snapshot->series_count > 0)
        timeline_add(&dashboard->history, &snapshot->series[snapshot->series_count - 1]);
    dashboard->version++;
    if (dashboard->viewers) {
        build_state(dashboard, snapshot);
        wake_viewers(dashboard);
    } else {
        free(dashboard->state);
        dashboard->state = NULL;
    }
}

void dashboard_show(struct dashboard *dashboard, const struct snapshot *snapshot)
{
    pthread_mutex_lock(&dashboard->lock);
    publish(dashboard, snapshot);
    pthread_mutex_unlock(&dashboard->lock);
}

/* A viewer is forgotten when its last byte is out. */
static bool all_served(struct dashboard *dashboard)
{
    pthread_mutex_lock(&dashboard->lock);
    bool all = !dashboard->viewers;
    pthread_mutex_unlock(&dashboard->lock);
    return all;
}

void dashboard_end(struct dashboard *dashboard, const struct snapshot *snapshot)
{
    const struct timespec moment = {.tv_nsec = 5 * (long)NS_PER_MS};
    uint64_t give_up_ns = clock_monotonic_ns() + NS_PER_S;
    pthread_mutex_lock(&dashboard->lock);
    dashboard->ended = true;
    publish(dashboard, snapshot);
    pthread_mutex_unlock(&dashboard->lock);
    while (!all_served(dashboard) && clock_monotonic_ns() < give_up_ns)
        nanosleep(&moment, NULL);
}

void dashboard_stop(struct dashboard *dashboard)
{
    if (!dashboard)
        return;
    pthread_mutex_lock(&dashboard->lock);
    dashboard->closing = true;
    wake_viewers(dashboard); /* MHD wants none suspended */
    pthread_mutex_unlock(&dashboard->lock);
    if (dashboard->daemon)
        MHD_stop_daemon(dashboard->daemon);
    pthread_mutex_destroy(&dashboard->lock);
    free(dashboard->state);
    free(dashboard->page);
    free(dashboard);
}
