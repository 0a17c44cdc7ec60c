from __future__ import annotations

import json

import pyarrow as pa
import pytest

from harvest.audit import lineage
from harvest.errors import UsageError
from harvest.ledger import ScoreRow, open_ledger, write_labels, write_scores


def sha_of(dataset, title: str) -> str:
    return str(dataset.sql(f"SELECT sha256 FROM sightings WHERE title = '{title}'")[0][0])


def test_story_runs_from_the_request_to_the_exports(exported) -> None:
    story = lineage(exported.workspace, sha_of(exported, "Shell 2")[:12])

    text = "\n".join(story.lines())
    for words in (
        "├─ original: originals/",
        "├─ 1 sighting",
        "│  └─ 2025-01-01T12:00:02Z museum id-2: stored, HTTP 200",
        "image http://gallery.museum.test/2.jpg",
        "licence CC-BY-4.0 (the source said: https://creativecommons.org/licenses/by/4.0/)",
        "spider gallery, version 0.1.0, finished",
        "├─ no other copy",
        "filter: keep, test, by test",
        "64 px crop: derived/64/",
        "├─ no layouts",
        "├─ 2 exports",
        "│  ├─ exports/small/images/",
        '│     └─ credit "Shell 2" by Creator 2. Source: http://gallery.museum.test/2.html. Licence: CC BY 4.0',
    ):
        assert words in text


def test_json_holds_every_row(exported) -> None:
    story = lineage(exported.workspace, sha_of(exported, "Shell 5"))

    values = json.loads(json.dumps(story.to_json()))
    assert values["image"]["first_seen"] == "2025-01-01T12:00:05Z"
    assert values["sightings"][0]["page_url"] == "http://gallery.museum.test/5.html"
    assert values["runs"][0]["finished_at"].endswith("Z")
    assert [row["export"] for row in values["exports"]] == ["small", "whole"]


def test_what_models_and_detectors_said_belongs_to_the_story(exported) -> None:
    sha256 = sha_of(exported, "Shell 2")
    label = {"sha256": sha256, "vocabulary": "v", "rank": 1, "label": "whelk", "path": "shell / whelk", "score": 0.875}
    with open_ledger(exported.workspace, write=True) as con:
        write_scores(con, [ScoreRow(sha256=sha256, scorer="open_nsfw 864b", value=0.01234567)])
        write_scores(con, [ScoreRow(sha256=sha256, scorer="PP-OCRv4 text", value=None, detail='{"fault": "corrupt"}')])
        write_labels(con, "demo@1", pa.Table.from_pylist([label]))

    story = lineage(exported.workspace, sha256)

    lines = [line.removeprefix("├─ ") for line in story.lines()]
    assert lines.index("0.01235 measured by open_nsfw 864b") > lines.index("nothing measured by PP-OCRv4 text")
    assert "shows shell / whelk (0.88) by demo@1" in lines
    assert {"scores", "labels"} <= {row["table_name"] for row in story.seals}


def test_metadata_cannot_write_to_the_terminal(empty) -> None:
    sha256 = empty.meet(1, title="\x1b[2Jgone\u202e\nnext", creator=None, license=None, license_raw=None)
    empty.crawl()

    text = lineage(empty.workspace, sha256).lines()

    assert not any(set(line) & {"\x1b", "\n", "\u202e"} for line in text)
    assert any(line.endswith("title [2Jgone next, creator unknown") for line in text)
    assert any(line.endswith("licence unknown (the source said: nothing)") for line in text)


def test_prefix_of_none_or_of_several_is_refused(exported) -> None:
    with pytest.raises(UsageError, match="no image whose sha256 begins with 'xyz'"):
        lineage(exported.workspace, "xyz")
    with pytest.raises(UsageError, match="6 images begin with '', give more digits: "):
        lineage(exported.workspace, "")
