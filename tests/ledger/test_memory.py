"""What a crawl looks up, held against a dictionary."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.ledger.memory import Memory

KINDS = st.sampled_from(["known", "vain"])
NAMES = st.sampled_from(["a", "b", "a\0b", "", "\ud800", "https://museum.test/é.jpg", "x" * 5000])
VALUES = st.one_of(st.integers(), st.text(), st.lists(st.none() | st.floats(allow_nan=False), max_size=3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KINDS, NAMES, VALUES)))
def test_it_knows_what_was_put_last(facts):
    memory, known = Memory(), {}
    for kind, name, value in facts:
        memory.put(kind, name, value)
        known[kind, name] = value
    for kind in ("known", "vain"):
        for name in ("a", "b", "a\0b", "", "\ud800", "https://museum.test/é.jpg", "x" * 5000, "never"):
            assert memory.get(kind, name) == known.get((kind, name))
    memory.close()


def test_a_name_is_new_once():
    memory = Memory()
    assert [memory.add("met", name) for name in "aab"] == [True, False, True]
    assert memory.get("met", "a") is None


def test_nothing_is_left_of_it_on_the_disk(tmp_path):
    memory = Memory(tmp_path)
    memory.fill("known", ((str(number), "x" * 1000) for number in range(40_000)))
    assert list(tmp_path.iterdir()) == []
    assert memory.get("known", "39999") == "x" * 1000
