"""The report of a split: what is near across its borders, what memory alone knows, and a page that shows it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.errors import CheckFailed
from harvest.ledger import open_ledger, write_embeddings
from harvest.progress import SilentProgress
from harvest.review import too_easy, write_split_report
from harvest.review.splits_near import TINY, baseline, by_hashes, by_vectors
from harvest.stages.dedupe import run_dedupe
from harvest.stages.split import labels_of, run_split
from harvest.takedown import Request, plan

QUIET = SilentProgress()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12),
)
def test_the_nearest_by_hash_is_the_nearest(held, learned):
    hashes = {f"h{at:02}": value for at, value in enumerate(held)} | {f"l{at:02}": v for at, v in enumerate(learned)}
    names = [name for name in hashes if name[0] == "h"], [name for name in hashes if name[0] == "l"]

    found = by_hashes(hashes, *names)

    assert {pair.held: pair.value for pair in found} == {
        name: min((hashes[name] ^ hashes[other]).bit_count() for other in names[1]) for name in names[0]
    }
    assert all((hashes[pair.held] ^ hashes[pair.learned]).bit_count() == pair.value for pair in found)
    assert [pair.value for pair in found] == sorted(pair.value for pair in found)


def test_the_nearest_by_vectors_is_the_nearest_of_those_learned_from(herbarium, picture):
    met = sorted(herbarium.meet(picture(number, 64, 48)) for number in range(20))
    herbarium.crawl()
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with open_ledger(herbarium.workspace, write=True) as con:
        write_embeddings(con, "m@1", met, vectors)
        found = by_vectors(con, "m@1", met[:4], frozenset(met[8:]))

    cosines = vectors[:4] @ vectors[8:].T
    assert {pair.held: pair.learned for pair in found} == {
        met[at]: met[8 + int(best)] for at, best in enumerate(cosines.argmax(axis=1))
    }
    assert [pair.value for pair in found] == pytest.approx(sorted(cosines.max(axis=1), reverse=True), abs=1e-4)


def tiny(shade: int, seed: int, noise: int = 6) -> np.ndarray:
    spread = np.random.default_rng(seed).integers(-noise, noise + 1, TINY * TINY * 3)
    return np.clip(shade + spread, 0, 255).astype(np.uint8)


def guessed(*, shades, noise: int = 6, count: int = 60):
    """Sixty pictures, two thirds moths, of which the first twenty are held out."""
    names = [f"{number:02}" for number in range(count)]
    labels = {name: ("beetle",) if number % 3 == 0 else ("moth",) for number, name in enumerate(names)}
    pictures = {name: tiny(shades[labels[name][0]], number, noise) for number, name in enumerate(names)}
    return baseline("test", pictures, labels, names[:20], names[20:])


def test_labels_that_the_tone_of_a_picture_tells_are_too_easy():
    found = guessed(shades={"moth": 80, "beetle": 180})

    assert (found.right, found.label, found.by_chance, found.verdict) == (1.0, "moth", 1.0, "easy")
    assert too_easy(found) == (
        "The split is too easy: the nearest of the tiny pictures has 100 % of the labels in test right, always saying "
        "“moth” 65 %. Whoever learns its pictures by heart passes this test."
    )


def test_labels_that_nothing_tells_are_not_too_easy():
    found = guessed(shades={"moth": 120, "beetle": 120}, noise=100)

    assert found.verdict == "fair"
    assert found.least <= found.commonest == pytest.approx(0.65)
    assert too_easy(found).startswith("The split is not too easy: the nearest of the tiny pictures has ")


def test_where_few_images_leave_it_open_that_is_said():
    found = baseline("test", *undecided())

    assert found.verdict == "open"
    assert too_easy(found).startswith("Nothing says that the split is too easy, but 12 images are too few to be sure: ")


def undecided():
    """Twelve pictures that are held out, of which the nearest one knows seven, and the commonest label six."""
    shades = {"moth": 40, "beetle": 200}
    labels = {f"h{at:02}": ("moth",) if at < 6 else ("beetle",) for at in range(12)}
    pictures = {name: tiny(shades[labels[name][0]], at) for at, name in enumerate(labels)}
    for at in (1, 2, 3, 8, 9):  # as light as the others are dark
        pictures[f"h{at:02}"] = tiny(240 - shades[labels[f"h{at:02}"][0]], at)
    held = sorted(labels)
    learned = {f"l{at:02}": ("moth",) if at < 11 else ("beetle",) for at in range(20)}
    pictures |= {name: tiny(shades[label], at + 50) for at, (name, (label,)) in enumerate(learned.items())}
    return pictures, labels | learned, held, sorted(learned)


def test_of_few_images_nothing_is_said():
    few = baseline(
        "test", {name: tiny(9, at) for at, name in enumerate("abc")}, dict.fromkeys("abc", ("x",)), "a", "bc"
    )

    for found in (few, None):
        assert too_easy(found).startswith("Whether the split is too easy cannot be told: ")


def test_an_image_is_no_neighbour_of_itself():
    pictures = {name: tiny(shade, 0, 0) for name, shade in {"a": 10, "b": 200, "c": 12}.items()}

    found = baseline("test", pictures, {"a": ("moth",), "b": ("beetle",), "c": ("beetle",)}, "c", "ab")

    assert (found.right, found.by_chance) == (0.0, 0.0)


@pytest.fixture
def split(herbarium, picture, recipe):
    """Forty pictures of two kinds, and two that are nearly the same on both sides of the border."""
    for number in range(40):
        herbarium.meet(
            picture(number, 64, 48), creator=f"<b>Creator {number % 20}</b>", labels=("moth", "beetle")[number % 2 :]
        )
    herbarium.crawl()
    shells = recipe("sizes: []\nlayout: null\nsplit: {test: 0.2, validation: 0.1}\n")
    run_dedupe(herbarium.workspace, shells, progress=QUIET)
    run_split(herbarium.workspace, shells, progress=QUIET)
    return shells


def test_the_report_counts_and_shows_what_is_near(herbarium, split):
    workspace = herbarium.workspace
    with open_ledger(workspace) as con:
        names = [name for (name,) in con.execute("SELECT sha256 FROM splits ORDER BY sha256").fetchall()]

    _, files = write_split_report(
        workspace, "shells", model=None, labels=labels_of(workspace, split, names), progress=QUIET
    )

    told, page = json.loads(files.json.read_text()), files.html.read_text()
    assert told["counts"] == {"test": 8, "train": 28, "validation": 4}
    assert sum(sum(each["counts"].values()) for each in told["labels"]) == 60, "images of two labels count for both"
    assert len(told["nearest_by_phash"]["pairs"]) == 12
    first = told["nearest_by_phash"]["pairs"][0]
    assert (first["held"]["split"] in {"test", "validation"}, first["learned"]["split"]) == (True, "train")
    assert told["too_easy"]["sentence"] in page.replace("&#34;", '"')
    assert "<b>Creator" not in page
    assert "&lt;b&gt;Creator" in page
    assert page.count("data:image/jpeg") >= 24
    wanted = plan(workspace, Request(sha256=first["held"]["sha256"]), progress=QUIET)
    assert wanted.holdings.reports == (files.html.relative_to(workspace.root).as_posix(),)


def test_without_a_split_there_is_nothing_to_report(herbarium, picture):
    herbarium.meet(picture(1, 64, 48))
    herbarium.crawl()

    with pytest.raises(CheckFailed, match=r"^nothing was split for the recipe 'shells' yet; `harvest split` does it$"):
        write_split_report(herbarium.workspace, "shells", model=None, labels={}, progress=QUIET)


def test_the_command_splits_and_says_where_the_page_is(harvest, herbarium, split):
    answer = harvest("split", split.file, "--report", "--json", "-w", herbarium.workspace.root)

    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["images"] == 40
    assert told["nearest_by_vectors"]["model"].startswith("pixels@")
    assert len(told["nearest_by_vectors"]["pairs"]) == 12
    assert told["files"]["html"].split("/")[-1].startswith("split-")
    assert "report: " in answer.stderr
