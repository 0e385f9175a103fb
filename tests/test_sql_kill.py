"""A PostgreSQL that is killed under load costs nothing that was acknowledged, and repeats nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from postgres_server import PostgresServer

from headway import Entry, ProgressLogger
from headway.errors import StoreUnreachable
from headway.stores import open_store

WRITERS, KILLS = 8, 3


class Load:
    """Writers that log one entry after the other, and a reader who follows on another server's store."""

    def __init__(self, url: str) -> None:
        self.writing = ProgressLogger(open_store(url))
        self.reading = ProgressLogger(open_store(url))
        self.acknowledged: list[Entry] = []
        self.seen: list[Entry] = []
        self.over, self.moved = asyncio.Event(), asyncio.Event()

    async def write(self, name: int) -> None:
        """Log until it is over."""
        n = 0
        while not self.over.is_set():
            n += 1
            with suppress(StoreUnreachable):  # not acknowledged: it may be there or not, but once
                self.acknowledged.append(await self.writing.log_progress("s1", "Step", f"{name} {n}", 1, 1))

    async def follow(self) -> None:
        """Read each entry; after a break, what follows those that are there."""
        while True:
            with suppress(StoreUnreachable):
                async for entry in self.reading.tail("s1", len(self.seen)):
                    self.seen.append(entry)
                    self.moved.set()

    async def until_seen(self, count: int) -> None:
        """Wait until the reader has seen so many."""
        while len(self.seen) < count:
            self.moved.clear()
            await self.moved.wait()

    async def run(self, server: PostgresServer) -> None:
        """Kill the server now and then."""
        async with asyncio.TaskGroup() as group:  # whoever fails ends the test
            following = group.create_task(self.follow())
            writing = [group.create_task(self.write(name)) for name in range(WRITERS)]
            for _ in range(KILLS):
                await self.until_seen(len(self.seen) + 5 * WRITERS)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            await self.until_seen(len(self.seen) + 5 * WRITERS)
            self.over.set()
            await asyncio.gather(*writing)
            await self.until_seen(self.writing.session("s1").last_offset)
            following.cancel()
        self.writing.close()
        self.reading.close()


def test_a_server_that_is_killed_under_load_loses_and_repeats_nothing():
    with PostgresServer() as server:
        url = server.create("load")

        async def main() -> Load:
            load = Load(url)
            await asyncio.wait_for(load.run(server), 60)
            return load

        load = asyncio.run(main())
        store = open_store(url)
        found = store.read("s1")
        store.close()
    assert found is not None
    log = found.entries
    assert [entry.offset for entry in log] == list(range(1, len(log) + 1))
    assert len({entry.message for entry in log}) == len(log)
    assert load.seen == log
    assert [entry for entry in load.acknowledged if log[entry.offset - 1] != entry] == []
