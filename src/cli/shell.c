#include "cli/shell.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOK_NS (20 * NS_PER_MS)   /* how often we look whether it has ended */
#define PATIENCE_NS (5 * NS_PER_S) /* with a command that was asked to end */

/* 0 or an errno. */
static int start(const char *command, pid_t *child)
{
    char *const arguments[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(command), NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, pipe;
    sigemptyset(&none);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE); /* which we ignore */
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    if (!failed && !arguments[2])
        failed = ENOMEM;
    if (!failed)
        failed = posix_spawn(child, "/bin/sh", &files, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(arguments[2]);
    return failed;
}

static bool signal_came(const sigset_t *signals, uint64_t wait_ns)
{
    struct timespec span = {0, (long)wait_ns};
    return sigtimedwait(signals, NULL, &span) > 0;
}

/* Returns its wait status; *interrupted is set where a signal came. */
static int wait_for(pid_t child, const sigset_t *signals, bool *interrupted)
{
    uint64_t kill_at_ns = UINT64_MAX;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        bool came = signal_came(signals, LOOK_NS);
        if (clock_monotonic_ns() >= kill_at_ns || (came && *interrupted)) {
            kill(child, SIGKILL);
        } else if (came) {
            *interrupted = true;
            kill_at_ns = clock_monotonic_ns() + PATIENCE_NS;
            kill(child, SIGTERM);
        }
    }
    *interrupted |=
        signal_came(signals, 0); /* Ctrl-C goes to the command, too, and may end it first */
    return status;
}

enum shell_end shell_run(const char *command, const sigset_t *signals, struct text *error)
{
    bool interrupted = false;
    pid_t child;
    signal(SIGCHLD, SIG_DFL); /* where it was ignored when we began, the status would be lost */
    int failed = start(command, &child);
    if (failed) {
        text_printf(error, "/bin/sh: %s", strerror(failed));
        return SHELL_FAILED;
    }
    int status = wait_for(child, signals, &interrupted);
    if (interrupted)
        return SHELL_INTERRUPTED;
    if (status == 0)
        return SHELL_DONE;
    if (WIFSIGNALED(status))
        text_printf(error, "it was ended by signal %d", WTERMSIG(status));
    else
        text_printf(error, "it ended with status %d", WEXITSTATUS(status));
    return SHELL_FAILED;
}
