/* The ready scenarios. The assembler finds the files by its -I. */
    .section .rodata
    .globl ready_basic_small, ready_basic_small_end
    .hidden ready_basic_small, ready_basic_small_end
ready_basic_small:
    .incbin "basic-small.yaml"
ready_basic_small_end:
    .globl ready_basic_medium, ready_basic_medium_end
    .hidden ready_basic_medium, ready_basic_medium_end
ready_basic_medium:
    .incbin "basic-medium.yaml"
ready_basic_medium_end:
    .globl ready_basic_large, ready_basic_large_end
    .hidden ready_basic_large, ready_basic_large_end
ready_basic_large:
    .incbin "basic-large.yaml"
ready_basic_large_end:
    .globl ready_burst, ready_burst_end
    .hidden ready_burst, ready_burst_end
ready_burst:
    .incbin "burst.yaml"
ready_burst_end:
    .globl ready_ramp_up, ready_ramp_up_end
    .hidden ready_ramp_up, ready_ramp_up_end
ready_ramp_up:
    .incbin "ramp-up.yaml"
ready_ramp_up_end:
    .globl ready_udp, ready_udp_end
    .hidden ready_udp, ready_udp_end
ready_udp:
    .incbin "udp.yaml"
ready_udp_end:
    .globl ready_endurance, ready_endurance_end
    .hidden ready_endurance, ready_endurance_end
ready_endurance:
    .incbin "endurance.yaml"
ready_endurance_end:
    .globl ready_real_world, ready_real_world_end
    .hidden ready_real_world, ready_real_world_end
ready_real_world:
    .incbin "real-world.yaml"
ready_real_world_end:
    .globl ready_camera_fleet, ready_camera_fleet_end
    .hidden ready_camera_fleet, ready_camera_fleet_end
ready_camera_fleet:
    .incbin "camera-fleet.yaml"
ready_camera_fleet_end:
    .globl ready_zapping, ready_zapping_end
    .hidden ready_zapping, ready_zapping_end
ready_zapping:
    .incbin "zapping.yaml"
ready_zapping_end:
    .globl ready_reconnect_storm, ready_reconnect_storm_end
    .hidden ready_reconnect_storm, ready_reconnect_storm_end
ready_reconnect_storm:
    .incbin "reconnect-storm.yaml"
ready_reconnect_storm_end:
    .globl ready_bad_neighbours, ready_bad_neighbours_end
    .hidden ready_bad_neighbours, ready_bad_neighbours_end
ready_bad_neighbours:
    .incbin "bad-neighbours.yaml"
ready_bad_neighbours_end:
    .globl ready_scale_5k, ready_scale_5k_end
    .hidden ready_scale_5k, ready_scale_5k_end
ready_scale_5k:
    .incbin "scale-5k.yaml"
ready_scale_5k_end:
    .globl ready_scale_10k, ready_scale_10k_end
    .hidden ready_scale_10k, ready_scale_10k_end
ready_scale_10k:
    .incbin "scale-10k.yaml"
ready_scale_10k_end:
    .section .note.GNU-stack, "", %progbits
