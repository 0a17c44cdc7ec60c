"""Models of several kinds in one recipe, found beside it."""

from __future__ import annotations

import timm
import torch
from safetensors.torch import save_file

from harvest import embedders
from harvest.ledger import open_ledger, vectors
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import models_of, run_embed
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
