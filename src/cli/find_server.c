#include "cli/find_server.h"

#include <inttypes.h>
#include <math.h>

#include "base/units.h"

const struct find_server find_server_unknown = {
    .rss_bytes = SERVER_UNKNOWN, .files = SERVER_UNKNOWN, .cpu = -1};

static void keep_most(uint64_t *most, uint64_t seen)
{
    if (seen != SERVER_UNKNOWN && (*most == SERVER_UNKNOWN || seen > *most))
        *most = seen;
}

void find_server_see(struct find_server *server, const struct server_load *load)
{
    if (!load->watched || load->now.ended)
        return;
    if (!server->held) {
        server->cpu_before_ns = load->cpu_ns;
        server->span_before_ns = load->cpu_span_ns;
    }
    server->held = true;
    server->cpu_at_ns = load->cpu_ns;
    server->span_at_ns = load->cpu_span_ns;
    keep_most(&server->rss_bytes, load->now.rss_bytes);
    keep_most(&server->files, load->now.files);
}

void find_server_end(struct find_server *server, const struct server_load *load)
{
    uint64_t span_ns = server->span_at_ns - server->span_before_ns;
    server->watched = load->watched;
    server->cpu = span_ns > 0
                      ? (double)(server->cpu_at_ns - server->cpu_before_ns) / (double)span_ns
                      : server_load_mean_cpu(load);
    if (server->rss_bytes == SERVER_UNKNOWN && load->rss_peak_bytes > 0)
        server->rss_bytes = load->rss_peak_bytes;
    if (server->files == SERVER_UNKNOWN && load->watched)
        server->files = load->now.files;
}

void find_server_write(const struct find_server *server, struct text *to)
{
    const char *comma = "";
    if (server->rss_bytes != SERVER_UNKNOWN) {
        units_write_bytes(to, server->rss_bytes);
        comma = ", ";
    }
    if (server->cpu >= 0) {
        text_printf(to, "%s%.2f cores", comma, server->cpu);
        comma = ", ";
    }
    if (server->files != SERVER_UNKNOWN)
        text_printf(to, "%s%" PRIu64 " files", comma, server->files);
    if (to->len == 0)
        text_add_string(to, "not known");
}

static json_t *count_json(uint64_t count)
{
    return count != SERVER_UNKNOWN ? json_integer((json_int_t)count) : json_null();
}

json_t *find_server_json(const struct find_server *server)
{
    if (!server->watched)
        return json_null();
    json_t *cpu = server->cpu >= 0 ? json_real(round(server->cpu * 1000) / 1000) : json_null();
    return json_pack("{sososo}", "rss_bytes", count_json(server->rss_bytes), "cpu", cpu, "files",
                     count_json(server->files));
}
