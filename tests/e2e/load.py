"""500 readers for 20 seconds: nothing failed, nothing lost, and the server's count is ours."""

from harness import SLOW, Run, Server, add_up, equal, main, skip, test

READERS = 500


@test(args=[("tcp",), ("udp",)])
def five_hundred_readers(transport):
    if SLOW:
        skip("not under a sanitizer")
    with Server() as server:
        run = Run(server.url + "card", "-n", READERS, "-r", "50/s", "-d", "20s", "-t", transport)
        truth = server.stop()
        run.expect_clean(READERS)
        equal(run.rtp["lost_by"], {"network": 0, "local_socket": 0, "self": 0, "server": 0}, "lost_by")
        equal(run.rtp["packets"], add_up(truth, "sent"), "packets")
        equal(run.sessions["active_peak"], READERS, "sessions.active_peak")


if __name__ == "__main__":
    main(at_a_time=1)
