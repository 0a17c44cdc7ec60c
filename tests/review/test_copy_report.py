from __future__ import annotations

import json

import pytest

from harvest.errors import CheckFailed
from harvest.ledger import open_ledger
from harvest.progress import SilentProgress
from harvest.review import to_json, write_copy_report
from harvest.review.copies import copy_report
from harvest.stages.dedupe import run_dedupe

DEDUPE = "dedupe: {near: {max_distance: 8}}\nlayout: null"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'


def deduplicated(herbarium, recipe):
    herbarium.crawl()
    run_dedupe(herbarium.workspace, recipe(DEDUPE), progress=SilentProgress())
    with open_ledger(herbarium.workspace) as con:
        return copy_report(con, "shells")


def test_a_group_shows_the_kept_copy_first_and_why(herbarium, recipe, encoded, picture) -> None:
    large = herbarium.meet(picture(1, 800, 600), title="Nautilus")
    small = herbarium.meet(picture(1, 800, 600).resize((400, 300)))
    herbarium.meet(picture(2, 800, 600))

    report = deduplicated(herbarium, recipe)

    assert (report.images, report.dropped, len(report.groups)) == (3, 1, 1)
    kept, left = report.groups[0].members
    assert (kept.sha256, kept.keeper, kept.title, kept.width) == (large, True, "Nautilus", 800)
    assert (left.sha256, left.keeper, left.width, left.method) == (small, False, 400, "phash")
    assert left.distance <= left.threshold == 8


def test_licences_that_disagree_are_named(herbarium, recipe, encoded, picture) -> None:
    herbarium.meet(picture(1, 800, 600), license="CC-BY-4.0")
    herbarium.meet(encoded(picture(1, 800, 600), quality=60), license=None)
    herbarium.meet(picture(2, 800, 600), license="CC0-1.0")
    herbarium.meet(encoded(picture(2, 800, 600), quality=60), license="CC0-1.0")

    report = deduplicated(herbarium, recipe)

    assert [group.licences for group in report.conflicts] == [("CC-BY-4.0", "unknown")]


def test_the_page_carries_its_pictures_and_treats_metadata_as_text(herbarium, recipe, picture) -> None:
    herbarium.meet(picture(1, 800, 600), title=HOSTILE, creator=HOSTILE, page_url="javascript:alert(3)")
    herbarium.meet(picture(1, 800, 600).resize((400, 300)), title=HOSTILE)
    deduplicated(herbarium, recipe)

    report, files = write_copy_report(herbarium.workspace, "shells")

    page = files.html.read_text(encoding="utf-8")
    assert page.count('src="data:image/jpeg;base64,') == 2
    assert "<script>alert" not in page
    assert "javascript:" not in page
    assert "\u202e" not in page
    assert "http" not in page.replace("http-equiv", "").replace("https://gallery.museum.test", "")
    assert json.loads(files.json.read_text(encoding="utf-8")) == json.loads(json.dumps(to_json(report)))


def test_before_the_first_dedupe_there_is_nothing_to_show(herbarium, picture) -> None:
    herbarium.meet(picture(1))
    herbarium.crawl()

    with pytest.raises(CheckFailed, match="`harvest dedupe` does it"):
        write_copy_report(herbarium.workspace, "shells")
