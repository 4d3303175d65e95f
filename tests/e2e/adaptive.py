"""--adaptive against a server that takes 20 sessions and refuses the rest."""

from harness import Run, Server, equal, main, test


@test(short=True)
def fewer_are_begun_while_many_fail():
    """200/s for 5 s are the readers 1 to 999. Halved each second it would be 200 + 100 + 50 + 25 + 12, whoever
    looks a little late; what was not begun is counted."""
    options = ["-n", 1000, "-r", "200/s", "-d", "5s", "--seed", 1]
    with Server("--pattern", "20/s:200") as server:
        url = server.url + "pattern?max_sessions=20"
        run = Run(url, *options, "--adaptive")
        sessions = run.sessions
        equal(sessions["established"], 20, "sessions.established")
        equal(sessions["started"] + sessions["not_started"], 999, "begun and not begun")
        assert 250 <= sessions["started"] <= 600, sessions
        equal(run.config["adaptive"], True, "config.adaptive")
        lag = run.generator["schedule_lag_ms"]["max"]
        assert lag < 2000, f"what shifts is not late, but schedule_lag_ms.max is {lag}"


@test(short=True)
def nothing_changes_while_all_is_well():
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern", "-n", 60, "-r", "20/s", "-d", "4s", "--adaptive")
        run.expect_clean(60)


if __name__ == "__main__":
    main()
