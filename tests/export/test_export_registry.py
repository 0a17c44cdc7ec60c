from __future__ import annotations

from pathlib import Path

import pytest

from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError
from harvest.export import FORMATS, build


def recipe(tmp_path: Path, export: str):
    file = tmp_path / "r.yaml"
    file.write_text(f"name: r\nsizes: [{{px: 32}}, {{px: 256}}]\nexport: {export}\n")
    return load_recipe(file)


def test_sections_become_jobs_with_told_names(tmp_path: Path) -> None:
    jobs = build(recipe(tmp_path, "[{format: folder, size: 256}, {format: folder, size: null}]"))

    assert [(job.settings.folder, job.settings.size, job.settings.captions) for job in jobs] == [
        ("folder-256", 256, "title"),
        ("folder-originals", None, "title"),
    ]


def test_asking_for_one_format_keeps_its_sections_or_makes_one(tmp_path: Path) -> None:
    both = recipe(tmp_path, "[{format: folder, size: 32, name: a}, {format: folder, name: b}]")

    assert [job.settings.folder for job in build(both, to="folder")] == ["a", "b"]
    assert [job.settings.folder for job in build(recipe(tmp_path, "[]"), to="folder")] == ["folder-originals"]


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ("[{size: 32}]", f"export[0].format: expected one of {', '.join(FORMATS)}, got None"),
        (
            "[{format: folder}, {format: folders}]",
            f"export[1].format: expected one of {', '.join(FORMATS)}, got 'folders'; did you mean 'folder'?",
        ),
        (
            "[{format: folder, size: 64}]",
            "export[0].size: expected one of the recipe's sizes (32, 256) or null, got 64",
        ),
        ("[{format: folder, captions: all}]", "export[0].captions: expected one of recipe, title, none, got 'all'"),
        (
            "[{format: folder, name: ../up}]",
            "export[0].name: expected a name of small letters, digits, '.', '_' and '-', got '../up'",
        ),
        (
            "[{format: folder}, {format: folder}]",
            "export[1].name: expected a name that no other export has, got 'folder-originals'",
        ),
        ("[{format: folder, caption: title}]", "export[0].caption: unknown key; did you mean 'captions'?"),
    ],
)
def test_errors_name_file_path_and_expectation(tmp_path: Path, export: str, message: str) -> None:
    asked = recipe(tmp_path, export)

    with pytest.raises(ConfigError) as caught:
        build(asked)

    assert str(caught.value) == f"{asked.file}: {message}"


def test_unknown_format_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--to\.format: expected one of .*, got 'zip'"):
        build(recipe(tmp_path, "[]"), to="zip")
