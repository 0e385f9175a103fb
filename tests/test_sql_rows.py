"""An entry comes back from a row as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headway import Entry
from headway.stores.sql.rows import entry_of, entry_row, pack, unpack, with_nul, without_nul

texts = st.text(st.sampled_from("\0\ue00001aé🚀\\\"'%?{}\n"), max_size=8) | st.text(max_size=8)
fractions = st.none() | st.floats(0, 1)
entries = st.builds(
    Entry,
    timestamp=st.just("2026-01-01T00:00:00.000001+00:00"),
    step=texts,
    message=texts,
    step_number=st.integers(1, 10_000),
    total_steps=st.just(10_000),
    session_id=st.just("s1"),
    offset=st.integers(1, 2**62),
    run_id=st.none() | st.just("r.1"),
    status=st.sampled_from(["running", "completed", "error", "cancelled", "interrupted"]),
    fraction=fractions,
    run_fraction=fractions,
    eta_seconds=st.none() | st.floats(0, 1e300),
    data=st.none() | st.dictionaries(texts, st.none() | st.integers(-9, 9) | texts, max_size=2),
    key=st.none() | texts,
)


@given(entries)
def test_an_entry_comes_back_from_its_row(entry):
    session, *row = (getattr(entry_row(7, entry), name) for name in entry_row(7, entry).__struct_fields__)
    assert (session, entry_of("s1", row)) == (7, entry)


@given(st.lists(entries, max_size=5))
def test_entries_come_back_from_an_archive(log):
    assert unpack(pack(log)) == log


@given(texts, texts)
def test_a_text_has_a_form_without_nul_of_its_own(one, other):
    assert "\0" not in without_nul(one)
    assert with_nul(without_nul(one)) == one
    assert (without_nul(one) == without_nul(other)) == (one == other)
