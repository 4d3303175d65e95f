#include "view/csv.h"

#include "base/file.h"

static void write_time(FILE *to, bool measured, uint64_t us)
{
    if (measured)
        fprintf(to, ",%.12g", (double)us / 1e3);
    else
        fputc(',', to);
}

static void write_amount(FILE *to, bool known, uint64_t amount)
{
    fputc(',', to);
    if (known)
        fprintf(to, "%llu", (unsigned long long)amount);
}

static void write_row(FILE *to, const struct timeline_row *row)
{
    const uint64_t counts[] = {row->started, row->established, row->failed,
                               row->dropped, row->packets,     row->bytes};
    fprintf(to, "%.3f,%u,%u", (double)row->t_ns / 1e9, row->target, row->active);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        fprintf(to, ",%llu", (unsigned long long)counts[i]);
    fprintf(to, ",%lld", (long long)row->lost);
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        fprintf(to, ",%lld", (long long)row->lost_by[i]);
    fprintf(to, ",%llu,%llu", (unsigned long long)row->errors, (unsigned long long)row->freezes);
    write_time(to, row->has_startup, row->startup_p50_us);
    write_time(to, row->has_startup, row->startup_p95_us);
    write_time(to, row->has_startup, row->startup_p99_us);
    write_time(to, row->has_jitter, row->jitter_p50_us);
    write_time(to, row->has_jitter, row->jitter_p95_us);
    write_time(to, row->has_jitter, row->jitter_p99_us);
    write_time(to, row->has_latency, row->latency_p50_us);
    write_time(to, row->has_latency, row->latency_p95_us);
    write_time(to, true, row->loop_lag_p99_us);
    write_time(to, true, row->schedule_lag_p99_us);
    fprintf(to, ",%.3f", row->cpu);
    write_amount(to, row->has_server_rss, row->server_rss_bytes);
    fputc(',', to);
    if (row->has_server_cpu)
        fprintf(to, "%.3f", row->server_cpu);
    write_amount(to, row->has_server_files, row->server_files);
    write_amount(to, row->has_server_sessions, row->server_sessions);
    write_amount(to, true, row->published);
    write_amount(to, true, row->published_bytes);
    write_amount(to, true, row->publish_dropped);
    write_time(to, row->has_publish_late, row->publish_late_p50_us);
    write_time(to, row->has_publish_late, row->publish_late_p95_us);
    write_time(to, row->has_publish_late, row->publish_late_p99_us);
    fputc('\n', to);
}

int view_csv_write(const struct snapshot *snapshot, const char *path)
{
    struct file file;
    int error = file_open(&file, path);
    if (error)
        return error;
    fputs("t_s,target,active,started,established,failed,dropped,packets,bytes,lost,lost_network,"
          "lost_local_socket,lost_self,lost_server,errors,freezes,startup_p50_ms,startup_p95_ms,"
          "startup_p99_ms,jitter_p50_ms,jitter_p95_ms,jitter_p99_ms,latency_p50_ms,latency_p95_ms,"
          "loop_lag_p99_ms,schedule_lag_p99_ms,cpu,server_rss_bytes,server_cpu,server_files,"
          "server_sessions,published,published_bytes,publish_dropped,publish_late_p50_ms,"
          "publish_late_p95_ms,publish_late_p99_ms\n",
          file.stream);
    for (uint32_t i = 0; i < snapshot->timeline_count; i++)
        write_row(file.stream, &snapshot->timeline[i]);
    return file_commit(&file);
}
