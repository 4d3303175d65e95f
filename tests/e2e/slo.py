"""Objectives: what is asked of a result, what becomes of the verdict, and a breach that ends the run."""

from harness import Run, Server, equal, main, test


@test(short=True)
def kept_and_missed():
    """A share of 1/20 is lost on purpose: between 1 % and 20 %."""
    with Server("--pattern", "200/s:200") as server:
        url = server.url + "pattern?drop=1/20"
        run = Run(url, "-n", 4, "-r", "100/s", "-d", "2s", "--slo", "loss_ratio<20%", "--slo", "sessions.failed=0")
        if run.result["generator"]["verdict"] == "ok":
            equal((run.status, run.verdict), (0, "pass"), "status and verdict")
        equal([slo["ok"] for slo in run.slo], [True, True], "slo.ok")
        equal(run.slo[0]["value"], run.rtp["loss_ratio"], "slo.value")
        run = Run(url, "-n", 4, "-r", "100/s", "-d", "2s", "--slo", "loss_ratio<1%", "--slo", "rtp.lost>0")
        equal([slo["ok"] for slo in run.slo], [False, True], "slo.ok")
        if run.result["generator"]["verdict"] == "ok":
            equal((run.status, run.verdict), (99, "fail"), "status and verdict")
            assert run.out.startswith("FAIL  missed loss_ratio<1% (it was "), run.out


@test(short=True)
def limited_generator_is_invalid():
    """Objectives prove nothing where this machine was the limit."""
    with Server() as server:
        run = Run(server.url, "-n", 2, "-d", "2s", "--slo", "sessions.failed=0",
                  env={"RTSPBENCH_HALT": "300ms/500ms"})
        equal((run.status, run.verdict), (3, "invalid"), "status and verdict")
        run = Run(server.url, "-n", 2, "-d", "2s", env={"RTSPBENCH_HALT": "300ms/500ms"})
        equal((run.status, run.verdict), (0, "pass"), "status and verdict without objectives")


@test(short=True)
def abort_ends_the_run():
    with Server() as server:
        run = Run(server.url, "-n", 8, "-r", "4/s", "-d", "60s", "--stats-interval", "500ms",
                  "--slo", "sessions.established<3 abort")
        assert run.elapsed_s < 30, f"it went on for {run.elapsed_s} s"
        assert run.sessions["started"] < 8, run.sessions
        equal(run.slo[0]["ok"], False, "slo.ok")
        assert "missed 'sessions.established<3 abort' (it was " in run.err, run.err
        equal(run.sessions["completed"], run.sessions["established"], "sessions ended in order")


@test
def nonsense_is_told():
    run = Run("--slo", "strtup.p95<1s")
    equal(run.status, 2, "status")
    assert "did you mean 'startup'" in run.err, run.err


if __name__ == "__main__":
    main()
