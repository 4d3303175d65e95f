"""Bad clients are counted apart, and the bystander report says who paid for them."""

from harness import Run, Server, equal, main, test

KINDS = ("slow_connector slow_sender garbage incomplete_handshake invalid_protocol resource_hog random_disconnect "
         "malformed_requests slow_reader zero_window rst half_close no_teardown no_keepalive setup_flood "
         "play_without_setup session_reuse rtcp_flood tls_stall connect_and_wait").split()


def run_with(server, path, kinds, *options):
    return Run(server.url + path, "-n", 30, "-r", "100/s", "--bad-client-ratio", "0.5", "--bad-clients", kinds,
               "--seed", 1, *options)


@test
def every_kind_runs():
    """All of them at once: each is begun and ends in counted outcomes, the good ones don't notice."""
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern", "-n", 320, "-r", "200/s", "-d", "8s", "--include-bad-clients",
                  "--bad-client-ratio", "0.6", "--bad-after", "1s", "--session-duration", "3s", "--seed", 3)
        server.stop()
    equal({one["kind"] for one in run.misbehaving}, set(KINDS), "kinds")
    for one in run.misbehaving:
        equal(sum(one["outcomes"].values()), one["started"], f"outcomes of {one}")
    equal(run.sessions["failed"] + run.sessions["dropped"], 0, "good sessions that failed or were dropped")
    equal(run.rtp["lost"], 0, "lost by the good ones")
    equal(run.errors, [], "errors of the good ones")


@test(args=[("garbage", "closed"), ("rst", "tolerated"), ("zero_window", "tolerated"), ("invalid_protocol", "closed")])
def outcome_of(kind, outcome):
    with Server("--pattern", "20/s:200") as server:
        run = run_with(server, "pattern", kind, "-d", "4s", "--bad-after", "0.5s")
        server.stop()
    only, = run.misbehaving
    equal(only["kind"], kind, "kind")
    assert only["outcomes"][outcome] > 0, only
    assert 0 < only["started"], only


@test
def a_life_begins_after_the_calm_stretch():
    """Clients that arrive in the first 0.3 s, are let loose at 3 s and live for 2 s, which is over before the run is."""
    with Server("--pattern", "20/s:200") as server:
        run = run_with(server, "pattern", "connect_and_wait", "-d", "5400ms", "--bad-after", "3s",
                       "--session-duration", "2s")
        server.stop()
    only, = run.misbehaving
    assert only["started"] > 5 and 1.9 < only["mean_life_s"] < 2.3, only


@test
def bystanders_pay_where_one_stalls_all():
    """A server that stops for everyone when one reader stops reading: freezes that the calm stretch had not."""
    with Server("--pattern", "1000/s:1400") as server:
        run = run_with(server, "pattern?stall_all=1&queue=64", "zero_window:1", "-d", "14s", "--bad-after", "5s",
                       "--rcvbuf", "16k")
        server.stop()
    calm, bad = run.bystanders["calm"], run.bystanders["with_bad"]
    equal(calm["freezes"], 0, "freezes in the calm stretch")
    assert bad["freezes"] > 0 or bad["packets"] / bad["seconds"] < 0.7 * calm["packets"] / calm["seconds"], \
        f"no damage: {calm} {bad}"


@test
def bystanders_are_spared_elsewhere():
    with Server("--pattern", "1000/s:1400") as server:
        run = run_with(server, "pattern?queue=64", "zero_window:1", "-d", "14s", "--bad-after", "5s", "--rcvbuf", "16k")
        server.stop()
    bad = run.bystanders["with_bad"]
    equal(bad["lost"] + bad["failed"] + bad["dropped"], 0, f"damage {bad}")
    assert "zero_window" in run.out and "with bad ones" in run.out, run.out


if __name__ == "__main__":
    main()
