#include "cli/ready.h"

#include <string.h>

extern const char ready_basic_small[], ready_basic_small_end[];
extern const char ready_basic_medium[], ready_basic_medium_end[];
extern const char ready_basic_large[], ready_basic_large_end[];
extern const char ready_burst[], ready_burst_end[];
extern const char ready_ramp_up[], ready_ramp_up_end[];
extern const char ready_udp[], ready_udp_end[];
extern const char ready_endurance[], ready_endurance_end[];
extern const char ready_real_world[], ready_real_world_end[];
extern const char ready_camera_fleet[], ready_camera_fleet_end[];
extern const char ready_zapping[], ready_zapping_end[];
extern const char ready_reconnect_storm[], ready_reconnect_storm_end[];
extern const char ready_bad_neighbours[], ready_bad_neighbours_end[];
extern const char ready_scale_5k[], ready_scale_5k_end[];
extern const char ready_scale_10k[], ready_scale_10k_end[];

const struct ready ready_scenarios[] = {
    {"basic-small", ready_basic_small, ready_basic_small_end, true},
    {"basic-medium", ready_basic_medium, ready_basic_medium_end, true},
    {"basic-large", ready_basic_large, ready_basic_large_end, true},
    {"burst", ready_burst, ready_burst_end, true},
    {"ramp-up", ready_ramp_up, ready_ramp_up_end, true},
    {"udp", ready_udp, ready_udp_end, true},
    {"endurance", ready_endurance, ready_endurance_end, false},
    {"real-world", ready_real_world, ready_real_world_end, false},
    {"camera-fleet", ready_camera_fleet, ready_camera_fleet_end, false},
    {"zapping", ready_zapping, ready_zapping_end, false},
    {"reconnect-storm", ready_reconnect_storm, ready_reconnect_storm_end, false},
    {"bad-neighbours", ready_bad_neighbours, ready_bad_neighbours_end, false},
    {"scale-5k", ready_scale_5k, ready_scale_5k_end, false},
    {"scale-10k", ready_scale_10k, ready_scale_10k_end, false},
};

const unsigned ready_count = sizeof(ready_scenarios) / sizeof(ready_scenarios[0]);

const struct ready *ready_find(const char *name)
{
    for (unsigned i = 0; i < ready_count; i++) {
        if (strcmp(ready_scenarios[i].name, name) == 0)
            return &ready_scenarios[i];
    }
    return NULL;
}
