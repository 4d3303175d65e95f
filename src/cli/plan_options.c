#include "cli/plan_options.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/media_options.h"
#include "net/loop.h"

#define FIND_HOLD_NS (10 * NS_PER_S)

/* The first line of the file that an option names. NULL where the option isn't given (error empty)
   or the file has none. */
static char *first_line(const struct options *options, enum option_id id, const char *name,
                        const char *what, struct text *error)
{
    const char *path = options_text(options, id);
    char expected[80], *line = NULL;
    size_t size = 0;
    if (!path)
        return NULL;
    FILE *file = fopen(path, "re");
    if (!file) {
        text_printf(error, "--%s '%s': %s", name, path, strerror(errno));
        return NULL;
    }
    ssize_t n = getline(&line, &size, file);
    fclose(file);
    if (n > 0 && !memchr(line, '\0', (size_t)n)) {
        struct slice text = slice_from_string(line);
        slice_skip_mark(&text);
        memmove(line, text.data, text.len + 1);
        line[strcspn(line, "\r\n")] = '\0';
        return line;
    }
    if (n > 0)
        explicit_bzero(line, (size_t)n);
    free(line);
    snprintf(expected, sizeof(expected), "a file with the %s in its first line, without a NUL",
             what);
    options_complain(error, id, path, expected);
    return NULL;
}

char *password_from_options(const struct options *options, struct text *error)
{
    return first_line(options, OPT_PASSWORD_FILE, "password-file", "password", error);
}

/* The token of the dashboard's controls, from its file. */
static char *token_from_options(const struct options *options, struct text *error)
{
    if (options_given(options, OPT_WEB_CONTROL) && options_given(options, OPT_WEB_CONTROL_FILE)) {
        text_add_string(error, "--web-control and --web-control-file both give the token: leave "
                               "out one of them");
        return NULL;
    }
    return first_line(options, OPT_WEB_CONTROL_FILE, "web-control-file", "token", error);
}

/* Headers that the protocol's machinery writes itself. */
static bool is_ours(struct slice name)
{
    static const struct slice ours[] = {SLICE("CSeq"), SLICE("Session"), SLICE("Transport"),
                                        SLICE("Content-Length"), SLICE("User-Agent")};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (slice_equal_nocase(name, ours[i]))
            return true;
    }
    return false;
}

static bool is_header(struct slice line)
{
    ptrdiff_t colon = slice_find_byte(line, ':');
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < 0x20 || line.data[i] == 0x7f ||
            ((ptrdiff_t)i < colon && line.data[i] == ' '))
            return false;
    }
    return colon > 0 && !is_ours(slice_make(line.data, (size_t)colon));
}

char *headers_from_options(const struct options *options, struct text *error)
{
    size_t size = 1;
    for (unsigned i = 0; i < options->repeated_count; i++)
        size += strlen(options->repeated[i]) + 4;
    char *lines = malloc(size);
    assert(lines);
    struct text out = text_init(lines, size);
    for (unsigned i = 0; i < options->repeated_count; i++) {
        struct slice line = slice_from_string(options->repeated[i]);
        if (options->repeated_ids[i] != OPT_HEADER)
            continue;
        if (!is_header(line)) {
            free(lines);
            text_add_string(error,
                            "--header: expected one 'Name: value', and none of CSeq, Session, "
                            "Transport, Content-Length, User-Agent");
            return NULL;
        }
        struct slice name = slice_take_until(&line, ':');
        text_add(&out, name);
        text_add_string(&out, ": ");
        text_add(&out, slice_trim(line));
        text_add_string(&out, "\r\n");
    }
    text_string(&out);
    return lines;
}

/* Adds an address to those the plan binds to. */
static bool add_bind(struct plan *plan, struct plan_storage *storage, const struct address *address)
{
    if (plan->bind_count == PLAN_BIND_MAX)
        return false;
    if (!storage->bind) {
        storage->bind = calloc(PLAN_BIND_MAX, sizeof(*storage->bind));
        assert(storage->bind);
        plan->bind = storage->bind;
    }
    storage->bind[plan->bind_count++] = *address;
    return true;
}

