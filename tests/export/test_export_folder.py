from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from harvest.errors import CheckFailed, UsageError
from harvest.ledger import exported, open_ledger


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_file_has_a_manifest_line_that_traces_it(dataset) -> None:
    small, _ = dataset.export()

    manifest = lines(small.folder / "MANIFEST.jsonl")
    assert (small.files, small.left_out, small.written) == (6, 0, True)
    assert len(manifest) == len(list((small.folder / "images").iterdir())) == 6
    for line in manifest:
        assert hashlib.sha256((small.folder / line["file"]).read_bytes()).hexdigest() == line["sha256"]
        assert (dataset.workspace.originals / line["original_sha256"][:2]).is_dir()
    assert {key: manifest[0][key] for key in ("source", "license", "license_url", "sightings")} == {
        "source": "museum",
        "license": "CC-BY-4.0",
        "license_url": "https://creativecommons.org/licenses/by/4.0/",
        "sightings": 1,
    }
    assert manifest[0]["credit"].startswith(f'"{manifest[0]["title"]}" by {manifest[0]["creator"]}. Source: http://')
    assert manifest[0]["caption"] == manifest[0]["title"]


def test_originals_are_exported_as_served_and_captions_can_be_left_out(dataset) -> None:
    _, whole = dataset.export()

    for line in lines(whole.folder / "MANIFEST.jsonl"):
        assert line["sha256"] == line["original_sha256"]
        assert line["caption"] is None
    assert {line["text"] for line in lines(whole.folder / "metadata.jsonl")} == {""}


def test_imagefolder_index_names_every_file_with_its_text(dataset) -> None:
    small, _ = dataset.export()

    index = lines(small.folder / "metadata.jsonl")
    assert [line["file_name"] for line in index] == [line["file"] for line in lines(small.folder / "MANIFEST.jsonl")]
    assert {line["text"] for line in index} == {f"Shell {seed}" for seed in range(6)}


def test_dropped_images_stay_out(empty) -> None:
    kept, dropped = empty.meet(1), empty.meet(2)
    empty.crawl()
    empty.keep(drop=(dropped,))

    small, _ = empty.export()

    assert [line["original_sha256"] for line in lines(small.folder / "MANIFEST.jsonl")] == [kept]


def test_missing_creator_is_said_to_be_unknown(empty) -> None:
    empty.meet(1, creator=None, license=None, license_raw=None)
    empty.crawl()
    empty.keep()

    small, _ = empty.export()

    (line,) = lines(small.folder / "MANIFEST.jsonl")
    assert (line["creator"], line["license"]) == ("unknown", None)
    assert "## Unknown licence" in (small.folder / "CREDITS.md").read_text()


def test_every_sighting_and_run_is_told(dataset) -> None:
    dataset.meet(3, image_url="http://studio.museum.test/three.jpg", source="studio")
    dataset.crawl()

    small, _ = dataset.export()

    sightings, runs = lines(small.folder / "PROVENANCE.jsonl"), lines(small.folder / "RUNS.jsonl")
    assert len(sightings) == 7
    assert {s["run_id"] for s in sightings} == {r["run_id"] for r in runs}
    assert sightings[0]["fetched_at"].startswith("2025-01-0")
    assert (sightings[0]["http_status"], sightings[0]["etag"][0]) == (200, '"')
    assert sorted(line["sightings"] for line in lines(small.folder / "MANIFEST.jsonl")) == [1, 1, 1, 1, 1, 2]


def test_same_inputs_give_the_same_bytes_in_another_workspace(dataset, tmp_path: Path) -> None:
    small, _ = dataset.export()
    again = type(dataset)(type(dataset.workspace)(tmp_path / "other"), dataset.recipe, crawls=3)
    for seed in reversed(range(6)):
        again.meet(seed)
    again.crawl()
    again.keep()

    other, _ = again.export()

    theirs, ours = tree(small.folder), tree(other.folder)
    assert set(theirs) == set(ours)
    assert [name for name in theirs if theirs[name] != ours[name]] == ["PROVENANCE.jsonl", "RUNS.jsonl"]


def test_nothing_is_written_when_nothing_changed(dataset) -> None:
    dataset.export()
    before = dataset.sql("SELECT count(*) FROM stage_runs")

    assert [report.written for report in dataset.export()] == [False, False]
    assert dataset.sql("SELECT count(*) FROM stage_runs") == before


