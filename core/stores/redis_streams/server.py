"""One Redis or Valkey server: how it is reached, what is asked of it, and what it must promise."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry

from ...errors import StoreClosed, StoreError, StoreForgets, StoreUnreachable
from .change import COMPARE_AND_WRITE, Change, Field
from .keys import Keys

OLDEST = (7, 0)
WAITS = (7, 2)  # from which on one can wait for the disk
TIMEOUT = 10  # seconds that the server may be silent
PAUSE = 0.002  # seconds between two looks whether another's turn is over
FLUSHED_IN = 8_000  # milliseconds that its disk may take; it says so itself, before the time above is up

_BROKEN = (redis.ConnectionError, redis.TimeoutError, OSError)


class Server:
    """The connections to one server. Callable from any thread, but `apply` from one at a time.

    Attributes
    ----------
    keys
        The names of the keys on it.
    name
        Who we are, for other servers.
    """

    def __init__(self, url: str) -> None:
        """Reach the server.

        Parameters
        ----------
        url
            ``redis://`` or ``rediss://`` (TLS), ``[USER:PASSWORD@]HOST[:PORT][/DATABASE]`` and options:
            ``prefix`` of all keys (``hw:``), ``allow-volatile=1`` for a server that may forget, and those of
            redis-py, such as ``ssl_ca_certs``.

        Raises
        ------
        StoreUnreachable
            It does not answer.
        StoreForgets
            It does not keep what it acknowledges.
        StoreError
            The URL is none, or the server is too old.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        prefix = options.pop("prefix", "hw:")
        self._volatile = options.pop("allow-volatile", "") not in ("", "0")
        self.name = secrets.token_hex(8)
        self._place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._wait = False  # for the disk, after each write
        self._closed = False
        url = urlunsplit(parts._replace(query=urlencode(options)))
        with self._answering():
            try:
                # What is written is not sent again by redis-py, which cannot know whether it was done. One
                # connection: what waits becomes one batch. Reads come from as many threads as there are.
                self._writing = self._client(url, 0, max_connections=1, redis_connect_func=self._connected)
                self._reading = self._client(url, 1)
                self._writing.ping()
            except (TypeError, ValueError) as error:  # redis-py does not know an option, or its value
                raise StoreError(f"cannot open the store {self}: {error}") from error
        self._compare_and_write = self._writing.register_script(COMPARE_AND_WRITE)
        self._scripts: dict[str, Any] = {}
        self.keys = Keys(prefix, self._reading.connection_pool.connection_kwargs.get("db", 0))

    def __str__(self) -> str:
        return self._place

    def apply(self, change: Change, flush: bool, insist: bool = False) -> dict[Field, str | None] | None:
        """Do a change, all of it, and return None; or return what there is when it was not what was believed.

        Parameters
        ----------
        flush
            Whether the server's disk must have it.
        insist
            Have others wait until this change, or what becomes of it, is done.
        """
        arguments = change.encoded(), self.name, int(insist)
        with self._answering(), self._one_connection(flush) as connection:
            while (answer := self._compare_and_write([self.keys.turn], arguments, connection)) == b"wait":
                time.sleep(PAUSE)
            if answer is not None:
                return change.found(answer)
            if flush and self._wait and change.writes:
                self._flushed(connection)
        return None

    def ask(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        """Run a script that may be run again when the connection breaks, and return its answer."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._reading.register_script(script)
        with self._answering():
            return known(keys, arguments)

    def fields(self, key: str, fields: Sequence[str]) -> list[bytes | None]:
        """Return the values of some fields of a hash."""
        with self._answering():
            return list(self._reading.hmget(key, fields)) if fields else []  # type: ignore[arg-type]

    def members(self, key: str) -> list[str]:
        """Return the members of a set."""
        with self._answering():
            return [member.decode() for member in self._reading.smembers(key)]  # type: ignore[union-attr]

    @contextmanager
    def subscribed(self, channel: str) -> Iterator[Any]:
        """Listen to a channel on a connection of one's own."""
        with self._answering(), self._reading.pubsub() as listening:  # type: ignore[no-untyped-call]
            listening.subscribe(channel)
            yield listening

    def close(self) -> None:
        """Give the connections back."""
        self._closed = True
        self._writing.close()
        self._reading.close()

    def _flushed(self, connection: redis.Redis) -> None:
        """Wait until the disk has what was written on this connection."""
        try:
            flushed, _ = connection.execute_command("WAITAOF", 1, 0, FLUSHED_IN)  # type: ignore[no-untyped-call]
        except ResponseError as error:  # somebody has taken the append-only file away meanwhile
            raise StoreUnreachable(f"{self} does not say whether its disk has an entry: {error}") from error
        if not flushed:
            raise StoreUnreachable(
                f"the disk of {self} is slow: it is not known whether it has what was written"
            )

    def _client(self, url: str, retries: int, **more: Any) -> redis.Redis:
        return redis.Redis.from_url(
            url,
            protocol=2,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), retries),
            **more,
        )

    @contextmanager
    def _one_connection(self, flush: bool) -> Iterator[redis.Redis]:
        """Give a client; one that stays on its connection where it has to wait for what it has written."""
        if flush and self._wait:
            with self._writing.client() as connection:  # type: ignore[no-untyped-call]
                yield connection
        else:
            yield self._writing

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Say what went wrong in our own words."""
        if self._closed:
            raise StoreClosed
        try:
            yield
        except AuthenticationError as error:
            raise StoreError(f"{self} does not let us in: {error}") from error
        except ReadOnlyError as error:  # another server writes now: its name may lead to it the next time
            self._writing.connection_pool.disconnect()
            raise StoreUnreachable(f"{self} is a replica: {error}") from error
        except _BROKEN as error:
            if isinstance(error, StoreError):
                raise
            raise StoreUnreachable(f"{self} does not answer: {error}") from error
        except RedisError as error:
            raise StoreError(f"{self} refuses: {error}") from error

    def _connected(self, connection: Any) -> None:
        """Look at the server at each connection for writing: it may be another one than before."""
        connection.on_connect()
        try:
            connection.send_command("INFO")
            lines = connection.read_response().decode().splitlines()
            facts = dict(line.split(":", 1) for line in lines if ":" in line)
            policy = _asked(connection, "CONFIG", "GET", "appendfsync")
            self._judge(facts, policy[1].decode() if policy else None)
        except BaseException:
            connection.disconnect()
            raise

    def _judge(self, facts: dict[str, str], policy: str | None) -> None:
        """Refuse a server that would forget; find out whether one has to wait for its disk."""
        version = tuple(map(int, facts["redis_version"].split(".")))
        if version < OLDEST:
            text = facts["redis_version"]
            raise StoreError(f"{self} is version {text}; Redis 7.0 or newer is needed, or Valkey")
        logs, waits = facts.get("aof_enabled") == "1", version >= WAITS
        self._wait = logs and waits and policy not in ("always", "no")
        eviction = facts.get("maxmemory_policy", "") if facts.get("maxmemory") != "0" else ""
        reasons = []
        if not logs:
            reasons.append("it has no append-only file (appendonly yes)")
        elif policy == "no" or (policy != "always" and not waits):
            reasons.append(f"nothing says when its disk has an entry (appendfsync {policy}; always)")
        if eviction.startswith("allkeys"):
            reasons.append(f"it drops any key when memory is short (maxmemory-policy {eviction}; noeviction)")
        if reasons and not self._volatile:
            raise StoreForgets(str(self), "; ".join(reasons))


def _asked(connection: Any, *command: str) -> Any:
    """Return the answer to a command that a managed server may forbid; None then."""
    connection.send_command(*command)
    try:
        return connection.read_response()
    except ResponseError:
        return None
