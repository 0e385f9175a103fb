r"""Which keys there are.

==================  ======  ===========================================================================
``hw:sessions``     hash    session -> its record, as JSON
``hw:folded``       hash    id in lower case -> id: no two ids differ in case only
``hw:order``        zset    ``ACTIVITY\0ID`` of each session; one score for all, so the text is the order
``hw:active``       set     sessions with runs that go on
``hw:packed``       hash    session -> its log, compressed, while it is archived
``hw:log:ID``       stream  the log; entry n has the stream id ``0-n``
``hw:keys:ID``      hash    idempotency key -> offset
``hw:ended:ID``     hash    run -> the status of its terminal entry
``hw:writer:NAME``  hash    a writer's last batch: its number, and the offsets of its entries
``hw:owners``       zset    owner -> when its lease ends, by the server's clock
``hw:turn``         string  who may write alone now, because others were quicker too often
==================  ======  ===========================================================================
"""

from __future__ import annotations


class Keys:
    """The names of the keys with one prefix."""

    def __init__(self, prefix: str, database: int) -> None:
        self._prefix = prefix
        self.channel = f"{prefix}rings:{database}"  # channels, unlike keys, are of all databases
        self.sessions = f"{prefix}sessions"
        self.folded = f"{prefix}folded"
        self.order = f"{prefix}order"
        self.active = f"{prefix}active"
        self.packed = f"{prefix}packed"
        self.owners = f"{prefix}owners"
        self.turn = f"{prefix}turn"

    def log(self, session_id: str) -> str:
        """Return the key of a session's log."""
        return f"{self._prefix}log:{session_id}"

    def keys(self, session_id: str) -> str:
        """Return the key of a log's idempotency keys."""
        return f"{self._prefix}keys:{session_id}"

    def ended(self, session_id: str) -> str:
        """Return the key of a session's runs that have ended."""
        return f"{self._prefix}ended:{session_id}"

    def writer(self, name: str) -> str:
        """Return the key of a writer's last batch."""
        return f"{self._prefix}writer:{name}"


def place(activity: str, session_id: str) -> str:
    """Return a session's place among all: text that is in order by activity, then by id."""
    return f"{activity}\0{session_id}"
