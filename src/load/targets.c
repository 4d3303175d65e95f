#include "load/targets.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_address(struct client_url *url, const struct addrinfo *info)
{
    struct address *to = &url->addresses[url->address_count];
    if (url->address_count == CLIENT_ADDRESSES || info->ai_addrlen > sizeof(*to))
        return;
    memset(to, 0, sizeof(*to));
    memcpy(&to->any, info->ai_addr, info->ai_addrlen);
    url->address_count++;
}

static void look_up(struct client_url *url, const struct url *parsed)
{
    char host[256], port[8];
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (address_parse(parsed->host, parsed->port, &url->addresses[0])) {
        url->address_count = 1;
        return;
    }
    if (!slice_to_string(parsed->host, host, sizeof(host)))
        return;
    snprintf(port, sizeof(port), "%u", parsed->port);
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return;
    for (const struct addrinfo *info = found; info; info = info->ai_next)
        add_address(url, info);
    freeaddrinfo(found);
}

/* The addresses of an earlier URL of the plan with the same host and port, or NULL. */
static const struct client_url *known(const struct client_url *urls, const struct plan *plan,
                                      uint32_t i)
{
    const struct url *parsed = &plan->urls.items[i].parsed;
    for (uint32_t j = i > 64 ? i - 64 : 0; j < i; j++) {
        const struct url *other = &plan->urls.items[j].parsed;
        if (other->port == parsed->port && slice_equal_nocase(other->host, parsed->host))
            return &urls[j];
    }
    return NULL;
}

static void resolve_plan(struct client_url *urls, const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->urls.count; i++) {
        struct client_url *url = &urls[i];
        struct auth_credentials who = plan_credentials(plan, i);
        const struct client_url *same = known(urls, plan, i);
        url->text = slice_from_string(plan->urls.items[i].url);
        url->shown = slice_from_string(plan->urls.items[i].shown);
        url->user = who.user;
        url->password = who.password;
        if (same) {
            url->address_count = same->address_count;
            memcpy(url->addresses, same->addresses, sizeof(url->addresses));
        } else {
            look_up(url, &plan->urls.items[i].parsed);
        }
    }
}

int targets_resolve_all(struct targets *targets, const struct plan *plans, uint32_t count)
{
    targets->count = 0;
    for (uint32_t i = 0; i < count; i++)
        targets->count += plans[i].urls.count;
    targets->urls = calloc(targets->count, sizeof(*targets->urls));
    if (!targets->urls)
        return -ENOMEM;
    struct client_url *next = targets->urls;
    for (uint32_t i = 0; i < count; i++) {
        resolve_plan(next, &plans[i]);
        next += plans[i].urls.count;
    }
    return 0;
}

int targets_resolve(struct targets *targets, const struct plan *plan)
{
    return targets_resolve_all(targets, plan, 1);
}

void targets_dispose(struct targets *targets)
{
    free(targets->urls);
    *targets = (struct targets){0};
}
