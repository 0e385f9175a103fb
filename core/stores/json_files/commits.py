"""One commit: what a batch makes of each log, written to the journal and the array files, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ...entry import Entry, encode
from ...errors import UnknownSession
from ...session import Session, archived
from ..batch import Batch
from ..commit import Extension, begin, by_session, extend
from .archive import ArchiveDamaged, Keep, delete_files, pack, packed_path
from .catalog import Catalog
from .changes import CLOSE, Deleted, Record, Recorded, appended, block_of, encoded
from .ledger import Ledger
from .lines import LogChanged
from .logs import Log, Logs
from .mending import take_up
from .opening import Found


@dataclass(slots=True)
class Part:
    """What a commit does to one log.

    Attributes
    ----------
    before
        The record of the log as it is; None when it begins with this commit.
    extension
        What the batch makes of it.
    """

    log: Log
    before: Record | None
    extension: Extension

    def stored(self) -> Iterable[Entry]:
        """Return the entries that were asked for, as they are stored."""
        new, offsets = self.extension.new, self.extension.offsets
        if len(new) == len(offsets):
            return new
        known = {entry.offset: entry for entry in new}
        return [known.get(offset) or self.log.entry(offset) for offset in offsets]


class Committer:
    """Writes batches. One thread at a time."""

    def __init__(self, catalog: Catalog, logs: Logs, ledger: Ledger, found: Found) -> None:
        """Take over the folder, in which something was found when it was opened."""
        self._catalog = catalog
        self._logs = logs
        self._ledger = ledger
        self._damaged = found.damaged  # beside whose log may lie damaged bytes
        self._spoilt: list[Log] = []  # whose last write could not be taken back yet
        self._unpacked: list[Log] = []  # that hold in memory what is compressed in its file

    def prepare(self, batch: Batch) -> dict[str, Part]:
        """Return what a batch makes of each log; nothing is written yet."""
        while self._unpacked:
            self._unpacked.pop().close()
        now = self._logs.now()
        return {
            session_id: self._part(session_id, entries, batch, now)
            for session_id, entries in by_session(batch.entries).items()
        }

    def commit(self, parts: Sequence[Part], batch: Batch) -> None:
        """Write what is prepared."""
        changes: list[bytes] = []
        blocks: list[tuple[Log, bytes, int]] = []
        records = []
        for part in parts:
            before, session = part.before, part.extension.session
            lines = [encode(entry) for entry in part.extension.new]
            place = before.length - len(CLOSE) if before and before.length else 0
            block = block_of(lines, place)
            base = before.session.last_offset if before else 0
            changes.append(appended(session, base, place, lines, session.session_id in batch.watched))
            blocks.append((part.log, block, place))
            foreign = before.foreign if before else 0
            records.append(Record(session=session, length=place + len(block), foreign=foreign))
            part.log.restore()
        self._ledger.commit(changes, [record.session.session_id for record in records], flush=batch.flush)
        self._write(blocks)
        self._catalog.put(records)
        for part in parts:
            part.log.learn(part.extension.new)
            if part.log.packed:
                with suppress(OSError):  # the record says which file counts; the next start deletes it
                    packed_path(part.log.path).unlink()
        self._logs.trim()
        self._ledger.committed()

    def put(self, record: Record) -> None:
        """Add or replace a record, durably."""
        self._ledger.commit([encoded(Recorded(record))], [record.session.session_id])
        self._catalog.put([record])
        self._ledger.committed()

    def archive(self, session_id: str, keep: Keep) -> Session:
        """Keep a log compressed, and of its entries some."""
        _, log = self.current(session_id)
        known = self._catalog.get(session_id)
        if known is None:
            raise UnknownSession(session_id)
        if known.length:
            record = pack(log.path, known, keep)
        else:
            record = Record(session=archived(known.session, ()))
        self.put(record)
        self._logs.drop(session_id)
        with suppress(OSError):  # the record says which file counts; the next start deletes the other one
            log.path.unlink(missing_ok=True)
        return record.session

    def delete(self, session_id: str) -> None:
        """Delete a session with all its files."""
        path = self._logs[session_id].path
        self._ledger.commit([encoded(Deleted(session_id))], [session_id])
        self._logs.drop(session_id)
        try:
            delete_files(path, damaged=session_id in self._damaged)
        except OSError:
            if path.exists():
                self._ledger.take_back()
                raise
        self._catalog.remove(session_id)
        self._ledger.committed()

    def current(self, session_id: str, now: int | None = None) -> tuple[Record | None, Log]:
        """Return a session's record as its file is now, and its log; a log that is gone has none."""
        while self._spoilt:
            self._spoilt[-1].undo()
            self._spoilt.pop().close()
        log = self._logs[session_id]
        record = self._catalog.get(session_id)
        if record is not None and record.packed:
            self._unpacked.append(log)
            with suppress(FileNotFoundError):
                return log.unpack(record), log
            log.replaced = True
        elif log.fits(record, now):
            if record is None:
                self._catalog.check_new(session_id)
            return record, log
        record = self.take_up(session_id, None if log.replaced else record)
        log.fits(record, None)
        return record, log

    def take_up(self, session_id: str, known: Record | None) -> Record | None:
        """Read the array file of a session anew, which somebody has changed, and return its record.

        Raises
        ------
        ArchiveDamaged
            The log is compressed, and that file is what was changed.
        """
        log = self._logs[session_id]
        log.close()
        packed = packed_path(log.path)
        if known is not None and known.packed and packed.exists():
            raise ArchiveDamaged(packed)
        if known is None:
            self._catalog.remove(session_id)
            self._catalog.check_new(session_id)
        record = take_up(log.path, session_id, known)
        self._damaged.add(session_id)
        if record is None:
            self._catalog.remove(session_id)
        else:
            self._catalog.put([record])
            self._ledger.note([record])
        self._ledger.touch(session_id)
        return record

    def _part(self, session_id: str, entries: list[Entry], batch: Batch, now: int | None) -> Part:
        try:
            record, log = self.current(session_id, now)
            session = record.session if record else begin(entries[0])
            return Part(log, record, extend(session, log, entries, batch))
        except LogChanged:  # in the midst of it
            record = self.take_up(session_id, self._catalog.get(session_id))
            _, log = self.current(session_id)
            session = record.session if record else begin(entries[0])
            return Part(log, record, extend(session, log, entries, batch))

    def _write(self, blocks: list[tuple[Log, bytes, int]]) -> None:
        """Write to the array files what the journal has already; if one fails, take all of it back."""
        written = []
        try:
            for log, block, place in blocks:
                written.append(log)
                log.write(block, place)
        except BaseException:
            for log in written:
                try:
                    log.undo()
                except OSError:
                    self._spoilt.append(log)
            self._ledger.take_back()
            raise
