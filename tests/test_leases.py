"""Who lives, and whose runs are ended: leases and orphans on real stores."""

from __future__ import annotations

import os
import threading

import pytest

from headway import Plan, ProgressLogger, Run, leases, orphans
from headway.errors import StoreError
from headway.orphans import OrphanWatch, interrupt_orphans
from headway.stores.memory import MemoryStore

from .many import loggers

__all__ = ["loggers"]  # a fixture


def test_an_owner_lives_from_the_opening_of_its_store_to_its_end(loggers):
    a, b = loggers
    assert a.owner != b.owner
    assert a.store.lease(a.owner, leases.LEASE) == {a.owner, b.owner}
    b.close()
    assert a.store.lease(a.owner, leases.LEASE) == {a.owner}


def test_an_owner_renews_its_lease_and_one_that_does_not_is_dead(loggers, until, monkeypatch):
    a, b = loggers
    seconds = 1.5
    monkeypatch.setattr(leases, "LEASE", seconds)
    monkeypatch.setattr(leases, "RENEWED", 0.1)
    renewing = leases.Lease(b.store)
    a.store.lease("silent", seconds)
    assert {"silent", renewing.owner} <= a.store.lease(a.owner, 60)
    until(lambda: "silent" not in a.store.lease(a.owner, 60))
    assert renewing.owner in a.store.lease(a.owner, 60)
    renewing.give_back()
    assert renewing.owner not in a.store.lease(a.owner, 60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork(2)")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forked_processes_are_owners_of_their_own():
    read, write = os.pipe()
    child = os.fork()
    if not child:
        logger = ProgressLogger("memory:")
        os.write(write, logger.owner.encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    logger = ProgressLogger("memory:")
    with open(read, "rb") as theirs:
        assert theirs.read().decode() not in ("", logger.owner)
    logger.close()


def test_only_runs_whose_owner_has_no_lease_are_interrupted(loggers):
    a, b = loggers
    alive = Run(a, "s1", Plan.of("p", "Read"))
    alive.begin()
    for session_id, data in (("s1", {"owner": "gone"}), ("s2", {"owner": "gone"}), ("s3", {})):
        b.log(session_id, "Read", "", 1, 2, run_id=f"{session_id}.other", data=data)
    assert (interrupt_orphans(b), interrupt_orphans(a), interrupt_orphans(b)) == (2, 0, 0)
    ends = {sid: [entry.status for entry in a.get_progress_logs(sid)] for sid in ("s1", "s2", "s3")}
    assert ends == {
        "s1": ["running", "running", "interrupted"],
        "s2": ["running", "interrupted"],
        "s3": ["running"],
    }
    alive.complete()
    assert a.get_progress_logs("s1")[-1].status == "completed"


def test_two_that_find_an_orphan_at_once_end_it_once(loggers):
    a, b = loggers
    for number in range(20):
        a.log(f"s{number}", "Read", "", 1, 1, run_id=f"s{number}.1", data={"owner": "gone"})
    counts: list[int] = []
    both = [threading.Thread(target=lambda m=m: counts.append(interrupt_orphans(m))) for m in loggers]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sum(counts) == 20
    assert [len(b.get_progress_logs(f"s{number}")) for number in range(20)] == [2] * 20


class NowAndThen(MemoryStore):
    """A store that others are said to share, and that does not answer while it is away."""

    shared = True

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.calls: list[str] = []

    def active(self):
        self._called("active")
        return super().active()

    def lease(self, owner, seconds):
        self._called("lease")
        return super().lease(owner, seconds)

    def _called(self, name):
        if threading.current_thread().name == "headway-orphans":
            self.calls.append("away" if self.away else name)
            if self.away:
                raise StoreError("away")


def test_nobody_is_judged_until_all_who_live_could_renew_their_leases(until, monkeypatch, caplog):
    monkeypatch.setattr(orphans, "RENEWED", 0.05)
    monkeypatch.setattr(orphans, "SETTLED", 0.3)
    store = NowAndThen()
    logger = ProgressLogger(store)
    watch = OrphanWatch(logger)
    until(lambda: "lease" in store.calls)
    at_first = store.calls[: store.calls.index("lease")]
    store.away = True
    until(lambda: store.calls.count("away") > 10)
    store.away = False
    store.calls.clear()
    until(lambda: "lease" in store.calls)
    watch.stop()
    logger.close()
    for looks in (at_first, store.calls[: store.calls.index("lease")]):
        assert set(looks) - {"away"} == {"active"} and len(looks) >= 3
    assert "cannot look for runs whose server has died: away" in caplog.text
