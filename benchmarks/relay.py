"""How long an entry takes from ``log`` on server A to 200 WebSocket readers on server B.

``python benchmarks/relay.py [store ...]`` with stores ``sqlite``, ``postgresql``, ``redis``; all by default.
Beside it, in interleaved rounds of the same servers: the same readers on A itself. What B adds is the way of
a bell between two processes, and a read of the store. Each reader's entries are checked: each once, in order.

The clock starts when A's program calls `log`, so the commit to the disk is part of it, and stops when the
bytes of the entry are in the process of the readers, who do nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from postgres_server import PostgresServer
from valkey_server import ValkeyServer

READERS, ENTRIES, A_SECOND, ROUNDS = 200, 100, 25, 4
TARGET = 50.0  # milliseconds, p99 from A to B
STORES = ("sqlite", "postgresql", "redis")

APP = f"""
import threading, time
from headway.requests import request_type

@request_type("emit", ["Emit"])
def emit(prompt, run):
    waiting, due = threading.Event(), time.monotonic()
    for number in range({ENTRIES}):
        due += 1 / {A_SECOND}
        waiting.wait(max(0, due - time.monotonic()))
        run.logger.log(run.session_id, "Emit", f"at {{time.monotonic_ns()}}", 1, 1, run_id=run.run_id)
"""
SENT = re.compile(rb'"message":"at ([0-9]+)".*?"offset":([0-9]+)')


class Reader(asyncio.Protocol):
    """One WebSocket: notes when what came, and looks at it when all is over."""

    def __init__(self, place: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {place}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.parts: list[tuple[int, bytes]] = []
        self.ready, self.over = asyncio.Event(), asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the log."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what came, and when."""
        self.parts.append((time.monotonic_ns(), data))
        self.ready.set()  # the handshake's answer
        if b'"status":"completed"' in data:
            self.over.set()

    def delays(self) -> list[float]:
        """Return the milliseconds that each entry took."""
        found, offsets, rest = [], [], b""
        for at, data in self.parts:
            rest += data
            for sent in SENT.finditer(rest):
                found.append((at - int(sent[1])) / 1e6)
                offsets.append(int(sent[2]))
            rest = rest[rest.rfind(b'"offset":') :] if not data.endswith(b"}") else b""
        assert offsets == list(range(2, ENTRIES + 2)), f"a reader got {offsets}"
        return found


async def watch(reads: str, logs: str, session_id: str) -> list[float]:
    """Have all readers follow a session on one server while a run on another one logs; return the delays."""
    place = urlsplit(reads)
    loop = asyncio.get_running_loop()
    path = f"/ws/progress/{session_id}?since=0"
    readers = []
    for _ in range(READERS):
        made = await loop.create_connection(lambda: Reader(place.netloc, path), place.hostname, place.port)
        readers.append(made[1])
    for reader in readers:
        await reader.ready.wait()
    async with httpx.AsyncClient() as client:
        body = {"prompt": "x", "type": "emit"}
        answer = await client.post(f"{logs}/api/sessions/{session_id}/requests", json=body)
        answer.raise_for_status()
    async with asyncio.timeout(60):
        for reader in readers:
            await reader.over.wait()
            reader.transport.abort()
    return [delay for reader in readers for delay in reader.delays()]


@contextlib.contextmanager
def servers(store: str, folder: Path) -> Iterator[list[str]]:
    """Run two servers on a store and give their addresses."""
    (folder / "app.py").write_text(APP)
    begun = []
    for name in "ab":
        command = [sys.executable, "-m", "headway", "serve", "app.py", "--port", "0", "--store", store]
        environment = os.environ | {"XDG_STATE_HOME": str(folder)}
        with open(folder / f"{name}.log", "wb") as log:
            begun.append(
                subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log)
            )
    try:
        yield [re.findall(r"http://\S+", process.stdout.readline().decode())[0] for process in begun]  # type: ignore[union-attr]
    finally:
        for process in begun:
            process.terminate()
        for process in begun:
            process.wait()


@contextlib.contextmanager
def opened(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty store."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'relay.db'}"
    else:
        with PostgresServer() if kind == "postgresql" else ValkeyServer() as server:
            yield server.url()


def measure(kind: str) -> None:
    """Print what one store takes."""
    with tempfile.TemporaryDirectory(prefix="relay-") as name, opened(kind, Path(name)) as store:
        with servers(store, Path(name)) as (a, b):
            rounds: dict[str, list[list[float]]] = {a: [], b: []}
            for number in range(ROUNDS + 1):
                for reads in random.sample((a, b), 2):
                    delays = asyncio.run(watch(reads, a, f"s{number}-{'ab'[reads == b]}"))
                    if number:  # the first round warms up
                        rounds[reads].append(delays)
    (own_50, own_99), (far_50, far_99) = (quantiles(rounds[server]) for server in (a, b))
    verdict = "within" if far_99 <= TARGET else "BEYOND"
    print(
        f"{kind:10}  A -> A {own_50:5.1f} {own_99:5.1f} ms  A -> B {far_50:5.1f} {far_99:5.1f} ms"
        f"  B/A {far_50 / own_50:4.2f} {far_99 / own_99:4.2f}  {verdict} {TARGET:g} ms"
    )


def quantiles(rounds: list[list[float]]) -> tuple[float, float]:
    """Return the medians over the rounds of p50 and p99."""
    each = [statistics.quantiles(delays, n=100) for delays in rounds]
    return statistics.median(cuts[49] for cuts in each), statistics.median(cuts[98] for cuts in each)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", nargs="*", choices=[[], *STORES], help="all when left out")
    options = parser.parse_args()
    print(
        f"{READERS} readers, {A_SECOND} entries a second, {ROUNDS} rounds, on the disk; medians of p50, p99:"
    )
    for kind in options.stores or STORES:
        measure(kind)
