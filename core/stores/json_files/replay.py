"""What the journal adds to the records: the state of a folder, from what is on disk and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from ...entry import decode
from .changes import Appended, Change, Deleted, Record, Recorded, begun


class Replay:
    """Records, brought up to date by the lines of the journal in order.

    Attributes
    ----------
    records
        The record of each session.
    chains
        What was added to each log since its file was known to be on disk, in order.
    doubtful
        Sessions whose record lacks something of that, because a line of the journal is damaged.
    touched
        The sessions of which the journal says anything.
    deleted
        Those that it says are deleted.
    """

    def __init__(self, records: dict[str, Record]) -> None:
        self.records = records
        self.chains: dict[str, list[Appended]] = {}
        self.doubtful: set[str] = set()
        self.touched: set[str] = set()
        self.deleted: set[str] = set()

    def apply(self, lines: Iterable[Iterable[Change]]) -> None:
        """Take in lines of the journal."""
        for line in lines:
            for change in line:
                match change:
                    case Appended():
                        self._append(change)
                    case Recorded():
                        self._record(change.record)
                    case Deleted():
                        self._delete(change.session_id)

    def _append(self, change: Appended) -> None:
        session_id = change.session_id
        self.touched.add(session_id)
        self.deleted.discard(session_id)
        record = self.records.get(session_id)
        entries = [decode(line) for line in change.entries]
        if not change.base and (record is None or record.session.epoch != change.epoch):
            record = Record(session=begun(change, entries[0]))
            self.chains.pop(session_id, None)
        self.chains.setdefault(session_id, []).append(change)
        if (
            record is None  # the file of records was deleted: the log says the rest
            or record.session.epoch != change.epoch
            or change.base > record.session.last_offset
        ):
            self.doubtful.add(session_id)
            return
        session = record.session
        for entry in entries:
            if entry.offset > session.last_offset:
                session = session.after(entry, watched=change.watched)
        length = change.place + len(change.block)
        self.records[session_id] = Record(session=session, length=length, foreign=record.foreign)

    def _record(self, record: Record) -> None:
        """Replace a record; that of another log, or of a compressed one, ends what was added before."""
        session_id = record.session_id
        self.touched.add(session_id)
        self.deleted.discard(session_id)
        before = self.records.get(session_id)
        if record.packed or before is None or before.session.epoch != record.session.epoch:
            self.chains.pop(session_id, None)
        self.records[session_id] = record

    def _delete(self, session_id: str) -> None:
        self.touched.add(session_id)
        self.deleted.add(session_id)
        self.records.pop(session_id, None)
        self.chains.pop(session_id, None)
