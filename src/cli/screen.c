#include "cli/screen.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/out.h"

#define HIDE_CURSOR "\033[?25l"
/* CAN first: it ends an escape sequence that was cut. */
#define SHOW_CURSOR "\030\033[0m\033[?25h"
#define CLEAR "\033[H\033[J"

/* What a crash handler must know, so there can be one screen at a time. It uses stdout: a shard's
   thread has a file table of its own, in which a file that was opened later is not. */
static struct termios before;
static volatile sig_atomic_t is_taken;
static atomic_flag is_crashing = ATOMIC_FLAG_INIT;

#define CRASH_WAIT_MS 1000 /* for a terminal that stands still */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))
static struct sigaction handlers_before[CRASHES];

static void write_all(int to, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(to, bytes.data, bytes.len);
        if (n <= 0)
            return;
        slice_take(&bytes, (size_t)n);
    }
}

/* In the background (a shell's bg) the terminal would stop us instead of obeying. */
static void restore_modes(void)
{
    sigset_t stop, old;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stop, &old);
    tcsetattr(STDOUT_FILENO, TCSANOW, &before);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* The terminal back to what it was, below what it shows; then the crash takes its course. One that
   takes nothing any more must not keep us, and of several threads that crash the first ends all. */
static void on_crash(int number)
{
    struct pollfd terminal = {.fd = STDOUT_FILENO, .events = POLLOUT};
    while (atomic_flag_test_and_set(&is_crashing))
        pause();
    if (is_taken) {
        restore_modes();
        if (poll(&terminal, 1, CRASH_WAIT_MS) > 0)
            write_all(STDOUT_FILENO, SLICE(SHOW_CURSOR "\r\n"));
        is_taken = 0;
    }
    for (size_t i = 0; i < CRASHES; i++) {
        if (crashes[i] == number)
            sigaction(number, &handlers_before[i], NULL);
    }
    raise(number);
}

/* What was ignored when we came, as a shell's '&' does with SIGQUIT, stays ignored. */
static void handle_crashes(void)
{
    struct sigaction action = {.sa_handler = on_crash};
    for (size_t i = 0; i < CRASHES; i++)
        sigaddset(&action.sa_mask, crashes[i]);
    for (size_t i = 0; i < CRASHES; i++) {
        sigaction(crashes[i], NULL, &handlers_before[i]);
        if (handlers_before[i].sa_handler != SIG_IGN)
            sigaction(crashes[i], &action, NULL);
    }
}

static void unhandle_crashes(void)
{
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &handlers_before[i], NULL);
}

/* Signals stay with Ctrl-C. Ctrl-Z is off: a load that stands still measures nothing. */
static bool set_modes(void)
{
    struct termios modes = before;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    modes.c_iflag &= ~(tcflag_t)IXON;
    modes.c_cc[VSUSP] = _POSIX_VDISABLE;
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    return tcsetattr(STDOUT_FILENO, TCSANOW, &modes) == 0;
}

static bool can_take(void)
{
    const char *term = getenv("TERM");
    return term && term[0] && strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO) &&
           tcgetpgrp(STDOUT_FILENO) == getpgrp() && tcgetattr(STDOUT_FILENO, &before) == 0;
}

bool screen_take(struct screen *screen)
{
    unsigned columns, rows;
    *screen = (struct screen){.tty = -1};
    if (!can_take())
        return false;
    /* Non-blocking is a property of the open file, and stdout's is shared with the shell. */
    screen->tty = open("/proc/self/fd/1", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (screen->tty < 0)
        return false;
    struct pollfd terminal = {.fd = screen->tty, .events = POLLOUT};
    out_settle();
    if (poll(&terminal, 1, 0) <= 0) { /* it stands still already */
        close(screen->tty);
        return false;
    }
    handle_crashes();
    is_taken = 1;
    if (!set_modes()) {
        is_taken = 0;
        unhandle_crashes();
        close(screen->tty);
        return false;
    }
    screen->taken = true;
    screen_size(screen, &columns, &rows);
    for (unsigned i = 0; i < rows; i++)
        fputc('\n', out_stream());
    fputs(HIDE_CURSOR CLEAR, out_stream());
    out_settle(); /* frames go another way */
    return true;
}

void screen_give_back(struct screen *screen)
{
    if (!screen->taken)
        return;
    fputs(SHOW_CURSOR CLEAR, out_stream());
    fflush(out_stream());
    tcflush(STDOUT_FILENO, TCIFLUSH); /* keys that were meant for the view */
    restore_modes();
    is_taken = 0;
    unhandle_crashes();
    close(screen->tty);
    screen->taken = false;
}

char screen_key(struct screen *screen)
{
    char key = 0;
    return read(screen->tty, &key, 1) == 1 ? key : 0;
}

void screen_size(const struct screen *screen, unsigned *columns, unsigned *rows)
{
    struct winsize size = {0};
    bool known = ioctl(screen->tty, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    *columns = known ? size.ws_col : 80;
    *rows = known ? size.ws_row : 24;
}

bool screen_show(struct screen *screen, struct slice frame)
{
    bool taken_up = screen->written == screen->waiting && frame.len <= sizeof(screen->frame);
    if (taken_up && frame.len > 0) {
        memcpy(screen->frame, frame.data, frame.len);
        screen->waiting = frame.len;
        screen->written = 0;
    }
    while (screen->written < screen->waiting) {
        ssize_t n =
            write(screen->tty, screen->frame + screen->written, screen->waiting - screen->written);
        if (n <= 0)
            break;
        screen->written += (size_t)n;
    }
    return taken_up;
}

bool screen_has_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return !no_colour || !no_colour[0];
}

bool screen_has_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *locale = getenv(names[i]);
        if (locale && locale[0])
            return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
    }
    return false;
}
