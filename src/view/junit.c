#include "view/junit.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "stats/slo.h"
#include "view/headline.h"
#include "view/interrupted.h"
#include "view/text.h"

static void write_escaped(FILE *to, const char *string)
{
    char room[8192];
    struct text text = text_init(room, sizeof(room));
    text_add_xml(&text, slice_from_string(string));
    fwrite(text.data, 1, text.len, to);
}

static void begin_case(FILE *to, const char *name)
{
    fputs("    <testcase classname=\"rtspbench\" name=\"", to);
    write_escaped(to, name);
    fputs("\"", to);
}

static void end_case(FILE *to, const char *outcome, const char *message)
{
    if (!outcome) {
        fputs("/>\n", to);
        return;
    }
    fprintf(to, ">\n      <%s message=\"", outcome);
    write_escaped(to, message);
    fputs("\"/>\n    </testcase>\n", to);
}

static void write_property(FILE *to, const char *name, struct text *value)
{
    fprintf(to, "      <property name=\"%s\" value=\"", name);
    write_escaped(to, text_string(value));
    fputs("\"/>\n", to);
}

/* What the suite has beside its cases. */
static void write_properties(FILE *to, const struct snapshot *snapshot)
{
    const struct interrupted *interrupted = &snapshot->interrupted;
    char line_room[512], words_room[100];
    struct text line = text_init(line_room, sizeof(line_room));
    struct text words = text_init(words_room, sizeof(words_room));
    headline_write_line(snapshot, &line);
    fputs("    <properties>\n", to);
    write_property(to, "headline", &line);
    if (interrupted->signal) {
        interrupted_write(&words, interrupted);
        text_printf(&words, ", by %s", interrupted_signal_name(interrupted->signal));
        write_property(to, "interrupted", &words);
    }
    fputs("    </properties>\n", to);
}

static void write_established(FILE *to, const struct snapshot *snapshot, bool invalid)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    const struct error_entry *sorted[ERRORS_MAX];
    char room[400];
    struct text why = text_init(room, sizeof(room));
    text_printf(&why, "none of %llu", (unsigned long long)sessions->started);
    if (snapshot_errors(snapshot, sorted) > 0)
        text_printf(&why, ": %s %s %s", phase_name(sorted[0]->phase),
                    reason_name(sorted[0]->reason), sorted[0]->sample);
    begin_case(to, "sessions established");
    const char *outcome = invalid ? "error" : "failure";
    end_case(to, sessions->established > 0 ? NULL : outcome, text_string(&why));
}

/* Where the run can't be judged an objective is neither kept nor missed: an error, to JUnit. */
static void write_slo(FILE *to, const struct slo_result *slo, const struct snapshot *snapshot,
                      bool invalid)
{
    char room[200];
    struct text message = text_init(room, sizeof(room));
    text_add_string(&message, slo->measured && isfinite(slo->value) ? "it was " : "");
    slo_write_result(&message, slo);
    if (snapshot_ended_early(snapshot)) {
        text_add_string(&message, ", but the run was ");
        interrupted_write(&message, &snapshot->interrupted);
    } else if (invalid) {
        text_add_string(&message, ", but the generator was the limit");
    }
    begin_case(to, slo->expression);
    end_case(to, invalid ? "error" : slo->ok ? NULL : "failure", text_string(&message));
}

/* Whether nothing but the want of any media made it fail: no other case says so then. */
static bool fails_for_media(const struct snapshot *snapshot)
{
    if (snapshot_verdict(snapshot, NULL) != VERDICT_FAIL || !snapshot_lacks_media(snapshot))
        return false;
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        if (!snapshot->slos[i].ok)
            return false;
    }
    return snapshot->total->sessions.established > 0;
}

static void write_media(FILE *to, const struct snapshot *snapshot)
{
    bool none_read = snapshot_reads(snapshot) && stats_rtp(snapshot->total).packets == 0;
    begin_case(to, "media");
    end_case(to, "failure",
             none_read ? "no RTP packet came after the warm-up"
                       : "no RTP packet was written after the warm-up");
}

static void write_cases(FILE *to, const struct snapshot *snapshot, bool invalid)
{
    write_established(to, snapshot, invalid);
    if (fails_for_media(snapshot))
        write_media(to, snapshot);
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        write_slo(to, &snapshot->slos[i], snapshot, invalid);
}

static void write_summary(FILE *to, const struct snapshot *snapshot)
{
    char room[8192];
    struct text summary = text_init(room, sizeof(room));
    struct slice rest;
    view_text_summary(snapshot, &summary);
    rest = text_slice(&summary);
    fputs("    <system-out>", to);
    while (rest.len > 0) {
        char line[1024];
        slice_to_string(slice_take_until(&rest, '\n'), line, sizeof(line));
        write_escaped(to, line);
        fputc('\n', to);
    }
    fputs("</system-out>\n", to);
}

int view_junit_write(const struct snapshot *snapshot, const char *path)
{
    struct file file;
    bool invalid = snapshot_verdict(snapshot, NULL) == VERDICT_INVALID;
    bool media = fails_for_media(snapshot);
    uint32_t wrong = (snapshot->total->sessions.established == 0) + media;
    int error = file_open(&file, path);
    if (error)
        return error;
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        wrong += invalid || !snapshot->slos[i].ok;
    fprintf(file.stream,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite "
            "name=\"rtspbench\" tests=\"%u\" failures=\"%u\" errors=\"%u\" time=\"%.3f\">\n",
            snapshot->slo_count + 1 + media, invalid ? 0 : wrong, invalid ? wrong : 0,
            (double)snapshot->elapsed_ns / 1e9);
    write_properties(file.stream, snapshot);
    write_cases(file.stream, snapshot, invalid);
    write_summary(file.stream, snapshot);
    fputs("  </testsuite>\n</testsuites>\n", file.stream);
    return file_commit(&file);
}