static bool add_bind_list(struct plan *plan, struct plan_storage *storage, const char *list,
                          struct text *error)
{
    struct slice rest = slice_from_string(list);
    while (rest.len > 0) {
        struct slice one = slice_trim(slice_take_until(&rest, ','));
        struct address address;
        if (!address_parse(one, 0, &address) || !add_bind(plan, storage, &address)) {
            options_complain(error, OPT_BIND_IPS, list,
                             "up to 65,536 addresses such as 192.0.2.1,192.0.2.2");
            return false;
        }
    }
    return true;
}

/* The i-th address after the first of a network. */
static struct address nth_address(const struct address *first, uint32_t i)
{
    struct address address = *first;
    if (address.family == AF_INET) {
        address.v4.sin_addr.s_addr = htonl(ntohl(address.v4.sin_addr.s_addr) + i);
    } else {
        uint32_t *low = &address.v6.sin6_addr.s6_addr32[3];
        *low = htonl(ntohl(*low) + i);
    }
    return address;
}

/* All the hosts of a network: over IPv4 without its first and last address, where there are others.
 */
static bool add_bind_network(struct plan *plan, struct plan_storage *storage, const char *cidr,
                             struct text *error)
{
    struct slice rest = slice_from_string(cidr);
    struct slice text = slice_take_until(&rest, '/');
    struct address address;
    uint64_t prefix;
    bool good = address_parse(text, 0, &address);
    unsigned bits = good && address.family == AF_INET ? 32 : 128;
    if (!good || !slice_to_u64(rest, bits, &prefix) || bits - prefix > 16) {
        options_complain(error, OPT_BIND_CIDR, cidr,
                         "a network of up to 65,536 addresses such as 192.0.2.0/24");
        return false;
    }
    uint32_t count = 1u << (bits - prefix);
    uint32_t host =
        bits == 32 ? ntohl(address.v4.sin_addr.s_addr) : ntohl(address.v6.sin6_addr.s6_addr32[3]);
    struct address first = nth_address(&address, -(host & (count - 1)));
    bool skip_ends = bits == 32 && count > 2;
    for (uint32_t i = skip_ends; i < count - skip_ends; i++) {
        struct address one = nth_address(&first, i);
        if (!add_bind(plan, storage, &one)) {
            text_add_string(error, "--bind-ips and --bind-cidr give more than 65,536 addresses");
            return false;
        }
    }
    return true;
}

static bool read_environment(struct plan *plan, struct text *error)
{
    const char *denied = getenv("RTSPBENCH_DENY"), *halt = getenv("RTSPBENCH_HALT");
    struct slice bad;
    char length[32];
    if (!loop_parse_denied(denied, &plan->denied, &bad)) {
        text_add_string(error, "RTSPBENCH_DENY: unknown feature '");
        text_add_escaped(error, bad);
        text_add_string(error, "'");
        return false;
    }
    if (!halt)
        return true;
    struct slice rest = slice_from_string(halt);
    if (slice_to_string(slice_take_until(&rest, '/'), length, sizeof(length)) &&
        units_parse_duration(length, &plan->halt_ns) && rest.len > 0 &&
        units_parse_duration((const char *)rest.data, &plan->halt_period_ns))
        return true;
    text_printf(error, "RTSPBENCH_HALT '%.60s': expected length/period such as 300ms/2s", halt);
    return false;
}

static bool add_urls(struct plan *plan, const struct options *options, struct text *error)
{
    const char *file = options_text(options, OPT_URL_FILE);
    for (unsigned i = 0; i < options->url_count; i++) {
        if (!url_list_add(&plan->urls, options->urls[i], error))
            return false;
    }
    return !file || url_list_add_file(&plan->urls, file, error);
}

