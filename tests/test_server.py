"""`headway serve` as a process: how it starts, what it refuses, how it ends."""

import asyncio
import json
import os
import signal
import socket
import stat
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from headway.dashboard.cli import main

APP = """
import threading
from headway.requests import request_type

@request_type("wait", ["Wait"])
def work(prompt, run):
    run.step("Wait", "as long as it takes")
    %s
"""


def serve(start, *options, **environment):
    return start("-m", "headway", "serve", "--port", "0", *options, **environment)


async def until_closed(url, first):
    """Follow a socket to its end; return the close code."""
    async with connect(url) as viewer, asyncio.timeout(30):
        await viewer.recv()
        first.set()
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                await viewer.recv()
    return caught.value.rcvd.code


@pytest.mark.parametrize(
    ("number", "work"),
    [
        (signal.SIGTERM, "while True: run.check(); threading.Event().wait(0.01)"),
        (signal.SIGINT, "threading.Event().wait(60)"),
    ],
    ids=["SIGTERM, work that listens", "SIGINT, work that does not"],
)
def test_a_signal_drains(start, tmp_path, number, work):
    (tmp_path / "app.py").write_text(APP % work)
    server = serve(start, "app.py")
    url = server.url()
    ran = httpx.post(f"{url}/api/sessions/s1/requests", json={"prompt": "x", "type": "wait"}).json()

    async def scene():
        ready = [asyncio.Event() for _ in range(3)]
        sockets = [
            f"{url.replace('http', 'ws', 1)}/ws/{path}" for path in ("progress/s1", "progress/s1", "sessions")
        ]
        viewers = [asyncio.create_task(until_closed(*pair)) for pair in zip(sockets, ready, strict=True)]
        for event in ready:
            await event.wait()
        began = time.monotonic()
        status = await asyncio.to_thread(server.stop, number)
        return status, time.monotonic() - began, await asyncio.gather(*viewers)

    status, seconds, codes = asyncio.run(scene())
    assert (status, codes) == (0, [1001, 1001, 1001]), server.output.read_text()
    assert seconds < 5
    log = json.loads((tmp_path / "logs" / "s1_progress.json").read_text())
    assert [entry["status"] for entry in log if "status" in entry] == ["interrupted"]
    assert log[-1]["run_id"] == ran["run_id"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")
    assert "Traceback" not in server.output.read_text()


def test_a_second_signal_ends_it_at_once(start, tmp_path):
    (tmp_path / "app.py").write_text(APP % "threading.Event().wait(60)")
    server = serve(start, "app.py", "--store", "memory:")
    url = server.url()
    httpx.post(f"{url}/api/sessions/s1/requests", json={"prompt": "x", "type": "wait"})
    server.popen.send_signal(signal.SIGTERM)
    while True:
        try:
            httpx.get(f"{url}/healthz", timeout=1)  # until it listens no longer
        except httpx.TransportError:
            break
    assert server.stop(signal.SIGTERM) in (0, 1)


def test_it_keeps_logs_and_key_from_start_to_start_and_from_other_users(start, tmp_path):
    keys = []
    for offset in (1, 2):
        server = serve(start)
        entry = {"step": "One", "message": "", "step_number": 1, "total_steps": 1}
        assert httpx.post(f"{server.url()}/api/progress/s1", json=entry).json() == {"offset": offset}
        assert server.stop() == 0
        keys.append((tmp_path / "state" / "headway" / "secret_key").read_bytes())
    assert keys[0] == keys[1] and len(keys[0]) == 32
    assert stat.S_IMODE(os.stat(tmp_path / "state" / "headway" / "secret_key").st_mode) == 0o600


def test_it_can_be_told_everything_by_the_environment(start, tmp_path):
    server = start(
        "-m",
        "headway",
        "serve",
        HEADWAY_PORT="0",
        HEADWAY_STORE="memory:",
        HEADWAY_TOKEN="secret-of-16-or-more",
        HEADWAY_ADDRESS="0.0.0.0",
        HEADWAY_ALLOWED_HOST="a.example, b.example",
    )
    url = server.wait_for(r"Headway is at (\S+)").replace("0.0.0.0", "127.0.0.1")
    bearer = {"Authorization": "Bearer secret-of-16-or-more"}
    assert httpx.get(f"{url}/api/sessions").status_code == 401
    for host, status in {"b.example": 200, "192.168.1.5:8001": 200, "c.example": 421}.items():
        assert httpx.get(f"{url}/api/sessions", headers=bearer | {"Host": host}).status_code == status
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--address", "0.0.0.0"], 2, "a server there needs a token"),
        (["--address", "0.0.0.0", "--token", "a"], 2, "the token has 1 characters"),
        (["--address", "::"], 2, "a server there needs a token"),
        (["--port", "99999"], 2, "is no port"),
        (["--port", "x"], 2, "is no whole number"),
        (["--nonsense"], 2, "unrecognized arguments"),
        (["nothing.py"], 2, "there is no Python file 'nothing.py'"),
        (["--store", "carrier-pigeon:coo"], 1, "no store for 'carrier-pigeon:coo'"),
        (["--store", "json:/proc/nowhere"], 1, "/proc/nowhere"),
        (["--database", "nothing.duckdb"], 1, "the database cannot be opened"),
    ],
)
def test_what_is_wrong_is_said_in_words(options, status, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    try:
        assert main(["serve", "--port", "0", *options]) == status
    except SystemExit as left:  # argparse
        assert left.code == status
    assert words in capsys.readouterr().err


def test_a_port_in_use_is_said_in_words(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start("-m", "headway", "serve", "--port", str(taken.getsockname()[1]), "--store", "memory:")
        assert server.popen.wait(30) == 1
    output = server.output.read_text()
    assert "is in use" in output and "--port" in output and "Traceback" not in output


def test_the_sockets_of_pages_are_compressed_and_ours_are_not(server):
    import re

    (token,) = re.findall(r'"token":"([^"]+)"', httpx.get(server.url).text)

    async def extensions(path, subprotocols=None):
        async with connect(server.ws + path, subprotocols=subprotocols) as viewer:
            return viewer.response.headers.get("Sec-WebSocket-Extensions", "")

    assert "permessage-deflate" in asyncio.run(extensions("/ws", ["bokeh", token]))
    assert asyncio.run(extensions("/ws/sessions")) == ""
