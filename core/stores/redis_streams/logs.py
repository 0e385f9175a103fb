"""The logs: how they are read, and what steps do to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ...entry import Entry
from ...session import Session, archived
from ..batch import Batch, Excerpt
from ..commit import Extension, extend
from .change import Change, binary
from .keys import Keys
from .records import decode
from .rows import FIELD, entries, pack, row, unpack
from .scripts import READ
from .server import Server

PAGE = 1_000  # entries in one answer, so that the server is never held up for long
LAST = 2**63 - 1  # no stream's id is larger


class _Known:
    """What a log has, as far as the rules of a commit ask; the change depends on what they were told."""

    def __init__(self, change: Change, keys: Keys, session_id: str) -> None:
        self._change = change
        self._offsets = keys.keys(session_id)
        self._endings = keys.ended(session_id)

    def offset(self, key: str) -> int | None:
        offset = self._change.look(self._offsets, key)
        return None if offset is None else int(offset)

    def ending(self, run_id: str) -> str | None:
        return self._change.look(self._endings, run_id)


class Logs:
    """Reads logs, and writes to them what a change does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._keys = server.keys

    def read(self, session_id: str, since: int, limit: int | None) -> Excerpt | None:
        """Return the entries after offset *since*, at most *limit*, with the record of that moment."""
        places = self._keys.sessions, self._keys.packed, self._keys.log(session_id)
        log: list[Entry] = []
        epoch, reached = None, since
        while True:
            most = PAGE if limit is None else min(PAGE, limit - len(log))
            found = self._server.ask(READ, places, session_id, min(reached, LAST), most)
            if found is None:
                return None
            record, packed, rows = found
            session = decode(record)
            if epoch not in (None, session.epoch):  # deleted and begun anew between two pages
                return self.read(session_id, since, limit)
            if packed is not None:
                log += [entry for entry in unpack(session_id, packed) if entry.offset > reached]
                return Excerpt(session, log[:limit])
            page = entries(session_id, rows)
            log += page
            if len(page) < most or len(log) == limit:
                return Excerpt(session, log)
            epoch, reached = session.epoch, log[-1].offset

    def append(self, change: Change, session: Session, asked: list[Entry], batch: Batch) -> Extension:
        """Write entries to a log, which is unpacked when it is archived."""
        session_id = session.session_id
        extension = extend(session, _Known(change, self._keys, session_id), asked, batch)
        if extension.new and session.archived:
            self._write(change, session_id, self._all(session_id))
            change.write("HDEL", self._keys.packed, session_id)
        self._write(change, session_id, extension.new)
        for entry in extension.new:
            if entry.key is not None:
                change.collect("HSET", self._keys.keys(session_id), entry.key, str(entry.offset))
            if entry.run_id is not None and entry.terminal:
                change.collect("HSET", self._keys.ended(session_id), entry.run_id, entry.status)
        return extension

    def entries(self, asked: list[Entry], extension: Extension) -> list[Entry]:
        """Return what a log has for entries that were asked for: new ones, and those that it had."""
        if len(extension.new) == len(asked):
            return extension.new
        new = {entry.offset: entry for entry in extension.new}
        return [new.get(n) or self.entry(entry, n) for entry, n in zip(asked, extension.offsets, strict=True)]

    def entry(self, asked: Entry, offset: int) -> Entry:
        """Return the entry that stands for the one that was asked for."""
        found = self.read(asked.session_id, offset - 1, 1)
        if found is not None and found.entries and found.entries[0].offset == offset:
            return found.entries[0]
        return msgspec.structs.replace(asked, offset=offset)  # its log was deleted in this moment

    def archive(
        self, change: Change, session: Session, keep: Callable[[Sequence[Entry]], Sequence[Entry]]
    ) -> Session:
        """Keep a log compressed, and of its entries those that *keep* returns; return the record for it."""
        kept = keep(self._all(session.session_id))
        change.write("HSET", self._keys.packed, session.session_id, binary(pack(kept)))
        change.write("UNLINK", self._keys.log(session.session_id))
        return archived(session, kept)

    def remove(self, change: Change, session_id: str) -> None:
        """Delete a log, packed or not."""
        change.write("HDEL", self._keys.packed, session_id)
        keys = self._keys
        change.write("UNLINK", keys.log(session_id), keys.keys(session_id), keys.ended(session_id))

    def _write(self, change: Change, session_id: str, new: Sequence[Entry]) -> None:
        log = self._keys.log(session_id)
        for entry in new:
            change.write("XADD", log, f"0-{entry.offset}", FIELD, row(entry))

    def _all(self, session_id: str) -> list[Entry]:
        """Return a whole log. It is the one of the record that a change is made from, if that is right."""
        found = self.read(session_id, 0, None)
        return [] if found is None else found.entries
