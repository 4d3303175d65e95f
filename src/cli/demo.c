#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"

#define READY_WITHIN (10 * NS_PER_S)

/* In the child: a process group of its own, so that Ctrl-C doesn't end the server before its
   readers said goodbye; and it ends with us in any case. */
static void become_server(int out, const char *pattern)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dup2(out, STDOUT_FILENO) >= 0)
        execl("/proc/self/exe", "rtspbench", "serve", "--quiet", "--port", "0",
              pattern ? "--pattern" : NULL, pattern, (char *)NULL);
    _exit(127);
}

/* Reads a line of up to size bytes; false when none came in time. */
static bool read_line(int from, char *line, size_t size)
{
    uint64_t deadline_ns = clock_monotonic_ns() + READY_WITHIN;
    size_t len = 0;
    while (len + 1 < size) {
        struct pollfd readable = {.fd = from, .events = POLLIN};
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns >= deadline_ns)
            return false;
        int timeout_ms = (int)((deadline_ns - now_ns) / NS_PER_MS) + 1;
        if (poll(&readable, 1, timeout_ms) < 0 && errno != EINTR)
            return false;
        if (readable.revents == 0)
            continue;
        if (read(from, line + len, 1) != 1)
            return false;
        if (line[len++] == '\n') {
            line[len - 1] = '\0';
            return true;
        }
    }
    return false;
}

bool demo_start(struct demo *demo, const char *pattern, struct text *error)
{
    int ends[2];
    char line[100];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        text_printf(error, "cannot start the embedded server: %s", strerror(errno));
        return false;
    }
    demo->server = fork();
    if (demo->server == 0)
        become_server(ends[1], pattern);
    close(ends[1]);
    bool ready = demo->server > 0 && read_line(ends[0], line, sizeof(line)) &&
                 slice_starts_with(slice_from_string(line), SLICE("ready rtsp://"));
    close(ends[0]);
    if (!ready) {
        demo_stop(demo);
        text_add_string(error, "the embedded server did not start: try 'rtspbench serve --port 0'");
        return false;
    }
    const char *server = line + strlen("ready ");
    snprintf(demo->url, sizeof(demo->url), "%sdemo", server);
    snprintf(demo->publish_url, sizeof(demo->publish_url), "%slive/{n}", server);
    return true;
}

void demo_stop(struct demo *demo)
{
    if (demo->server <= 0)
        return;
    kill(demo->server, SIGTERM);
    while (waitpid(demo->server, NULL, 0) < 0 && errno == EINTR) {
    }
    demo->server = 0;
}