static void set_load(struct plan *plan, const struct options *options)
{
    bool hours = options_given(options, OPT_HOURS);
    plan->readers = (uint32_t)options_number(options, OPT_READERS);
    plan->rate_per_s = options->values[OPT_RATE].rate;
    plan->arrival = (enum plan_arrival)options_number(options, OPT_ARRIVAL);
    plan->duration_ns = options_number(options, hours ? OPT_HOURS : OPT_DURATION);
    plan->warmup_ns = options_number(options, OPT_WARMUP);
    plan->retries = (uint32_t)options_number(options, OPT_RETRIES);
    plan->retries_given = options_given(options, OPT_RETRIES);
    plan->backoff_ns = options_number(options, OPT_BACKOFF);
    plan->adaptive = options_given(options, OPT_ADAPTIVE);
    plan->reconnect = options_given(options, OPT_RECONNECT);
    plan->seed_given = options_given(options, OPT_SEED);
    plan->seed = plan->seed_given ? options_number(options, OPT_SEED)
                                  : (clock_realtime_ns() / NS_PER_US) & UINT32_MAX;
}

static void set_session(struct plan *plan, const struct options *options)
{
    plan->transport = (enum plan_transport)options_number(options, OPT_TRANSPORT);
    plan->tracks = (enum plan_tracks)options_number(options, OPT_TRACKS);
    plan->keepalive = (enum plan_keepalive)options_number(options, OPT_KEEPALIVE);
    plan->publish_queue_ns = options_number(options, OPT_PUBLISH_QUEUE);
    plan->timeout_ns = options_number(options, OPT_TIMEOUT);
    plan->media_timeout_ns = options_number(options, OPT_MEDIA_TIMEOUT);
    plan->end_on_stall = options_given(options, OPT_END_ON_STALL);
    plan->close_reset = options_number(options, OPT_CLOSE) == 1;
    plan->trust_redirects = options_given(options, OPT_LOCATION_TRUSTED);
    plan->user = options_text(options, OPT_USER);
    plan->user_agent = options_text(options, OPT_USER_AGENT);
}

static void set_machinery(struct plan *plan, const struct options *options)
{
    uint64_t ports = options_number(options, OPT_RTP_PORTS);
    plan->rtp_port_low = (uint16_t)(ports >> 16);
    plan->rtp_port_high = (uint16_t)ports;
    plan->rcvbuf = (uint32_t)options_number(options, OPT_RCVBUF);
    plan->gro = options_number(options, OPT_GRO) == 1;
    plan->quickack = options_number(options, OPT_QUICKACK) == 1;
    plan->threads = (uint32_t)options_number(options, OPT_THREADS);
    plan->io = (enum plan_io)options_number(options, OPT_IO);
    plan->coalesce_ns = options_number(options, OPT_COALESCE);
    plan->panel = (uint32_t)options_number(options, OPT_PANEL);
    plan->stats_interval_ns = options_number(options, OPT_STATS_INTERVAL);
    plan->log = (enum plan_log)options_number(options, OPT_LOG);
    plan->quiet = options_given(options, OPT_QUIET);
    plan->congestion = options_text(options, OPT_CONGESTION);
    plan->freebind = options_given(options, OPT_BIND_CIDR);
    const char *json = options_text(options, OPT_JSON_FILE);
    plan->json_on_stdout = json && strcmp(json, "-") == 0;
    plan->json_file = plan->json_on_stdout ? NULL : json;
    plan->sessions_log_file = options_text(options, OPT_SESSIONS_LOG);
    plan->log_rotate_bytes = options_number(options, OPT_LOG_ROTATE);
    plan->log_keep = (uint32_t)options_number(options, OPT_LOG_KEEP);
    plan->csv_file = options_text(options, OPT_CSV);
    plan->hlog_file = options_text(options, OPT_HLOG);
    plan->junit_file = options_text(options, OPT_JUNIT);
    plan->html_file = options_text(options, OPT_HTML);
    plan->server_pid = (uint32_t)options_number(options, OPT_SERVER_PID);
    plan->server_pidfile = options_text(options, OPT_SERVER_PIDFILE);
    plan->server_metrics = options_text(options, OPT_SERVER_METRICS);
    plan->prometheus = options_text(options, OPT_PROMETHEUS);
    plan->web = options_text(options, OPT_WEB);
    plan->web_token = options_text(options, OPT_WEB_CONTROL);
}

