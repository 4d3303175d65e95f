#include "view/headline.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "stats/slo.h"
#include "view/interrupted.h"
#include "view/paragraph.h"

#define PIECE 128u
#define FACTS_MAX 12u
#define AT_THE_END 0.9 /* of those wanted at the plan's end: fewer are worth a word */

struct facts {
    struct headline_fact all[FACTS_MAX];
    unsigned count;
};

static struct headline_fact *new_fact(struct facts *facts, uint64_t count)
{
    assert(facts->count < FACTS_MAX);
    struct headline_fact *fact = &facts->all[facts->count++];
    *fact = (struct headline_fact){.count = count};
    return fact;
}

static void add_fact(struct facts *facts, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    struct headline_fact *fact = new_fact(facts, count);
    struct text text = text_init(fact->text, sizeof(fact->text) - 1);
    units_write_count(&text, count);
    text_printf(&text, " %s", what);
    fact->text[text.len] = '\0';
}

/* Sessions whose media stayed away for --media-timeout. */
static uint64_t media_timeouts(const struct snapshot *snapshot)
{
    const struct stats *total = snapshot->total;
    for (uint32_t i = 0; i < total->error_count; i++) {
        const struct error_entry *error = &total->errors[i];
        if (error->phase == PHASE_MEDIA && error->reason == REASON_MEDIA_TIMEOUT)
            return error->count;
    }
    return 0;
}

/* "0 of 30 up at the end" */
static void add_end(struct facts *facts, const struct stats *total)
{
    uint64_t up = total->up_at_end, wanted = total->wanted_at_end;
    if ((double)up >= AT_THE_END * (double)wanted)
        return;
    struct headline_fact *fact = new_fact(facts, wanted - up);
    struct text text = text_init(fact->text, sizeof(fact->text) - 1);
    units_write_count(&text, up);
    text_add_string(&text, " of ");
    units_write_count(&text, wanted);
    text_add_string(&text, " up at the end");
    fact->text[text.len] = '\0';
}

/* Whether any session of a group was begun, its misbehaving ones left out. */
static bool has_begun(const struct snapshot *snapshot, const char *group)
{
    for (uint32_t i = 0; i < snapshot->info->stream_count; i++) {
        if (snapshot->info->stream_groups[i] == group &&
            snapshot->total->streams[i].sessions.started > 0)
            return true;
    }
    return false;
}

/* Graver than any count: what it should have done was not done at all. */
static void add_idle_group(struct facts *facts, const struct snapshot *snapshot)
{
    const char *const *groups = snapshot->info->stream_groups;
    for (uint32_t i = 0; groups && i < snapshot->info->stream_count; i++) {
        if (!groups[i] || has_begun(snapshot, groups[i]))
            continue;
        struct headline_fact *fact = new_fact(facts, UINT64_MAX);
        snprintf(fact->text, sizeof(fact->text), "group %.64s never began", groups[i]);
        return;
    }
}

/* In the order in which they go where counts are the same. */
static void gather(const struct snapshot *snapshot, struct facts *facts)
{
    const struct stats *total = snapshot->total;
    const struct session_counts *sessions = &total->sessions;
    uint64_t timeouts = media_timeouts(snapshot);
    add_idle_group(facts, snapshot);
    add_fact(facts, sessions->failed, "failed");
    add_fact(facts, sessions->unanswered, "unanswered");
    add_fact(facts, total->no_media, "without media");
    add_fact(facts, total->published.unconfirmed, "unconfirmed");
    if (timeouts > total->no_media)
        add_fact(facts, timeouts, timeouts == 1 ? "media timeout" : "media timeouts");
    add_fact(facts, sessions->dropped, "dropped");
    add_end(facts, total);
    add_fact(facts, total->panel.stalled_sessions, "stalled");
    add_fact(facts, total->teardowns_unanswered,
             total->teardowns_unanswered == 1 ? "TEARDOWN unanswered" : "TEARDOWNs unanswered");
    add_fact(facts, sessions->not_started, "never begun");
}

unsigned headline_lead(const struct snapshot *snapshot,
                       struct headline_fact lead[static HEADLINE_LEAD])
{
    struct facts facts = {.count = 0};
    unsigned taken = 0;
    gather(snapshot, &facts);
    while (taken < HEADLINE_LEAD && taken < facts.count) {
        unsigned gravest = taken;
        for (unsigned i = taken + 1; i < facts.count; i++) {
            if (facts.all[i].count > facts.all[gravest].count)
                gravest = i;
        }
        struct headline_fact next = facts.all[gravest];
        memmove(&facts.all[taken + 1], &facts.all[taken], (gravest - taken) * sizeof(next));
        facts.all[taken] = lead[taken] = next;
        taken++;
    }
    return taken;
}

