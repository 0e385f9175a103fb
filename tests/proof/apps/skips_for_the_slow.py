"""A broken Headway: a reader that is behind misses what it was too slow for."""

from headway.dashboard.routes import fanout


async def catch_up(self, reader, since, epoch, write=None):
    if write is not None:
        await fanout.sent(write, reader.stream)
        since = self._place
    await follow(self, reader, since, epoch)


follow = fanout.Follower._catch_up
fanout.Follower._catch_up = catch_up
