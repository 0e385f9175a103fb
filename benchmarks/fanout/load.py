"""The readers of load.c, in Python, where there is no C compiler: slower, so they may be what is measured.

Arguments, commands and answers are those of load.c.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import statistics
import sys
import time

ENTRY = re.compile(rb'"offset": ?(\d+)')
DUE = re.compile(rb"due (\d+)")
JOIN = b"\x81\x82\0\0\0\x0040"
HELLO = (
    "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Reader:
    """One reader."""

    def __init__(self, port: int, path: str, socketio: bool) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(HELLO.format(path=path, port=port).encode())
        self._until(b"pingInterval" if socketio else b"\r\n\r\n")
        if socketio:
            self.socket.sendall(JOIN)
            self._until(b"40{")
        self.socket.setblocking(False)
        self.kept = b""
        self.reached = 0

    def _until(self, end: bytes) -> None:
        got = b""
        while end not in got:
            got += self.socket.recv(8192)

    def hear(self, readers: Readers) -> bool:
        """Take what has come; return whether the server is still there."""
        part = self.socket.recv(1 << 18)
        if not part:
            return False
        data, done = self.kept + part, 0
        while len(data) - done >= 4:
            size, skip = data[done + 1] & 127, 2
            if size > 125:
                skip = 4 if size == 126 else 10
                size = int.from_bytes(data[done + 2 : done + skip], "big")
            if len(data) - done < skip + size:
                break
            self.take(data[done + skip : done + skip + size], readers)
            done += skip + size
        self.kept = data[done:]
        return True

    def take(self, text: bytes, readers: Readers) -> None:
        """Take one message."""
        if found := ENTRY.search(text):
            offset = int(found[1])
            readers.wrong += offset != self.reached + 1
            readers.behind -= self.reached < readers.expected <= offset
            self.reached = offset
            readers.delivered += 1
            if due := DUE.search(text):
                readers.late.append((time.time_ns() - int(due[1])) / 1e6)


class Readers:
    """All of them, and what they are asked."""

    def __init__(self, port: int, path: str, count: int, deaf: int, socketio: bool) -> None:
        self.all = [Reader(port, path, socketio) for _ in range(count)]
        self.reading = self.all[deaf:]
        self.expected = self.behind = self.closed = 0
        self.asked = False
        self.forget()

    def forget(self) -> None:
        """Begin to count anew."""
        self.wrong = self.delivered = self.reads = 0
        self.late: list[float] = []
        self.begun, self.spent = time.monotonic(), time.process_time()

    def obey(self, line: str) -> None:
        """Do what a command says."""
        if line.startswith("expect"):
            self.expected, self.asked = int(line.split()[1]), True
            self.behind = sum(reader.reached < self.expected for reader in self.reading)
        else:
            cpu, wall = time.process_time() - self.spent, time.monotonic() - self.begun
            late = sorted(self.late) or [0.0]
            middle, p99 = statistics.median(late), late[int(0.99 * (len(late) - 1))]
            counts = f"{self.wrong} {self.delivered} {self.reads}"
            print(f"report {counts} {cpu} {wall} {middle} {p99} {late[-1]} {self.closed}", flush=True)
            self.forget()

    def run(self) -> None:
        """Read until the input ends."""
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        for reader in self.reading:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    line = os.read(0, 256).decode()
                    if not line:
                        return
                    self.obey(line)
                    continue
                self.reads += 1
                if not key.data.hear(self):
                    selector.unregister(key.fileobj)
                    self.closed += 1
            if self.asked and not self.behind:
                print("reached", flush=True)
                self.asked = False


if __name__ == "__main__":
    port, path, count, deaf, *socketio = sys.argv[1:]
    Readers(int(port), path, int(count), int(deaf), bool(socketio)).run()
