"""Aesthetic heads from files: the numbers that torch gives, both ends of the scale, and words for what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from sklearn.linear_model import Ridge
from torch import nn

from harvest.config.recipe import load_recipe
from harvest.demo.specimens import draw, draw_off_topic
from harvest.errors import ConfigError, UsageError
from harvest.ledger import open_ledger
from harvest.progress import SilentProgress
from harvest.stages.filter import run_filter
from harvest.stages.filters import build
from harvest.stages.filters.aesthetic import AestheticFilter
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.heads import read_head


class LaionMlp(nn.Module):
    """The layers of LAION's second head, as its state dict has them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, 1024),
            nn.Dropout(0.2),
            nn.Linear(1024, 128),
            nn.Dropout(0.2),
            nn.Linear(128, 64),
            nn.Dropout(0.1),
            nn.Linear(64, 16),
            nn.Linear(16, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def unit_vectors(n: int, width: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def torch_scores(model: nn.Module, vectors: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return model.eval()(torch.from_numpy(vectors))[:, 0].numpy()


def asked(vectors: np.ndarray) -> Asked:
    def nothing(_: object) -> np.ndarray:
        raise AssertionError("a head needs neither words nor pictures")

    names = np.array([f"{index:064x}" for index in range(len(vectors))])
    return Asked(sha256s=names, vectors=vectors, texts=nothing, pictures=nothing, said={})


def head_of_first_number(folder: Path) -> Path:
    """Scores a vector by ten times its first number."""
    np.savez(folder / "first.npz", weight=np.array([[10.0, 0.0]]), bias=np.zeros(1))
    return folder / "first.npz"


def judge(folder: Path, scores: list[float], **params: object) -> Judged:
    """Verdicts on images whose scores are these."""
    first = np.array(scores, np.float32) / 10
    vectors = np.stack([first, np.sqrt(1 - first**2)], axis=1)
    return AestheticFilter(head=head_of_first_number(folder), **params).judge_all(asked(vectors))


@pytest.mark.parametrize(
    ("model", "activation"),
    [
        (nn.Linear(768, 1), "none"),
        (LaionMlp(768), "none"),
        (nn.Sequential(nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 1)), "relu"),
        (nn.Sequential(*[nn.Linear(512, 512) for _ in range(11)], nn.Linear(512, 1)), "none"),
        (nn.Sequential(nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 8, bias=False), nn.GELU(), nn.Linear(8, 1)), "gelu"),
    ],
    ids=["LAION 1", "LAION 2", "relu", "twelve layers", "gelu"],
)
@pytest.mark.parametrize("suffix", ["pth", "safetensors", "npz"])
def test_heads_score_as_torch_does_with_the_same_file(tmp_path, model, activation, suffix) -> None:
    file = tmp_path / f"head.{suffix}"
    state = model.state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    write = {
        "pth": lambda: torch.save(state, file),
        "safetensors": lambda: save_file(arrays, file),
        "npz": lambda: np.savez(file, **arrays),
    }
    write[suffix]()
    head = read_head(file, activation)
    vectors = unit_vectors(200, head.width)

    assert head(vectors) == pytest.approx(torch_scores(model, vectors), abs=1e-5)


def test_what_scikit_learn_fits_is_a_head_too(tmp_path) -> None:
    vectors = unit_vectors(300, 16)
    model = Ridge(alpha=0.1).fit(vectors, vectors[:, 3] * 4 + 5)
    np.savez(tmp_path / "ridge.npz", coef_=model.coef_, intercept_=model.intercept_)

    assert read_head(tmp_path / "ridge.npz")(vectors) == pytest.approx(model.predict(vectors), abs=1e-5)


def test_checkpoints_that_wrap_their_state_dict_are_unwrapped(tmp_path) -> None:
    model = nn.Linear(8, 1)
    torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}, "epoch": 3}, tmp_path / "h.pt")

    assert read_head(tmp_path / "h.pt")(unit_vectors(5, 8)) == pytest.approx(
        torch_scores(model, unit_vectors(5, 8)), abs=1e-6
    )


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"weight": np.ones((2, 8)), "bias": np.ones(2)}, "of which the last makes one number; it holds bias (2,)"),
        ({"a.weight": np.ones((4, 8)), "b.weight": np.ones((1, 5))}, "it holds a.weight (4, 8), b.weight (1, 5)"),
        ({"weight": np.ones((1, 8)), "norm.running_mean": np.ones(8)}, "it also holds norm.running_mean"),
        ({"weight": np.full((1, 8), np.inf)}, "holds values that are not finite"),
        ({}, "it holds nothing"),
    ],
)
def test_files_that_are_no_heads_are_refused_with_what_they_hold(tmp_path, arrays, words) -> None:
    np.savez(tmp_path / "h.npz", **arrays)

    with pytest.raises(UsageError) as caught:
        read_head(tmp_path / "h.npz")

    assert str(caught.value).startswith(str(tmp_path / "h.npz"))
    assert words in str(caught.value)


