from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from harvest import embedders
from harvest.errors import WeightsMissing
from harvest.ledger import decisions, images, latest_stage, open_ledger, vectors
from harvest.progress import SilentProgress
from harvest.stages import check_recipe
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import model_id, run_embed
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.layout import run_layout
from harvest.stages.normalize import run_normalize

CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {
        "mean": [0.1, 0.2, 0.3],
        "std": [0.5, 0.6, 0.7],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
}


def make_weights(folder: Path, seed: int) -> Path:
    """A model of random weights, in the form of open_clip's local directories."""
    torch.manual_seed(seed)
    folder.mkdir()
    model = open_clip.CLIP(**CONFIG["model_cfg"])
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return make_weights(tmp_path_factory.mktemp("models") / "tiny", seed=0)


@pytest.fixture
def meaning(recipe, weights):
    def write(rest: str = ""):
        return recipe(
            "layout: null\nfilter:\n"
            f"  - clip: {{model: 'local-dir:{weights}', keep: [a shell], reject: [a chart], margin: -2{rest}}}\n"
        )

    return write


def run(herbarium, recipe):
    return run_embed(herbarium.workspace, recipe, progress=SilentProgress())


def test_every_image_gets_a_unit_vector_of_the_named_weights(herbarium, meaning, weights, picture, encoded):
    first = herbarium.meet(picture(1))
    second = herbarium.meet(encoded(picture(2).convert("CMYK")))
    herbarium.crawl()

    report = run(herbarium, meaning())

    identity = embedders.find_weights(f"local-dir:{weights}").model_id
    assert identity.startswith("local-dir:tiny@")
    with open_ledger(herbarium.workspace) as con:
        sha256s, matrix = vectors(con, identity)
        last = latest_stage(con, "embed", f"local-dir:{weights}")
    assert sha256s == sorted([first, second])
    assert matrix.shape == (2, 16)
    assert np.linalg.norm(matrix, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert (report.done, report.skipped, report.dropped) == (2, 0, 0)
    assert last.detail["device"] in {"cpu", "cuda"}


def test_a_vector_is_what_open_clip_gives_with_the_models_own_preprocessing(herbarium, meaning, weights, picture):
    herbarium.meet(picture(5, 32, 32))
    herbarium.crawl()
    run(herbarium, meaning())
    with open_ledger(herbarium.workspace) as con:
        _, matrix = vectors(con, embedders.find_weights(f"local-dir:{weights}").model_id)
        path = herbarium.workspace.root / images(con)[0].path

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{weights}")
    with torch.inference_mode(), Image.open(path) as image:
        expected = model.eval().encode_image(preprocess(image.convert("RGB"))[None], normalize=True).numpy()
    assert preprocess(Image.new("RGB", (8, 8)))[:, 0, 0].tolist() == pytest.approx([-0.2, -1 / 3, -3 / 7])
    assert float((matrix * expected).sum()) >= 0.999  # the precision that this machine is quick in


def test_neighbours_in_the_batch_do_not_change_a_vector(herbarium, meaning, weights, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    run(herbarium, meaning())
    identity = embedders.find_weights(f"local-dir:{weights}").model_id
    with open_ledger(herbarium.workspace) as con:
        alone = dict(zip(*vectors(con, identity), strict=True))
    for seed in range(2, 6):
        herbarium.meet(picture(seed))
    herbarium.crawl()

    report = run(herbarium, meaning())

    with open_ledger(herbarium.workspace) as con:
        together = dict(zip(*vectors(con, identity), strict=True))
    assert (report.done, report.skipped, len(together)) == (4, 1, 5)
    ((sha256, vector),) = alone.items()
    assert together[sha256].tolist() == vector.tolist()


def test_an_image_that_does_not_decode_is_a_row_and_is_not_tried_again(herbarium, meaning, weights, picture):
    broken = herbarium.meet(picture(1))
    herbarium.meet(picture(2))
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        path = next(image.path for image in images(con) if image.sha256 == broken)
    original = herbarium.workspace.root / path
    original.write_bytes(original.read_bytes()[:2000])

    report = run(herbarium, meaning())

    assert (report.done, report.dropped) == (2, 1)
    with open_ledger(herbarium.workspace) as con:
        digest = latest_stage(con, "embed", f"local-dir:{weights}").recipe_digest
        (row,) = decisions(con, {"embed": digest})
    assert (row.sha256, row.verdict) == (broken, "drop")
    assert row.reason.startswith("does not decode: truncated: ")
    assert run(herbarium, meaning()).done == 0
    assert run_filter(herbarium.workspace, meaning(), progress=SilentProgress()).dropped == 1


def test_copies_are_not_embedded(herbarium, meaning, picture):
    herbarium.meet(picture(1, 800, 600))
    herbarium.meet(picture(1, 400, 300))
    herbarium.crawl()
    run_dedupe(herbarium.workspace, meaning(), progress=SilentProgress())

    assert run(herbarium, meaning()).done == 1
    assert run_filter(herbarium.workspace, meaning(), progress=SilentProgress()).done == 1
    assert run_filter(herbarium.workspace, meaning(), progress=SilentProgress()).done == 0


def test_a_changed_threshold_embeds_nothing(herbarium, meaning, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    run_filter(herbarium.workspace, meaning(), progress=SilentProgress())

    stricter = meaning(", min_score: 1.0")
    report = run_filter(herbarium.workspace, stricter, progress=SilentProgress())

    assert (report.done, report.kept, report.dropped) == (1, 0, 1)
    assert run(herbarium, stricter).done == 0


def test_a_second_run_imports_no_torch(herbarium, meaning, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    run_filter(herbarium.workspace, meaning(), progress=SilentProgress())

    program = """
import sys
from pathlib import Path
from harvest.config.recipe import load_recipe
from harvest.progress import SilentProgress
from harvest.stages.embed import run_embed
from harvest.stages.filter import run_filter
from harvest.workspace import Workspace
for stage in (run_embed, run_filter):
    stage(Workspace(Path(sys.argv[1])), load_recipe(Path(sys.argv[2])), progress=SilentProgress())
print(sorted({"torch", "open_clip", "scrapy"} & set(sys.modules)))
"""
    arguments = [sys.executable, "-c", program, str(herbarium.workspace.root), str(meaning().file)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_layout_by_meaning_leaves_out_what_has_no_vector(herbarium, recipe, weights, picture):
    broken = herbarium.meet(picture(0))
    for seed in range(1, 7):
        herbarium.meet(picture(seed))
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        path = next(image.path for image in images(con) if image.sha256 == broken)
    by_meaning = recipe(
        f"sizes: [{{px: 32}}]\nlayout: {{features: clip, model: 'local-dir:{weights}', project: pca, tile: 32}}\n"
    )
    run_dedupe(herbarium.workspace, by_meaning, progress=SilentProgress())
    run_normalize(herbarium.workspace, by_meaning, progress=SilentProgress())
    (herbarium.workspace.root / path).write_bytes(b"eaten by moths")

    report = run_layout(herbarium.workspace, by_meaning, progress=SilentProgress())

    assert (report.done, report.detail["left_out"], report.detail["features"]) == (6, 1, "clip")
    assert run_layout(herbarium.workspace, by_meaning, progress=SilentProgress()).done == 0


def test_other_weights_under_the_same_path_are_another_model(tmp_path, recipe):
    folder = make_weights(tmp_path / "model", seed=1)
    first = embedders.find_weights(f"local-dir:{folder}").model_id
    other = make_weights(tmp_path / "other", seed=2) / "open_clip_model.safetensors"

    other.replace(folder / "open_clip_model.safetensors")

    assert embedders.find_weights(f"local-dir:{folder}").model_id != first


def test_a_finished_workspace_needs_no_weights_to_know_its_decisions(herbarium, recipe, tmp_path, picture):
    folder = make_weights(tmp_path / "gone", seed=3)
    shells = recipe(f"layout: null\nfilter:\n  - clip: {{model: 'local-dir:{folder}', keep: [a], reject: [b]}}\n")
    herbarium.meet(picture(1))
    herbarium.crawl()
    run_filter(herbarium.workspace, shells, progress=SilentProgress())
    before = filter_digests(herbarium.workspace, shells)

    folder.rename(tmp_path / "moved")

    assert filter_digests(herbarium.workspace, shells) == before
    with pytest.raises(WeightsMissing):
        check_recipe(shells)
    check_recipe(shells, weights=False)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("local-dir:/nowhere", "local-dir:/nowhere: expected open_clip_config.json and open_clip_model.safetensors in"),
        ("ViT-B-32/laion2b_s34b_b79k", "`hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K`"),
        ("ViT-B-32/nothing", "ViT-B-32/nothing: not a model open_clip knows"),
        ("shells", "shells: not a model open_clip knows"),
    ],
)
def test_missing_weights_name_the_ways_out(monkeypatch, tmp_path, model, words):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(WeightsMissing) as error:
        embedders.find_weights(model)

    assert words in str(error.value)
    assert error.value.exit_code == 4
    if "not a model" not in words:
        assert "`features: pixels` under `layout:` and no `clip` filter" in str(error.value)


def test_a_model_nobody_ever_had_is_missing(herbarium, recipe):
    herbarium.crawl()

    with pytest.raises(WeightsMissing):
        model_id(herbarium.workspace, "local-dir:/nowhere")
