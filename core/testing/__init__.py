"""The contract of `headway.stores.Store` as test classes: for our stores, and for yours.

A store's own test derives from the class that fits and says how to open one; pytest does the rest::

    class TestMyStore(DurableStoreContract):
        def open(self, place):
            return MyStore(place)

``headway.testing.model`` has the same for random lives of a store (Hypothesis).
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__name__}.contract", f"{__name__}.durable", f"{__name__}.model")

from .contract import StoreContract  # noqa: E402
from .durable import DurableStoreContract, SharedStoreContract  # noqa: E402

__all__ = ["DurableStoreContract", "SharedStoreContract", "StoreContract"]
