#include "server/truth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "server/target.h"

static void count_written(struct truth_track *track, uint32_t bytes)
{
    track->counts.sent++;
    track->counts.bytes += bytes;
}

/* What was dropped so far has a written packet behind it now. */
static void settle(struct truth_track *track)
{
    track->counts.dropped_inside += track->dropped_last;
    track->dropped_last = 0;
    track->started = true;
}

void truth_sent(struct truth_track *track, uint32_t bytes)
{
    count_written(track, bytes);
    settle(track);
}

void truth_duplicated(struct truth_track *track, uint32_t bytes)
{
    count_written(track, bytes);
    track->counts.duplicated++;
}

void truth_dropped(struct truth_track *track)
{
    track->counts.dropped++;
    track->dropped_last += track->started;
}

void truth_held(struct truth_track *track)
{
    settle(track);
}

void truth_released(struct truth_track *track, uint32_t bytes, bool overtaken)
{
    count_written(track, bytes);
    track->counts.reordered += overtaken;
}

void truth_add(struct truth_counts *sum, const struct truth_counts *counts)
{
    sum->sent += counts->sent;
    sum->bytes += counts->bytes;
    sum->dropped += counts->dropped;
    sum->dropped_inside += counts->dropped_inside;
    sum->duplicated += counts->duplicated;
    sum->reordered += counts->reordered;
}

void truth_add_received(struct truth_received *sum, const struct truth_received *received)
{
    sum->packets += received->packets;
    sum->bytes += received->bytes;
    sum->lost += received->lost;
    sum->duplicates += received->duplicates;
    sum->reordered += received->reordered;
}

static void write_counts(struct text *to, const struct truth_counts *counts)
{
    text_printf(to,
                "\"sent\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"dropped\": %" PRIu64
                ", \"dropped_inside\": %" PRIu64 ", \"duplicated\": %" PRIu64
                ", \"reordered\": %" PRIu64,
                counts->sent, counts->bytes, counts->dropped, counts->dropped_inside,
                counts->duplicated, counts->reordered);
}

static void write_received(struct text *to, const struct truth_received *received)
{
    text_printf(to,
                "\"received\": %" PRIu64 ", \"received_bytes\": %" PRIu64
                ", \"received_lost\": %" PRIu64 ", \"received_duplicates\": %" PRIu64
                ", \"received_reordered\": %" PRIu64,
                received->packets, received->bytes, received->lost, received->duplicates,
                received->reordered);
}

void truth_write_session(struct text *to, const struct truth_session *session)
{
    text_printf(to, "{\"session\": \"%016" PRIx64 "\", \"path\": ", session->id);
    text_add_json(to, slice_from_string(session->path));
    text_add_string(to, ", \"client\": \"");
    address_write(to, &session->client);
    text_printf(to, "\", \"transport\": \"%s\", \"ended\": \"%s\", \"keepalives\": %" PRIu64 ", ",
                session->transport, session->ended, session->keepalives);
    write_counts(to, &session->counts);
    text_printf(to, ", \"publisher\": %s, ", session->publisher ? "true" : "false");
    write_received(to, &session->received);
    text_add_string(to, ", \"tracks\": [");
    for (unsigned i = 0; i < session->track_count; i++) {
        text_printf(to, "%s{\"track\": %u, \"ssrc\": %" PRIu32 ", ", i > 0 ? ", " : "",
                    session->tracks[i].track, session->tracks[i].ssrc);
        write_counts(to, &session->tracks[i].counts);
        text_add_string(to, ", ");
        write_received(to, &session->tracks[i].received);
        text_add_string(to, "}");
    }
    text_add_string(to, "]}\n");
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct truth_path *)a)->key, ((const struct truth_path *)b)->key);
}

size_t truth_merge(struct truth_path *paths, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(paths, count, sizeof(*paths), by_key);
    for (size_t i = 0; i < count; i++) {
        struct truth_path *last = kept > 0 ? &paths[kept - 1] : NULL;
        if (!last || strcmp(last->key, paths[i].key) != 0) {
            paths[kept++] = paths[i];
            continue;
        }
        last->sessions += paths[i].sessions;
        last->keepalives += paths[i].keepalives;
        last->teardowns += paths[i].teardowns;
        last->publishers += paths[i].publishers;
        truth_add(&last->counts, &paths[i].counts);
        truth_add_received(&last->received, &paths[i].received);
    }
    return kept;
}

static void write_path(FILE *to, const struct truth_path *path, bool first)
{
    char line[6 * TARGET_KEY_MAX + 1024];
    struct text text = text_init(line, sizeof(line));
    text_add_string(&text, first ? "\n  " : ",\n  ");
    text_add_json(&text, slice_from_string(path->key));
    text_printf(&text, ": {\"sessions\": %" PRIu64 ", ", path->sessions);
    write_counts(&text, &path->counts);
    text_printf(&text,
                ", \"keepalives\": %" PRIu64 ", \"teardowns\": %" PRIu64
                ", \"publishers\": %" PRIu64 ", ",
                path->keepalives, path->teardowns, path->publishers);
    write_received(&text, &path->received);
    text_add_string(&text, "}");
    fwrite(text.data, 1, text.len, to);
}

static void write_refused(FILE *to, const struct truth_refused *refused)
{
    fprintf(to,
            "\"refused\": {\"files\": %" PRIu64 ", \"memory\": %" PRIu64 ", \"sessions\": %" PRIu64
            "}",
            refused->of[REFUSED_FILES], refused->of[REFUSED_MEMORY], refused->of[REFUSED_SESSIONS]);
}

int truth_write_file(const char *name, struct truth_path *paths, size_t count,
                     const struct truth_refused *refused)
{
    struct file file;
    int error = file_open(&file, name);
    if (error)
        return error;
    count = truth_merge(paths, count);
    fputs("{\"paths\": {", file.stream);
    for (size_t i = 0; i < count; i++)
        write_path(file.stream, &paths[i], i == 0);
    fputs("\n}, ", file.stream);
    write_refused(file.stream, refused);
    fputs("}\n", file.stream);
    return file_commit(&file);
}
