#include "stats/server_load.h"

const struct server_sample server_sample_unknown = {
    .rss_bytes = SERVER_UNKNOWN,
    .cpu_ns = SERVER_UNKNOWN,
    .files = SERVER_UNKNOWN,
    .sessions = SERVER_UNKNOWN,
    .connections = SERVER_UNKNOWN,
    .bytes_sent = SERVER_UNKNOWN,
    .packets_discarded = SERVER_UNKNOWN,
    .packets_reported_lost = SERVER_UNKNOWN,
};

static bool has_cpu(const struct server_sample *sample)
{
    return sample->cpu_ns != SERVER_UNKNOWN;
}

static void see_cpu(struct server_load *load, const struct server_sample *sample)
{
    const struct server_sample *before = &load->now;
    if (!load->watched || !has_cpu(before) || !has_cpu(sample) || sample->ended || sample->anew ||
        sample->cpu_ns < before->cpu_ns) {
        load->cpu = -1;
        return;
    }
    if (sample->cpu_at_ns <= before->cpu_at_ns) /* nothing new was fetched since */
        return;
    uint64_t cpu_ns = sample->cpu_ns - before->cpu_ns;
    uint64_t span_ns = sample->cpu_at_ns - before->cpu_at_ns;
    load->cpu_ns += cpu_ns;
    load->cpu_span_ns += span_ns;
    load->cpu = (double)cpu_ns / (double)span_ns;
}

void server_load_see(struct server_load *load, const struct server_sample *sample)
{
    see_cpu(load, sample);
    load->watched = true;
    load->now = *sample;
    if (sample->rss_bytes != SERVER_UNKNOWN && sample->rss_bytes > load->rss_peak_bytes)
        load->rss_peak_bytes = sample->rss_bytes;
}

double server_load_mean_cpu(const struct server_load *load)
{
    return load->cpu_span_ns > 0 ? (double)load->cpu_ns / (double)load->cpu_span_ns : -1;
}
