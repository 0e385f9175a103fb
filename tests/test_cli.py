"""The command line, as `main` sees it; `headway serve` is in test_server.py."""

import json
import subprocess
import sys
import threading

import httpx
import pytest

from headway.dashboard.cli import main, parser


@pytest.fixture
def at(server, monkeypatch):
    """Point the command line to a server by the environment."""
    monkeypatch.setenv("HEADWAY_URL", server.url)
    return server


def finish(server, status="completed"):
    server.runtime.logger.log("s1", "Two", "the end", 2, 2, status=status)


def test_the_version_is_told_by_the_program_and_by_the_module():
    version = subprocess.run(
        [sys.executable, "-m", "headway", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("headway 0.")


@pytest.mark.parametrize(
    ("status", "code"), [("completed", 0), ("error", 1), ("cancelled", 1), ("interrupted", 1)]
)
def test_tail_prints_a_session_that_is_over_and_tells_its_outcome(at, capsys, status, code):
    at.log("s1", "One")
    finish(at, status)
    assert main(["tail", "s1"]) == code
    output = capsys.readouterr().out
    assert "One" in output and "the end" in output and f"[{status}]" in output
    assert len(output.splitlines()) == 2


def test_tail_follows_until_the_session_is_over(at, capsys, until):
    at.log("s1", "One")

    def work():
        until(lambda: at.runtime.logger.hub.watched("s1"))
        finish(at)

    worker = threading.Thread(target=work)
    worker.start()
    assert main(["tail", "s1", "--json"]) == 0
    worker.join()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == httpx.get(f"{at.url}/api/progress/s1").json()["logs"]


def test_tail_ends_when_a_session_without_runs_is_ended_by_a_notification(at, until, monkeypatch):
    from headway.dashboard import cli_remote

    monkeypatch.setattr(cli_remote, "QUIET", 0.05)
    at.log("s1", "One")

    def work():
        until(lambda: at.runtime.logger.hub.watched("s1"))
        at.runtime.logger.add_notification("s1", "Ready")

    worker = threading.Thread(target=work)
    worker.start()
    assert main(["tail", "s1"]) == 0
    worker.join()


def test_tail_can_leave_out_what_is_known(at, capsys):
    at.log("s1", "One")
    finish(at)
    assert main(["tail", "s1", "--json", "--since", "1"]) == 0
    assert [json.loads(line)["offset"] for line in capsys.readouterr().out.splitlines()] == [2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["tail", "../x"], "is not a session id"), (["tail", "s1", "--since", "9"], "start again at since=0")],
)
def test_what_cannot_be_followed_is_said_in_words(at, capsys, arguments, words):
    at.log("s1", "One")
    assert main(arguments) == 1
    assert words in capsys.readouterr().err


def test_a_token_is_shown_and_a_missing_one_is_said_in_words(serving, monkeypatch, capsys):
    with serving(token="secret") as running:
        running.log("s1", "One")
        finish(running)
        assert main(["tail", "s1", "--url", running.url, "--token", "secret"]) == 0
        assert main(["sessions", "--url", running.url]) == main(["tail", "s1", "--url", running.url]) == 1
        assert capsys.readouterr().err.count("a token is needed") == 2
        monkeypatch.setenv("HEADWAY_TOKEN", "secret")
        assert main(["sessions", "--url", running.url]) == 0


def test_sessions_are_listed_for_people_and_for_programs(at, capsys):
    at.log("s1", "One")
    at.runtime.logger.rename_session("s1", "Sales")
    at.runtime.logger.add_notification("s2", "Ready")
    assert main(["sessions"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("● s2 ") and " completed " in first
    assert second.startswith("  s1 ") and " processing " in second and second.endswith("  Sales")
    assert main(["sessions", "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == httpx.get(f"{at.url}/api/sessions?limit=1").json()


def test_no_title_steers_the_terminal(at, capsys):
    at.runtime.logger.create_session("a\x1b[2Jb\x07c")
    main(["sessions"])
    output = capsys.readouterr().out
    assert "\x1b" not in output and "\x07" not in output


@pytest.mark.parametrize("url", ["http://localhost:1", "http://nowhere.invalid"])
def test_no_server_is_said_in_words(capsys, url):
    assert main(["sessions", "--url", url]) == 1
    assert f"no Headway server answers at {url}" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8001", "ftp://localhost", "http://", "http://localhost:99999"])
def test_what_is_no_address_is_said_in_words(capsys, url):
    assert main(["sessions", "--url", url]) == main(["tail", "s1", "--url", url]) == 1
    why = f"no Headway server answers at {url}: an address looks like http://localhost:8001"
    assert capsys.readouterr().err.count(why) == 2


def test_each_option_is_also_a_variable(monkeypatch):
    monkeypatch.setenv("HEADWAY_PORT", "9000")
    monkeypatch.setenv("HEADWAY_ALLOWED_HOST", "a.example, b.example:444")
    monkeypatch.setenv("HEADWAY_STORE", "memory:")
    options = parser().parse_args(["serve", "app.py", "--store", "json:elsewhere"])
    assert (options.app, options.port, options.store) == ("app.py", 9000, "json:elsewhere")
    assert (options.allowed_host, options.address, options.token) == (
        ["a.example", "b.example:444"],
        "127.0.0.1",
        None,
    )
    more = parser().parse_args(["serve", "--allowed-host", "c.example", "--allowed-host", "d.example"])
    assert more.allowed_host[-2:] == ["c.example", "d.example"]


@pytest.mark.parametrize(
    ("said", "on"), [("1", True), ("true", True), ("", False), ("0", False), ("False", False), ("off", False)]
)
def test_a_variable_that_says_no_leaves_its_option_off(monkeypatch, said, on):
    monkeypatch.setenv("HEADWAY_ALLOW_VOLATILE", said)
    assert parser().parse_args(["serve"]).allow_volatile is on


def test_the_command_line_starts_without_panel():
    program = "import sys, headway.dashboard.cli, headway.dashboard.client; print('panel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"
