"""What was taken down leaves every format, also where the files that the export was made from are gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harvest.config.recipe import load_recipe
from harvest.export import remake_export
from harvest.ledger import TakedownRow, exported, open_ledger, write_takedowns
from harvest.progress import SilentProgress

FORMATS = ("imagefolder", "parquet", "webdataset", "coco")


def take_down(dataset, *sha256s: str) -> None:
    rows = [TakedownRow(sha256=s, reason="asked", requested_by="me", request="r1", matched="sha256") for s in sha256s]
    with open_ledger(dataset.workspace, write=True) as con:
        write_takedowns(con, rows)


def lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "MANIFEST.jsonl").read_text(encoding="utf-8").splitlines()]


def test_what_was_taken_down_leaves_every_format_and_its_store(dataset, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    exports = [f"{{format: {form}, size: 64, to: {tmp_path / 'store' / form}}}" for form in FORMATS]
    file.write_text(f"name: shells\nsizes: [{{px: 64}}]\nexport: [{', '.join(exports)}]\n")
    reports = dataset.export(load_recipe(file))
    gone, *rest = lines(reports[0].folder)
    take_down(dataset, gone["original_sha256"])
    for path in dataset.workspace.derived.rglob("*.jpg"):  # so that the files come out of the exports themselves
        path.unlink()

    again = [remake_export(dataset.workspace, report.name, progress=SilentProgress()) for report in reports]

    for form, report in zip(FORMATS, again, strict=True):
        assert report is not None
        assert report.files == 5
        assert [(line["original_sha256"], line["sha256"]) for line in lines(report.folder)] == [
            (line["original_sha256"], line["sha256"]) for line in rest
        ]
        told = gone["original_sha256"][:16].encode()
        for folder in (report.folder, tmp_path / "store" / form):
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert len(files) > 5
            assert not any(told in path.read_bytes() or told.decode() in path.name for path in files)
        with open_ledger(dataset.workspace) as con:
            assert {row.sha256 for row in exported(con, report.name)} == {line["original_sha256"] for line in rest}


@pytest.mark.parametrize("form", ["webdataset"])
def test_an_export_that_nothing_is_left_of_leaves_its_store(dataset, tmp_path: Path, form: str) -> None:
    store = tmp_path / "store"
    file = tmp_path / "one.yaml"
    file.write_text(f"name: shells\nexport: [{{format: {form}, name: set, to: {store}}}]\n")
    (report,) = dataset.export(load_recipe(file))
    (store / "notes.txt").write_text("somebody's own")
    take_down(dataset, *(line["original_sha256"] for line in lines(report.folder)))

    again = remake_export(dataset.workspace, "set", progress=SilentProgress())

    assert again is not None
    assert (again.files, again.published, report.folder.exists()) == (0, None, False)
    assert [path.name for path in store.rglob("*") if path.is_file()] == ["notes.txt"]