static bool add_slos(struct plan *plan, struct plan_storage *storage, const struct options *options,
                     struct text *error)
{
    char room[512];
    struct text expected = text_init(room, sizeof(room));
    plan->slos = storage->slos;
    for (unsigned i = 0; i < options->repeated_count; i++) {
        if (options->repeated_ids[i] != OPT_SLO)
            continue;
        const char *text = options->repeated[i];
        if (plan->slo_count == SLO_MAX) {
            text_printf(error, "--slo: expected at most %u of them", SLO_MAX);
            return false;
        }
        if (!slo_parse(text, &storage->slos[plan->slo_count++], &expected)) {
            options_complain(error, OPT_SLO, text, text_string(&expected));
            return false;
        }
    }
    return true;
}

/* A search's objectives where none is asked for. */
struct usual_slo {
    const char *expression;
    bool readers, publishers; /* whose it is */
    bool reported; /* measured by the server's receiver reports, and left out where none came */
};

static const struct usual_slo usual_slos[] = {
    {"failed_ratio<1%", .readers = true, .publishers = true},
    {"no_media_ratio<1%", .readers = true},
    {"startup.p95<1s", .readers = true, .publishers = true},
    {"loss_ratio<0.1%", .readers = true},
    {"published.dropped_ratio<0.1%", .publishers = true},
    {"unconfirmed_ratio<1%", .publishers = true},
    {"published.reported_loss_ratio<0.1%", .publishers = true, .reported = true},
};

static void add_usual_slos(struct plan *plan, struct plan_storage *storage, struct text *error)
{
    plan->slos_are_usual = true;
    for (size_t i = 0; i < sizeof(usual_slos) / sizeof(usual_slos[0]); i++) {
        const struct usual_slo *usual = &usual_slos[i];
        struct slo *slo = &storage->slos[plan->slo_count];
        if (plan->publish ? !usual->publishers : !usual->readers)
            continue;
        slo_parse(usual->expression, slo, error);
        slo->source.may_lack |= usual->reported;
        plan->slo_count++;
    }
}

/* What a search needs that wasn't given. */
static bool set_search(struct plan *plan, struct plan_storage *storage,
                       const struct options *options, struct text *error)
{
    plan->between_levels = options_text(options, OPT_BETWEEN_LEVELS);
    if (!options_given(options, OPT_FIND_MAX) && plan->between_levels) {
        text_add_string(error, "--between-levels is for the levels of --find-max: leave it out, or "
                               "add --find-max");
        return false;
    }
    if (!options_given(options, OPT_FIND_MAX))
        return true;
    plan->find = options_number(options, OPT_FIND_MAX) == 1 ? FIND_RATE : FIND_READERS;
    plan->cool_down_ns = options_number(options, OPT_COOL_DOWN);
    plan->readers_given = options_given(options, OPT_READERS);
    if (!options_given(options, OPT_DURATION) && !options_given(options, OPT_HOURS))
        plan->duration_ns = FIND_HOLD_NS;
    if (plan->slo_count == 0)
        add_usual_slos(plan, storage, error);
    if (plan->profile.kind == PROFILE_CONSTANT && plan->profile.noise == 0 && !plan->open)
        return true;
    text_add_string(error, "--find-max sets the load itself: leave out --profile, --stages, --open "
                           "and --real-world");
    return false;
}

/* Where in the day it is here, now. */
static uint64_t time_of_day_ns(void)
{
    time_t now = (time_t)(clock_realtime_ns() / NS_PER_S);
    struct tm local;
    localtime_r(&now, &local);
    return (uint64_t)(local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec) * NS_PER_S;
}

