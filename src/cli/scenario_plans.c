#include "cli/scenario_plans.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/units.h"

#define VALUE_BYTES 4096u
#define CHOICE_GROUP UINT64_C(0x67726f7570)

/* Where one of these is given again, nearer to the user, the others give way too. */
static const char *const rivals[][3] = {{"url", "url-file", "url"},
                                        {"duration", "hours", "duration"},
                                        {"profile", "stages", "real-world"}};

struct making {
    const struct scenario *scenario;
    const struct options *given;
    const char *server; /* up to its path; NULL: not known */
    struct text *error;
    bool url_taken_in; /* --url is the ${server} of the file's URLs, not another URL */
    char **words;      /* of the command line that is made; ours */
    int count, room;
};

/* "FILE:LINE: subject: expected what" */
static bool complain(struct making *making, unsigned line, const char *subject, const char *what)
{
    scenario_place(making->scenario, line, making->error);
    text_printf(making->error, "%.60s: expected %s", subject, what);
    return false;
}

static void add_word(struct making *making, const char *word)
{
    if (making->count == making->room) {
        making->room = making->room * 2 + 16;
        making->words = realloc(making->words, (size_t)making->room * sizeof(char *));
        assert(making->words);
    }
    making->words[making->count] = strdup(word);
    assert(making->words[making->count]);
    making->count++;
}

static void drop_words(struct making *making)
{
    for (int i = 0; i < making->count; i++) {
        explicit_bzero(making->words[i], strlen(making->words[i]));
        free(making->words[i]);
    }
    free(making->words);
    making->words = NULL;
    making->count = making->room = 0;
}

/* A variable's value: --var's, the server's, or the file's; NULL: there is none of that name. */
static const char *variable(const struct making *making, struct slice name)
{
    const struct options *given = making->given;
    char key[64];
    for (unsigned i = given->repeated_count; i > 0; i--) {
        struct slice rest = slice_from_string(given->repeated[i - 1]);
        if (given->repeated_ids[i - 1] == OPT_VAR &&
            slice_equal(slice_take_until(&rest, '='), name))
            return (const char *)rest.data;
    }
    if (making->server && slice_equal(name, SLICE("server")))
        return making->server;
    if (!slice_to_string(name, key, sizeof(key)))
        return NULL;
    const struct scenario_entry *entry = scenario_find(&making->scenario->vars, key);
    return entry ? entry->value : NULL;
}

/* The value with its ${name}s replaced, once: what a variable holds is not looked into. */
static bool expand(struct making *making, const struct scenario_entry *entry, struct text *out)
{
    const char *at = entry->value;
    for (const char *next; (next = strstr(at, "${"));) {
        const char *end = strchr(next, '}');
        struct slice name = slice_make(next + 2, end ? (size_t)(end - next) - 2 : 0);
        const char *value = end ? variable(making, name) : NULL;
        if (!value) {
            scenario_place(making->scenario, entry->line, making->error);
            text_add_string(making->error, "'");
            text_add_escaped(making->error, slice_from_string(next));
            text_add_string(making->error, "': expected a variable of 'vars' or --var");
            return false;
        }
        text_add(out, slice_make(at, (size_t)(next - at)));
        text_add_string(out, value);
        at = end + 1;
    }
    text_add_string(out, at);
    if (out->overflow)
        return complain(making, entry->line, entry->key, "4,095 bytes at most");
    text_string(out);
    return true;
}

/* Whether the command line has the option, or one that takes its place. */
static bool is_given(const struct options *given, const char *key)
{
    const struct option_spec *spec = options_find(given->command, key);
    return strcmp(key, "url") == 0 ? given->url_count > 0 : spec && options_given(given, spec->id);
}

static bool in_block(const struct scenario_block *block, const char *key)
{
    return block && scenario_find(block, key);
}

/* Whether an entry gives way to a nearer block or the command line. */
static bool gives_way(const struct making *making, const char *key,
                      const struct scenario_block *nearer)
{
    for (unsigned i = 0; i < sizeof(rivals) / sizeof(rivals[0]); i++) {
        bool is_one = false, beaten = false;
        for (unsigned k = 0; k < 3; k++) {
            is_one |= strcmp(rivals[i][k], key) == 0;
            beaten |= is_given(making->given, rivals[i][k]) || in_block(nearer, rivals[i][k]);
        }
        if (is_one)
            return beaten;
    }
    return false;
}

static int boolean(const char *value)
{
    static const char *const words[2][3] = {{"false", "no", "off"}, {"true", "yes", "on"}};
    for (int i = 0; i < 6; i++) {
        if (strcmp(words[i / 3][i % 3], value) == 0)
            return i / 3;
    }
    return -1;
}

