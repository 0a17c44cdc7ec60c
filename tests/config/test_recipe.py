"""A recipe is checked whole before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvest.config.recipe import load_recipe, params_digest
from harvest.errors import ConfigError

SOURCE = "name: fins\nspider: flickr\ncontact: anna@example.org\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sources").mkdir()
    (tmp_path / "datasets").mkdir()
    (tmp_path / "sources" / "fins.yaml").write_text(SOURCE)
    return tmp_path


def recipe_file(folder: Path, text: str) -> Path:
    file = folder / "datasets" / "fins.yaml"
    file.write_text(text)
    return file


def test_sources_are_found_beside_the_recipe(folder: Path) -> None:
    recipe = load_recipe(recipe_file(folder, "name: fins\nsources: [../sources/fins.yaml]\nsizes: [{px: 64}]\n"))

    assert recipe.sources == (folder / "sources" / "fins.yaml",)
    assert [size.px for size in recipe.sizes] == [64]
    assert recipe.dedupe.near is not None
    assert recipe.dedupe.near.max_distance == 8


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("", ("resolution", "compression", "provenance", "date")),
        ("keep: largest", ("resolution", "compression", "provenance", "date")),
        ("keep: earliest", ("date", "resolution", "compression", "provenance")),
        ("keep: [provenance, resolution]", ("provenance", "resolution")),
    ],
)
def test_the_order_in_which_copies_are_judged_has_short_forms(folder: Path, text: str, keep: tuple[str, ...]) -> None:
    assert load_recipe(recipe_file(folder, f"name: fins\ndedupe: {{{text}}}\n")).dedupe.keep == keep


def test_each_method_has_its_own_threshold(folder: Path) -> None:
    text = "name: fins\ndedupe: {near: {max_distance: 10}, embedding: {model: harvest-demo, min_similarity: 0.94}}\n"

    config = load_recipe(recipe_file(folder, text)).dedupe

    assert config.near is not None
    assert config.embedding is not None
    assert config.near.max_distance == 10
    assert (config.embedding.model, config.embedding.min_similarity) == ("harvest-demo", 0.94)


def test_filters_stay_unread_until_their_owner_reads_them(folder: Path) -> None:
    recipe = load_recipe(recipe_file(folder, "name: fins\nfilter:\n  - size: {min_side: 256}\n"))

    [entry] = recipe.filter
    assert entry.section("size").path == "filter[0].size"
    assert entry.section("size").values == {"min_side": 256}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: fins\nsources: [../sources/fin.yaml]\n", "sources[0]: no such file: {folder}/sources/fin.yaml"),
        ("name: fins\nsizes: [{px: 4}]\n", "sizes[0].px: expected a whole number >= 8 and <= 8192, got 4"),
        ("name: fins\nsizes: [{px: 32}, {px: 32}]\n", "sizes: each px may stand once, got [32, 32]"),
        (
            "name: fins\nsizes: [{px: 32, at: middle}]\n",
            "sizes[0].at: expected one of centre, saliency, faces, embedding, focus, got 'middle'",
        ),
        (
            "name: fins\nsizes: [{px: 32}, {px: 64, mode: fit, at: faces}]\n",
            "sizes[1].at: expected only with `mode: crop`",
        ),
        ("name: fins\nsizes: [{px: 32, padding: blur}]\n", "sizes[0].padding: expected only with `mode: fit`"),
        ("name: fins\nsizes: [{px: 32, text: fish}]\n", "sizes[0].text: expected only with `at: embedding`"),
        ("name: fins\nsizes: [{px: 32, lossless: true}]\n", "sizes[0].lossless: expected only with `format: webp`"),
        (
            "name: fins\nfilter: [{size: {}, quality: {}}]\n",
            "filter[0]: expected one filter with its parameters, got ['quality', 'size']",
        ),
        (
            "name: fins\ndedupe: {exact: false}\n",
            "dedupe.exact: expected true: images of the same bytes are one image in the ledger",
        ),
        (
            "name: fins\ndedupe: {keep: best}\n",
            (
                "dedupe.keep: expected largest, earliest or a list of "
                "resolution, compression, provenance, date, got 'best'"
            ),
        ),
        (
            "name: fins\ndedupe: {keep: [date, resolutoin]}\n",
            "dedupe.keep[1]: expected one of resolution, compression, provenance, date, got 'resolutoin'",
        ),
        (
            "name: fins\ndedupe: {keep: [date, date]}\n",
            "dedupe.keep: each criterion may stand once, got ['date', 'date']",
        ),
        (
            "name: fins\ndedupe: {near: {method: phash, max_distance: 17}}\n",
            "dedupe.near.max_distance: expected a whole number >= 0 and <= 16, got 17",
        ),
        (
            "name: fins\ndedupe: {near: {method: dhash}}\n",
            "dedupe.near.method: expected one of phash, got 'dhash'",
        ),
        (
            "name: fins\ndedupe: {embedding: {min_similarity: 2}}\n",
            "dedupe.embedding.min_similarity: expected a number > 0 and <= 1, got 2",
        ),
        ("name: fins\nlayout: {projekt: umap}\n", "layout.projekt: unknown key; did you mean 'project'?"),
        ("name: Fins!\n", "name: expected a name of small letters, digits, '.', '_' and '-', got 'Fins!'"),
    ],
)
def test_an_error_names_file_path_and_expectation(folder: Path, text: str, message: str) -> None:
    file = recipe_file(folder, text)

    with pytest.raises(ConfigError) as error:
        load_recipe(file)

    assert str(error.value) == f"{file}: {message.format(folder=folder)}"


def test_a_stage_digest_changes_with_its_parameters_and_its_code_alone() -> None:
    digest = params_digest("filter.size", 1, {"min_side": 256})

    assert params_digest("filter.size", 1, {"min_side": 256}) == digest
    assert params_digest("filter.size", 1, {"min_side": 255}) != digest
    assert params_digest("filter.size", 2, {"min_side": 256}) != digest
    assert params_digest("filter.quality", 1, {"min_side": 256}) != digest