static bool set_distribution(const struct options *options, enum option_id id,
                             struct distribution *out, struct text *error)
{
    const char *text = options_text(options, id);
    if (!text || distribution_parse(text, out))
        return true;
    options_complain(error, id, text,
                     "a time such as 30s, exp:5m, uniform:30s,5m or lognormal:5m,1.0");
    return false;
}

static bool set_popularity(struct plan *plan, const char *text, struct text *error)
{
    char *end = NULL;
    bool even = strcmp(text, "even") == 0;
    if (strncmp(text, "zipf:", 5) == 0)
        plan->zipf = strtod(text + 5, &end);
    if (even || (end && *end == '\0' && plan->zipf > 0 && plan->zipf < 100))
        return true;
    options_complain(error, OPT_POPULARITY, text, "even or zipf:S such as zipf:1.0");
    return false;
}

/* The day by the local clock; viewers stay between 30 s and the session duration. */
static bool set_real_world(struct plan *plan, const struct options *options, struct text *error)
{
    const char *variance = options_text(options, OPT_VARIANCE);
    uint64_t least_ns = 30 * NS_PER_S, most_ns = 300 * NS_PER_S;
    if (!units_parse_ratio(variance, &plan->profile.variance)) {
        options_complain(error, OPT_VARIANCE, variance, "a ratio such as 0.3 or 30%");
        return false;
    }
    plan->profile.kind = PROFILE_REAL_WORLD;
    plan->profile.day_start_ns = time_of_day_ns();
    plan->readers = (uint32_t)options_number(options, OPT_AVG_CONNECTIONS);
    plan->rate_given = false;
    if (plan->life.kind == DISTRIBUTION_FIXED)
        most_ns = plan->life.a_ns;
    if (plan->life.kind == DISTRIBUTION_FIXED || plan->life.kind == DISTRIBUTION_NONE)
        plan->life = (struct distribution){.kind = DISTRIBUTION_UNIFORM,
                                           .a_ns = least_ns < most_ns ? least_ns : most_ns,
                                           .b_ns = most_ns};
    return true;
}

static bool add_bad_kind(struct plan *plan, struct slice one)
{
    struct slice name = slice_take_until(&one, ':');
    uint64_t weight = 1;
    if (one.len > 0 && (!slice_to_u64(one, 1000, &weight) || weight == 0))
        return false;
    for (unsigned kind = 0; kind < MISBEHAVIOURS; kind++) {
        if (slice_equal(name, slice_from_string(misbehaviour_name((enum misbehaviour)kind)))) {
            plan->bad_weights[kind] += (uint32_t)weight;
            return true;
        }
    }
    return false;
}

static void complain_of_bad_kinds(struct text *error, const char *list)
{
    char room[600];
    struct text expected = text_init(room, sizeof(room));
    text_add_string(&expected, "kinds with weights such as slow_reader:3,rst of");
    for (unsigned kind = 0; kind < MISBEHAVIOURS; kind++)
        text_printf(&expected, " %s", misbehaviour_name((enum misbehaviour)kind));
    options_complain(error, OPT_BAD_CLIENTS, list, text_string(&expected));
}

static bool set_bad_clients(struct plan *plan, const struct options *options, struct text *error)
{
    const char *ratio = options_text(options, OPT_BAD_CLIENT_RATIO);
    const char *list = options_text(options, OPT_BAD_CLIENTS);
    struct slice rest = slice_from_string(list);
    if (!options_given(options, OPT_INCLUDE_BAD_CLIENTS) && !list)
        return true;
    if (!units_parse_ratio(ratio, &plan->bad_ratio)) {
        options_complain(error, OPT_BAD_CLIENT_RATIO, ratio, "a ratio such as 0.2 or 20%");
        return false;
    }
    for (unsigned kind = 0; !list && kind < MISBEHAVIOURS; kind++)
        plan->bad_weights[kind] = 1;
    while (rest.len > 0) {
        if (!add_bad_kind(plan, slice_trim(slice_take_until(&rest, ',')))) {
            complain_of_bad_kinds(error, list);
            return false;
        }
    }
    plan->bad_after_ns = options_number(options, OPT_BAD_AFTER);
    if (!options_given(options, OPT_BAD_AFTER))
        plan->bad_after_ns =
            plan->duration_ns / 3 < 60 * NS_PER_S ? plan->duration_ns / 3 : 60 * NS_PER_S;
    return true;
}

