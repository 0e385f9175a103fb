"""The sessions' records beside their logs: one JSON line a change, the last line of a session holds.

The log decides what it can decide: a line also tells the size of the log that it was written for, and a
log of another size is read again at the start.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ..session import Session
from .commit import Extension
from .json_array import sync, write_all


class SessionLine(Session, frozen=True, kw_only=True, omit_defaults=True):
    """A session's record as it is written, with what only the file needs.

    Attributes
    ----------
    size : int
        Bytes of the log for which the record was written.
    deleted : bool
        The session was deleted; the other fields are those that it had.
    """

    size: int = 0
    deleted: bool = False


_FIELDS = Session.__struct_fields__
_decode = msgspec.json.Decoder(SessionLine).decode


def notable(old: Session | None, extension: Extension) -> bool:
    """Whether a record says more than that the log has grown: only then it is written.

    The end of a run always does: the log cannot tell whether somebody watched it.
    """
    return (
        old is None
        or any(entry.terminal for entry in extension.new)
        or any(
            getattr(old, name) != getattr(extension.session, name)
            for name in ("title", "status", "notification", "active_runs")
        )
    )


class SessionFile:
    """The file ``_sessions.jsonl`` of a folder of logs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, SessionLine] = {}
        self._torn = False
        written = self._read()
        if written > 2 * len(self._lines) + 100:
            self._compact()
        self._file = open(path, "ab", buffering=0)
        os.chmod(path, 0o600)
        if self._torn:
            self._file.write(b"\n")  # what follows the torn line begins one of its own

    def items(self) -> list[tuple[Session, int]]:
        """Return each session's record and the size of the log it was written for; to be called once."""
        lines, self._lines = self._lines, {}
        return [(_record(line), line.size) for line in lines.values()]

    def write(self, sessions: list[tuple[Session, int]], *, deleted: bool = False) -> None:
        """Write records, each with the size of its log, and return when they are on disk."""
        lines = [
            SessionLine(**{name: getattr(session, name) for name in _FIELDS}, size=size, deleted=deleted)
            for session, size in sessions
        ]
        end = os.fstat(self._file.fileno()).st_size
        try:
            write_all(self._file, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            sync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> int:
        if not self.path.exists():
            return 0
        content = self.path.read_bytes()
        self._torn = bool(content) and not content.endswith(b"\n")
        lines = content.splitlines()
        for text in lines:
            try:
                line = _decode(text)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # torn by a crash: the line before it holds, and the log itself
            if line.deleted:
                self._lines.pop(line.session_id, None)
            else:
                self._lines[line.session_id] = line
        return len(lines)

    def _compact(self) -> None:
        part = self.path.with_name(self.path.name + ".part")
        with open(part, "wb") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in self._lines.values())
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.path)
        self._torn = False


def _record(line: SessionLine) -> Session:
    return Session(**{name: getattr(line, name) for name in _FIELDS})