static void add_lead(const struct snapshot *snapshot, struct paragraph *line)
{
    struct headline_fact lead[HEADLINE_LEAD];
    unsigned count = headline_lead(snapshot, lead);
    for (unsigned i = 0; i < count; i++)
        paragraph_printf(line, "%s", lead[i].text);
}

/* Nothing where no signal ended it. */
static void add_interrupted(const struct snapshot *snapshot, struct paragraph *line)
{
    char buffer[PIECE];
    struct text piece = text_init(buffer, sizeof(buffer));
    if (!snapshot->interrupted.signal)
        return;
    interrupted_write(&piece, &snapshot->interrupted);
    paragraph_add(line, text_slice(&piece));
}

/* "describe status 404" */
static const char *error_name(const struct error_entry *error, char out[PIECE])
{
    int n = snprintf(out, PIECE, "%s %s", phase_name(error->phase), reason_name(error->reason));
    if (error->status > 0)
        snprintf(out + n, PIECE - (size_t)n, " %u", error->status);
    return out;
}

/* "cpu, loop_lag, +3 more" */
static const char *limits_name(uint32_t limits, char out[PIECE])
{
    struct text text = text_init(out, PIECE);
    unsigned named = 0, left = (unsigned)__builtin_popcount(limits);
    for (unsigned i = 0; i < GENERATOR_LIMITS && named < 2; i++) {
        if (!(limits & 1u << i))
            continue;
        text_printf(&text, "%s%s", named > 0 ? ", " : "", generator_limit_name(i));
        named++;
    }
    if (left > named)
        text_printf(&text, ", +%u more", left - named);
    return text_string(&text);
}

static uint64_t bad_clients(const struct snapshot *snapshot)
{
    uint64_t started = 0;
    for (unsigned i = 0; i < MISBEHAVIOURS; i++)
        started += snapshot->total->misbehaving[i].started;
    return started;
}

static void nothing_established(const struct snapshot *snapshot, struct paragraph *line)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    const struct error_entry *sorted[ERRORS_MAX];
    uint64_t bad = bad_clients(snapshot);
    char name[PIECE];
    if (snapshot_errors(snapshot, sorted) > 0)
        paragraph_printf(line, "FAIL  no session was established: %s (%llu)",
                         error_name(sorted[0], name), (unsigned long long)sorted[0]->count);
    else if (sessions->started == 0 && bad > 0)
        paragraph_printf(line, "FAIL  no session was established: only %llu bad client%s begun",
                         (unsigned long long)bad, bad == 1 ? " was" : "s were");
    else if (sessions->started == 0)
        paragraph_printf(line, "FAIL  no session was established: none was begun");
    else if (sessions->unanswered > 0)
        paragraph_printf(line, "FAIL  no session was established: %llu unanswered",
                         (unsigned long long)sessions->unanswered);
    else
        paragraph_printf(line,
                         "FAIL  no session was established: %llu cut off by the end of the run",
                         (unsigned long long)sessions->cancelled);
    add_interrupted(snapshot, line);
    line->separator = "; ";
    if (snapshot->generator.limits)
        paragraph_printf(line, "limited: %s", limits_name(snapshot->generator.limits, name));
}

static const struct slo_result *first_missed(const struct snapshot *snapshot, uint32_t *count)
{
    const struct slo_result *first = NULL;
    *count = 0;
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        if (snapshot->slos[i].ok)
            continue;
        if ((*count)++ == 0)
            first = &snapshot->slos[i];
    }
    return first;
}

static void add_missed(const struct snapshot *snapshot, struct paragraph *line, const char *start)
{
    uint32_t count;
    const struct slo_result *first = first_missed(snapshot, &count);
    char buffer[PIECE];
    struct text value = text_init(buffer, sizeof(buffer));
    if (!first) {
        paragraph_printf(line, "%sno media, with objectives", start);
        return;
    }
    bool plain = first->measured && first->beyond == 0;
    slo_write_result(&value, first);
    paragraph_printf(line, "%smissed %s (%s%s)", start, first->expression, plain ? "it was " : "",
                     text_string(&value));
    if (count > 1)
        paragraph_printf(line, "and %u more", count - 1);
}

