"""The demonstration model, loaded as any local model is, on specimens that it has never seen."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

import harvest.demo
from harvest.demo.captions import Caption, Subject, caption, truth
from harvest.demo.specimens import KINDS, OFF_TOPIC, TEST_SEEDS, draw, draw_off_topic
from harvest.demo.specimens.looks import look

WEIGHTS = Path(harvest.demo.__file__).parent / "weights"
PER_KIND, PER_OFF_TOPIC = 15, 15
KEEP = ["a specimen on a plain background"]
REJECT = ["a chart", "a page of text"]


def article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def as_fetched(image: Image.Image) -> Image.Image:
    """The picture as a crawl brings it home: through a JPEG."""
    body = io.BytesIO()
    image.save(body, "JPEG", quality=88)
    return Image.open(body).convert("RGB")


@pytest.fixture(scope="module")
def model() -> SimpleNamespace:
    network, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{WEIGHTS}")
    network.eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{WEIGHTS}")

    def images(pictures: list[Image.Image]) -> np.ndarray:
        with torch.no_grad():
            return network.encode_image(torch.stack([preprocess(p) for p in pictures]), normalize=True).numpy()

    def texts(prompts: list[str]) -> np.ndarray:
        with torch.no_grad():
            return network.encode_text(tokenizer(prompts), normalize=True).numpy()

    return SimpleNamespace(images=images, texts=texts)


@pytest.fixture(scope="module")
def specimens(model: SimpleNamespace) -> np.ndarray:
    """Embeddings (kinds, PER_KIND, d) of fresh specimens."""
    seeds = TEST_SEEDS[:PER_KIND]
    return np.stack([model.images([as_fetched(draw(kind, seed)) for seed in seeds]) for kind in KINDS])


@pytest.fixture(scope="module")
def off_topic(model: SimpleNamespace) -> np.ndarray:
    seeds = TEST_SEEDS[:PER_OFF_TOPIC]
    return np.stack([model.images([as_fetched(draw_off_topic(kind, seed)) for seed in seeds]) for kind in OFF_TOPIC])


@pytest.mark.parametrize("frame", ["a photo of {}", "a specimen of {}"])
def test_it_knows_the_kinds_of_unseen_specimens(model: SimpleNamespace, specimens: np.ndarray, frame: str) -> None:
    prompts = model.texts([frame.format(article(kind)) for kind in KINDS])
    guessed = (specimens @ prompts.T).argmax(axis=-1)
    right = guessed == np.arange(len(KINDS))[:, None]
    assert right.mean() >= 0.9
    assert right.mean(axis=1).min() >= 0.6


def test_it_tells_specimens_from_charts_and_pages(
    model: SimpleNamespace, specimens: np.ndarray, off_topic: np.ndarray
) -> None:
    keep, reject = model.texts(KEEP), model.texts(REJECT)

    def passed(vectors: np.ndarray) -> np.ndarray:
        return (vectors @ keep.T).max(axis=-1) > (vectors @ reject.T).max(axis=-1)

    assert passed(specimens).mean() >= 0.98
    assert passed(off_topic).mean() <= 0.02


def test_it_finds_a_colour_by_name(model: SimpleNamespace) -> None:
    crimson, teal = (
        [seed for seed in TEST_SEEDS[:900] if look("feather", seed).tincture.name == name][:8]
        for name in ("crimson", "teal")
    )
    seen = model.images([as_fetched(draw("feather", seed)) for seed in (*crimson, *teal)])
    likes = seen @ model.texts(["a crimson feather", "a teal feather"]).T
    assert (likes[:8, 0] > likes[:8, 1]).mean() >= 0.75
    assert (likes[8:, 1] > likes[8:, 0]).mean() >= 0.75


def test_the_files_are_what_the_repository_promises() -> None:
    config = json.loads((WEIGHTS / "open_clip_config.json").read_text(encoding="utf-8"))
    assert set(config) == {"model_cfg", "preprocess_cfg"}
    assert set(config["preprocess_cfg"]) == {"mean", "std", "interpolation", "resize_mode"}
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) <= 16 * 2**20
    card = (WEIGHTS / "README.md").read_text(encoding="utf-8")
    assert "demonstration" in card
    assert "Apache-2.0" in card


def test_a_caption_is_true_of_its_own_subject_and_truth_says_of_which_others() -> None:
    rng = np.random.default_rng(7)
    subjects = [Subject(kind=kind, variety="ribbed", colour="ochre", ground="slate") for kind in KINDS]
    subjects += [Subject(kind=kind) for kind in OFF_TOPIC]
    said = [caption(subject, rng) for subject in subjects for _ in range(20)]
    table = truth(subjects, said)
    assert table.shape == (len(subjects), len(said))
    assert all(table[index // 20, index] for index in range(len(said)))

    claims = [
        Caption(text="an ochre shell", kinds=frozenset({"scallop", "whelk"}), colour="ochre"),
        Caption(text="a teal shell", kinds=frozenset({"scallop", "whelk"}), colour="teal"),
    ]
    shells = [Subject(kind=kind, variety="ribbed", colour="ochre", ground="slate") for kind in ("whelk", "moth")]
    assert truth(shells, claims).tolist() == [[True, False], [False, False]]
