"""How many connections the server takes, by real sockets."""

import resource
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest

from headway.dashboard import listening


def backlog_of(sock):
    """Return how many connections may wait at a listening socket (``tcpi_sacked`` of one that listens)."""
    return int.from_bytes(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)[28:32], sys.byteorder)


@pytest.fixture
def listening_sockets(serving, monkeypatch):
    """Give a function that runs a server and returns the sockets at which it listens."""
    seen = []
    widen = listening.widen
    monkeypatch.setattr(
        "headway.dashboard.server.widen", lambda server, most: (seen.append(server), widen(server, most))
    )

    def run():
        with serving():
            return [backlog_of(sock) for sock in seen[0]._http._sockets.values()]

    return run


def test_a_crowd_may_wait_at_the_door(listening_sockets):
    """Pins what `widen` reaches for by names that Bokeh and Tornado do not document."""
    with open("/proc/sys/net/core/somaxconn") as file:
        most = int(file.read())
    backlogs = listening_sockets()
    assert backlogs and set(backlogs) == {min(most, listening.BACKLOG)}


def test_connections_beyond_the_limit_are_told_to_come_back(serving):
    with serving(max_connections=3) as running:
        place = urlsplit(running.url)
        kept = [httpx.Client(base_url=running.url) for _ in range(3)]
        try:
            assert [client.get("/healthz").status_code for client in kept] == [200, 200, 200]
            answer = httpx.get(f"{running.url}/healthz")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["detail"] == "too many connections; come back later"
            with socket.create_connection((place.hostname, place.port)) as silent:
                assert silent.recv(100) == b""  # who asks nothing is hung up on
            kept.pop().close()
            answers = (httpx.get(f"{running.url}/healthz").status_code for _ in range(1000))
            assert 200 in answers
        finally:
            for client in kept:
                client.close()


def test_all_descriptors_are_asked_for():
    code = (
        "import resource; from headway.dashboard.listening import descriptors\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))\n"
        "print(descriptors(), resource.getrlimit(resource.RLIMIT_NOFILE)[0], hard)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    given, soft, hard = map(int, found.stdout.split())
    assert hard == resource.RLIM_INFINITY or given == soft == hard
