#include "load/plan.h"

#include <jansson.h>

#include "base/clock.h"
#include "proto/secrets.h"

/* URLs beyond these are only counted. */
#define URLS_SHOWN 1000u

static const char *const transport_names[] = {"tcp", "udp", "auto"};
static const char *const tracks_names[] = {"all", "video", "audio"};
static const char *const io_names[] = {"auto", "uring", "epoll"};
static const char *const keepalive_names[] = {"auto", "options", "get_parameter", "set_parameter",
                                              "none"};

static void set_seconds(json_t *object, const char *key, uint64_t ns)
{
    json_object_set_new(object, key, json_real((double)ns / (double)NS_PER_S));
}

static void set_count(json_t *object, const char *key, uint64_t count)
{
    json_object_set_new(object, key, json_integer((json_int_t)count));
}

/* What isn't UTF-8 is escaped. */
static json_t *string_json(struct slice value)
{
    char room[4096];
    struct text printable = text_init(room, sizeof(room) - 1);
    json_t *string = json_stringn((const char *)value.data, value.len);
    if (string)
        return string;
    text_add_printable(&printable, value);
    return json_string(text_string(&printable));
}

static void set_string(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, value ? string_json(slice_from_string(value)) : json_null());
}

static void set_masked(json_t *object, const char *key, const char *url)
{
    char room[4096];
    struct text masked = text_init(room, sizeof(room));
    secrets_mask(&masked, slice_from_string(url));
    set_string(object, key, url ? text_string(&masked) : NULL);
}

static void set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

static json_t *urls_json(const struct plan *plan)
{
    json_t *urls = json_array();
    for (uint32_t i = 0; i < plan->urls.count && i < URLS_SHOWN; i++) {
        const struct url_item *item = &plan->urls.items[i];
        json_t *one = json_object();
        set_string(one, "url", item->shown);
        set_count(one, "weight", item->weight);
        set_string(one, "user", item->user ? item->user : plan->user);
        json_array_append_new(urls, one);
    }
    return urls;
}

/* The names alone: a header's value may be a secret. */
static json_t *headers_json(const struct plan *plan)
{
    json_t *names = json_array();
    struct slice rest = slice_from_string(plan->headers);
    while (rest.len > 0) {
        struct slice line = slice_take_until(&rest, '\n');
        struct slice name = slice_take_until(&line, ':');
        json_array_append_new(names, string_json(name));
    }
    return names;
}

static json_t *bind_json(const struct plan *plan)
{
    json_t *addresses = json_array();
    for (uint32_t i = 0; i < plan->bind_count; i++) {
        char room[80];
        struct text text = text_init(room, sizeof(room));
        address_write_host(&text, &plan->bind[i]);
        json_array_append_new(addresses, json_string(text_string(&text)));
    }
    return addresses;
}

static json_t *slos_json(const struct plan *plan)
{
    json_t *expressions = json_array();
    for (uint32_t i = 0; i < plan->slo_count; i++)
        json_array_append_new(expressions,
                              string_json(slice_from_string(plan->slos[i].expression)));
    return expressions;
}

static json_t *distribution_json(const struct distribution *distribution)
{
    static const char *const names[] = {"none", "fixed", "uniform", "exp", "lognormal"};
    json_t *object = json_object();
    if (distribution->kind == DISTRIBUTION_NONE) {
        json_decref(object);
        return json_null();
    }
    set_string(object, "kind", names[distribution->kind]);
    set_seconds(object, "a_s", distribution->a_ns);
    set_seconds(object, "b_s", distribution->b_ns);
    json_object_set_new(object, "sigma", json_real(distribution->sigma));
    return object;
}

/* What shapes the number of readers over time, and how long each stays. */
static void add_shape(json_t *config, const struct plan *plan)
{
    set_string(config, "profile", profile_name(plan->profile.kind));
    json_object_set_new(config, "profile_readers", json_real(plan->profile.readers));
    json_object_set_new(config, "noise", json_real(plan->profile.noise));
    set_bool(config, "open", plan->open);
    json_object_set_new(config, "session_duration", distribution_json(&plan->life));
    json_object_set_new(config, "zap", distribution_json(&plan->zap));
    json_object_set_new(config, "popularity_zipf", json_real(plan->zipf));
}

