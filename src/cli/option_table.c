#include "base/clock.h"
#include "cli/options.h"

#define RUN (1u << COMMAND_RUN)
#define SERVE (1u << COMMAND_SERVE)
#define PROBE (1u << COMMAND_PROBE)
#define ALL (RUN | SERVE | PROBE)

#define READ "What to read"
#define LOAD "The load"
#define SESSION "A session"
#define NETWORK "The network"
#define MACHINERY "The machinery"
#define OUTPUT "Output"
#define LISTEN "Where to listen"
#define STREAM "What to serve"
#define ACCESS "Access and limits"
#define OTHER "Other"

/* clang-format off */
const struct option_spec option_table[] = {
    {.id = OPT_URL, .name = "url", .argument = "URL", .repeatable = true, .kind = OPTION_TEXT,
     .group = READ, .commands = RUN,
     .help = "what to read; cam{1..500} expands, URL*3 weighs, readers are dealt round robin"},
    {.id = OPT_URL_FILE, .name = "url-file", .argument = "FILE", .kind = OPTION_TEXT,
     .group = READ, .commands = RUN, .help = "the same, a URL a line"},
    {.id = OPT_USER, .name = "user", .argument = "USER", .kind = OPTION_TEXT,
     .group = READ, .commands = RUN | PROBE, .help = "for URLs that name none"},
    {.id = OPT_PASSWORD_FILE, .name = "password-file", .argument = "FILE", .kind = OPTION_TEXT,
     .group = READ, .commands = RUN | PROBE, .help = "the password of --user, the first line of a file"},
    {.id = OPT_TRACKS, .name = "tracks", .argument = "WHICH", .kind = OPTION_CHOICE, .choices = "all|video|audio",
     .fallback = "all", .group = READ, .commands = RUN | PROBE, .help = "all, video or audio"},

    {.id = OPT_READERS, .name = "readers", .letter = 'n', .argument = "N", .kind = OPTION_COUNT, .min = 1, .max = 10000000,
     .fallback = "100", .group = LOAD, .commands = RUN, .help = "readers to hold"},
    {.id = OPT_RATE, .name = "rate", .letter = 'r', .argument = "R", .kind = OPTION_RATE,
     .fallback = "100/s", .group = LOAD, .commands = RUN, .help = "sessions begun per unit of time"},
    {.id = OPT_ARRIVAL, .name = "arrival", .argument = "HOW", .kind = OPTION_CHOICE, .choices = "even|poisson",
     .fallback = "even", .group = LOAD, .commands = RUN, .help = "even or poisson"},
    {.id = OPT_DURATION, .name = "duration", .letter = 'd', .argument = "D", .kind = OPTION_DURATION, .min = NS_PER_MS,
     .fallback = "30s", .group = LOAD, .commands = RUN, .help = "the test's length from its start, ramp included; 10s with no URL"},
    {.id = OPT_DURATION, .name = "duration", .letter = 'd', .argument = "D", .kind = OPTION_DURATION, .min = NS_PER_MS,
     .fallback = "5s", .group = READ, .commands = PROBE, .help = "how long media is read, from the first packet on"},
    {.id = OPT_HOURS, .name = "hours", .argument = "H", .kind = OPTION_HOURS,
     .group = LOAD, .commands = RUN, .help = "the same in hours; wins over --duration"},
    {.id = OPT_WARMUP, .name = "warmup", .argument = "D", .kind = OPTION_DURATION,
     .fallback = "0", .group = LOAD, .commands = RUN, .help = "left out of the media numbers"},
    {.id = OPT_RETRIES, .name = "retries", .argument = "N", .kind = OPTION_COUNT, .max = 1000000,
     .fallback = "0", .group = LOAD, .commands = RUN, .help = "tries after a failure"},
    {.id = OPT_BACKOFF, .name = "backoff", .argument = "D", .kind = OPTION_DURATION, .min = NS_PER_MS,
     .fallback = "100ms", .group = LOAD, .commands = RUN, .help = "wait before the first of them; doubles, with jitter"},
    {.id = OPT_RECONNECT, .name = "reconnect", .kind = OPTION_FLAG,
     .group = LOAD, .commands = RUN, .help = "come back after a drop"},
    {.id = OPT_SEED, .name = "seed", .argument = "N", .kind = OPTION_COUNT, .max = UINT64_C(1) << 53,
     .group = LOAD, .commands = RUN, .help = "makes every random choice repeat; else from the clock, and printed"},

    {.id = OPT_TRANSPORT, .name = "transport", .letter = 't', .argument = "T", .kind = OPTION_CHOICE, .choices = "tcp|udp|auto",
     .fallback = "tcp", .group = SESSION, .commands = RUN | PROBE, .help = "tcp, udp, or auto: udp, and tcp where that fails"},
    {.id = OPT_KEEPALIVE, .name = "keepalive", .argument = "HOW", .kind = OPTION_CHOICE,
     .choices = "auto|options|get_parameter|set_parameter|none",
     .fallback = "auto", .group = SESSION, .commands = RUN, .help = "auto, options, get_parameter, set_parameter or none"},
    {.id = OPT_TIMEOUT, .name = "timeout", .argument = "D", .kind = OPTION_DURATION, .min = NS_PER_MS,
     .fallback = "20s", .group = SESSION, .commands = RUN | PROBE, .help = "each phase's deadline"},
    {.id = OPT_MEDIA_TIMEOUT, .name = "media-timeout", .argument = "D", .kind = OPTION_DURATION, .min = NS_PER_MS,
     .fallback = "10s", .group = SESSION, .commands = RUN, .help = "no RTP for that long is counted"},
    {.id = OPT_END_ON_STALL, .name = "end-on-stall", .kind = OPTION_FLAG,
     .group = SESSION, .commands = RUN, .help = "... and ends the session"},
    {.id = OPT_CLOSE, .name = "close", .argument = "HOW", .kind = OPTION_CHOICE, .choices = "fin|rst",
     .fallback = "fin", .group = SESSION, .commands = RUN, .help = "fin or rst"},
    {.id = OPT_USER_AGENT, .name = "user-agent", .argument = "S", .kind = OPTION_TEXT,
     .fallback = "rtspbench", .group = SESSION, .commands = RUN | PROBE, .help = "what requests call us"},
    {.id = OPT_HEADER, .name = "header", .letter = 'H', .argument = "'Name: value'", .repeatable = true, .kind = OPTION_TEXT,
     .group = SESSION, .commands = RUN | PROBE, .help = "one more header in every request"},

    {.id = OPT_BIND_IPS, .name = "bind-ips", .argument = "LIST", .kind = OPTION_TEXT,
     .group = NETWORK, .commands = RUN, .help = "source addresses, dealt round robin"},
    {.id = OPT_BIND_CIDR, .name = "bind-cidr", .argument = "CIDR", .kind = OPTION_TEXT,
     .group = NETWORK, .commands = RUN, .help = "the same, all the addresses of a network"},
    {.id = OPT_RTP_PORTS, .name = "rtp-ports", .argument = "A-B", .kind = OPTION_PORTS,
     .group = NETWORK, .commands = RUN, .help = "local UDP ports; else those below or above the system's own"},
    {.id = OPT_RCVBUF, .name = "rcvbuf", .argument = "SIZE", .kind = OPTION_SIZE, .min = 256, .max = 1 << 30,
     .group = NETWORK, .commands = RUN, .help = "receive buffer of each socket; else as planned"},
    {.id = OPT_GRO, .name = "gro", .argument = "on|off", .kind = OPTION_CHOICE, .choices = "off|on",
     .fallback = "on", .group = NETWORK, .commands = RUN, .help = "datagrams received in batches"},
    {.id = OPT_QUICKACK, .name = "quickack", .argument = "on|off", .kind = OPTION_CHOICE, .choices = "off|on",
     .fallback = "on", .group = NETWORK, .commands = RUN, .help = "off: cheaper, but raises the server's round-trip times"},
    {.id = OPT_CONGESTION, .name = "congestion", .argument = "NAME", .kind = OPTION_TEXT,
     .group = NETWORK, .commands = RUN, .help = "TCP congestion control; else the system's"},

    {.id = OPT_THREADS, .name = "threads", .argument = "N", .kind = OPTION_COUNT, .max = 512,
     .fallback = "0", .group = MACHINERY, .commands = RUN, .help = "0: as needed"},
    {.id = OPT_IO, .name = "io", .argument = "HOW", .kind = OPTION_CHOICE, .choices = "auto|uring|epoll",
     .fallback = "auto", .group = MACHINERY, .commands = RUN | PROBE, .help = "uring, epoll, or auto: the first that works"},
    {.id = OPT_COALESCE, .name = "coalesce", .argument = "D", .kind = OPTION_DURATION, .max = 5 * NS_PER_MS,
     .fallback = "1ms", .group = MACHINERY, .commands = RUN, .help = "how long arrivals may be gathered, 0 to 5ms"},
    {.id = OPT_PANEL, .name = "panel", .argument = "N", .kind = OPTION_COUNT, .max = 1000000,
     .fallback = "1000", .group = MACHINERY, .commands = RUN, .help = "sessions looked at in depth"},

    {.id = OPT_STATS_INTERVAL, .name = "stats-interval", .argument = "D", .kind = OPTION_DURATION, .min = 100 * NS_PER_MS,
     .fallback = "5s", .group = OUTPUT, .commands = RUN, .help = "time between lines"},
    {.id = OPT_LOG, .name = "log", .argument = "text|json", .kind = OPTION_CHOICE, .choices = "text|json",
     .fallback = "text", .group = OUTPUT, .commands = RUN, .help = "json: one object a line on stdout"},
    {.id = OPT_QUIET, .name = "quiet", .letter = 'q', .kind = OPTION_FLAG,
     .group = OUTPUT, .commands = RUN, .help = "the summary alone"},
    {.id = OPT_JSON_FILE, .name = "json", .argument = "FILE", .kind = OPTION_TEXT,
     .group = OUTPUT, .commands = RUN, .help = "the result"},
    {.id = OPT_SESSIONS_LOG, .name = "sessions-log", .argument = "FILE", .kind = OPTION_TEXT,
     .group = OUTPUT, .commands = RUN, .help = "a JSON line a session as it ends"},
    {.id = OPT_JSON, .name = "json", .kind = OPTION_FLAG,
     .group = OUTPUT, .commands = PROBE, .help = "one JSON document in place of the story"},

    {.id = OPT_LISTEN, .name = "listen", .argument = "ADDR", .kind = OPTION_TEXT,
     .fallback = "127.0.0.1", .group = LISTEN, .commands = SERVE, .help = "address"},
    {.id = OPT_PORT, .name = "port", .argument = "P", .kind = OPTION_COUNT, .max = 65535,
     .fallback = "8554", .group = LISTEN, .commands = SERVE, .help = "port; 0 picks a free one"},
    {.id = OPT_CONGESTION, .name = "congestion", .argument = "NAME", .kind = OPTION_TEXT,
     .group = LISTEN, .commands = SERVE, .help = "TCP congestion control; else the system's"},
    {.id = OPT_NO_AUDIO, .name = "no-audio", .kind = OPTION_FLAG,
     .group = STREAM, .commands = SERVE, .help = "the test card without sound"},
    {.id = OPT_PATTERN, .name = "pattern", .argument = "N/s:BYTES", .kind = OPTION_TEXT,
     .group = STREAM, .commands = SERVE, .help = "the cheapest stream: N packets a second of BYTES each"},
    {.id = OPT_MEDIA, .name = "media", .argument = "[NAME=]FILE", .repeatable = true, .kind = OPTION_TEXT,
     .group = STREAM, .commands = SERVE, .help = "a file, looped, under /NAME"},
    {.id = OPT_FAULT, .name = "fault", .argument = "FAULTS", .repeatable = true, .kind = OPTION_TEXT,
     .group = STREAM, .commands = SERVE, .help = "faults on all paths, as in a URL's query: drop=1/100 or stall=2s/10s"},
    {.id = OPT_AUTH, .name = "auth", .argument = "SCHEME", .kind = OPTION_CHOICE, .choices = "basic|digest",
     .group = ACCESS, .commands = SERVE, .help = "basic or digest; needs --user; else open"},
    {.id = OPT_USER, .name = "user", .argument = "USER", .kind = OPTION_TEXT,
     .group = ACCESS, .commands = SERVE, .help = "who may read"},
    {.id = OPT_PASSWORD_FILE, .name = "password-file", .argument = "FILE", .kind = OPTION_TEXT,
     .group = ACCESS, .commands = SERVE, .help = "the password of --user, the first line of a file"},
    {.id = OPT_SESSION_TIMEOUT, .name = "session-timeout", .argument = "D", .kind = OPTION_DURATION, .min = NS_PER_S,
     .fallback = "60s", .group = ACCESS, .commands = SERVE, .help = "a session without keepalive ends after that"},
    {.id = OPT_MAX_SESSIONS, .name = "max-sessions", .argument = "N", .kind = OPTION_COUNT, .max = UINT32_MAX,
     .fallback = "0", .group = ACCESS, .commands = SERVE, .help = "more are refused; 0: no limit"},
    {.id = OPT_THREADS, .name = "threads", .argument = "N", .kind = OPTION_COUNT, .max = 512,
     .fallback = "0", .group = ACCESS, .commands = SERVE, .help = "0: as needed"},
    {.id = OPT_IO, .name = "io", .argument = "HOW", .kind = OPTION_CHOICE, .choices = "auto|uring|epoll",
     .fallback = "auto", .group = ACCESS, .commands = SERVE, .help = "uring, epoll, or auto: the first that works"},
    {.id = OPT_TRUTH, .name = "truth", .argument = "FILE", .kind = OPTION_TEXT,
     .group = OUTPUT, .commands = SERVE, .help = "what was really sent, written at the end"},
    {.id = OPT_TRUTH_SESSIONS, .name = "truth-sessions", .argument = "FILE", .kind = OPTION_TEXT,
     .group = OUTPUT, .commands = SERVE, .help = "the same, a JSON line a session as it closes"},

    {.id = OPT_HELP, .name = "help", .letter = 'h', .kind = OPTION_FLAG,
     .group = OTHER, .commands = ALL, .help = "this text"},
    {.id = OPT_VERSION, .name = "version", .kind = OPTION_FLAG,
     .group = OTHER, .commands = ALL, .help = "the version"},
};
/* clang-format on */

const unsigned option_count = sizeof(option_table) / sizeof(option_table[0]);
