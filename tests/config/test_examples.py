"""Every configuration file that is shipped or shown is one that the program accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harvest import run as runner
from harvest.config.policy import load_policy
from harvest.config.recipe import load_recipe
from harvest.config.source import load_source
from harvest.config.vocabulary import load_vocabulary

ROOT = Path(__file__).parent.parent.parent
SHOWN = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLICKR_API_KEY", "MUSEUM_FLICKR_KEY"):
        monkeypatch.setenv(name, "0" * 32)
    monkeypatch.setenv("MUSEUM_PROXY", "http://127.0.0.1:9")


@pytest.mark.parametrize("file", sorted((ROOT / "configs" / "sources").glob("*.yaml")), ids=lambda file: file.stem)
def test_an_example_source_is_valid(file: Path) -> None:
    source = load_source(file)

    assert source.name == file.stem
    assert "example" in source.contact


@pytest.mark.parametrize("file", sorted((ROOT / "configs" / "policies").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_policy_is_valid(file: Path) -> None:
    assert load_policy(file).name == file.stem


@pytest.mark.parametrize("file", sorted((ROOT / "configs" / "vocabularies").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_vocabulary_is_valid(file: Path) -> None:
    assert len(load_vocabulary(file).leaves) > 2


@pytest.mark.parametrize(
    "file",
    [*sorted((ROOT / "configs" / "datasets").glob("*.yaml")), ROOT / "harvest" / "demo" / "configs" / "museum.yaml"],
    ids=lambda file: file.stem,
)
def test_a_recipe_is_valid_with_all_that_it_names(file: Path) -> None:
    plan = runner.prepare(file)

    assert plan.recipe.name == file.stem
    assert plan.sources


def test_the_source_that_the_readme_shows_is_valid(tmp_path: Path) -> None:
    text = next(text for text in SHOWN if "spider:" in text)
    file = tmp_path / "my-shells.yaml"
    file.write_text(text)

    source = load_source(file)

    assert source.name == "my-shells"
    assert source.pace.hosts["live.staticflickr.com"].delay == 3


def test_the_part_of_a_recipe_that_the_readme_shows_is_valid(tmp_path: Path) -> None:
    text = next(text for text in SHOWN if text.startswith("dedupe:"))
    file = tmp_path / "shells.yaml"
    file.write_text(f"name: shells\n{text}")

    dedupe = load_recipe(file).dedupe

    assert dedupe.embedding
    assert (dedupe.embedding.model, dedupe.dihedral) == ("structure", "flips")


@pytest.mark.parametrize("key", ["filter", "captions", "split", "augment", "layout"])
def test_other_parts_that_the_readme_shows_are_valid(tmp_path: Path, key: str) -> None:
    (tmp_path / "captions").mkdir()
    file = tmp_path / "shells.yaml"
    file.write_text("name: shells\n" + next(text for text in SHOWN if text.startswith(f"{key}:")))

    recipe = runner.prepare(file).recipe

    assert getattr(recipe, key)