static void add_load(json_t *config, const struct plan *plan)
{
    json_object_set_new(config, "urls", urls_json(plan));
    set_count(config, "url_count", plan->urls.count);
    set_count(config, "readers", plan->readers);
    json_object_set_new(config, "rate_per_s", json_real(plan->rate_per_s));
    set_string(config, "arrival", plan->arrival == ARRIVAL_EVEN ? "even" : "poisson");
    set_bool(config, "adaptive", plan->adaptive);
    add_shape(config, plan);
    set_seconds(config, "duration_s", plan->duration_ns);
    set_seconds(config, "warmup_s", plan->warmup_ns);
    set_count(config, "share", plan->share);
    set_count(config, "shares", plan->shares);
    set_count(config, "seed", plan->seed);
}

static void add_session(json_t *config, const struct plan *plan)
{
    set_string(config, "publish", plan->publish ? plan->publish->name : NULL);
    set_seconds(config, "publish_queue_s", plan->publish_queue_ns);
    set_string(config, "transport", transport_names[plan->transport]);
    set_string(config, "tracks", tracks_names[plan->tracks]);
    set_string(config, "keepalive", keepalive_names[plan->keepalive]);
    set_string(config, "close", plan->close_reset ? "rst" : "fin");
    set_bool(config, "location_trusted", plan->trust_redirects);
    set_bool(config, "end_on_stall", plan->end_on_stall);
    set_bool(config, "reconnect", plan->reconnect);
    set_count(config, "retries", plan->retries);
    set_seconds(config, "backoff_s", plan->backoff_ns);
    set_seconds(config, "timeout_s", plan->timeout_ns);
    set_seconds(config, "media_timeout_s", plan->media_timeout_ns);
    set_string(config, "user_agent", plan->user_agent);
    json_object_set_new(config, "headers", headers_json(plan));
}

static void add_machinery(json_t *config, const struct plan *plan)
{
    set_string(config, "io", io_names[plan->io]);
    set_count(config, "threads", plan->shards);
    set_seconds(config, "coalesce_s", plan->coalesce_ns);
    set_bool(config, "quickack", plan->quickack);
    set_string(config, "congestion", plan->congestion);
    set_bool(config, "gro", plan->gro);
    set_count(config, "rcvbuf", plan->rcvbuf);
    set_count(config, "rtp_port_low", plan->rtp_port_low);
    set_count(config, "rtp_port_high", plan->rtp_port_high);
    json_object_set_new(config, "bind_ips", bind_json(plan));
    set_seconds(config, "halt_s", plan->halt_ns);
    set_seconds(config, "halt_period_s", plan->halt_period_ns);
    set_count(config, "panel", plan->panel);
    set_seconds(config, "stats_interval_s", plan->stats_interval_ns);
    json_object_set_new(config, "slo", slos_json(plan));
    set_count(config, "server_pid", plan->server_pid);
    set_string(config, "server_pidfile", plan->server_pidfile);
    set_masked(config, "server_metrics", plan->server_metrics);
}

static json_t *plan_json(const struct plan *plan)
{
    json_t *config = json_object();
    add_load(config, plan);
    add_session(config, plan);
    add_machinery(config, plan);
    return config;
}

char *plan_to_json(const struct plan *plan)
{
    return plans_to_json(plan, 1);
}

/* What the plans come to together, in place of what the first one says. */
static void add_groups(json_t *config, const struct plan *plans, uint32_t count)
{
    json_t *groups = json_array(), *urls = json_array();
    uint64_t readers = 0, shards = 0, url_count = 0, end_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct plan *plan = &plans[i];
        json_t *group = plan_json(plan);
        uint64_t plan_end_ns = plan->begins_ns + plan->duration_ns;
        set_string(group, "name", plan->group);
        set_seconds(group, "start_s", plan->begins_ns);
        json_array_extend(urls, json_object_get(group, "urls"));
        json_array_append_new(groups, group);
        readers += plan->readers;
        shards += plan->shards;
        url_count += plan->urls.count;
        end_ns = plan_end_ns > end_ns ? plan_end_ns : end_ns;
    }
    json_object_set_new(config, "urls", urls);
    set_count(config, "url_count", url_count);
    set_count(config, "readers", readers);
    set_count(config, "threads", shards);
    set_seconds(config, "duration_s", end_ns);
    json_object_set_new(config, "groups", groups);
}

char *plans_to_json(const struct plan *plans, uint32_t count)
{
    json_t *config = plan_json(&plans[0]);
    if (count > 1)
        add_groups(config, plans, count);
    char *text = json_dumps(config, JSON_COMPACT);
    json_decref(config);
    return text;
}
