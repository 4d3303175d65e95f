#include "view/junit.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "stats/slo.h"
#include "view/file.h"
#include "view/interrupted.h"
#include "view/text.h"

/* As an attribute's value or as text; what isn't printable is escaped first. */
static void write_escaped(FILE *to, const char *string)
{
    char room[4096];
    struct text text = text_init(room, sizeof(room));
    text_add_escaped(&text, slice_from_string(string));
    for (size_t i = 0; i < text.len; i++) {
        const char *entity = room[i] == '&'   ? "&amp;"
                             : room[i] == '<' ? "&lt;"
                             : room[i] == '>' ? "&gt;"
                             : room[i] == '"' ? "&quot;"
                                              : NULL;
        if (entity)
            fputs(entity, to);
        else
            fputc(room[i], to);
    }
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

/* What the suite has beside its cases: nothing, where it went as planned. */
static void write_properties(FILE *to, const struct interrupted *interrupted)
{
    char room[100];
    struct text words = text_init(room, sizeof(room));
    if (!interrupted->signal)
        return;
    interrupted_write(&words, interrupted);
    fprintf(to,
            "    <properties>\n      <property name=\"interrupted\" value=\"%s, by %s\"/>\n"
            "    </properties>\n",
            text_string(&words), interrupted_signal_name(interrupted->signal));
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
    text_add_string(&message, "it was ");
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
    uint32_t wrong = snapshot->total->sessions.established == 0;
    bool invalid = snapshot_verdict(snapshot, NULL) == VERDICT_INVALID;
    int error = file_open(&file, path);
    if (error)
        return error;
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        wrong += invalid || !snapshot->slos[i].ok;
    fprintf(file.stream,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite "
            "name=\"rtspbench\" tests=\"%u\" failures=\"%u\" errors=\"%u\" time=\"%.3f\">\n",
            snapshot->slo_count + 1, invalid ? 0 : wrong, invalid ? wrong : 0,
            (double)snapshot->elapsed_ns / 1e9);
    write_properties(file.stream, &snapshot->interrupted);
    write_established(file.stream, snapshot, invalid);
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        write_slo(file.stream, &snapshot->slos[i], snapshot, invalid);
    write_summary(file.stream, snapshot);
    fputs("  </testsuite>\n</testsuites>\n", file.stream);
    return file_commit(&file);
}
