"""500 readers for 20 seconds: nothing failed, nothing lost, and the server's count is ours. And curves with nobody at first."""

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


@test(args=[("2s:10,2s:10,2s:0",), ("1s:0,2s:10,1s:10",)])
def curves_are_not_limited(stages):
    """Shards with nothing to wait for at the start: no lag is as long as the run, and the generator is not the limit."""
    if SLOW:
        skip("not under a sanitizer")
    run = Run("--stages", stages, "--threads", 2, "--slo", "loss_ratio<0.1%", "-q")
    for name in ("loop_lag_ms", "schedule_lag_ms"):
        lag = run.generator[name]
        assert lag["count"] > 0 and lag["max"] < run.elapsed_s * 1000, f"{name} {lag}"
    equal((run.generator["limits"], run.verdict, run.status), ([], "pass", 0), "limits, verdict and status")


if __name__ == "__main__":
    main(at_a_time=1)