static const struct option_spec *spec_of(struct making *making, const struct scenario_entry *entry,
                                         bool in_group)
{
    const struct option_spec *spec = options_find(COMMAND_RUN, entry->key);
    if (spec && !option_is_key(spec, false))
        spec = NULL;
    if (!spec) {
        const char *nearest = options_nearest(COMMAND_RUN, entry->key);
        if (nearest && !option_is_key(options_find(COMMAND_RUN, nearest), false))
            nearest = NULL;
        scenario_place(making->scenario, entry->line, making->error);
        text_printf(making->error, "unknown key '%.60s'", entry->key);
        if (nearest)
            text_printf(making->error, ": did you mean '%s'?", nearest);
        else
            text_add_string(making->error, ": expected a long option of 'rtspbench run'");
    } else if (!option_is_key(spec, in_group)) {
        complain(making, entry->line, entry->key, "it outside of groups: it is for the whole run");
        spec = NULL;
    }
    return spec;
}

/* Checked here, where its line is known. */
static bool check(struct making *making, const struct scenario_entry *entry,
                  const struct option_spec *spec, const char *value)
{
    char room[8192];
    struct text wrong = text_init(room, sizeof(room));
    if (options_check(spec, value, &wrong))
        return true;
    scenario_place(making->scenario, entry->line, making->error);
    text_add_string(making->error, text_string(&wrong) + strlen("--"));
    return false;
}

static bool add_entry(struct making *making, const struct scenario_entry *entry, bool in_group,
                      const struct scenario_block *nearer)
{
    char value_room[VALUE_BYTES], room[VALUE_BYTES + 80];
    struct text value = text_init(value_room, sizeof(value_room));
    struct text word = text_init(room, sizeof(room));
    const struct option_spec *spec = spec_of(making, entry, in_group);
    bool takes_in = spec && spec->id == OPT_URL && strstr(entry->value, "${server}") &&
                    making->given->url_count > 0 && !in_block(nearer, "url");
    making->url_taken_in |= takes_in;
    if (!spec || (!takes_in && gives_way(making, entry->key, nearer)))
        return spec != NULL;
    if (!expand(making, entry, &value))
        return false;
    const char *typed = text_string(&value);
    int yes = boolean(typed);
    text_printf(&word, "--%s", entry->key);
    if (spec->kind == OPTION_FLAG) {
        if (yes < 0)
            return complain(making, entry->line, entry->key, "true or false");
    } else {
        if (yes >= 0 && spec->kind == OPTION_CHOICE && strcmp(spec->choices, "off|on") == 0)
            typed = yes ? "on" : "off";
        if (!check(making, entry, spec, typed))
            return false;
        text_printf(&word, "=%s", typed);
    }
    if (spec->kind != OPTION_FLAG || yes)
        add_word(making, text_string(&word));
    return true;
}

static bool is_groups_own(const char *key)
{
    return strcmp(key, "name") == 0 || strcmp(key, "start") == 0 || strcmp(key, "end") == 0;
}

static bool add_block(struct making *making, const struct scenario_block *block, bool in_group,
                      const struct scenario_block *nearer)
{
    for (unsigned i = 0; i < block->count; i++) {
        if (in_group && is_groups_own(block->entries[i].key))
            continue;
        if (!add_entry(making, &block->entries[i], in_group, nearer))
            return false;
    }
    return true;
}

/* With the file's options first: of two, the last one wins. ${server} takes in what --url says. */
static void add_given(struct making *making)
{
    char **word = making->given->arguments;
    bool command = word[0] && word[1] && strcmp(word[1], command_name(making->given->command)) == 0;
    for (word += command ? 2 : 1; *word; word++)
        add_word(making, *word);
}

/* A complaint about an option gets the line it stands in. */
static void add_place(struct making *making, const struct scenario_block *group,
                      const char *complaint)
{
    char key[64];
    struct slice rest = slice_from_string(complaint);
    bool option = slice_starts_with(rest, SLICE("--"));
    if (option)
        slice_take(&rest, 2);
    size_t n = strcspn((const char *)rest.data, " :'");
    slice_to_string(option ? slice_make(rest.data, n) : SLICE("url"), key, sizeof(key));
    const struct scenario_entry *entry = group ? scenario_find(group, key) : NULL;
    if (!entry)
        entry = scenario_find(&making->scenario->common, key);
    bool from_file = entry && !is_given(making->given, key) &&
                     (option || slice_starts_with(rest, SLICE("URL ")));
    if (from_file)
        scenario_place(making->scenario, entry->line, making->error);
    text_add_string(making->error, from_file && option ? complaint + 2 : complaint);
}

static bool group_time(struct making *making, const struct scenario_block *group, const char *key,
                       uint64_t *ns)
{
    char room[VALUE_BYTES];
    struct text value = text_init(room, sizeof(room));
    const struct scenario_entry *entry = scenario_find(group, key);
    if (!entry)
        return true;
    if (!expand(making, entry, &value))
        return false;
    return units_parse_duration(text_string(&value), ns) ||
           complain(making, entry->line, key, "a duration such as 30s");
}

