"""Answers read by shape: what is odd is named by its place, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.crawl.sites.shapes import Record
from harvest.errors import SourceChanged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "_content"]), inner, max_size=3)
    ),
    max_leaves=8,
)
READS: list[Any] = [
    Record.text,
    Record.needed,
    Record.whole,
    Record.texts,
    Record.record,
    lambda record, name: list(record.records(name, optional=True)),
]


@given(value=JSON, read=st.sampled_from(READS))
def test_any_value_is_read_or_named_as_odd(value: Any, read: Any) -> None:
    complaint = complaint_of(lambda: read(Record({"field": value}, "The site", "list[3]"), "field"))

    assert complaint is None or complaint.startswith("The site answers in another format: list[3].field")


def complaint_of(read: Callable[[], Any]) -> str | None:
    try:
        read()
    except SourceChanged as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        ("text", ["a"], "field: expected a text, got a list"),
        ("text", {"en": "a"}, "field: expected a text, got a record"),
        ("whole", "12 of 20", "field: expected a whole number, got '12 of 20'"),
        ("whole", 1.5, "field: expected a whole number, got 1.5"),
        ("needed", " ", "field: expected a text, got ' '"),
        ("texts", ["a", {"b": "c"}], "field[1]: expected a text, got a record"),
        ("record", None, "field: expected a record, got nothing"),
        ("records", "none", "field: expected a list, got 'none'"),
        ("records", [{}, 7], "field[1]: expected a record, got 7"),
    ],
)
def test_the_message_says_where_and_what(read: str, value: Any, message: str) -> None:
    with pytest.raises(SourceChanged) as raised:
        getattr(Record({"field": value}, "The site"), read)("field")

    assert str(raised.value) == f"The site answers in another format: {message}"


def test_lists_may_be_records_whose_keys_are_of_no_account() -> None:
    record = Record({"pages": {"7": {"id": 7}, "8": {"id": 8}}}, "The site", "query")

    assert [(page.path, page.whole("id")) for page in record.records("pages")] == [
        ("query.pages.7", 7),
        ("query.pages.8", 8),
    ]