def test_seeing_the_same_again_changes_no_manifest(dataset) -> None:
    dataset.export()
    for seed in range(6):
        dataset.meet(seed)
    dataset.crawl()

    assert [report.written for report in dataset.export()] == [False, False]


def test_damaged_export_is_made_anew(dataset) -> None:
    small, _ = dataset.export()
    image = next((small.folder / "images").iterdir())
    good = image.read_bytes()
    image.write_bytes(b"not a picture")
    (small.folder / "images" / "stray.jpg").write_bytes(good)

    assert [report.written for report in dataset.export()] == [True, False]
    assert image.read_bytes() == good
    assert not (small.folder / "images" / "stray.jpg").exists()


def test_changed_decision_takes_the_image_out(dataset) -> None:
    small, _ = dataset.export()
    gone = lines(small.folder / "MANIFEST.jsonl")[0]["original_sha256"]
    dataset.sql(f"UPDATE decisions SET verdict = 'drop' WHERE sha256 = '{gone}'")

    small, _ = dataset.export()

    assert (small.files, small.written) == (5, True)
    with open_ledger(dataset.workspace) as con:
        assert gone not in {row.sha256 for row in exported(con, "small")}


def test_ledger_has_a_row_a_file(dataset) -> None:
    small, _ = dataset.export()

    with open_ledger(dataset.workspace) as con:
        rows = exported(con, "small")
    manifest = {line["file"]: line for line in lines(small.folder / "MANIFEST.jsonl")}
    assert {row.path: (row.sha256, row.derived_sha256, row.license, row.credit) for row in rows} == {
        path: (line["original_sha256"], line["sha256"], line["license"], line["credit"])
        for path, line in manifest.items()
    }


def test_images_without_the_size_are_counted_and_left_out(dataset) -> None:
    dataset.sql("DELETE FROM derived_rows WHERE sha256 = (SELECT min(sha256) FROM derived_rows)")

    small, whole = dataset.export()

    assert (small.files, small.left_out) == (5, 1)
    assert (whole.files, whole.left_out) == (6, 0)


def test_export_before_sizes_says_what_to_run(dataset) -> None:
    dataset.sql("DELETE FROM derived_rows")

    with pytest.raises(UsageError) as caught:
        dataset.export()

    assert str(caught.value) == (
        "export small: none of 6 selected images has a file of 64 px; run `harvest normalize` first"
    )


def test_damaged_original_stops_the_export_and_leaves_the_old_one(dataset) -> None:
    _, whole = dataset.export()
    before = tree(whole.folder)
    victim = next(dataset.workspace.originals.rglob("*.jpg"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    dataset.sql("UPDATE sightings SET title = 'Other'")

    with pytest.raises(CheckFailed, match=r"is not the file the ledger knows; `harvest verify` tells"):
        dataset.export()

    assert tree(whole.folder) == before
    assert [p.name for p in dataset.workspace.exports.iterdir() if p.name.startswith(".")] == []


def test_hostile_metadata_stays_inside_its_line_of_the_credits(empty) -> None:
    title = "x](http://evil.test) <script>alert(1)</script>\n# Injected | `code` \u202egnp.exe"
    empty.meet(1, title=title, creator="[bad](javascript:alert(1))", creator_url="javascript:alert(1)")
    empty.crawl()
    empty.keep()

    small, _ = empty.export()

    text = (small.folder / "CREDITS.md").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.startswith("- ")]) == 1
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 2
    assert "\u202e" not in text
    html = MarkdownIt("commonmark").render(text)
    assert "<script" not in html
    assert 'href="http://evil.test' not in html
    assert 'href="javascript' not in html
    assert "x](http://evil.test) &lt;script&gt;alert(1)&lt;/script&gt; # Injected | `code`" in html


def test_what_was_taken_down_is_not_exported(dataset) -> None:
    (gone,) = dataset.sql("SELECT min(sha256) FROM images")[0]
    dataset.sql(
        f"INSERT INTO takedowns (sha256, requested_at, reason, requested_by) VALUES ('{gone}', now(), 'asked', 'she')"
    )

    small, _ = dataset.export()

    assert (small.files, small.left_out) == (5, 0)
    assert gone not in (small.folder / "MANIFEST.jsonl").read_text()


def test_image_without_a_sighting_is_not_exported(dataset) -> None:
    dataset.sql("DELETE FROM sightings WHERE seq = 0")

    with pytest.raises(CheckFailed, match=r"has no sighting; `harvest audit` tells what else is untraced"):
        dataset.export()
