"""The store: what each step asks of the server, or does to it.

A batch is all or nothing over all its sessions, so all keys are on one server: Redis Cluster is not
supported. Who has more than one server can carry gives each its own sessions and its own Headway servers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import TypeVar

import msgspec

from ...entry import Entry
from ...errors import StoreClosed, StoreError
from ...session import Session
from ..batch import Batch, Excerpt, Stored
from ..commit import Extension, begin, by_session
from . import scripts
from .change import Change, Field
from .keys import place
from .logs import Logs
from .records import Records, decode
from .rings import Rings
from .server import Server

PAGE = 1_000  # sessions in one answer, so that the server is never held up for long
OVERTAKEN = 5  # attempts of a change; who was overtaken as often has the others wait
RESENT_WITHIN = 3_600_000  # milliseconds in which a batch that is sent again is recognised

_Made = TypeVar("_Made")


class RedisStore:
    """Logs in the streams of a Redis (7.0 or newer) or Valkey server.

    The URL is ``redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]``; `Server` tells its options.
    """

    shared = True
    scheme = "redis"

    def __init__(self, rest: str) -> None:
        """Reach the server; raises what `Server` raises."""
        self._server = Server(f"{self.scheme}:{rest}")
        self._keys = self._server.keys
        self._lock = threading.RLock()  # one change at a time
        self._records = Records(self._keys)
        self._logs = Logs(self._server)
        self._last_batch: dict[Field, str] = {}
        self._rings: Rings | None = None
        self._closed = False

    def __str__(self) -> str:
        return str(self._server)

    def append(self, batch: Batch) -> Stored:
        groups = by_session(batch.entries)
        stored = self._change(groups, lambda change: self._append(change, batch, groups), batch.flush)
        return self._sent_before(batch, groups) if stored is None else stored

    def read(self, session_id: str, since: int = 0, limit: int | None = None) -> Excerpt | None:
        return self._logs.read(session_id, since, limit)

    def session(self, session_id: str) -> Session | None:
        (record,) = self._server.fields(self._keys.sessions, [session_id])
        return None if record is None else decode(record)

    def sessions(self, limit: int, before: str | None = None) -> list[Session]:
        found: list[Session] = []
        while True:
            most = min(PAGE, limit - len(found))
            after = "+" if before is None else "(" + place(*before.partition(",")[::2])
            records = self._server.ask(scripts.LIST, (self._keys.order, self._keys.sessions), after, most)
            found += map(decode, records)
            if len(records) < most or len(found) == limit:
                return found
            before = found[-1].cursor

    def active(self) -> list[Session]:
        members = self._server.members(self._keys.active)
        found = map(decode, filter(None, self._server.fields(self._keys.sessions, members)))
        return [session for session in found if session.active_runs]  # one may have ended in between

    def add_session(self, session: Session) -> None:
        def add(change: Change) -> None:
            self._records.check_new(change, session.session_id)
            self._records.put(change, None, session)

        self._change([session.session_id], add)

    def update_session(self, session_id: str, change: Callable[[Session], Session]) -> Session:
        def update(step: Change) -> Session:
            old = self._records.known(step, session_id)
            new = change(old)
            self._records.put(step, old, new)
            return new

        return self._change([session_id], update)

    def archive(self, session_id: str, keep: Callable[[Sequence[Entry]], Sequence[Entry]]) -> Session:
        def put_away(change: Change) -> Session:
            old = self._records.known(change, session_id)
            new = self._logs.archive(change, old, keep)
            self._records.put(change, old, new)
            return new

        return self._change([session_id], put_away)

    def delete_session(self, session_id: str) -> None:
        def delete(change: Change) -> None:
            self._records.remove(change, self._records.known(change, session_id))
            self._logs.remove(change, session_id)

        self._change([session_id], delete)

    def lease(self, owner: str, seconds: float) -> set[str]:
        living = self._server.ask(scripts.LEASE, [self._keys.owners], owner, round(seconds * 1000))
        return {name.decode() for name in living}

    def relay(self, ring: Callable[[str | None], None]) -> None:
        self._rings = Rings(self._server, ring)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._rings is not None:
                self._rings.close()
            self._server.close()

    def _change(
        self, session_ids: Collection[str], work: Callable[[Change], _Made], flush: bool = True
    ) -> _Made:
        """Do what *work* makes of what is believed to be there, again each time that it was not so.

        What it raises is raised when the belief was right; nothing is written then.
        """
        with self._lock:
            if self._closed:
                raise StoreClosed
            believed: dict[Field, str | None] = {**self._records.believed(session_ids), **self._last_batch}
            outcome: _Made | Exception
            for attempt in count(1):
                step = Change(believed)
                outcome = _attempt(work, step)
                if step.writes:
                    step.write("PUBLISH", self._keys.channel, " ".join((self._server.name, *session_ids)))
                found = self._server.apply(step, flush, insist=attempt >= OVERTAKEN)
                if found is None:
                    break
                believed |= found
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _append(self, change: Change, batch: Batch, groups: dict[str, list[Entry]]) -> Stored | None:
        """Write a batch; return None when it was written before."""
        if batch.writer and self._written(change, batch):
            return None
        extensions = {session_id: self._extend(change, asked, batch) for session_id, asked in groups.items()}
        stored = {sid: iter(self._logs.entries(groups[sid], made)) for sid, made in extensions.items()}
        entries = [next(stored[entry.session_id]) for entry in batch.entries]
        if batch.writer:
            writer, number = self._keys.writer(batch.writer), str(batch.number)
            offsets = msgspec.json.encode([entry.offset for entry in entries]).decode()
            change.write("HSET", writer, "number", number, "offsets", offsets)
            change.write("PEXPIRE", writer, RESENT_WITHIN)
            self._last_batch = {(writer, "number"): number}
        return Stored(entries, {session_id: made.session for session_id, made in extensions.items()})

    def _extend(self, change: Change, asked: list[Entry], batch: Batch) -> Extension:
        old = self._records.get(change, asked[0].session_id)
        if old is None:
            self._records.check_new(change, asked[0].session_id)
        extension = self._logs.append(change, old or begin(asked[0]), asked, batch)
        if extension.new:
            self._records.put(change, old, extension.session)
        return extension

    def _written(self, change: Change, batch: Batch) -> bool:
        writer = self._keys.writer(batch.writer)
        if int(change.look(writer, "number") or 0) < batch.number:
            return False
        change.write("PEXPIRE", writer, RESENT_WITHIN)  # who waits for the disk waits for the latest write
        return True

    def _sent_before(self, batch: Batch, groups: dict[str, list[Entry]]) -> Stored:
        """Return what a batch has written that is sent again."""
        number, offsets = self._server.fields(self._keys.writer(batch.writer), ["number", "offsets"])
        if number is None or offsets is None or int(number) != batch.number:
            raise StoreError(f"{self} has written batch {batch.number}, and forgotten where")
        places = zip(batch.entries, msgspec.json.decode(offsets, type=list[int]), strict=True)
        entries = [self._logs.entry(entry, offset) for entry, offset in places]
        return Stored(entries, {sid: self.session(sid) or begin(group[0]) for sid, group in groups.items()})


class RedisOverTls(RedisStore):
    """The same over TLS. The URL is ``rediss://...``."""

    scheme = "rediss"


def _attempt(work: Callable[[Change], _Made], change: Change) -> _Made | Exception:
    try:
        return work(change)
    except Exception as error:
        change.write_nothing()
        return error
