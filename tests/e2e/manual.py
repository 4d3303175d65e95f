"""The man pages and completions: no option is missing, and their readers take them."""

import pathlib
import re
import subprocess

from harness import RTSPBENCH, equal, main, need, skip, test

BUILD = pathlib.Path(RTSPBENCH).parent
PAGES = {"bash": "rtspbench.bash", "zsh": "_rtspbench", "fish": "rtspbench.fish"}


def page(name):
    file = BUILD / name
    return file.read_text() if file.exists() else skip(f"{name} is not beside the program")


def commands():
    """As the program itself has them: the table behind the completions is its own."""
    return re.search(r"case \$\{COMP_WORDS\[1\]\} in\s+(\S+?)\)", page("rtspbench.bash"))[1].split("|")


def options_of_help(command):
    out = subprocess.run([RTSPBENCH, command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  (?:-\w, |    )--([a-z-]+)", out, re.M))


def options_of_page(command):
    text = page(f"rtspbench-{command}.1").replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    return set(re.findall(r"^\.TP\n(?:-\w, )?--([a-z-]+)", text, re.M))


@test
def every_option_is_documented():
    equal(commands()[:3], ["run", "serve", "probe"], "the first commands")
    for command in commands():
        known = options_of_help(command)
        assert {"help", "version"} <= known, f"{command}: {known}"
        equal(options_of_page(command), known, f"options in rtspbench-{command}(1)")
        assert f"rtspbench\\-{command}" in page("rtspbench.1"), f"rtspbench(1) does not lead to {command}"


@test
def every_option_is_completed():
    words = dict(re.findall(r"^        ([a-z]+)\) words=\"([^\"]*)\"", page("rtspbench.bash"), re.M))
    zsh = dict(re.findall(r"^        ([a-z]+)\)\n            _arguments(.*?);;", page("_rtspbench"), re.M | re.S))
    fish = page("rtspbench.fish")
    for command in commands():
        known = options_of_help(command)
        equal({word[2:] for word in words[command].split()}, known, f"bash completion of {command}")
        equal(set(re.findall(r"'\*?--([a-z-]+)", zsh[command])), known, f"zsh completion of {command}")
        seen = "not __fish_seen_subcommand_from" if command == "run" else f"__fish_seen_subcommand_from {command}'"
        lines = [line for line in fish.splitlines() if seen in line]
        equal({found[1] for line in lines if (found := re.search(r" -l ([a-z-]+)", line))}, known,
              f"fish completion of {command}")


@test
def pages_have_no_faults():
    mandoc = need("mandoc")
    for name in ["rtspbench.1", *(f"rtspbench-{command}.1" for command in commands())]:
        page(name)
        done = subprocess.run([mandoc, "-T", "lint", "-W", "warning", BUILD / name], capture_output=True, text=True)
        faults = [line for line in done.stdout.splitlines() if "missing date" not in line]
        equal(faults, [], name)


@test(args=[("bash",), ("zsh",), ("fish",)])
def the_shell_reads_its_completions(shell):
    page(PAGES[shell])
    done = subprocess.run([need(shell), "-n", BUILD / PAGES[shell]], capture_output=True, text=True)
    equal((done.returncode, done.stderr), (0, ""), f"{shell} -n")


@test
def bash_completes():
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _rtspbench; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    page("rtspbench.bash")
    for words, expected in ((["--reader"], ["--readers"]), (["serve", "--po"], ["--port"]), (["ser"], ["serve"]),
                            (["-n", "5", "--transport", "u"], ["udp"]), (["serve", "--reader"], [""]),
                            (["--io", ""], ["auto", "uring", "epoll"]), (["-r", "1"], [""])):
        done = subprocess.run([need("bash"), "-c", script, "bash", BUILD / "rtspbench.bash", "rtspbench", *words],
                              capture_output=True, text=True)
        equal((done.stdout.splitlines(), done.stderr), (expected, ""), f"completion of {words}")


@test
def fish_completes():
    page("rtspbench.fish")
    for line, expected in (("rtspbench --reader", {"--readers"}), ("rtspbench serve --po", {"--port"}),
                           ("rtspbench serve --reader", set()), ("rtspbench run --io ur", {"uring"})):
        done = subprocess.run([need("fish"), "--no-config", "-c", f"source {BUILD}/rtspbench.fish; complete -C '{line}'"],
                              capture_output=True, text=True)
        equal({found.split("\t")[0] for found in done.stdout.splitlines()}, expected, f"completion of '{line}'")


if __name__ == "__main__":
    main()
