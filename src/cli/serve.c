#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/media_options.h"
#include "cli/out.h"
#include "cli/plan_options.h"
#include "load/session_log.h"
#include "server/crew.h"

#define SESSIONS_A_SHARD 16000u
#define CONNECTIONS_MAX 20000u /* a shard; its table of open files bounds it too */
#define FILES_SPARE 64u
#define PATTERN_BYTES_MAX 65000u
#define LINE_BYTES 16384u

/* What a server needs beside its configuration. */
struct serving {
    struct library library;
    char *password;
    struct session_log *sessions; /* NULL: none */
};

static bool add_files(const struct options *options, struct library *library, struct text *error)
{
    for (unsigned i = 0; i < options->repeated_count; i++) {
        if (options->repeated_ids[i] != OPT_MEDIA)
            continue;
        struct media *media = media_option_file(options->repeated[i], error);
        if (!media)
            return false;
        if (!library_add(library, media)) {
            media_free(media);
            text_printf(error, "--media: at most %u files", LIBRARY_MAX - 2);
            return false;
        }
    }
    return true;
}

/* The pattern is the default where it was asked for, or where there is nothing else; then files
   that were given; then the test card. */
static bool make_library(const struct options *options, struct library *library, struct text *error)
{
    bool pattern_first = options_given(options, OPT_PATTERN);
    const char *spec = pattern_first ? options_text(options, OPT_PATTERN) : MEDIA_PATTERN_DEFAULT;
    struct media *pattern = media_option_pattern(spec, PATTERN_BYTES_MAX, error);
    if (!pattern)
        return false;
    if (pattern_first)
        library_add(library, pattern);
    bool made = add_files(options, library, error);
    library_add(library, media_new_card(!options_given(options, OPT_NO_AUDIO)));
    if (made && library->count == 0)
        out_say("no test card in this build: serving the pattern %s", spec);
    if (!pattern_first && !library_add(library, pattern))
        media_free(pattern);
    return made;
}

static bool read_faults(const struct options *options, struct faults *faults, struct text *error)
{
    for (unsigned i = 0; i < options->repeated_count; i++) {
        struct slice value = slice_from_string(options->repeated[i]);
        if (options->repeated_ids[i] != OPT_FAULT)
            continue;
        text_add_string(error, "--fault: ");
        if (!faults_parse(faults, value, error))
            return false;
        error->len = 0;
    }
    return true;
}

static bool read_access(const struct options *options, struct serving *serving,
                        struct server_config *config, struct text *error)
{
    const char *user = options_text(options, OPT_USER);
    if (!options_given(options, OPT_AUTH)) {
        if (user || options_given(options, OPT_PASSWORD_FILE))
            text_add_string(error, "--user and --password-file need --auth basic or --auth digest");
        return error->len == 0;
    }
    if (!user || !options_given(options, OPT_PASSWORD_FILE)) {
        text_add_string(error, "--auth needs --user and --password-file");
        return false;
    }
    serving->password = password_from_options(options, error);
    config->auth = options_number(options, OPT_AUTH) == 0 ? AUTH_BASIC : AUTH_DIGEST;
    config->credentials.user = slice_from_string(user);
    config->credentials.password = slice_from_string(serving->password);
    return serving->password != NULL;
}

static bool read_address(const struct options *options, struct server_config *config,
                         struct text *error)
{
    struct slice host = slice_from_string(options_text(options, OPT_LISTEN));
    if (host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = slice_make(host.data + 1, host.len - 2);
    if (address_parse(host, (uint16_t)options_number(options, OPT_PORT), &config->listen))
        return true;
    options_complain(error, OPT_LISTEN, options_text(options, OPT_LISTEN),
                     "an IPv4 or IPv6 address such as 127.0.0.1, 0.0.0.0 or ::");
    return false;
}

/* As many open files as we may have; then how many connections a shard can hold. */
static uint32_t raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return SESSIONS_A_SHARD;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    uint64_t files = limit.rlim_max > 2 * FILES_SPARE ? limit.rlim_max - FILES_SPARE : FILES_SPARE;
    return files < CONNECTIONS_MAX ? (uint32_t)files : CONNECTIONS_MAX;
}

static bool read_loop(const struct options *options, struct loop_config *loop, struct text *error)
{
    struct slice bad;
    loop->kind = options_number(options, OPT_IO) == 2 ? LOOP_EPOLL : LOOP_URING;
    if (loop_parse_denied(getenv("RTSPBENCH_DENY"), &loop->denied, &bad))
        return true;
    text_add_string(error, "RTSPBENCH_DENY: unknown feature '");
    text_add_escaped(error, bad);
    text_add_string(error, "'");
    return false;
}

static void log_session(void *context, const struct truth_session *session)
{
    char line[LINE_BYTES];
    struct text text = text_init(line, sizeof(line));
    FILE *file = context;
    truth_write_session(&text, session);
    if (!text.overflow)
        fwrite(text.data, 1, text.len, file);
}

