"""Fill folders of logs, each with a history of its own, say what is in them, and wait to be killed.

``python filler.py FOLDER FIRST_SEED HISTORIES``. Beside each folder ``FOLDER/SEED`` is a file ``SEED.json``
with the acknowledged entries of each session, and how long each array file is known to be on disk: what is
behind that was written, and a power cut may leave anything of it.
"""

import random
import sys
from collections import defaultdict
from pathlib import Path

import msgspec

from headway.entry import Entry
from headway.stores import Batch, Store, open_store
from headway.stores.json_files import checkpoints
from headway.testing.making import entry

checkpoints.IDLE = 3600.0  # so that it is known what was flushed: files are when the folder is opened

TEXTS = ["Reading", "Zürich 🚀\n\"'\\\x00", "]\n}", "{},\n{}", "word " * 300, ""]


def fill(folder: Path, chance: random.Random) -> tuple[Store, dict[str, list[Entry]], dict[str, int]]:
    """Give a folder a history; its store stays open."""
    logs: dict[str, list[Entry]] = defaultdict(list)
    flushed: dict[str, int] = {}
    sessions = [f"s{n}" for n in range(chance.randint(1, 4))]
    store = open_store(f"json:{folder}")
    for number in range(chance.randint(1, 15)):
        if chance.random() < 0.1:
            store.close()
            flushed = {sid: (folder / f"{sid}_progress.json").stat().st_size for sid in logs}
            store = open_store(f"json:{folder}")
        batch = [
            entry(chance.choice(TEXTS) + f" {number}.{n}", chance.choice(sessions))
            for n in range(chance.choice([1, 1, 3, 40]))
        ]
        for stored in store.append(Batch(batch)).entries:
            logs[stored.session_id].append(stored)
    return store, logs, flushed


def main() -> None:
    folder, first, histories = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    stores = []
    for seed in range(first, first + histories):
        store, logs, flushed = fill(folder / str(seed), random.Random(seed))
        stores.append(store)
        (folder / f"{seed}.json").write_bytes(msgspec.json.encode({"logs": logs, "flushed": flushed}))
    print("filled", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