/* A group lasts from its start to its end, or to that of the run. */
static bool set_times(struct making *making, const struct scenario_block *group, struct plan *plan)
{
    uint64_t end_ns = plan->duration_ns;
    if (!group_time(making, group, "start", &plan->begins_ns) ||
        !group_time(making, group, "end", &end_ns))
        return false;
    if (end_ns <= plan->begins_ns)
        return complain(making, group->line, scenario_find(group, "name")->value,
                        "the group's start before its end");
    plan->duration_ns = end_ns - plan->begins_ns;
    if (plan->begins_ns > 0 && !scenario_find(group, "bad-after"))
        plan->bad_after_ns = 0; /* what came before was calm */
    return true;
}

static bool make_plan(struct making *making, struct scenario_plans *out, unsigned index)
{
    const struct scenario *scenario = making->scenario;
    const struct scenario_block *group = scenario->group_count ? &scenario->groups[index] : NULL;
    struct plan *plan = &out->plans[index];
    char room[8192];
    struct text wrong = text_init(room, sizeof(room));
    making->url_taken_in = false;
    add_word(making, "rtspbench");
    add_word(making, command_name(making->given->command));
    if (!add_block(making, &scenario->common, false, group) ||
        (group && !add_block(making, group, true, NULL)))
        return false;
    add_given(making);
    out->count++;
    plan_init(plan);
    bool good = options_parse(&out->options[index], making->count, making->words, &wrong);
    if (good && making->url_taken_in)
        out->options[index].url_count -= making->given->url_count;
    if (!good || !plan_from_options(plan, &out->storages[index], &out->options[index], &wrong)) {
        add_place(making, group, text_string(&wrong));
        return false;
    }
    if (!group)
        return true;
    plan->group = scenario_find(group, "name")->value;
    return set_times(making, group, plan);
}

/* "rtsp://user@host:port" of a URL. */
static void copy_server(const char *url, char *out, size_t size)
{
    const char *host = strstr(url, "://");
    size_t n = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?") : strlen(url);
    slice_to_string(slice_make(url, n), out, size);
}

static bool uses_server(const struct scenario_block *block)
{
    for (unsigned i = 0; i < block->count; i++) {
        if (strstr(block->entries[i].value, "${server}"))
            return true;
    }
    return false;
}

static bool has_url(const struct scenario_block *block)
{
    return scenario_find(block, "url") || scenario_find(block, "url-file");
}

bool scenario_needs_server(const struct scenario *scenario, const struct options *given)
{
    bool needs = uses_server(&scenario->common);
    bool common = has_url(&scenario->common);
    for (unsigned i = 0; i < scenario->group_count; i++)
        needs |= uses_server(&scenario->groups[i]) || (!common && !has_url(&scenario->groups[i]));
    needs |= scenario->group_count == 0 && !common;
    return needs && given->url_count == 0 && !options_given(given, OPT_URL_FILE);
}

static bool add_server(struct plan *plan, const char *server, struct text *error)
{
    char room[640];
    struct text url = text_init(room, sizeof(room));
    if (plan->urls.count > 0 || !server)
        return true;
    if (!plan->publish)
        return url_list_add(&plan->urls, server, error);
    copy_server(server, room, sizeof(room) / 2);
    url.len = strlen(room);
    text_add_string(&url, "/live/{n}");
    return url_list_add(&plan->urls, text_string(&url), error);
}

/* Every group its own choices, all from the run's seed. */
static void set_seeds(struct scenario_plans *plans)
{
    for (unsigned i = 1; i < plans->count; i++) {
        struct rng rng = rng_init(plans->plans[0].seed, i, CHOICE_GROUP);
        plans->plans[i].seed = rng_below(&rng, UINT64_C(1) << 53);
        plans->plans[i].seed_given = plans->plans[0].seed_given;
    }
}

bool scenario_plans_make(struct scenario_plans *out, const struct scenario *scenario,
                         const struct options *given, const char *server, struct text *error)
{
    struct making making = {.scenario = scenario, .given = given, .error = error};
    char base[512];
    unsigned count = scenario->group_count ? scenario->group_count : 1;
    bool ok = true;
    *out = (struct scenario_plans){0};
    if (server || given->url_count > 0) {
        copy_server(server ? server : given->urls[0], base, sizeof(base));
        making.server = base;
    }
    for (unsigned i = 0; ok && i < count; i++) {
        ok = make_plan(&making, out, i) && add_server(&out->plans[i], server, error);
        drop_words(&making);
    }
    if (ok)
        set_seeds(out);
    return ok;
}

void scenario_plans_dispose(struct scenario_plans *plans)
{
    for (unsigned i = 0; i < plans->count; i++) {
        plan_dispose(&plans->plans[i]);
        plan_storage_dispose(&plans->storages[i]);
        options_dispose(&plans->options[i]);
    }
    plans->count = 0;
}
