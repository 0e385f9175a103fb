"""The records of the sessions, and the lists in which they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from ...errors import SessionExists, UnknownSession
from ...session import Session
from .change import Change, Field
from .keys import Keys, place

REMEMBERED = 10_000  # records

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Session)


class Records:
    """What steps do to records. Those that it saw or made last it remembers: it believes them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._seen: OrderedDict[str, tuple[str, Session]] = OrderedDict()

    def believed(self, session_ids: Iterable[str]) -> dict[Field, str]:
        """Return what is believed to be there of some records."""
        seen = ((session_id, self._seen.get(session_id)) for session_id in session_ids)
        return {(self._keys.sessions, session_id): record[0] for session_id, record in seen if record}

    def get(self, change: Change, session_id: str) -> Session | None:
        """Return a record on which the change depends, or None."""
        text = change.look(self._keys.sessions, session_id)
        if text is None:
            return None
        seen = self._seen.get(session_id)
        return seen[1] if seen is not None and seen[0] == text else decode(text)

    def known(self, change: Change, session_id: str) -> Session:
        """Return a record on which the change depends; `UnknownSession` when there is none."""
        session = self.get(change, session_id)
        if session is None:
            raise UnknownSession(session_id)
        return session

    def check_new(self, change: Change, session_id: str) -> None:
        """Raise `SessionExists` when the id, in whatever case, is taken."""
        taken = change.look(self._keys.folded, session_id.lower())
        if taken is not None:
            raise SessionExists(session_id, taken)

    def put(self, change: Change, old: Session | None, new: Session) -> None:
        """Write a record in place of another, or of none."""
        session_id, text = new.session_id, _encoder.encode(new).decode()
        change.collect("HSET", self._keys.sessions, session_id, text)
        if old is None:
            change.collect("HSET", self._keys.folded, session_id.lower(), session_id)
        if old is None or old.last_activity != new.last_activity:
            if old is not None:
                change.collect("ZREM", self._keys.order, place(old.last_activity, session_id))
            change.collect("ZADD", self._keys.order, 0, place(new.last_activity, session_id))
        if bool(new.active_runs) != (old is not None and bool(old.active_runs)):
            change.collect("SADD" if new.active_runs else "SREM", self._keys.active, session_id)
        self._remember(text, new)

    def remove(self, change: Change, session: Session) -> None:
        """Delete a record."""
        session_id = session.session_id
        change.write("HDEL", self._keys.sessions, session_id)
        change.write("HDEL", self._keys.folded, session_id.lower())
        change.write("ZREM", self._keys.order, place(session.last_activity, session_id))
        change.write("SREM", self._keys.active, session_id)
        self._seen.pop(session_id, None)

    def _remember(self, text: str, session: Session) -> None:
        self._seen[session.session_id] = text, session
        self._seen.move_to_end(session.session_id)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def decode(record: str | bytes) -> Session:
    """Return the session whose record it is."""
    return _decoder.decode(record)
