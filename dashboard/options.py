"""How a server keeps its logs: what its operator may say, on the command line or in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import msgspec

from headway.errors import InvalidOption
from headway.recorder import MAX_ENTRIES

DEFAULT_STORE = "json:logs"


@dataclass(frozen=True)
class Options:
    """The options that every way to serve our routes has.

    Attributes
    ----------
    store
        URL of the store.
    database
        Path or URL of the database that requests ask; None for the generated sample shop.
    artifacts
        Folder of the results of runs; beside the logs when left out. Servers that share a store share it.
    retain
        What is kept, such as ``30d,1000,5GB``: age, number and size of sessions; everything when empty.
    archive_after
        Age, such as ``7d``, after which a log is kept compressed; never when empty.
    max_entries
        In one session's log.
    max_rate
        Entries a second that one client may log over the network for long.
    """

    store: str = DEFAULT_STORE
    database: str | None = None
    artifacts: str | None = None
    retain: str = ""
    archive_after: str = ""
    max_entries: int = MAX_ENTRIES
    max_rate: float = 100.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return what the variables ``HEADWAY_<OPTION>`` say; the rest is as it is by default.

        Raises
        ------
        InvalidOption
            One says what it cannot say.
        """
        said = {field.name: environment.get(f"HEADWAY_{field.name.upper()}") for field in fields(cls)}
        try:
            return msgspec.convert({name: text for name, text in said.items() if text}, cls, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidOption(
                "a variable HEADWAY_...", str(error), "a number where one is needed"
            ) from None
