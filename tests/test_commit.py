"""What a batch makes of a log: offsets, keys, ends, the limit, and how much of a run is done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.entry import Entry
from headway.errors import LogFull, RunEnded, SessionExists
from headway.session import ActiveRun, Session
from headway.stores.batch import Batch
from headway.stores.commit import FULL, Extension, Facts, begin, by_session, extend, full

AT = "2026-01-01T00:00:00.000000+00:00"
share = st.none() | st.floats(0, 1)


def entry(step_number=1, total_steps=4, **fields):
    told = {"timestamp": AT, "step": "s", "message": "", "session_id": "s1", "run_id": "r1"}
    return Entry(step_number=step_number, total_steps=total_steps, **told | fields)


class Log:
    """A log that is nothing but what `extend` makes of it, as a store keeps it."""

    def __init__(self) -> None:
        self.session: Session = begin(entry())
        self.facts = Facts()
        self.entries: list[Entry] = []

    def take(self, *entries: Entry, **more) -> Extension:
        extension = extend(self.session, self.facts, entries, Batch(entries, **more))
        self.session = extension.session
        self.entries += extension.new
        for stored in extension.new:
            self.facts.learn(stored)
        return extension


def fractions(*batches):
    """Return the run_fraction of each entry, as stored in batches one after the other."""
    log = Log()
    for batch in batches:
        log.take(*batch)
    return [stored.run_fraction for stored in log.entries]


def test_steps_that_nobody_weighs_are_counted():
    told = [entry(1, fraction=0.5), entry(2), entry(4, fraction=0.5), entry(4, status="completed")]
    assert fractions(told) == [0.125, 0.25, 0.875, 1.0]


def test_a_run_that_has_not_completed_is_never_whole():
    assert fractions([entry(4, fraction=1.0), entry(4, fraction=1.0, status="error")]) == [0.999, 0.999]


def test_entries_without_a_run_stay_as_they_are():
    assert fractions([entry(2, run_id=None), entry(3, run_id=None, run_fraction=0.1)]) == [None, 0.1]


@given(st.lists(st.lists(st.tuples(st.integers(1, 4), share, share), min_size=1), min_size=1))
def test_how_much_of_a_run_is_done_never_falls(told):
    found = fractions(*[[entry(n, fraction=f, run_fraction=r) for n, f, r in batch] for batch in told])
    assert found == sorted(found)
    assert all(0 <= done < 1 for done in found)


# --- offsets and keys


def test_offsets_go_on_and_a_known_key_stands_for_its_entry():
    log = Log()
    first = log.take(entry(key="k"), entry())
    again = log.take(entry(key="k"), entry(key="l"), entry(key="l"), entry())
    assert (first.offsets, again.offsets) == ([1, 2], [1, 3, 3, 4])
    assert [stored.offset for stored in log.entries] == [1, 2, 3, 4]
    assert log.session.last_offset == 4


def test_nothing_is_changed_by_looking_at_what_a_batch_would_make():
    log = Log()
    log.take(entry(key="k"))
    session, keys, ended = log.session, dict(log.facts.keys), dict(log.facts.ended)
    extend(session, log.facts, [entry(key="l"), entry(status="error")], Batch(()))
    assert (log.session, log.facts.keys, log.facts.ended) == (session, keys, ended)


def test_a_store_is_asked_for_keys_of_keyed_entries_and_for_ends_of_runs_that_do_not_go_on():
    asked = []

    class Asked(Facts):
        def offset(self, key):
            asked.append(("key", key))

        def ending(self, run_id):
            asked.append(("run", run_id))

    session = extend(begin(entry()), Asked(), [entry(run_id="a"), entry(run_id="a")], Batch(())).session
    assert asked == [("run", "a")]
    extend(session, Asked(), [entry(run_id="a"), entry(run_id=None), entry(run_id="b", key="k")], Batch(()))
    assert asked[1:] == [("key", "k"), ("run", "b")]


def test_nothing_follows_the_end_of_a_run_in_the_log_or_in_the_batch():
    log = Log()
    with pytest.raises(RunEnded, match="'r1' has ended: completed"):
        log.take(entry(status="completed"), entry())
    log.take(entry(), entry(status="error"))
    with pytest.raises(RunEnded, match="'r1' has ended: error"):
        log.take(entry())


def test_entries_go_by_session_in_order_and_ids_that_differ_in_case_only_are_refused():
    one, two, three = entry(), entry(session_id="s2"), entry(2)
    assert by_session([one, two, three]) == {"s1": [one, three], "s2": [two]}
    with pytest.raises(SessionExists, match="'S1' is taken by 's1'"):
        by_session([one, two, entry(session_id="S1")])


# --- the limit


def test_a_full_log_takes_the_ends_of_runs_that_go_on_each_once_and_nothing_more():
    log = Log()
    log.take(entry(run_id="a"), entry(run_id=None), entry(run_id="b"), limit=3)
    for end in (entry(run_id="a", status="error"), entry(run_id=None, status="completed")):
        log.take(end, limit=3)
        with pytest.raises((LogFull, RunEnded)):
            log.take(end, limit=3)
    for beyond in (entry(run_id="b"), entry(run_id="c", status="error"), entry(run_id="c")):
        with pytest.raises(LogFull, match="'s1' is full: it may have 3 entries"):
            log.take(beyond, limit=3)
    assert [(e.run_id, e.status) for e in log.entries[3:]] == [("a", "error"), (None, "completed")]


def test_a_known_key_is_answered_also_by_a_full_log():
    log = Log()
    log.take(entry(key="k"), limit=1)
    assert log.take(entry(key="k"), limit=1).offsets == [1]


def test_a_full_log_says_so_once_in_the_run_that_goes_on():
    log = Log()
    log.take(entry(), limit=1)
    said = [log.take(full(entry(2, message="refused"), 1), limit=1).offsets for _ in range(3)]
    assert said == [[2], [2], [2]]
    last = log.entries[-1]
    assert (last.message, last.run_id, last.status, last.step_number, last.data, last.key) == (
        "The log is full: it may have 1 entries. Go on in another session.",
        "r1",
        "running",
        2,
        {"log_full": 1},
        FULL,
    )
    assert log.session.active_runs == (ActiveRun("r1", None, 0.25),)


@pytest.mark.parametrize("run_id", [None, "new", "old"])
@pytest.mark.parametrize("status", ["running", "completed"])
def test_what_a_full_log_says_begins_no_run_that_nobody_would_end(run_id, status):
    log = Log()
    log.take(entry(run_id="old"), entry(run_id="old", status="completed"), limit=2)
    log.take(full(entry(run_id=run_id, status=status), 2), limit=2)
    assert (log.entries[-1].run_id, log.entries[-1].status) == (None, "error")
    assert (log.session.active_runs, log.session.status) == ((), "error")
    assert log.session.notification == "The log is full: it may have 2 entries. Go on in another session."
