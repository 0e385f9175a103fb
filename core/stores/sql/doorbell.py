"""Bells between the processes of one machine that share a database: datagrams that say who has changed.

Each store that wants to hear has a socket in a folder of the database's own. A bell may be lost; but each
commit has a number, so whoever has not heard of one for a while knows that, and looks at everything.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import socket
import stat
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

POLL = 1.0  # seconds between two looks at the number of the last commit
AGAIN = 0.02  # seconds until a bell goes again to one who has too many unread ones
UNREAD = 1_000  # bells that wait here for one who does not read; it will notice that it missed the others
SETTLED = 50_000_000  # nanoseconds after which a folder's time is sure to tell of the next change
LONGEST = 1 << 18  # bytes of a bell

_log = logging.getLogger("headway.doorbell")


class Doorbell:
    """Rings the others that have a database open, and hears them. Callable from any thread."""

    def __init__(self, database: Path, name: str) -> None:
        """Prepare for a database, with a name that nobody else has."""
        key = hashlib.sha256(os.fsencode(database.resolve())).hexdigest()[:16]
        above = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()  # short: a path has 107 bytes
        self._folder = Path(above, f"headway-{_user()}", key)
        self._name = name
        self._lock = threading.Lock()
        self._out = _socket()
        self._in: socket.socket | None = None
        self._numbers = _Numbers()
        self._others: list[str] = []
        self._looked = 0  # the folder's time when the others were looked for, when that is sure to tell
        self._owed: defaultdict[str, deque[bytes]] = defaultdict(deque)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def ring(self, number: int, session_ids: Sequence[str]) -> None:
        """Tell the others that the commit with a number has changed some sessions; never wait for them."""
        bell = f"{number} {' '.join(session_ids)}".encode()
        with self._lock:
            self._numbers.add(number)
            for other in self._look():
                if len(self._owed[other]) < UNREAD:
                    self._owed[other].append(bell)
            done = self._send()
        if not done:
            self._wake()

    def listen(self, ring: Callable[[str | None], None], last: Callable[[], int]) -> None:
        """Call *ring*, in a thread, with each session that others change, and with None after a loss.

        *last* gives the number of the last commit.
        """
        self._in = self._bind()
        with self._lock:
            self._numbers.start(last())
        self._thread = threading.Thread(
            target=self._hear, args=(ring, last), name="headway-doorbell", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Ring and hear no more."""
        self._over.set()
        self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            if self._out is not None:
                self._out.close()
                self._out = None
            if self._in is not None:
                self._in.close()
                self._in = None
                with contextlib.suppress(OSError):  # others may be in the folder
                    (self._folder / self._name).unlink()
                    self._folder.rmdir()

    def _hear(self, ring: Callable[[str | None], None], last: Callable[[], int]) -> None:
        look, due = time.monotonic() + POLL, 0
        while not self._over.is_set():
            if bell := self._receive(look):
                number, *session_ids = bell.decode().split(" ")
                with self._lock:
                    self._numbers.add(int(number))
                for session_id in session_ids:
                    ring(session_id)
            if time.monotonic() >= look:
                with self._lock:
                    lost = self._numbers.lack(due)
                if lost:
                    ring(None)
                look, due = time.monotonic() + POLL, last()  # whose bell may be on its way just now

    def _receive(self, until: float) -> bytes:
        """Return the next bell; none when it is time to do something else."""
        with self._lock:
            done = self._send()
        seconds = max(0.001, until - time.monotonic())
        if self._in is None:
            self._over.wait(seconds)
            return b""
        self._in.settimeout(seconds if done else min(seconds, AGAIN))
        try:
            return self._in.recv(LONGEST)
        except TimeoutError:
            return b""

    def _send(self) -> bool:
        """Send what is owed; return whether nothing is left. Under the lock."""
        if self._out is None:
            return True
        for other, bells in list(self._owed.items()):
            try:
                while bells:
                    self._out.sendto(bells[0], other)
                    bells.popleft()
            except BlockingIOError:
                pass
            except (ConnectionRefusedError, FileNotFoundError):  # it died, or has just left
                del self._owed[other]
                with contextlib.suppress(OSError):
                    os.unlink(other)
            except OSError:  # too long, perhaps: it is lost
                bells.popleft()
        return not any(self._owed.values())

    def _wake(self) -> None:
        """Have the thread look at what there is to do."""
        with self._lock, contextlib.suppress(OSError):
            if self._in is not None and self._out is not None:
                self._out.sendto(b"", os.fspath(self._folder / self._name))

    def _look(self) -> list[str]:
        """Return the sockets of the others; the folder is read when it has changed."""
        try:
            at = os.stat(self._folder).st_mtime_ns
            if at != self._looked:
                self._looked = at if time.time_ns() - at > SETTLED else 0
                _check_private(self._folder)
                names = [name for name in os.listdir(self._folder) if name != self._name]
                self._others = [os.fspath(self._folder / name) for name in names]
        except OSError:  # there is none, or it is not ours
            return []
        return self._others

    def _bind(self) -> socket.socket | None:
        """Return a socket in the folder; None where there can be none, and to look must do."""
        listening = _socket()
        if listening is None:
            return None
        listening.setblocking(True)
        for attempt in range(3):
            try:
                for folder in (self._folder.parent, self._folder):
                    folder.mkdir(mode=0o700, exist_ok=True)
                    _check_private(folder)
                listening.bind(os.fspath(self._folder / self._name))
                return listening
            except OSError as error:
                if isinstance(error, FileNotFoundError) and attempt < 2:
                    continue  # the last one to leave has just taken the folder away
                _log.warning("no bells from other processes, so they are looked for: %s", error)
                break
        listening.close()
        return None


class _Numbers:
    """Which numbers of commits have come; they come in any order."""

    def __init__(self) -> None:
        self._until = 0  # all up to this one have
        self._beyond: set[int] = set()

    def start(self, number: int) -> None:
        """Take all up to a number as come."""
        self._until = max(self._until, number)
        self._beyond = {n for n in self._beyond if n > self._until}
        self.add(self._until)

    def add(self, number: int) -> None:
        """Take note of one."""
        if number > self._until:
            self._beyond.add(number)
        while self._until + 1 in self._beyond:
            self._until += 1
            self._beyond.remove(self._until)

    def lack(self, number: int) -> bool:
        """Whether one up to this number has not come; from now on it is not waited for any more."""
        lacking = self._until < number
        if lacking:
            self.start(number)
        return lacking


def _socket() -> socket.socket | None:
    """Return a socket for datagrams that does not wait; None on systems that have none."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return None
    made.setblocking(False)
    return made


def _check_private(folder: Path) -> None:
    """Raise when others could put sockets into a folder, or listen there."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "others can write there", os.fspath(folder))


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else ""
