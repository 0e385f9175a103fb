"""Reading, writing and flushing by place, where operating systems differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

WRITE = os.O_RDWR | getattr(os, "O_BINARY", 0)
NEW = WRITE | os.O_CREAT | os.O_EXCL
READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
PRIVATE = 0o600  # logs are nobody else's business

PART = ".part"  # what a file's name ends with until it is whole
FEW = 32  # files that are flushed one by one; more of them by one call for the whole file system

sync = getattr(os, "fdatasync", os.fsync)  # Windows and macOS have no fdatasync


def read_at(descriptor: int, count: int, place: int) -> bytes:
    """Return *count* bytes from *place* on, fewer only where the file ends."""
    parts = []
    while count > 0 and (part := _read_some(descriptor, count, place)):
        parts.append(part)
        count, place = count - len(part), place + len(part)
    return b"".join(parts)


def write_at(descriptor: int, block: bytes, place: int) -> None:
    """Write a block at *place*, to its last byte."""
    written = _write_some(descriptor, block, place)
    while written < len(block):  # a full disk takes a part; the next call says what is wrong
        written += _write_some(descriptor, block[written:], place + written)


def read_file(path: Path) -> bytes:
    """Return what a file has, from a descriptor that is private to the call."""
    descriptor = os.open(path, READ)
    try:
        return read_at(descriptor, os.fstat(descriptor).st_size, 0)
    finally:
        os.close(descriptor)


def write_file(path: Path, content: bytes) -> None:
    """Put a whole file in place, durably: whoever looks finds the old one or the new one, never a part."""
    part = path.with_name(path.name + PART)
    try:
        descriptor = os.open(part, WRITE | os.O_CREAT | os.O_TRUNC, PRIVATE)
        try:
            write_at(descriptor, content, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


def reserve(descriptor: int, place: int, count: int) -> None:
    """Set space aside behind *place*, where the system can: a flush need not write the file's length then."""
    if hasattr(os, "posix_fallocate"):
        with suppress(OSError):  # no space for so much: what there is will do until there is none
            os.posix_fallocate(descriptor, place, count)


def sync_folder(folder: Path) -> None:
    """Return when the names of new files are on disk, too; a file's own flush does not promise that."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_files(folder: Path, folder_descriptor: int | None, names: Iterable[str]) -> None:
    """Return when files of a folder are on disk, with their names; those that are gone are passed over.

    Many are flushed by one ``syncfs`` (it flushes other programs' data as well). *folder_descriptor* was
    opened before they were written, so that an error since then is told.
    """
    names = list(names)
    syncfs = _syncfs() if len(names) > FEW and folder_descriptor is not None else None
    if syncfs is not None and folder_descriptor is not None:
        syncfs(folder_descriptor)
        return
    for name in names:
        try:
            descriptor = os.open(folder / name, WRITE)
        except FileNotFoundError:
            continue
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)


def _syncfs() -> Callable[[int], None] | None:
    """Return the system call; None where there is none that tells of errors (Linux does since 5.8)."""
    if not sys.platform.startswith("linux") or tuple(map(int, os.uname().release.split(".")[:2])) < (5, 8):
        return None
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return None

    def syncfs(descriptor: int) -> None:
        if call(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    return syncfs


if sys.platform == "win32":

    def _read_some(descriptor: int, count: int, place: int) -> bytes:
        os.lseek(descriptor, place, os.SEEK_SET)
        return os.read(descriptor, count)

    def _write_some(descriptor: int, block: bytes, place: int) -> int:
        os.lseek(descriptor, place, os.SEEK_SET)
        return os.write(descriptor, block)

else:
    _read_some, _write_some = os.pread, os.pwrite
