"""A broken Headway: entries are shown in the order of their timestamps."""

import msgspec
import stepping_clock  # noqa: F401

from headway.reader import LogReader
from headway.stores import Excerpt

read = LogReader.read


async def read_by_time(self, *place, **more):
    found = await read(self, *place, **more)
    if found is None:
        return None
    offsets = [entry.offset for entry in found.entries]
    entries = sorted(found.entries, key=lambda entry: entry.timestamp)
    renumbered = [msgspec.structs.replace(e, offset=n) for e, n in zip(entries, offsets, strict=True)]
    return Excerpt(found.session, renumbered)


LogReader.read = read_by_time
