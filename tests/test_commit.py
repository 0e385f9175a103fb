"""What a batch makes of a log: how much of a run is done never falls, whoever logs it."""

from hypothesis import given
from hypothesis import strategies as st

from headway.entry import Entry
from headway.stores.commit import Known, begin, extend

AT = "2026-01-01T00:00:00.000000+00:00"
share = st.none() | st.floats(0, 1)


def entry(step_number=1, total_steps=4, **fields):
    told = {"timestamp": AT, "step": "s", "message": "", "session_id": "s1", "run_id": "r1"}
    return Entry(step_number=step_number, total_steps=total_steps, **told | fields)


def fractions(*batches):
    """Return the run_fraction of each entry, as stored in batches one after the other."""
    session, known, found = begin(batches[0][0]), Known(), []
    for batch in batches:
        extension = extend(session, known, batch, watched=False)
        session = extension.session
        for stored in extension.new:
            known.learn(stored)
            found.append(stored.run_fraction)
    return found


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
