"""Exports tell images by the captions of the recipe, and the manifest where their words are from."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError, UsageError
from harvest.export import build, remake_export
from harvest.ledger import images, open_ledger, write_captions
from harvest.progress import SilentProgress

RECIPE = "name: shells\nsizes: [{px: 64}]\ncaptions: {}\n"


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def captioned(dataset, tmp_path: Path):
    """The dataset under a recipe with captions, all but one of its images captioned; and the recipe."""
    file = tmp_path / "captioned.yaml"
    file.write_text(
        "name: shells\nsizes: [{px: 64}]\ncaptions: {}\nexport: [{format: folder, size: 64, name: small}]\n"
    )
    with open_ledger(dataset.workspace, write=True) as con:
        sha256s = [image.sha256 for image in images(con)][1:]
        columns = pa.table(
            {
                "sha256": sha256s,
                "caption": [f"zxq, shell {sha256[:4]}" for sha256 in sha256s],
                "origin": ["file:a.txt", *["template:zxq, {title}"] * 4],
            }
        )
        write_captions(con, name="shells", recipe_digest="d", input_digest="i", columns=columns, detail={})
    return dataset, load_recipe(file)


def test_captions_of_the_recipe_come_first(captioned) -> None:
    dataset, recipe = captioned

    (report,) = dataset.export(recipe)

    manifest = lines(report.folder / "MANIFEST.jsonl")
    assert (report.files, report.uncaptioned) == (6, 1)
    assert [line["caption_origin"] for line in manifest] == [None, "file:a.txt", *["template:zxq, {title}"] * 4]
    assert [line["caption"] for line in manifest][1:] == [
        f"zxq, shell {line['original_sha256'][:4]}" for line in manifest[1:]
    ]
    assert [line["text"] for line in lines(report.folder / "metadata.jsonl")] == [
        line["caption"] or "" for line in manifest
    ]
    assert "| a file | 1 |" in (report.folder / "DATASHEET.md").read_text()


def test_other_captions_are_another_export(captioned) -> None:
    dataset, recipe = captioned
    dataset.export(recipe)
    (again,) = dataset.export(recipe)
    assert not again.written

    with open_ledger(dataset.workspace, write=True) as con:
        columns = pa.table({"sha256": [images(con)[0].sha256], "caption": ["the first"], "origin": ["sidecar"]})
        write_captions(con, name="shells", recipe_digest="d", input_digest="j", columns=columns, detail={})
    (changed,) = dataset.export(recipe)

    assert (changed.written, changed.uncaptioned) == (True, 5)
    assert lines(changed.folder / "MANIFEST.jsonl")[0]["caption_origin"] == "sidecar"


def test_an_export_that_is_made_again_keeps_the_captions_of_its_recipe(captioned) -> None:
    dataset, recipe = captioned
    (report,) = dataset.export(recipe)
    before = (report.folder / "MANIFEST.jsonl").read_bytes()

    remake_export(dataset.workspace, "small", progress=SilentProgress())

    assert (report.folder / "MANIFEST.jsonl").read_bytes() == before


def test_titles_are_told_as_such(dataset) -> None:
    small, whole = dataset.export()

    assert {line["caption_origin"] for line in lines(small.folder / "MANIFEST.jsonl")} == {"title"}
    assert (small.uncaptioned, whole.uncaptioned) == (0, 0)
    assert "Caption from" not in (whole.folder / "DATASHEET.md").read_text()


def test_captions_that_are_not_made_yet_are_asked_for(dataset, tmp_path: Path) -> None:
    file = tmp_path / "captioned.yaml"
    file.write_text(f"{RECIPE}export: [{{format: folder, size: 64}}]\n")

    with pytest.raises(UsageError, match="captions of shells are not made yet; run `harvest caption` first"):
        dataset.export(load_recipe(file))


def test_captions_of_a_recipe_that_has_none_cannot_be_exported(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("name: r\nexport: [{format: folder, captions: recipe}]\n")

    with pytest.raises(ConfigError, match=r"export\[0\].captions: expected `captions:` in the recipe"):
        build(load_recipe(file))
