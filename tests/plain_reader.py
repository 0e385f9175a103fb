"""A WebSocket client of a few lines over a plain socket: it reads when it is told to, and as little."""

import os
import socket
import struct
from urllib.parse import urlsplit

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


class PlainReader:
    """A connected socket; what it has received it keeps until a frame is whole."""

    def __init__(self, url: str, path: str, kernel: int | None = None) -> None:
        """Connect; *kernel* is how many bytes the kernel may keep for a program that does not read."""
        place = urlsplit(url)
        self.socket = socket.socket()
        if kernel is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kernel)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", place.port))
        self.socket.sendall(HANDSHAKE.format(path=path, host=place.netloc).encode())
        self._received = b""
        while b"\r\n\r\n" not in self._received:
            self._received += self.socket.recv(1)
        assert self._received.startswith(b"HTTP/1.1 101 ")
        self._received = b""

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.socket.close()

    def say(self, opcode: int, payload: bytes = b"") -> None:
        """Send a masked frame."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        self.socket.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked)

    def take(self, most: int) -> int:
        """Take at most so many bytes off the kernel; return how many there were."""
        part = self.socket.recv(most)
        self._received += part
        return len(part)

    def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame; whatever is torn cannot be one."""
        first, size = self._exactly(2)
        assert first & 0x70 == 0 and first & 0x80 and first & 0xF in (TEXT, CLOSE, PING, PONG), "torn"
        assert size < 128, "a server does not mask"
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
            assert size > 125
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
            assert 65_535 < size < 10_000_000, "torn"
        return first & 0xF, self._exactly(size)

    def text(self) -> bytes:
        """Return the payload of the next text message."""
        while True:
            opcode, payload = self.frame()
            if opcode == TEXT:
                return payload
            assert opcode != CLOSE, payload

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            assert self.take(65_536), "the server has hung up"
        part, self._received = self._received[:size], self._received[size:]
        return part
