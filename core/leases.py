"""An owner is a process that works on runs. It lives while it renews its lease in the store.

A lease, and not a process id: the process may be on another machine, and a process id is soon another's.
"""

from __future__ import annotations

import logging
import secrets
import threading

from .errors import StoreError
from .stores import Store

LEASE = 10.0  # seconds after its last sign of life in which an owner is taken to live
RENEWED = 2.5  # seconds between two signs of life: three may be lost

_log = logging.getLogger("headway.leases")


class Lease:
    """Renews the lease of a store's user, from a thread of its own, when others share the store.

    Attributes
    ----------
    owner
        Who lives by it, in the first entry of each run that is started here. Random: two processes that
        were forked from one are two owners.
    """

    def __init__(self, store: Store) -> None:
        self.owner = secrets.token_hex(8)
        self._store = store
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="headway-lease", daemon=True)
        if store.shared:  # else every other owner is dead: there is one writer
            store.lease(self.owner, LEASE)
            self._thread.start()

    def give_back(self) -> None:
        """Say that the owner ends; callable once, before the store is closed."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
            try:
                self._store.lease(self.owner, 0)
            except StoreError as error:
                _log.warning("the lease could not be given back; it ends in %g s: %s", LEASE, error)

    def _renew(self) -> None:
        while not self._over.wait(RENEWED):
            try:
                self._store.lease(self.owner, LEASE)
            except StoreError as error:  # the next attempt may come in time
                _log.warning("the lease could not be renewed: %s", error)
