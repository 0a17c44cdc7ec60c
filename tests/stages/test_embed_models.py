"""Models of several kinds in one recipe, found beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

import harvest.demo
from harvest import embedders
from harvest.config.recipe import load_recipe
from harvest.errors import WeightsMissing
from harvest.ledger import open_ledger, vectors
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import model_id, models_of, run_embed
from harvest.stages.filter import filter_digests, run_filter
from harvest.stages.layout import run_layout
from harvest.stages.normalize import run_normalize


def embed(herbarium, recipe):
    return run_embed(herbarium.workspace, recipe, progress=SilentProgress())


def shapes(herbarium, names) -> dict[str, tuple[int, ...]]:
    with open_ledger(herbarium.workspace) as con:
        return {name: vectors(con, embedders.model_id_of(name))[1].shape for name in names}


def test_every_model_that_a_recipe_names_has_vectors_and_more_images_compute_only_theirs(herbarium, recipe, picture):
    several = recipe("layout: null\nembed: [colours, pixels, harvest-demo]\n")
    for seed in range(3):
        herbarium.meet(picture(seed))
    herbarium.crawl()

    first = embed(herbarium, several)
    herbarium.meet(picture(3))
    herbarium.crawl()
    second = embed(herbarium, several)

    assert models_of(several) == ("colours", "pixels", "harvest-demo")
    assert (first.done, second.done, second.skipped) == (9, 3, 9)
    assert shapes(herbarium, models_of(several)) == {"colours": (4, 864), "pixels": (4, 769), "harvest-demo": (4, 128)}


def test_a_model_lies_beside_the_recipe(herbarium, recipe, picture):
    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet", pretrained=False)
    beside = recipe("layout: null\nembed: ['timm:test_efficientnet@nets/mine.safetensors']\n").file
    (beside.parent / "nets").mkdir()
    save_file(network.state_dict(), beside.parent / "nets" / "mine.safetensors")
    herbarium.meet(picture(1))
    herbarium.crawl()

    mine = recipe("layout: null\nembed: ['timm:test_efficientnet@nets/mine.safetensors']\n")
    report = embed(herbarium, mine)

    (name,) = mine.embed
    assert name == f"timm:test_efficientnet@{beside.parent / 'nets' / 'mine.safetensors'}"
    assert report.done == 1
    assert shapes(herbarium, [name]) == {name: (1, 256)}


def test_a_mosaic_by_colours_needs_no_weights(herbarium, recipe, picture):
    for seed in range(8):
        herbarium.meet(picture(seed))
    herbarium.crawl()
    by_colour = recipe("sizes: [{px: 32}]\nlayout: {features: vectors, model: colours, project: pca, tile: 32}\n")
    run_dedupe(herbarium.workspace, by_colour, progress=SilentProgress())
    run_normalize(herbarium.workspace, by_colour, progress=SilentProgress())

    report = run_layout(herbarium.workspace, by_colour, progress=SilentProgress())

    assert (report.done, report.detail["left_out"], report.detail["features"]) == (8, 0, "vectors")
    assert models_of(by_colour) == ("colours",)
    assert shapes(herbarium, ["colours"]) == {"colours": (8, 864)}
    assert run_layout(herbarium.workspace, by_colour, progress=SilentProgress()).done == 0


def test_on_another_machine_without_the_weights_a_finished_workspace_is_still_current(
    herbarium, recipe, picture, tmp_path
):
    text = "layout: null\nfilter:\n  - clip: {model: 'local-dir:clips/small', keep: [a], reject: [b]}\n"
    here = recipe(text)
    shutil.copytree(Path(harvest.demo.__file__).parent / "weights", here.file.parent / "clips" / "small")
    herbarium.meet(picture(1))
    herbarium.crawl()
    run_filter(herbarium.workspace, here, progress=SilentProgress())
    before = filter_digests(herbarium.workspace, here)

    (tmp_path / "elsewhere").mkdir()
    there = load_recipe(Path(shutil.copy(here.file, tmp_path / "elsewhere")))

    assert models_of(there) != models_of(here)
    assert filter_digests(herbarium.workspace, there) == before
    with pytest.raises(WeightsMissing):
        model_id(herbarium.workspace, "local-dir:clips/other")


def test_two_models_of_one_name_are_not_taken_for_each_other(herbarium, recipe, picture, tmp_path):
    weights = Path(harvest.demo.__file__).parent / "weights"
    herbarium.meet(picture(1))
    herbarium.crawl()
    for place in ("one", "two"):
        folder = shutil.copytree(weights, tmp_path / place / "small")
        config = folder / "open_clip_config.json"
        config.write_text(config.read_text().replace("bicubic", {"one": "bicubic", "two": "bilinear"}[place]))
        embed(herbarium, recipe(f"layout: null\nembed: ['local-dir:{folder}']\n"))

    with pytest.raises(WeightsMissing):
        model_id(herbarium.workspace, "local-dir:/gone/small")
