"""Zero-shot labels: shares among the leaves of a vocabulary, sums over its branches, rows by rank."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.demo.specimens import TEST_SEEDS, draw, draw_off_topic
from harvest.errors import ConfigError
from harvest.ledger import decisions, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.filters import Asked, build
from harvest.stages.filters.labels import LabelsFilter

TREE = """
animal: {fish: [pike, carp], bird: [crane, owl]}
tool: [plough]
"""


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def asked(vectors, texts):
    """Images whose vectors these are, in a space where words lie as `texts` (prompt -> vector) says."""
    vectors = unit(vectors)
    sha256s = np.array([hashlib.sha256(str(index).encode()).hexdigest() for index in range(len(vectors))])
    return Asked(
        sha256s=sha256s,
        vectors=vectors,
        texts=lambda prompts: unit([texts[prompt] for prompt in prompts]),
        pictures=lambda names: np.empty((0, 2), np.float32),
        said={},
    )


@pytest.fixture
def filter_of(recipe, tmp_path):
    """The `labels` filter that YAML describes; words.yaml beside the recipe holds TREE."""
    (tmp_path / "words.yaml").write_text(TREE)

    def read(yaml):
        (job,) = build(recipe(f"filter:\n  - labels: {{model: harvest-demo, scale: 1, {yaml}}}\n"))
        return job.params

    return read


AXES = {word: np.eye(5)[index] for index, word in enumerate(["pike", "carp", "crane", "owl", "plough"])}
PLAIN = "templates: ['{}'], vocabulary: words.yaml"


def test_shares_are_a_softmax_over_the_leaves(filter_of):
    found = filter_of(f"{PLAIN}, top: 2").judge_all(asked([[1, 0, 0, 0, 0], [0, 0, 0, 0.6, 0.8]], AXES))

    e = np.e
    rows = found.labels.to_pylist()
    assert [(row["rank"], row["label"], row["path"]) for row in rows[:1] + rows[2:]] == [
        (1, "pike", "animal / fish / pike"),
        (1, "plough", "tool / plough"),
        (2, "owl", "animal / bird / owl"),
    ]
    assert rows[0]["score"] == pytest.approx(e / (e + 4), abs=1e-6)
    assert [row["score"] for row in rows[2:]] == pytest.approx(
        [np.exp(0.8) / (3 + np.exp(0.8) + np.exp(0.6)), np.exp(0.6) / (3 + np.exp(0.8) + np.exp(0.6))], abs=1e-6
    )
    assert found.keep.all()
    assert found.reason[0] == f"'pike' at {e / (e + 4):.2f}"


def test_a_branch_weighs_what_its_leaves_weigh_together(filter_of):
    both = [[1, 1, 0, 0, 0], [0, 0, 0, 0, 1]]

    found = filter_of(f"{PLAIN}, keep: [fish], min_share: 0.45").judge_all(asked(both, AXES))

    a = np.exp(np.sqrt(0.5))
    assert found.value == pytest.approx([2 * a / (2 * a + 3), 2 / (4 + np.e)], abs=1e-5)
    assert found.keep.tolist() == [True, False]
    assert found.threshold.tolist() == [0.45, 0.45]
    assert found.reason[1] == f"'plough' at {np.e / (4 + np.e):.2f}; fish at {2 / (4 + np.e):.2f}"


def test_what_is_dropped_takes_away_from_what_is_kept(filter_of):
    vectors = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]

    only = filter_of(f"{PLAIN}, keep: [animal], drop: [carp], min_share: 0.6")
    alone = filter_of(f"{PLAIN}, drop: [fish], min_share: 0.55")

    assert only.judge_all(asked(vectors, AXES)).keep.tolist() == [True, False, True]
    found = alone.judge_all(asked(vectors, AXES))
    assert found.keep.tolist() == [False, False, True]
    assert found.reason[0].endswith("; all but fish at 0.45")


def test_synonyms_and_descriptions_pull_a_leaf_to_their_middle(filter_of, tmp_path):
    (tmp_path / "words.yaml").write_text("eel: {synonyms: [conger], description: a long fish}\npike: \n")
    texts = {"eel": [1, 0, 0], "conger": [0, 1, 0], "a long fish": [0, 0, 1], "pike": [0, 0, -1]}

    found = filter_of(f"{PLAIN}, top: 2").judge_all(asked([[1, 1, 1]], texts))

    middle, pike = np.exp(1.0), np.exp(-np.sqrt(1 / 3))
    assert found.labels.column("score").to_pylist() == pytest.approx(
        [middle / (middle + pike), pike / (middle + pike)], abs=1e-6
    )


@given(st.integers(0, 1000), st.integers(2, 40), st.integers(1, 12))
def test_the_best_words_are_the_best_of_all(seed, leaves, top):
    rng = np.random.default_rng(seed)
    words = {f"word {index}": vector for index, vector in enumerate(rng.normal(size=(leaves, 8)))}
    made = LabelsFilter(model="none", vocabulary=tuple(words), templates=("{}",), scale=20.0, top=top)
    given_images = asked(rng.normal(size=(7, 8)), words)

    rows = made.judge_all(given_images).labels.to_pylist()

    cosines = given_images.vectors @ unit(list(words.values())).T
    shares = np.exp(20 * cosines) / np.exp(20 * cosines).sum(axis=1, keepdims=True)
    top = min(top, leaves)
    for index, sha256 in enumerate(given_images.sha256s):
        mine = rows[index * top : (index + 1) * top]
        assert {row["sha256"] for row in mine} == {sha256}
        assert [row["rank"] for row in mine] == list(range(1, top + 1))
        assert [row["score"] for row in mine] == pytest.approx(np.sort(shares[index])[::-1][:top].tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("vocabulary: words.yaml, keep: [pikes]", "keep[0]: 'pikes' is not in the vocabulary; did you mean 'pike'?"),
        ("vocabulary: words.yaml, drop: [gull]", "drop[0]: 'gull' is not in the vocabulary"),
        ("vocabulary: words.yaml, keep: [fish], drop: [animal]", "drop: takes all words away that `keep` names"),
        ("vocabulary: words.yaml, keep: [animal, tool]", "keep: stands for the whole vocabulary"),
        ("vocabulary: words.yaml, min_share: 0.3", "min_share: drops nothing by itself"),
        ("vocabulary: words.yaml, templates: [a photo]", "templates[0]: expected a text with {} in it, got 'a photo'"),
        ("vocabulary: [pike, eel, pike]", "vocabulary[2]: 'pike' stands at 'pike' already"),
        ("vocabulary: gone.yaml", "vocabulary: no such file: "),
        ("vocabulary: {fish: [pike]}", "vocabulary: expected a path or a list, each entry a text, got {'fish'"),
    ],
)
def test_words_that_do_not_fit_are_told_with_their_place(filter_of, yaml, message):
    with pytest.raises(ConfigError) as failure:
        filter_of(yaml)

    assert f"filter[0].labels.{message}" in str(failure.value)


def test_a_fault_in_the_file_is_told_by_the_file(filter_of, tmp_path):
    (tmp_path / "words.yaml").write_text("fish: [pike, pike]")

    with pytest.raises(ConfigError, match=r"words.yaml: fish\[1\]: 'pike' stands"):
        filter_of("vocabulary: words.yaml")


def test_the_digest_of_a_vocabulary_is_that_of_its_words_and_how_they_are_asked(filter_of, tmp_path):
    first = filter_of("vocabulary: words.yaml").vocabulary_digest
    (tmp_path / "words.yaml").write_text(f"# our words\n{TREE}")
    assert filter_of("vocabulary: words.yaml, top: 7, drop: [owl]").vocabulary_digest == first

    assert filter_of("vocabulary: words.yaml, templates: ['{}']").vocabulary_digest != first
    (tmp_path / "words.yaml").write_text(TREE.replace("pike", "perch"))
    assert filter_of("vocabulary: words.yaml").vocabulary_digest != first


KINDS = "{specimen: {sea: [fish, starfish, whelk], made: [key, vessel]}, sheet: [bar chart, page of text]}"


def test_specimens_are_labelled_in_the_ledger_and_dropped_by_branch(herbarium, recipe, encoded, tmp_path):
    (tmp_path / "kinds.yaml").write_text(KINDS)
    shown = {
        herbarium.meet(encoded(draw(kind, TEST_SEEDS[4000 + index], 256))): kind
        for index, kind in enumerate(["fish", "starfish", "whelk", "key", "vessel"])
    }
    shown[herbarium.meet(encoded(draw_off_topic("bar_chart", TEST_SEEDS[4010], 256)))] = "bar chart"
    herbarium.crawl()
    yaml = "filter:\n  - labels: {model: harvest-demo, vocabulary: kinds.yaml, keep: [sea]}\nlayout: null\n"

    run_filter(herbarium.workspace, recipe(yaml), progress=SilentProgress())

    digests = filter_digests(herbarium.workspace, recipe(yaml))
    with open_ledger(herbarium.workspace) as con:
        rows = con.execute("SELECT sha256, path, score, model FROM labels WHERE rank = 1").fetchall()
        count = con.execute("SELECT count(*) FROM labels").fetchall()
        verdicts = decisions(con, digests)
    assert count == [(18,)]
    assert {sha256: path.split(" / ")[-1] for sha256, path, _, _ in rows} == shown
    assert {path.split(" / ")[0] for _, path, _, _ in rows} == {"specimen", "sheet"}
    assert {model.split("@")[0] for *_, model in rows} == {"harvest-demo"}
    kept = {shown[row.sha256] for row in verdicts if row.verdict == "keep"}
    assert kept == {"fish", "starfish", "whelk"}


def test_a_changed_choice_judges_anew_and_labels_stay(herbarium, recipe, encoded):
    herbarium.meet(encoded(draw("fish", TEST_SEEDS[4020], 256)))
    herbarium.crawl()
    yaml = "filter:\n  - labels: {model: harvest-demo, vocabulary: [fish, key, moth, egg], %s}\nlayout: null\n"

    def run(more):
        run_filter(herbarium.workspace, recipe(yaml % more), progress=SilentProgress())
        digests = filter_digests(herbarium.workspace, recipe(yaml % more))
        with open_ledger(herbarium.workspace) as con:
            rows = con.execute("SELECT rank, label, seal FROM labels ORDER BY rank, seal").fetchall()
            verdicts = decisions(con, digests)
        return rows, [row.verdict for row in verdicts]

    rows, verdicts = run("top: 2")
    assert (len(rows), verdicts) == (2, ["keep"])
    assert run("top: 2, keep: [key, moth]") == (rows, ["drop"])
    assert [row[:1] for row in run("top: 3")[0]] == [(1,), (2,), (3,)]
