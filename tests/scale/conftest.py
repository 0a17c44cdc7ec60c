"""A collection that wants all that workers can make, and workers without a cluster around them."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from harvest import __version__, embedders
from harvest.config.recipe import Recipe, load_recipe
from harvest.places import place_at
from harvest.progress import SilentProgress
from harvest.scale.plan import Plan, plan_of
from harvest.scale.results import Manifest, parts_in, write_manifest
from harvest.scale.workers import Embedding, Looking, Terms
from harvest.stages.dedupe import run_dedupe
from harvest.store import original_path
from harvest.workspace import Workspace
from tests.stages.conftest import Herbarium, herbarium, picture

__all__ = ["herbarium", "picture"]

RECIPE = """
dedupe: {dihedral: flips}
sizes: [{px: 32}, {px: 64, mode: longest, format: png}]
filter:
  - clip: {model: harvest-demo, keep: [a drawing of a fish], reject: [a page of text], min_score: -1, margin: -2}
layout: {features: clip, model: colours}
sheet: null
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A deduplicated collection, what it wants, and where the result of its workers lies."""

    workspace: Workspace
    recipe: Recipe
    result: str

    def work(self, *, block: int = 4, blocks: int | None = None) -> Plan:
        """Do the workers' work in this process, block by block; with `blocks`, no more than so many of them."""
        place = place_at(self.result)
        plan = plan_of(self.workspace, self.recipe, place=place, parts=parts_in(place))
        terms = Terms(
            code_version=__version__,
            originals=str(self.workspace.originals),
            to=self.result,
            wants=plan.wants,
            framings=tuple(embedders.load(want.name).framing for want in plan.wants if want.kind == "vector"),
            block=block,
        )
        with closing(Looking(terms)) as looking:
            embedding = Embedding(terms)
            for part in itertools.islice(plan.blocks(block), blocks):
                embedding(looking(part))
        if blocks is None:
            words = {"recipe": self.recipe.name, "recipe_digest": self.recipe.digest, "code_version": __version__}
            write_manifest(place, Manifest(**words, models=plan.models, parts=tuple(parts_in(place))))
        return plan


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, picture: Callable[..., Image.Image]) -> Place:
    """Seven images, of which one is a smaller copy of another and one has rotted since; what workers make of them."""
    folder = tmp_path_factory.mktemp("scale")
    (folder / "shells.yaml").write_text(f"name: shells\n{RECIPE}", encoding="utf-8")
    herbarium = Herbarium(Workspace(folder / "workspace"))
    for seed in range(5):
        herbarium.meet(picture(seed, 300 + 10 * seed, 220))
    herbarium.meet(picture(0, 300, 220).resize((240, 176)))
    rotten = herbarium.meet(picture(9))
    herbarium.crawl()
    (herbarium.workspace.root / original_path(rotten, "jpg")).write_bytes(b"eaten by moths")
    recipe = load_recipe(folder / "shells.yaml")
    run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())
    made = Place(herbarium.workspace, recipe, str(folder / "result"))
    made.work()
    return made


@pytest.fixture
def made(made_once: Place, tmp_path: Path) -> Place:
    """A copy of it that a test may change."""
    shutil.copytree(made_once.workspace.root, tmp_path / "workspace")
    shutil.copytree(made_once.result, tmp_path / "result")
    return Place(Workspace(tmp_path / "workspace"), made_once.recipe, str(tmp_path / "result"))


@pytest.fixture
def collection(made: Place) -> Workspace:
    return made.workspace


@pytest.fixture
def result(made: Place) -> str:
    return made.result


@pytest.fixture
def wanted(made: Place) -> Recipe:
    return made.recipe


@pytest.fixture
def twin(collection: Workspace, tmp_path: Path) -> Workspace:
    """The same collection in another workspace."""
    return Workspace(Path(shutil.copytree(collection.root, tmp_path / "twin")))
