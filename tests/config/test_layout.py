"""What a recipe says of its mosaics."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvest.config.layout import FeatureConfig
from harvest.config.recipe import Recipe, load_recipe
from harvest.errors import ConfigError
from layout.stencil import SHAPES


def load(folder: Path, text: str) -> Recipe:
    file = folder / "fins.yaml"
    file.write_text(f"name: fins\nlayout: {text}\n")
    return load_recipe(file)


def test_a_layout_without_a_name_is_called_like_the_recipe(tmp_path: Path) -> None:
    assert [layout.name for layout in load(tmp_path, "{}").layouts] == ["fins"]
    assert [layout.name for layout in load(tmp_path, "[{}, {name: by-colour}]").layouts] == ["fins", "by-colour"]
    assert load(tmp_path, "null").layouts == ()


def test_features_are_one_or_several_with_weights_and_models(tmp_path: Path) -> None:
    (layout,) = load(
        tmp_path, "{model: harvest-demo, features: [clip, {of: vectors, model: 'file:net.pth'}, {of: date, weight: 2}]}"
    ).layouts

    assert layout.parts == (
        FeatureConfig(of="clip", model="harvest-demo"),
        FeatureConfig(of="vectors", model=f"file:{tmp_path}/net.pth"),
        FeatureConfig(of="date", model="harvest-demo", weight=2),
    )


def test_where_nothing_is_said_a_plane_of_axes_is_compared_by_these(tmp_path: Path) -> None:
    by_meaning, by_axes = load(tmp_path, "[{}, {name: years, project: {x: date, y: source}}]").layouts

    assert [part.of for part in by_meaning.parts] == ["clip"]
    assert [part.of for part in by_axes.parts] == ["date", "source"]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_that_can_be_drawn_can_be_asked_for(tmp_path: Path, shape: str) -> None:
    assert load(tmp_path, f"{{grid: {{shape: {shape}}}}}").layouts[0].cells.shape == shape


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{project: {x: date}}", "layout.project.y: missing; expected one of {axes}"),
        ("{project: {x: date, y: sauce}}", "layout.project.y: expected one of {axes}, got 'sauce'"),
        (
            "{project: tsnee}",
            "layout.project: expected one of umap, tsne, pca, none, flas, or axes like {x: date, y: source}",
        ),
        ("{features: []}", "layout.features: expected at least one, got none"),
        ("{features: [{of: colours, weight: 0}]}", "layout.features[0].weight: expected a number > 0, got 0"),
        ("{features: [{weight: 1}]}", "layout.features[0].of: missing; expected one of {features}"),
        (
            "{features: [colours, vectors]}",
            "layout.features[1].model: missing; expected the model whose vectors are laid out, like colours",
        ),
        ("{grid: best}", "layout.grid: expected auto, or a mapping like {columns: 40}, got 'best'"),
        ("{grid: {columns: 0}}", "layout.grid.columns: expected a whole number >= 1 and <= 100000, got 0"),
        (
            "{grid: {shape: square}}",
            "layout.grid.shape: expected one of circle, ring, diamond, hexagon, heart, got 'square'",
        ),
        (
            "{grid: {shape: circle, text: A}}",
            "layout.grid: expected one of shape, picture and text, got shape and text",
        ),
        ("{grid: {text: '  '}}", "layout.grid.text: expected letters, got blanks"),
        ("{grid: {picture: map.png}}", "layout.grid.picture: no such file: {folder}/map.png"),
        ("{pins: {a.jpg: [1, 2, 3]}}", "layout.pins.a.jpg: expected [column, row], got [1, 2, 3]"),
        (
            "{pins: {a.jpg: [6, 0]}, grid: {columns: 6}}",
            "layout.pins.a.jpg: expected a column from 0 to 5, for the grid has 6, got [6, 0]",
        ),
        (
            "{pins: {a.jpg: [6, 4]}, grid: {rows: 4}}",
            "layout.pins.a.jpg: expected a row from 0 to 3, for the grid has 4, got [6, 4]",
        ),
        ("{pins: {a.jpg: [1, -2]}}", "layout.pins.a.jpg[1]: expected a whole number >= 0, got -2"),
        (
            "{pins: {a.jpg: [1, 2], b.jpg: [1, 2]}}",
            "layout.pins.b.jpg: expected another cell than [1, 2] of a.jpg",
        ),
        (
            "{label: title, grid: {cells: hexagons}}",
            "layout.label: expected none, for hexagons have no room for it",
        ),
        ("{print: {width: 0}}", "layout.print.width: expected a number > 0 and <= 1000, got 0"),
        ("{print: {}}", "layout.print: expected either width or height, in centimetres"),
        (
            "{pictures: [mosaic.bmp]}",
            (
                "layout.pictures[0]: expected one of mosaic.png, mosaic.jpg, mosaic.webp, mosaic.tif, deepzoom, "
                "scatter.png, scatter.jpg, arrows.png, morph.mp4, morph.gif, got 'mosaic.bmp'"
            ),
        ),
        ("[{}, {}]", "layout[1].name: expected another name than 'fins', which is taken"),
        ("[{}, {name: b, tile: 4}]", "layout[1].tile: expected a whole number >= 16 and <= 1024, got 4"),
        ("[{name: B}]", "layout[0].name: expected a name of small letters, digits, '.', '_' and '-', got 'B'"),
    ],
)
def test_an_error_names_its_place_and_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    axes = (
        "date, brightness, sharpness, entropy, width, height, megapixels, proportion, bytes, first_seen, score, "
        "source, creator, license, format, label"
    )
    words = {"{axes}": axes, "{features}": f"clip, vectors, pixels, colours, {axes}", "{folder}": str(tmp_path)}
    for name, value in words.items():
        message = message.replace(name, value)
    if "tsnee" in text:
        message += ", got 'tsnee'"

    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)

    assert str(error.value) == f"{tmp_path}/fins.yaml: {message}"
