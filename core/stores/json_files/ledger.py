"""What makes changes durable: the journal first, and now and then the files that it stands for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from .catalog import Catalog
from .changes import Appended, Record, Recorded, encoded
from .checkpoints import Checkpoints
from .disk import read_file, sync_files
from .journal import Segment, lines_of, number_of
from .logs import SUFFIX
from .mending import write_again
from .opening import Found
from .records import RecordsFile

Lock = AbstractContextManager[bool]

_log = logging.getLogger("headway.stores.json")


@dataclass
class Sealed:
    """A part of the journal that grows no more.

    Attributes
    ----------
    journal
        Its files.
    records
        The sessions that it is about, as they were at its end; None for one that was deleted.
    whole
        All records of that moment, when the file of records is to be written anew.
    failed
        Whether the logs could not be flushed.
    """

    journal: list[Path]
    records: dict[str, Record | None]
    whole: list[Record] | None
    failed: bool = False


class Ledger:
    """The journal of a folder and its file of records. Commits come from one thread at a time.

    A checkpoint, in a thread of its own, begins another file of the journal, flushes the logs that the old
    one is about, writes their records, and deletes it. The lock is not held meanwhile.
    """

    def __init__(
        self,
        folder: Path,
        descriptor: int | None,
        lock: Lock,
        catalog: Catalog,
        file: RecordsFile,
        found: Found,
    ) -> None:
        """Make a file of the journal behind those that were found; *lock* is held by whoever commits."""
        self._folder = folder
        self._descriptor = descriptor
        self._lock = lock
        self._catalog = catalog
        self._file = file
        self._touched: set[str] = set()
        self._settling = threading.Lock()  # one checkpoint at a time
        self._sealed: Sealed | None = None
        if found.touched or found.journal:
            self._sealed = self._seal(found.journal, found.touched)
        self._segment = Segment(folder, number_of(found.journal[-1]) + 1 if found.journal else 1)
        self.note([found.records[session_id] for session_id in found.new])

    def start(self, look: Callable[[], None]) -> None:
        """Write down what was found when the folder was opened, then *look*, and go on with checkpoints."""
        self._checkpoints = Checkpoints(str(self._folder), self.checkpoint, look)

    def commit(self, changes: Sequence[bytes], sessions: Iterable[str], *, flush: bool = True) -> None:
        """Write changes to the journal, all or none; they are on disk then, if they are to be flushed.

        Raises
        ------
        OSError
            Nothing was written.
        """
        if not changes:
            return
        if self._segment.deleted:
            self._begin_anew()
        self._segment.commit(changes, flush=flush)
        self._touched.update(sessions)

    def take_back(self) -> None:
        """Take back the last commit, whose array files could not be written."""
        self._segment.take_back()

    def committed(self) -> None:
        """Say that a commit is complete: the journal may be full now."""
        self._checkpoints.committed(self._segment.end)

    def note(self, records: Iterable[Record]) -> None:
        """Say which records were made anew from their logs: readers and the next start go by them.

        A full disk is no reason not to go on: then each makes its own.
        """
        with suppress(OSError):
            self.commit([encoded(Recorded(record)) for record in records], (), flush=False)

    def touch(self, session_id: str) -> None:
        """Say that a record has changed, though the journal does not say so yet."""
        self._touched.add(session_id)

    def checkpoint(self) -> None:
        """Empty the journal, but for what is committed meanwhile; one that failed before is gone on with.

        Raises
        ------
        OSError
            The disk did not take it; the journal has it still.
        """
        with self._settling:
            self._settle_sealed()
            if self._touched:
                self._sealed = self._sealed_behind_another()
                self._settle_sealed()

    def close(self) -> None:
        """Empty the journal and delete it. If that fails it stays, for the next start."""
        self._checkpoints.stop()
        try:
            self._settle_sealed()
            self._segment.flush()
            self._sealed = self._seal([self._segment.path], self._touched)
            self._settle_sealed()
        except OSError as error:
            _log.warning("the journal of %s could not be emptied: %s", self._folder, error)
        finally:
            self._segment.close()

    def _begin_anew(self) -> None:
        """Go on in another file: somebody has deleted the journal by hand."""
        old, self._segment = self._segment, Segment(self._folder, self._segment.number + 1)
        old.close()
        self._checkpoints.hurry()  # nothing else has what it said

    def _sealed_behind_another(self) -> Sealed:
        """Begin another file of the journal and return what the one until now is about."""
        fresh = Segment(self._folder, self._segment.number + 1)
        with self._lock:
            old, self._segment = self._segment, fresh
            old.flush()  # else the disk could have a log's later entries without these
            touched, self._touched = self._touched, set()
            sealed = self._seal([old.path], touched)
        old.close()
        return sealed

    def _seal(self, journal: list[Path], touched: Iterable[str]) -> Sealed:
        records = {session_id: self._catalog.get(session_id) for session_id in touched}
        gone = [session_id for session_id, record in records.items() if record is None]
        whole = self._catalog.all() if self._file.outdated(gone, len(self._catalog)) else None
        return Sealed(journal, records, whole)

    def _settle_sealed(self) -> None:
        if self._sealed is not None:
            self._settle(self._sealed)
            self._sealed = None

    def _settle(self, sealed: Sealed) -> None:
        """Make it superfluous: flush the logs, write the records, delete the files."""
        records = [record for record in sealed.records.values() if record is not None]
        arrays = [record.session_id + SUFFIX for record in records if record.length and not record.packed]
        if sealed.failed:
            self._write_again(sealed)
        sealed.failed = True
        sync_files(self._folder, self._descriptor, arrays)
        sealed.failed = False
        if sealed.whole is None and self._file.outdated((), len(self._catalog)):  # deleted by hand just now
            with self._lock:
                self._segment.flush()  # the records may say what only that has
                sealed.whole = self._catalog.all()
        if sealed.whole is not None:
            self._file.rewrite(sealed.whole)
        elif records:
            self._file.write(records)
        for path in sealed.journal:
            path.unlink(missing_ok=True)

    def _write_again(self, sealed: Sealed) -> None:
        """Write to the array files what they got from a part of the journal, so that a flush flushes it."""
        for path in sealed.journal:
            for change in chain.from_iterable(lines_of(read_file(path))[0]):
                if isinstance(change, Appended):
                    with self._lock, suppress(FileNotFoundError):  # else it could be another log by now
                        record = self._catalog.get(change.session_id)
                        if record and record.session.epoch == change.epoch and not record.packed:
                            write_again(self._folder / (change.session_id + SUFFIX), change)
