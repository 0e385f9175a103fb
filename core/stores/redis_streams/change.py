"""A change of the store: what is to be written, and what must still be true for it.

Redis has no transaction in which Python could look, think and write. So a change is made from what is
*believed* to be there, most often rightly, and one script on the server compares and writes: all of it, or
nothing. When the belief was wrong, the script says what is there, and the change is made again from that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import msgspec

COMPARE_AND_WRITE = """
local turn = redis.call('GET', KEYS[1])
if turn and turn ~= ARGV[2] then return 'wait' end
local looks, believed, writes = unpack(cmsgpack.unpack(ARGV[1]))
local found, same = {}, true
for i, look in ipairs(looks) do
  found[i] = redis.call('HMGET', unpack(look))
  for n, value in ipairs(found[i]) do
    same = same and value == believed[i][n]
  end
end
if not same then
  if ARGV[3] == '1' then redis.call('SET', KEYS[1], ARGV[2], 'PX', 2000) end
  return found
end
for _, write in ipairs(writes) do redis.call(unpack(write)) end
if turn then redis.call('DEL', KEYS[1]) end
"""
"""The script: it returns nothing when it has written, else what it found in the fields that were looked at.

It takes the key of the turn, the change, who we are, and whether we want the turn if the belief is wrong.
What can fail of a write, a server without memory or disk, fails at the first: none follows it then.
"""

MANY = 1_000  # arguments of one command; Lua takes 8,000

Field = tuple[str, str]
"""The key of a hash, and a field in it."""


class Change:
    """What one step does to the store; nothing happens until a server applies it."""

    def __init__(self, believed: Mapping[Field, str | None]) -> None:
        """Begin with what is believed to be in some fields; all others are believed to be absent."""
        self._believed = believed
        self._looks: dict[str, dict[str, str | None]] = {}
        self._writes: list[tuple[object, ...]] = []
        self._collected: dict[tuple[str, str], list[object]] = {}

    def look(self, key: str, field: str) -> str | None:
        """Return what a field of a hash is believed to be; the change depends on it from now on."""
        value = self._believed.get((key, field))
        self._looks.setdefault(key, {})[field] = value
        return value

    def write(self, *command: object) -> None:
        """Have a command done."""
        self._writes.append(command)

    def collect(self, name: str, key: str, *arguments: object) -> None:
        """Have a command done that takes any number of arguments: once for all that are collected."""
        self._collected.setdefault((name, key), []).extend(arguments)

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._writes or self._collected)

    def write_nothing(self) -> None:
        """Have only the belief compared."""
        self._writes.clear()
        self._collected.clear()

    def encoded(self) -> bytes:
        """Return the script's argument."""
        looks = list(self._chunks())
        asked = [(key, *fields) for key, fields in looks]
        values = [[False if value is None else value for value in fields.values()] for _, fields in looks]
        return msgspec.msgpack.encode((asked, values, [*self._writes, *self._commands()]))

    def found(self, answer: list[list[bytes | None]]) -> dict[Field, str | None]:
        """Return what there is in the fields that were looked at, from the script's answer."""
        return {
            (key, field): None if value is None else value.decode()
            for (key, fields), values in zip(self._chunks(), answer, strict=True)
            for field, value in zip(fields, values, strict=True)
        }

    def _chunks(self) -> Iterator[tuple[str, dict[str, str | None]]]:
        for key, fields in self._looks.items():
            items = list(fields.items())
            for first in range(0, len(items), MANY):
                yield key, dict(items[first : first + MANY])

    def _commands(self) -> Iterator[tuple[object, ...]]:
        for (name, key), arguments in self._collected.items():
            for first in range(0, len(arguments), MANY):
                yield name, key, *arguments[first : first + MANY]


def binary(value: bytes) -> msgspec.Raw:
    """Return bytes as an argument of a write: the script's reader of MessagePack knows strings only."""
    return msgspec.Raw(struct.pack(">BI", 0xDB, len(value)) + value)
