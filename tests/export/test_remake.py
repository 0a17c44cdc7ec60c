"""An export is made again from its own rows, without what was taken down since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from harvest.export import remake_export
from harvest.ledger import TakedownRow, exported, latest_stage, open_ledger, write_takedowns
from harvest.progress import SilentProgress


def take_down(dataset, *sha256s: str) -> None:
    rows = [TakedownRow(sha256=s, reason="asked", requested_by="me", request="r1", matched="sha256") for s in sha256s]
    with open_ledger(dataset.workspace, write=True) as con:
        write_takedowns(con, rows)


def manifest(folder: Path) -> list[str]:
    lines = (folder / "MANIFEST.jsonl").read_text().splitlines()
    return [json.loads(line)["original_sha256"] for line in lines]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_was_taken_down_leaves_every_file_of_an_export(dataset) -> None:
    small, _ = dataset.export()
    gone, *rest = manifest(small.folder)
    take_down(dataset, gone)

    again = [remake_export(dataset.workspace, name, progress=SilentProgress()) for name in ("small", "whole")]

    for report in again:
        assert report is not None
        assert (report.files, report.written) == (5, True)
        assert manifest(report.folder) == rest
        assert not any(gone[:16].encode() in body or gone[:16] in path for path, body in files(report.folder).items())
        for line in (report.folder / "MANIFEST.jsonl").read_text().splitlines():
            entry = json.loads(line)
            assert hashlib.sha256((report.folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    with open_ledger(dataset.workspace) as con:
        assert [row.sha256 for row in exported(con, "small")] == rest


def test_it_is_what_the_recipe_would_have_made(dataset) -> None:
    small, _ = dataset.export()
    take_down(dataset, manifest(small.folder)[0])
    remake_export(dataset.workspace, "small", progress=SilentProgress())
    ours = files(small.folder)

    by_recipe, _ = dataset.export()

    assert by_recipe.written is False
    assert files(small.folder) == ours


def test_a_size_that_is_no_longer_there_comes_from_the_export_itself(dataset) -> None:
    small, _ = dataset.export()
    take_down(dataset, manifest(small.folder)[0])
    for path in dataset.workspace.derived.rglob("*.jpg"):
        path.unlink()

    report = remake_export(dataset.workspace, "small", progress=SilentProgress())

    assert report is not None
    assert report.files == 5


def test_an_export_that_nothing_is_left_of_loses_its_folder(dataset) -> None:
    small, _ = dataset.export()
    take_down(dataset, *manifest(small.folder))

    report = remake_export(dataset.workspace, "small", progress=SilentProgress())

    assert report is not None
    assert (report.files, small.folder.exists()) == (0, False)
    with open_ledger(dataset.workspace) as con:
        assert exported(con, "small") == []


def test_an_export_that_does_not_say_how_it_was_made_is_removed(dataset) -> None:
    small, _ = dataset.export()
    with open_ledger(dataset.workspace) as con:
        assert latest_stage(con, "export", "small").detail["settings"]["size"] == 64
    dataset.sql("""UPDATE stage_runs SET detail = '{"format": "folder", "digests": {}}' WHERE name = 'small'""")

    assert remake_export(dataset.workspace, "small", progress=SilentProgress()) is None
    assert not small.folder.exists()
    assert remake_export(dataset.workspace, "elsewhere", progress=SilentProgress()) is None
