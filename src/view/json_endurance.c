#include "view/json_endurance.h"

#include <math.h>

static void put_amount(json_t *object, const char *key, uint64_t amount)
{
    json_object_set_new(object, key,
                        amount == SERVER_UNKNOWN ? json_null() : json_integer((json_int_t)amount));
}

static double to_thousandths(double value)
{
    return round(value * 1000) / 1000;
}

static void put_cores(json_t *object, const char *key, double cores)
{
    json_object_set_new(object, key, cores < 0 ? json_null() : json_real(to_thousandths(cores)));
}

json_t *view_json_server(const struct server_load *server)
{
    const struct server_sample *now = &server->now;
    if (!server->watched)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "ended", json_boolean(now->ended));
    put_amount(object, "rss_bytes", now->rss_bytes);
    put_amount(object, "rss_peak_bytes",
               server->rss_peak_bytes > 0 ? server->rss_peak_bytes : SERVER_UNKNOWN);
    put_cores(object, "cpu_s", server->cpu_span_ns > 0 ? (double)server->cpu_ns / 1e9 : -1);
    put_cores(object, "cpu", server_load_mean_cpu(server));
    put_cores(object, "cpu_now", server->cpu);
    put_amount(object, "files", now->files);
    put_amount(object, "sessions", now->sessions);
    put_amount(object, "connections", now->connections);
    put_amount(object, "bytes_sent", now->bytes_sent);
    put_amount(object, "packets_discarded", now->packets_discarded);
    put_amount(object, "packets_reported_lost", now->packets_reported_lost);
    put_amount(object, "failures", now->failures);
    return object;
}

void view_json_server_row(json_t *object, const struct timeline_row *row)
{
    put_amount(object, "server_rss_bytes",
               row->has_server_rss ? row->server_rss_bytes : SERVER_UNKNOWN);
    put_cores(object, "server_cpu", row->has_server_cpu ? row->server_cpu : -1);
    put_amount(object, "server_files", row->has_server_files ? row->server_files : SERVER_UNKNOWN);
    put_amount(object, "server_sessions",
               row->has_server_sessions ? row->server_sessions : SERVER_UNKNOWN);
}

static json_t *row_object(const struct drift_row *row)
{
    json_t *object = json_object();
    bool measured = row->verdict != DRIFT_NOT_MEASURED;
    json_object_set_new(object, "first", measured ? json_real(row->first) : json_null());
    json_object_set_new(object, "last", measured ? json_real(row->last) : json_null());
    json_object_set_new(object, "noise", measured ? json_real(row->noise) : json_null());
    json_object_set_new(object, "per_hour", measured ? json_real(row->per_hour) : json_null());
    json_object_set_new(object, "verdict", json_string(drift_verdict_name(row->verdict)));
    return object;
}

json_t *view_json_drift(const struct drift *drift)
{
    struct drift_report report;
    if (!drift || !drift_report(drift, &report))
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "steady_s", json_real((double)report.steady_ns / 1e9));
    json_object_set_new(object, "tenth_s", json_real((double)report.tenth_ns / 1e9));
    json_object_set_new(object, "slices", json_integer(report.slices));
    for (unsigned i = 0; i < DRIFT_QUANTITIES; i++)
        json_object_set_new(object, drift_name((enum drift_quantity)i),
                            row_object(&report.rows[i]));
    return object;
}
