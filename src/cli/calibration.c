#include "cli/calibration.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/file.h"
#include "load/machine.h"

#define SCHEMA "rtspbench.calibration.v1"

/* False: there is no home to keep anything in, or its name is too long. */
static bool find_folder(char *out, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct text text = text_init(out, size - 1);
    if (state && state[0] == '/')
        text_printf(&text, "%s/rtspbench", state);
    else if (home && home[0] == '/')
        text_printf(&text, "%s/.local/state/rtspbench", home);
    text_string(&text);
    return text.len > 0 && !text.overflow;
}

static int make_folders(const char *folder)
{
    char path[PATH_MAX];
    strcpy(path, folder);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static json_t *machine_json(uint32_t cores)
{
    struct utsname kernel;
    uname(&kernel);
    return json_pack("{s:s, s:s, s:i}", "host", kernel.nodename, "kernel", kernel.release, "cores",
                     cores);
}

static json_t *rounded(double value)
{
    return json_integer((json_int_t)llround(value));
}

static double packets_per_s(const struct calibration *from, unsigned transport)
{
    return from->cores * 1e9 / from->ns_per_packet[transport];
}

static json_t *transport_json(const struct calibration *from, unsigned transport)
{
    double packets = packets_per_s(from, transport);
    return json_pack("{s:f, s:o, s:o}", "ns_per_packet", from->ns_per_packet[transport],
                     "packets_per_s", rounded(packets), "bits_per_s",
                     rounded(packets * from->bits_per_packet));
}

char *calibration_to_json(const struct calibration *from)
{
    json_t *document = json_pack(
        "{s:s, s:s, s:I, s:o, s:s, s:o, s:o, s:f, s:f, s:o, s:o, s:I, s:I, s:I}", "schema", SCHEMA,
        "version", RTSPBENCH_VERSION, "at_unix_s", (json_int_t)(clock_realtime_ns() / NS_PER_S),
        "machine", machine_json(from->cores), "io", from->io, "tcp",
        transport_json(from, CALIBRATED_TCP), "udp", transport_json(from, CALIBRATED_UDP),
        "bits_per_packet", from->bits_per_packet, "us_per_start", from->us_per_start,
        "starts_per_s", rounded(from->cores * 1e6 / from->us_per_start), "starts_seen_per_s",
        rounded(from->starts_seen_per_s), "bytes_per_session", (json_int_t)from->bytes_per_session,
        "held", (json_int_t)from->held, "sessions", (json_int_t)from->sessions);
    char *text = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    return text;
}

int calibration_save(const struct calibration *calibration, struct text *where)
{
    char folder[PATH_MAX - 32], path[PATH_MAX];
    struct file file;
    if (!find_folder(folder, sizeof(folder)))
        return -ENOENT;
    snprintf(path, sizeof(path), "%s/calibration.json", folder);
    text_add_string(where, path);
    int error = make_folders(folder);
    if (!error)
        error = file_open(&file, path);
    if (error)
        return error;
    char *text = calibration_to_json(calibration);
    if (text && fprintf(file.stream, "%s\n", text) > 0)
        error = file_commit(&file);
    else
        file_discard(&file);
    free(text);
    return error;
}

static bool is_ours(const json_t *document, uint32_t cores)
{
    const char *schema = json_string_value(json_object_get(document, "schema"));
    const char *version = json_string_value(json_object_get(document, "version"));
    json_t *machine = machine_json(cores);
    bool ours = schema && version && strcmp(schema, SCHEMA) == 0 &&
                strcmp(version, RTSPBENCH_VERSION) == 0 &&
                json_equal(json_object_get(document, "machine"), machine);
    json_decref(machine);
    return ours;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static bool take(const json_t *document, struct calibration *out)
{
    const char *io = json_string_value(json_object_get(document, "io"));
    struct text name = text_init(out->io, sizeof(out->io) - 1);
    text_add_string(&name, io ? io : "");
    text_string(&name);
    out->ns_per_packet[CALIBRATED_TCP] = number(json_object_get(document, "tcp"), "ns_per_packet");
    out->ns_per_packet[CALIBRATED_UDP] = number(json_object_get(document, "udp"), "ns_per_packet");
    out->bits_per_packet = number(document, "bits_per_packet");
    out->us_per_start = number(document, "us_per_start");
    out->starts_seen_per_s = number(document, "starts_seen_per_s");
    out->bytes_per_session = (uint64_t)number(document, "bytes_per_session");
    out->held = (uint64_t)number(document, "held");
    out->sessions = (uint64_t)number(document, "sessions");
    return out->ns_per_packet[CALIBRATED_TCP] > 0 && out->ns_per_packet[CALIBRATED_UDP] > 0 &&
           out->us_per_start > 0 && out->sessions > 0;
}

bool calibration_load(struct calibration *out)
{
    char folder[PATH_MAX - 32], path[PATH_MAX];
    struct machine machine;
    *out = (struct calibration){0};
    if (!find_folder(folder, sizeof(folder)))
        return false;
    snprintf(path, sizeof(path), "%s/calibration.json", folder);
    json_t *document = json_load_file(path, 0, NULL);
    if (!document)
        return false;
    machine_read(&machine);
    out->cores = machine.cores;
    bool good = is_ours(document, machine.cores) && take(document, out);
    json_decref(document);
    return good;
}

struct ceiling calibration_ceiling(const struct calibration *from, bool udp)
{
    return (struct ceiling){
        .packets_per_s = packets_per_s(from, udp ? CALIBRATED_UDP : CALIBRATED_TCP),
        .starts_per_s = from->cores * 1e6 / from->us_per_start,
        .sessions = from->sessions,
    };
}