/* "20 of 40 sessions" */
static void add_established(const struct snapshot *snapshot, struct paragraph *line,
                            const char *start)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    text_add_string(&text, start);
    units_write_count(&text, sessions->established);
    text_add_string(&text, " of ");
    units_write_count(&text, sessions->started);
    text_add_string(&text, snapshot_reads(snapshot) ? " sessions" : " publishers");
    paragraph_add(line, text_slice(&text));
}

static void add_packets(const struct snapshot *snapshot, struct paragraph *line)
{
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    uint64_t dropped = snapshot->total->published.dropped;
    const struct oddity_counts *oddities = &snapshot->total->oddities;
    uint64_t ignored = oddities->foreign + oddities->unknown_type;
    if (snapshot_reads(snapshot) && rtp.packets == 0) {
        paragraph_printf(line, "no media");
        paragraph_count_if_any(line, ignored, "packets ignored");
    } else if (snapshot_reads(snapshot)) {
        paragraph_count(line, rtp.lost, rtp.lost == 1 ? "packet lost" : "packets lost");
    }
    if (!snapshot_reads(snapshot))
        paragraph_count(line, dropped, dropped == 1 ? "packet dropped" : "packets dropped");
    else if (snapshot_publishes(snapshot))
        paragraph_count(line, dropped, "unsent");
}

static void passed(const struct snapshot *snapshot, struct paragraph *line)
{
    char limits[PIECE];
    if (snapshot->generator.limits) {
        paragraph_printf(line, "PASS, but the generator was the limit: %s",
                         limits_name(snapshot->generator.limits, limits));
        line->separator = "; ";
        add_established(snapshot, line, "");
    } else {
        add_established(snapshot, line, "PASS  ");
    }
    add_interrupted(snapshot, line);
    add_lead(snapshot, line);
    add_packets(snapshot, line);
}

/* What befell comes before what it missed by that. */
static void failed(const struct snapshot *snapshot, struct paragraph *line)
{
    struct headline_fact lead[HEADLINE_LEAD];
    if (headline_lead(snapshot, lead) == 0) {
        add_missed(snapshot, line, "FAIL  ");
        add_interrupted(snapshot, line);
        return;
    }
    add_established(snapshot, line, "FAIL  ");
    add_interrupted(snapshot, line);
    add_lead(snapshot, line);
    line->separator = "; ";
    add_missed(snapshot, line, "");
}

/* What ended too early couldn't be judged by a better generator either, whose own line says that it
   was the limit, too. */
static void add_why_invalid(const struct snapshot *snapshot, struct paragraph *line)
{
    bool none = snapshot->total->sessions.established == 0;
    char buffer[PIECE];
    struct text early = text_init(buffer, sizeof(buffer));
    if (snapshot_ended_early(snapshot)) {
        interrupted_write(&early, &snapshot->interrupted);
        paragraph_printf(line, "INVALID  %s, before the target was reached", text_string(&early));
        return;
    }
    paragraph_printf(line, "INVALID  %sthe generator was the limit: %s",
                     none ? "no session was established, " : "",
                     limits_name(snapshot->generator.limits, buffer));
    add_interrupted(snapshot, line);
}

static void invalid(const struct snapshot *snapshot, struct paragraph *line)
{
    add_why_invalid(snapshot, line);
    line->separator = "; ";
    add_established(snapshot, line, "");
    add_lead(snapshot, line);
    add_packets(snapshot, line);
}

void headline_write(const struct snapshot *snapshot, unsigned lines, struct text *to)
{
    struct paragraph line = {.to = to, .more_lines = lines - 1};
    switch (snapshot_verdict(snapshot, NULL)) {
    case VERDICT_PASS:
        passed(snapshot, &line);
        break;
    case VERDICT_FAIL:
        if (snapshot->total->sessions.established == 0)
            nothing_established(snapshot, &line);
        else
            failed(snapshot, &line);
        break;
    case VERDICT_INVALID:
        invalid(snapshot, &line);
        break;
    }
    paragraph_end(&line);
}

void headline_write_line(const struct snapshot *snapshot, struct text *to)
{
    char room[512];
    struct text lines = text_init(room, sizeof(room));
    bool space = false;
    headline_write(snapshot, 3, &lines);
    for (size_t i = 0; i + 1 < lines.len; i++) {
        bool blank = room[i] == '\n' || (space && room[i] == ' ');
        if (room[i] == '\n')
            text_add_string(to, " ");
        else if (!blank)
            text_add(to, slice_make(room + i, 1));
        space = blank;
    }
}