static bool open_session_log(const struct options *options, struct serving *serving,
                             struct server_config *config, struct text *error)
{
    const char *name = options_text(options, OPT_TRUTH_SESSIONS);
    if (!name)
        return true;
    int failed = session_log_open(&serving->sessions, name, 0, 0);
    if (failed) {
        text_printf(error, "--truth-sessions '%s': %s", name, strerror(-failed));
        return false;
    }
    config->on_session_end = log_session;
    config->context = session_log_stream(serving->sessions);
    return true;
}

/* Once no shard writes to it any more. */
static bool close_session_log(const struct options *options, struct serving *serving,
                              struct text *error)
{
    int failed = session_log_close(serving->sessions);
    if (failed)
        text_printf(error, "%s--truth-sessions '%s': %s", error->len > 0 ? "; " : "",
                    options_text(options, OPT_TRUTH_SESSIONS), session_log_error(failed));
    return !failed;
}

/* Better now than after a long test. */
static bool check_truth(const struct options *options, struct text *error)
{
    const char *name = options_text(options, OPT_TRUTH);
    int failed = name ? file_check(name) : 0;
    if (failed)
        text_printf(error, "--truth '%s': %s", name, strerror(-failed));
    return !failed;
}

static bool write_truth(const struct options *options, struct crew *crew, struct text *error)
{
    const char *name = options_text(options, OPT_TRUTH);
    size_t count;
    struct truth_path *paths = crew_truth(crew, &count);
    struct truth_refused refused = crew_refused(crew);
    int failed = name ? truth_write_file(name, paths, count, &refused) : 0;
    if (failed)
        text_printf(error, "--truth '%s': %s", name, strerror(-failed));
    return !failed;
}

static bool configure(const struct options *options, struct serving *serving,
                      struct server_config *config, struct text *error)
{
    *config = (struct server_config){
        .library = &serving->library,
        .congestion = options_text(options, OPT_CONGESTION),
        .session_timeout_ns = options_number(options, OPT_SESSION_TIMEOUT),
        .max_sessions = (uint32_t)options_number(options, OPT_MAX_SESSIONS),
        .max_connections = raise_file_limit(),
    };
    if (options->url_count > 0) {
        text_printf(error, "serve takes no argument: '%s'", options->urls[0]);
        return false;
    }
    if (getrandom(&config->seed, sizeof(config->seed), 0) != sizeof(config->seed)) {
        text_printf(error, "no random numbers: %s", strerror(errno));
        return false;
    }
    return read_address(options, config, error) && read_loop(options, &config->loop, error) &&
           read_faults(options, &config->faults, error) &&
           read_access(options, serving, config, error) &&
           make_library(options, &serving->library, error) && check_truth(options, error) &&
           open_session_log(options, serving, config, error);
}

static unsigned count_threads(const struct options *options, const struct server_config *config)
{
    uint64_t asked = options_number(options, OPT_THREADS);
    uint64_t needed = (config->max_sessions + SESSIONS_A_SHARD - 1) / SESSIONS_A_SHARD;
    uint64_t threads = asked > 0 ? asked : needed > 0 ? needed : 1;
    return threads < CREW_THREADS_MAX ? (unsigned)threads : CREW_THREADS_MAX;
}

static void print_ready(const struct crew *crew)
{
    char line[128];
    struct text text = text_init(line, sizeof(line));
    address_write(&text, crew_address(crew));
    fprintf(out_stream(), "ready rtsp://%s/\n", text_string(&text));
    fflush(out_stream());
}

static void complain_of_start(const struct server_config *config, int failed, struct text *error)
{
    if (failed == -ENOENT && config->congestion) {
        options_complain(error, OPT_CONGESTION, config->congestion,
                         "one of the names in /proc/sys/net/ipv4/tcp_available_congestion_control");
        return;
    }
    text_add_string(error, "cannot listen on ");
    address_write(error, &config->listen);
    text_add_string(error, ": ");
    machine_explain(error, failed);
}

static int serve(const struct options *options, const struct server_config *config,
                 struct text *error)
{
    sigset_t ends;
    int signal_number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    bool fallback = options_number(options, OPT_IO) == 0;
    struct crew *crew;
    int failed = crew_start(&crew, config, count_threads(options, config), fallback);
    if (failed) {
        complain_of_start(config, failed, error);
        return STATUS_SETUP;
    }
    print_ready(crew);
    sigwait(&ends, &signal_number);
    crew_stop(crew);
    bool written = write_truth(options, crew, error);
    crew_free(crew);
    return written ? 0 : STATUS_SETUP;
}

int serve_main(const struct options *options, struct text *error)
{
    struct serving serving = {0};
    struct server_config config;
    int status = STATUS_SETUP;
    if (configure(options, &serving, &config, error))
        status = serve(options, &config, error);
    library_dispose(&serving.library);
    if (!close_session_log(options, &serving, error))
        status = STATUS_SETUP;
    if (serving.password)
        explicit_bzero(serving.password, strlen(serving.password));
    free(serving.password);
    return status;
}