static bool set_profile(struct plan *plan, const struct options *options, struct text *error)
{
    char room[256];
    struct text wrong = text_init(room, sizeof(room));
    enum option_id id = OPT_PROFILE;
    const char *stages = options_text(options, OPT_STAGES);
    bool good = profile_parse(options_text(options, OPT_PROFILE), &plan->profile, &wrong);
    if (good && stages) {
        id = OPT_STAGES;
        good = profile_parse_stages(stages, &plan->profile, &wrong);
    }
    if (good) {
        id = OPT_DAY_TABLE;
        good = profile_parse_hours(options_text(options, OPT_DAY_TABLE), &plan->profile, &wrong);
    }
    if (!good) {
        options_complain(error, id, options_text(options, id), text_string(&wrong));
        return false;
    }
    plan->profile.day_ns = options_number(options, OPT_DAY_LENGTH);
    plan->open = options_given(options, OPT_OPEN);
    plan->rate_given = options_given(options, OPT_RATE);
    return set_distribution(options, OPT_SESSION_DURATION, &plan->life, error) &&
           set_distribution(options, OPT_ZAP, &plan->zap, error) &&
           set_popularity(plan, options_text(options, OPT_POPULARITY), error) &&
           set_bad_clients(plan, options, error) &&
           (!options_given(options, OPT_REAL_WORLD) || set_real_world(plan, options, error));
}

bool plan_sources_from_options(struct plan *plan, struct plan_storage *storage,
                               const struct options *options, struct text *error)
{
    const char *list = options_text(options, OPT_BIND_IPS);
    const char *network = options_text(options, OPT_BIND_CIDR);
    return (!list || add_bind_list(plan, storage, list, error)) &&
           (!network || add_bind_network(plan, storage, network, error)) &&
           read_environment(plan, error);
}

static bool check_server(const struct options *options, struct text *error)
{
    if (!options_given(options, OPT_SERVER_PID) || !options_given(options, OPT_SERVER_PIDFILE))
        return true;
    text_add_string(error, "--server-pid and --server-pidfile both name the server's process: "
                           "leave out one of them");
    return false;
}

static bool check_stdout(const struct plan *plan, struct text *error)
{
    if (!plan->json_on_stdout || plan->log != LOG_JSON)
        return true;
    text_add_string(error, "--json - and --log json both write to standard output: leave out one "
                           "of them");
    return false;
}

bool plan_from_options(struct plan *plan, struct plan_storage *storage,
                       const struct options *options, struct text *error)
{
    *storage = (struct plan_storage){0};
    plan_init(plan);
    set_load(plan, options);
    set_session(plan, options);
    set_machinery(plan, options);
    plan->password = storage->password = password_from_options(options, error);
    if (error->len == 0)
        storage->web_token = token_from_options(options, error);
    if (error->len > 0)
        return false;
    if (storage->web_token)
        plan->web_token = storage->web_token;
    plan->headers = storage->headers = headers_from_options(options, error);
    plan->publish = storage->publish = media_to_publish(options, error);
    if (error->len > 0)
        return false;
    return plan->headers && check_server(options, error) && check_stdout(plan, error) &&
           set_profile(plan, options, error) &&
           plan_sources_from_options(plan, storage, options, error) &&
           add_slos(plan, storage, options, error) && set_search(plan, storage, options, error) &&
           add_urls(plan, options, error);
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void plan_storage_dispose(struct plan_storage *storage)
{
    wipe(storage->password);
    wipe(storage->web_token);
    free(storage->headers);
    free(storage->bind);
    media_free(storage->publish);
    *storage = (struct plan_storage){0};
}
