"""The file ``_sessions.jsonl``: what is known of each session, so that a start reads no log.

One JSON line a record, the last line of a session holds. It is behind by what the journal has.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from .changes import Record
from .disk import PRIVATE, WRITE, read_file, sync, write_at, write_file

NAME = "_sessions.jsonl"
SPARE = 1_000  # lines that may be old, beside as many as there are sessions

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Record)


def decode_records(content: bytes) -> dict[str, Record]:
    """Return the records of a file by session."""
    return {record.session_id: record for record in _decoded(content)}


def _decoded(content: bytes) -> list[Record]:
    try:
        return _decoder.decode_lines(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # a torn line counts for nothing
        return [record for line in content.split(b"\n") if (record := _decoded_line(line)) is not None]


def _decoded_line(line: bytes) -> Record | None:
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class RecordsFile:
    """The file, to be written to. One thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, made when it is not there."""
        self.path = path
        self._named: set[str] = set()  # sessions of which there are lines
        self._lines = 0
        self._torn = True  # the last line may have no end
        os.close(os.open(path, WRITE | os.O_CREAT, PRIVATE))

    def load(self) -> dict[str, Record]:
        """Return the records by session."""
        content = read_file(self.path)
        records = decode_records(content)
        self._named = set(records)
        self._lines = content.count(b"\n")
        self._torn = bool(content) and not content.endswith(b"\n")
        return records

    def outdated(self, gone: Iterable[str], sessions: int) -> bool:
        """Whether the file is to be written anew: it names sessions that are gone, or has many old lines."""
        return (
            self._lines > 2 * sessions + SPARE
            or not self._named.isdisjoint(gone)
            or not self.path.exists()  # deleted by hand
        )

    def write(self, records: Sequence[Record]) -> None:
        """Write records behind the others, and return when they are on disk."""
        content = b"\n" * self._torn + b"".join(_encode(record) + b"\n" for record in records)
        descriptor = os.open(self.path, WRITE)
        try:
            end = os.fstat(descriptor).st_size
            self._torn = True
            try:
                write_at(descriptor, content, end)
                sync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
            self._torn = False
        finally:
            os.close(descriptor)
        self._named.update(record.session_id for record in records)
        self._lines += len(records)

    def rewrite(self, records: Sequence[Record]) -> None:
        """Write the file anew with these records only, and return when it is on disk."""
        write_file(self.path, b"".join(_encode(record) + b"\n" for record in records))
        self._named = {record.session_id for record in records}
        self._lines = len(records)
        self._torn = False
