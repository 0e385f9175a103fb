"""Our own stores keep the contract that is shipped as `headway.testing`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headway.errors import UnknownStore
from headway.stores import STORES, Store, open_store
from headway.testing import DurableStoreContract, StoreContract


class TestMemoryStore(StoreContract):
    def open(self, place: Path) -> Store:
        return open_store("memory:")


class TestJsonFilesStore(DurableStoreContract):
    def open(self, place: Path) -> Store:
        return open_store(f"json:{place}")


@pytest.mark.parametrize("place", sorted({place for place in STORES.values() if "OverTls" not in place}))
def test_every_store_of_the_table_is_held_to_the_contract(place):
    name = place.partition(":")[2]  # rediss: is redis: through another socket
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert re.findall(rf"class Test{name}\((\w*)StoreContract\):", tests), f"no test class for {name}"


@pytest.mark.parametrize("url", ["carrier-pigeon:coo", "memory", "", "JSON:logs"])
def test_a_url_without_a_store_names_those_that_there_are(url):
    with pytest.raises(UnknownStore, match="json:, memory:, postgresql:, redis:, rediss:, sqlite:"):
        open_store(url)
