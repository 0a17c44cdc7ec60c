"""`captions:` of a recipe: templates that can be filled, overrides that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvest.config.captions import Part, parts_of
from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError


def recipe_file(folder: Path, captions: str) -> Path:
    file = folder / "shells.yaml"
    file.write_text(f"name: shells\ncaptions: {captions}\n")
    return file


def test_captions_are_asked_for_by_an_empty_mapping(tmp_path: Path) -> None:
    config = load_recipe(recipe_file(tmp_path, "{}")).captions

    assert config is not None
    assert config.templates == ("{title}, {labels}", "{title}", "{labels}")
    assert load_recipe(recipe_file(tmp_path, "null")).captions is None


def test_overrides_are_found_beside_the_recipe_and_one_template_may_stand_alone(tmp_path: Path) -> None:
    (tmp_path / "written").mkdir()

    config = load_recipe(recipe_file(tmp_path, "{templates: 'a {label}', overrides: written}")).captions

    assert config is not None
    assert (config.templates, config.overrides) == (("a {label}",), tmp_path / "written")


def test_a_template_is_text_and_fields() -> None:
    assert parts_of("{{a}} {title}, by {creator}!") == (
        Part("{", None),
        Part("a}", None),
        Part(" ", "title"),
        Part(", by ", "creator"),
        Part("!", None),
    )


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ("{templates: ['{titel}']}", "captions.templates[0]: no field {titel}; did you mean {title}?"),
        ("{templates: '{0}'}", "captions.templates: no field {0}; known are trigger, title,"),
        ("{templates: ['a', '{}']}", "captions.templates[1]: no field {}; known are"),
        ("{templates: ['{title']}", "captions.templates[0]: expected fields like {title}, and {{ for a brace, got"),
        ("{templates: ['{title!r}']}", "captions.templates[0]: expected {title} alone, got '{title!r}'"),
        ("{templates: ['{title:>9}']}", "captions.templates[0]: expected {title} alone"),
        ("{templates: ['{title.upper}']}", "captions.templates[0]: no field {title.upper}; did you mean {title}?"),
        ("{templates: ['{trigger}, {title}']}", "captions.templates[0]: {trigger} stands for `trigger:`, which is not"),
        ("{templates: []}", "captions.templates: expected at least one template, got none"),
        ("{trigger: ' '}", "captions.trigger: expected a word, got blanks"),
        ("{overrides: gone}", "captions.overrides: no such file or folder: "),
        ("{labels: {by: me}}", "captions.labels.by: expected one of both, source, model, got 'me'"),
        ("{trigger_word: x}", "captions.trigger_word: unknown key; did you mean 'trigger'?"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, captions: str, message: str) -> None:
    file = recipe_file(tmp_path, captions)

    with pytest.raises(ConfigError) as failure:
        load_recipe(file)

    assert str(failure.value).startswith(f"{file}: {message}")
