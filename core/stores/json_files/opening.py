"""What is in a folder when it is opened: records, what the journal adds, and files that came and went."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ...entry import check_session_id
from ...errors import InvalidSessionId
from .archive import PACKED, ArchiveDamaged, delete_files, packed_path, take_up_packed
from .changes import Record
from .disk import PART, read_file
from .journal import lines_of, segments
from .logs import SUFFIX
from .mending import DAMAGED, has, put_aside, take_up
from .replay import Replay


@dataclass
class Names:
    """The files of a folder: those that belong to sessions by session, the others by name."""

    arrays: set[str] = field(default_factory=set)
    packed: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    parts: list[str] = field(default_factory=list)  # what a crash has left unfinished


def names_in(folder: Path) -> Names:
    """Look what there is, by name only: that is quick, however many files there are.

    A folder or a pipe that has the name of a log is none: to read it would fail, or wait for ever.
    """
    names = Names()
    with os.scandir(folder) as found:
        files = [item.name for item in found if item.is_file()]
    for name in files:
        session_id, suffix, rest = name.partition(SUFFIX)
        if name.endswith(PART):
            names.parts.append(name)
        elif suffix and not rest:
            names.arrays.add(session_id)
        elif suffix and rest == PACKED:
            names.packed.add(session_id)
        elif rest.startswith((DAMAGED, PACKED + DAMAGED)):
            names.damaged.add(session_id)
    return names


@dataclass
class Found:
    """What is in a folder.

    Attributes
    ----------
    records
        Of all its sessions.
    new
        Sessions whose record was made anew from the log.
    touched
        Sessions that the file of records does not have as they are.
    damaged
        Sessions beside whose log damaged bytes lie, or may lie.
    journal
        The files that say what is in `touched`.
    """

    records: dict[str, Record]
    new: set[str]
    touched: set[str]
    damaged: set[str]
    journal: list[Path]


def take_stock(folder: Path, records: dict[str, Record]) -> Found:
    """Return what is in a folder, and mend it: every log is whole then, and has what the journal has."""
    names = names_in(folder)
    for part in names.parts:
        (folder / part).unlink(missing_ok=True)
    replay = Replay(records)
    journal, harmed = segments(folder), False
    for path in journal:
        lines, damaged = lines_of(read_file(path))
        if damaged:
            put_aside(path, damaged)
            harmed = True
        replay.apply(lines)
    found = Found(replay.records, set(), replay.touched, names.damaged, journal)
    for session_id, chain in replay.chains.items():
        path = folder / (session_id + SUFFIX)
        record = replay.records.get(session_id)
        if record is None or session_id in replay.doubtful or not has(path, record, chain):
            _put(found, session_id, take_up(path, session_id, record, chain))
        (names.arrays.add if path.exists() else names.arrays.discard)(session_id)
    for session_id in replay.deleted & (names.arrays | names.packed | names.damaged):
        delete_files(folder / (session_id + SUFFIX), damaged=session_id in names.damaged)
        names.arrays.discard(session_id)
        names.packed.discard(session_id)
    _compare(folder, names, found, lengths=harmed)
    return found


def _compare(folder: Path, names: Names, found: Found, *, lengths: bool) -> None:
    """Make the records those of the files that are there.

    Their *lengths* are looked at when a line of the journal is damaged: nobody knows of which logs it was.
    """
    known, arrays, packed = found.records, names.arrays, names.packed
    wrong = [
        session_id
        for session_id, record in known.items()
        if (session_id in packed) != record.packed
        or (session_id in arrays) == (record.packed or not record.length)
        or (
            lengths
            and session_id in arrays
            and (folder / (session_id + SUFFIX)).stat().st_size != record.length
        )
    ]
    for session_id in {*wrong, *(arrays - known.keys()), *(packed - known.keys())}:
        if is_session_id(session_id):
            path, record = folder / (session_id + SUFFIX), known.get(session_id)
            plain = session_id in arrays
            _put(found, session_id, _chosen(path, session_id, record, plain, session_id in packed))


def _chosen(path: Path, session_id: str, known: Record | None, plain: bool, packed: bool) -> Record | None:
    """Return the record of a log of which another file is there than is known, or both."""
    if not plain and not packed:
        return None  # deleted by hand
    compressed = None
    if packed:
        try:
            compressed = take_up_packed(path, session_id, known)
        except ArchiveDamaged:  # it stays as it is, and says so when it is read
            compressed = known if known and known.packed else None
    if plain and compressed and known and known.packed:
        content = take_up(path, session_id, None)
        if content is None or content.session.last_offset <= known.session.last_offset:
            path.unlink()  # a crash came before that
            return known
    if not plain:
        return compressed
    array = take_up(path, session_id, known)
    if array and compressed and compressed.session.last_offset <= array.session.last_offset:
        packed_path(path).unlink()
    return array or compressed


def _put(found: Found, session_id: str, record: Record | None) -> None:
    found.touched.add(session_id)
    found.damaged.add(session_id)
    if record is None:
        found.records.pop(session_id, None)
    else:
        found.records[session_id] = record
        found.new.add(session_id)


def is_session_id(text: str) -> bool:
    """Whether a file's name says a session's id: other files may be there, too."""
    with suppress(InvalidSessionId):
        return bool(check_session_id(text))
    return False