def test_code_in_a_pickle_is_not_run(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"weight": Trap()}, tmp_path / "h.pt")

    with pytest.raises(UsageError, match="cannot be read: UnpicklingError"):
        read_head(tmp_path / "h.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_head_for_another_model_is_refused(tmp_path) -> None:
    params = AestheticFilter(model="ViT-B-32/openai", head=head_of_first_number(tmp_path), max=5)

    with pytest.raises(UsageError) as caught:
        params.judge_all(asked(unit_vectors(3, 512)))

    assert str(caught.value) == (
        f"{tmp_path / 'first.npz'} scores vectors of 2 numbers, and those of ViT-B-32/openai have 512; "
        "`model` has to be the one that the head was trained on"
    )


def test_low_scores_can_be_the_point(tmp_path) -> None:
    found = judge(tmp_path, [2, 4.5, 7], max=4.5)

    assert found.keep.tolist() == [True, True, False]
    assert found.reason == [
        "aesthetic score 2.00",
        "aesthetic score 4.50",
        "aesthetic score 7.00, more than 4.5",
    ]
    assert found.value == pytest.approx([2, 4.5, 7])
    assert found.threshold.tolist() == [4.5] * 3


def test_the_best_and_the_worst_are_counted_within_the_bounds(tmp_path) -> None:
    scores = [9, 1, 5, 6, 2]

    best = judge(tmp_path, scores, max=8, top=2)
    worst = judge(tmp_path, scores, bottom_share=0.4)

    assert best.keep.tolist() == [False, False, True, True, False]
    assert best.reason[0] == "aesthetic score 9.00, more than 8"
    assert best.reason[2] == "aesthetic score 5.00, rank 2 of 4 from the highest; 2 are kept"
    assert best.threshold == pytest.approx([8, 5, 5, 5, 5])
    assert worst.keep.tolist() == [False, True, False, False, True]


@given(st.lists(st.integers(-9, 9), max_size=30), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_so_many_are_kept_and_none_that_was_left_scores_higher(tmp_path_factory, scores, top) -> None:
    folder = tmp_path_factory.mktemp("heads")

    found = judge(folder, [float(score) for score in scores], top=top)

    kept = [score for score, keep in zip(scores, found.keep, strict=True) if keep]
    left = [score for score, keep in zip(scores, found.keep, strict=True) if not keep]
    assert len(kept) == min(top, len(scores))
    assert not left or min(kept) >= max(left)


def test_a_recipe_scores_drawings_and_changes_its_mind_without_embedding_again(herbarium, recipe, tmp_path) -> None:
    fish = {herbarium.meet(draw("fish", seed), title="fish") for seed in (3, 4)}
    chart = herbarium.meet(draw_off_topic("bar_chart", 5))
    herbarium.crawl()
    head = "model: harvest-demo, head: likes-fish.npz"
    run_embedding = recipe("filter: [{clip: {model: harvest-demo, keep: [a fish], min_score: -1}}]")
    run_filter(herbarium.workspace, run_embedding, progress=SilentProgress())
    with open_ledger(herbarium.workspace) as con:
        rows = con.execute("SELECT sha256, vector FROM embeddings").fetchall()
    towards = np.mean([vector for sha256, vector in rows if sha256 in fish], axis=0)
    np.savez(tmp_path / "likes-fish.npz", weight=10 * towards[None], bias=np.zeros(1))

    def kept(yaml: str) -> set[str]:
        wanted = recipe(f"filter: [{{aesthetic: {{{head}, {yaml}}}}}]")
        run_filter(herbarium.workspace, wanted, progress=SilentProgress())
        with open_ledger(herbarium.workspace) as con:
            newest = con.execute(
                """SELECT sha256 FROM decisions WHERE verdict = 'keep' AND recipe_digest = (
                       SELECT arg_max(recipe_digest, decided_at) FROM decisions WHERE stage = 'filter.aesthetic')"""
            )
            return {sha256 for (sha256,) in newest.fetchall()}

    assert kept("top: 2") == fish
    assert kept("bottom: 1") == {chart}
    assert kept("max: 20") == fish | {chart}
    with open_ledger(herbarium.workspace) as con:
        assert con.execute("SELECT count(*) FROM embeddings").fetchone() == (3,)


@pytest.mark.parametrize(
    ("yaml", "place", "words"),
    [
        ("{max: 4.5}", "head", "missing; expected a file with the weights of an aesthetic head for `model`"),
        ("{head: none.npz, max: 4.5}", "head", "no such file: "),
        ("{head: r.yaml}", "max", "missing; expected a `max`, a `min`, or one of top, bottom, top_share, bottom_share"),
        ("{head: r.yaml, top: 5, bottom_share: 0.1}", "bottom_share", "expected one way to rank, and there is `top`"),
        ("{head: r.yaml, min: 5, max: 4}", "min", "expected at most `max` (4), got 5"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(tmp_path, yaml, place, words) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"name: r\nfilter:\n  - aesthetic: {yaml}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        build(load_recipe(file))

    assert str(caught.value).startswith(f"{file}: filter[0].aesthetic.{place}: {words}")
