from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layout.axes import even_places, indicators, levels

NAN = float("nan")


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_places_keep_the_order_and_stay_on_the_axis(values: list[float | None]) -> None:
    numbers = np.array([NAN if value is None else value for value in values])
    places = even_places(numbers)

    known = np.isfinite(numbers)
    order = np.argsort(numbers[known], kind="stable")
    assert ((places >= 0) & (places <= 1)).all()
    assert (np.diff(places[known][order]) >= 0).all()
    assert (places[~known] == 1).all()
    for one, other in zip(*np.triu_indices(known.sum(), 1), strict=True):
        assert (numbers[known][one] == numbers[known][other]) == (places[known][one] == places[known][other])


def test_one_from_long_ago_does_not_press_the_others_together() -> None:
    assert even_places(np.array([1650.0, 2001, 2002, 2003, 2004])).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_what_is_not_known_lies_apart_at_the_end() -> None:
    places = even_places(np.array([3.0, NAN, 1, 2]))

    assert places[1] == 1
    assert places[[0, 2, 3]] == pytest.approx([0.7125, 0, 0.35625])


def test_words_have_as_much_of_the_axis_as_they_have_images() -> None:
    assert levels(["b", "A", None, "b", "b"])[[0, 1, 3, 4]].tolist() == [1, 0, 1, 1]
    assert even_places(levels(["b", "A", "b", "b"])).tolist() == pytest.approx([2 / 3, 0, 2 / 3, 2 / 3])


def test_each_word_is_as_far_from_any_other() -> None:
    found = indicators(["shell", "fin", None, "crab", "fin"])

    distances = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert distances[1, 4] == 0
    assert distances[0, 1] == distances[0, 3] == distances[1, 3] == pytest.approx(2**0.5)
    assert distances[2, 0] == distances[2, 1] == distances[2, 3]


def test_rare_words_beyond_many_are_one() -> None:
    words = [f"{number:03d}" for number in range(300) for _ in range(2 if number < 256 else 1)]

    found = indicators(words)

    assert found.shape == (len(words), 257)
    assert found[:, 256].sum() == 44
