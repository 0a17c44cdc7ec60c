from __future__ import annotations

import json

import pytest

from harvest.audit import lineage
from harvest.errors import UsageError


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
