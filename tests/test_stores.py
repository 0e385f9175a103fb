"""Our own stores keep the contract that is shipped as `headway.testing`."""

from __future__ import annotations

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


def test_every_store_of_the_table_is_held_to_the_contract(tmp_path):
    tested = [c for c in (TestMemoryStore, TestJsonFilesStore) if issubclass(c, StoreContract)]
    opened = [case().open(tmp_path / case.__name__) for case in tested]
    assert {str(store).partition(":")[0] for store in opened} == set(STORES)
    for store in opened:
        store.close()


@pytest.mark.parametrize("url", ["carrier-pigeon:coo", "memory", "", "JSON:logs"])
def test_a_url_without_a_store_names_those_that_there_are(url):
    with pytest.raises(UnknownStore, match="json:, memory:"):
        open_store(url)
