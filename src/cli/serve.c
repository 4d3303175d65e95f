#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/media_options.h"
#include "cli/out.h"
#include "cli/plan_options.h"
#include "cli/serve_size.h"
#include "load/session_log.h"
#include "server/crew.h"

#define LINE_BYTES 16384u

/* What a server needs beside its configuration. */
struct serving {
    struct library library;
    char *password;
    struct session_log *sessions; /* NULL: none */
};

/* Each path is one media's, and the built-in ones keep theirs. */
static bool add_file(struct library *library, struct media *media, const char *value,
                     struct text *error)
{
    const char *name = media->name;
    bool taken = strcmp(name, "card") == 0 || strcmp(name, "pattern") == 0;
    if (!taken && !library_named(library, name)) {
        /* A place is the card's, and one the pattern's, which may have it already. */
        unsigned kept = library_named(library, "pattern") ? 1 : 2;
        if (library->count < LIBRARY_MAX - kept && library_add(library, media))
            return true;
        text_printf(error, "--media: at most %u files", LIBRARY_MAX - 2);
        return false;
    }
    text_printf(error, "--media '%s': ", value);
    if (taken)
        text_printf(error, "/%s is the built-in one", name);
    else
        text_printf(error, "/%s is another file already", name);
    text_add_string(error, ": NAME=FILE gives it another name");
    return false;
}

static bool add_files(const struct options *options, struct library *library, struct text *error)
{
    for (unsigned i = 0; i < options->repeated_count; i++) {
        if (options->repeated_ids[i] != OPT_MEDIA)
            continue;
        struct media *media =
            media_option_file(options, options->repeated[i], MEDIA_MTU_MAX, error);
        if (!media)
            return false;
        if (!add_file(library, media, options->repeated[i], error)) {
            media_free(media);
            return false;
        }
        library->strict = true;
    }
    return true;
}

/* The pattern is the default where it was asked for, or where there is nothing else; then files
   that were given; then the test card. */
static bool make_library(const struct options *options, struct library *library, struct text *error)
{
    bool pattern_first = options_given(options, OPT_PATTERN);
    const char *spec = pattern_first ? options_text(options, OPT_PATTERN) : MEDIA_PATTERN_DEFAULT;
    struct media *pattern = media_option_pattern(spec, MEDIA_MTU_MAX, error);
    if (!pattern)
        return false;
    if (pattern_first)
        library_add(library, pattern);
    bool made = media_check_tracks(options, error) && add_files(options, library, error);
    library_add(library, media_new_card(!options_given(options, OPT_NO_AUDIO),
                                        (uint32_t)options_number(options, OPT_MTU)));
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

static int start(const struct options *options, struct server_config *config, struct crew **crew)
{
    char line[200];
    struct text text = text_init(line, sizeof(line));
    struct machine machine;
    machine_raise_files();
    machine_read(&machine);
    struct serve_size size = serve_size_fit(
        &machine, (unsigned)options_number(options, OPT_THREADS), config->max_sessions);
    struct crew_ways ways = {.threads = size.threads,
                             .fewer = size.fewer,
                             .rings = size.rings,
                             .fallback = options_number(options, OPT_IO) == 0};
    config->max_connections = size.connections;
    int error = crew_start(crew, config, &ways);
    if (error || options_given(options, OPT_QUIET))
        return error;
    struct serve_room room = {.shards = crew_shards(*crew),
                              .one_table = crew_shares_table(*crew),
                              .connections = size.connections,
                              .max_sessions = config->max_sessions};
    serve_size_tell(&text, &machine, &room);
    out_say("%s", text_string(&text));
    return 0;
}

/* The first time that each kind of refusal is seen. */
static void say_refusals(const struct crew *crew, bool said[REFUSALS])
{
    static const char *const words[REFUSALS] = {
        [REFUSED_FILES] = "connections are reset for want of open files: 'ulimit -n' allows too "
                          "few, or --max-sessions or --threads ask for too few shards",
        [REFUSED_MEMORY] = "connections or requests are refused for want of memory",
        [REFUSED_SESSIONS] = "sessions are refused with 453: there are as many as --max-sessions "
                             "or a path's max_sessions allow",
    };
    struct truth_refused refused = crew_refused(crew);
    for (int i = 0; i < REFUSALS; i++) {
        if (refused.of[i] > 0 && !said[i])
            out_say("%s", words[i]);
        said[i] |= refused.of[i] > 0;
    }
}

/* Until a signal asks for the end; what is refused meanwhile is told within a second. */
static void wait_for_end(const sigset_t *ends, const struct crew *crew)
{
    const struct timespec second = {.tv_sec = 1};
    bool said[REFUSALS] = {false};
    while (sigtimedwait(ends, NULL, &second) < 0)
        say_refusals(crew, said);
    say_refusals(crew, said);
}

static int serve(const struct options *options, struct server_config *config, struct text *error)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    struct crew *crew;
    int failed = start(options, config, &crew);
    if (failed) {
        complain_of_start(config, failed, error);
        return STATUS_SETUP;
    }
    print_ready(crew);
    wait_for_end(&ends, crew);
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
