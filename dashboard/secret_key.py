"""The key that signs page tokens and cookies: one for all servers that stand behind one address."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
from pathlib import Path

from headway.errors import InvalidOption

SHORTEST = 32  # characters of a key that is given

log = logging.getLogger("headway.server")


def secret_key(given: str | None = None) -> bytes:
    """Return the key: what is *given*, else that of this machine's user, which is made at the first start.

    Raises
    ------
    InvalidOption
        What is given is too short.
    """
    if given is None:
        return hashlib.sha256(_kept()).digest()
    if len(given) < SHORTEST:
        allowed = f"{SHORTEST} characters or more, the same for all servers"
        raise InvalidOption("the length of HEADWAY_SECRET_KEY", len(given), allowed)
    return hashlib.sha256(given.encode()).digest()


def _kept() -> bytes:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "headway" / "secret_key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        if len(key := path.read_bytes()) >= SHORTEST:
            return key
        log.warning("%s is no key: it is too short; remove it, and a new one is made", path)
    except OSError as error:
        log.warning(
            "no key can be kept in %s (%s): open pages must be loaded anew after a restart", path, error
        )
    return secrets.token_bytes(SHORTEST)


def _make(path: Path) -> None:
    """Make a key for its owner only; of servers that start at the same time, the first makes it."""
    own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(SHORTEST))
    with contextlib.suppress(FileExistsError):
        os.link(own, path)  # whole or not at all
    own.unlink()
