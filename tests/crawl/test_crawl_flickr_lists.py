"""Flickr's lists besides searches, and what its errors mean."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import parse_qs

import pytest

from harvest.crawl.sites.apis import Trouble
from harvest.crawl.sites.flickr import SEARCH, trouble
from harvest.crawl.sites.flickr_lists import faults

KEY = "c0ffee5ec7e7"


@pytest.fixture
def crawl(desk, site):
    """Crawls lists of a Flickr that answers each method for each id as `said` tells."""

    def go(said: dict[tuple[str, str], Any], **options: Any):
        for (method, given), answer in said.items():
            site.add(f"/rest/{method}/{given}", json.dumps(answer))
        source = desk.source(
            spider="flickr", options={"api_key": "${TRIAL_KEY}", "endpoint": f"{site.url}/rest/", **options}
        )
        return desk.crawl(source, env={**os.environ, "TRIAL_KEY": KEY})

    class ByMethod(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            query = {name: values[0] for name, values in parse_qs(path.partition("?")[2]).items()}
            given = query.get("user_id") or query.get("group_id") or ""
            return super().get(f"/rest/{query['method']}/{given}" if "method" in query else path, default)

    site.answers = ByMethod()
    return go


def photos(site, jpeg, *numbers: int, **more: object) -> dict[str, Any]:
    entries = [
        {"id": str(number), "owner": "1@N00", "license": "4", "url_l": site.add(f"/{number}.jpg", jpeg(number)), **more}
        for number in numbers
    ]
    return {"photos": {"page": 1, "pages": 1, "total": len(numbers), "photo": entries}, "stat": "ok"}


def test_the_commons_is_its_institutions_photos_and_favourites_are_met_once(desk, site, jpeg, crawl):
    institutions = {"institutions": {"institution": [{"nsid": "8@N02"}, {"nsid": "9@N03"}]}, "stat": "ok"}
    said = {
        ("flickr.commons.getInstitutions", ""): institutions,
        ("flickr.people.getPublicPhotos", "8@N02"): photos(site, jpeg, 1, 2),
        ("flickr.people.getPublicPhotos", "9@N03"): photos(site, jpeg, 3),
        ("flickr.favorites.getPublicList", "5@N05"): photos(site, jpeg, 3, 4, date_faved="1441915873"),
    }

    done = crawl(said, commons=True, favourites=["5@N05"])

    assert (done.code, done.finished["stored"]) == (0, 4), done.stderr
    assert "is not read" not in done.stderr
    [report] = desk.workspace.reports.glob("coverage-*.json")
    lists = {entry["list"]: entry["met"] for entry in json.loads(report.read_text())["lists"]}
    assert lists == {
        "flickr.people.getPublicPhotos user_id=8@N02": 2,
        "flickr.people.getPublicPhotos user_id=9@N03": 1,
        "flickr.favorites.getPublicList user_id=5@N05": 2,
    }


def test_a_list_that_is_not_there_is_missed_and_the_others_are_read(site, jpeg, crawl):
    said = {
        ("flickr.people.getPublicPhotos", "1@N00"): photos(site, jpeg, 1),
        ("flickr.groups.pools.getPhotos", "2@N20"): {"stat": "fail", "code": "4", "message": "No permission"},
    }

    done = crawl(said, users=["1@N00"], groups=["2@N20"])

    assert (done.code, done.finished["stored"], done.finished["outcome"]) == (3, 1, "failed")
    why = "Flickr says no to flickr.groups.pools.getPhotos (code 4: No permission); its pool is for members only"
    assert f"flickr.groups.pools.getPhotos group_id=2@N20: {why}" in done.stderr


def test_fields_that_nobody_knows_are_told_once(site, jpeg, crawl):
    done = crawl({("flickr.people.getPublicPhotos", "1@N00"): photos(site, jpeg, 1, 2, mood="calm")}, users=["1@N00"])

    assert (done.code, done.stderr.count("a photo of Flickr's has a field 'mood' that is not read")) == (0, 1)


@pytest.mark.parametrize(
    ("method", "answer", "expected"),
    [
        (SEARCH, None, Trouble(kind="again", said="Flickr did not answer with JSON")),
        (SEARCH, {"stat": "fail", "code": 105}, Trouble(kind="again", said="Flickr's API is not available")),
        (SEARCH, {"stat": "fail", "code": "10"}, Trouble(kind="again", said="Flickr's API is not available")),
        (
            SEARCH,
            {"stat": "fail", "code": 0, "message": "Sorry, the Flickr search API service is not currently available."},
            Trouble(kind="again", said="Flickr's API is not available"),
        ),
        (
            SEARCH,
            {"stat": "fail", "code": 3, "message": "Parameterless searches have been disabled."},
            Trouble(
                kind="list",
                said="Flickr says no to flickr.photos.search (code 3: Parameterless searches have been disabled.); "
                "search needs a text, tags, a user or another filter",
            ),
        ),
        (
            "flickr.photosets.getPhotos",
            {"stat": "fail", "code": 1, "message": "Photoset not found"},
            Trouble(
                kind="list",
                said="Flickr says no to flickr.photosets.getPhotos (code 1: Photoset not found); "
                "albums names an album that is not there",
            ),
        ),
        (
            SEARCH,
            {"stat": "fail", "code": 98, "message": "Invalid auth token"},
            Trouble(
                kind="refused",
                said="Flickr says no to flickr.photos.search (code 98: Invalid auth token); set a valid api_key",
            ),
        ),
        (SEARCH, {"stat": "ok"}, None),
    ],
)
def test_what_an_error_means_depends_on_the_method(method: str, answer: Any, expected: Trouble | None) -> None:
    assert trouble(answer, method) == expected


@pytest.mark.parametrize(
    ("search", "fault"),
    [
        (
            {"min_upload_date": "last week"},
            ("min_upload_date", "expected a unix time or a date like 2020-01-31, got 'last week'"),
        ),
        (
            {"min_upload_date": "2020-02-01", "max_upload_date": "2020-01-31"},
            ("max_upload_date", "expected a time after min_upload_date, got '2020-01-31'"),
        ),
    ],
)
def test_a_search_that_cannot_be_is_found_before_it_is_asked(search: dict[str, str], fault: tuple[str, str]) -> None:
    assert list(faults({"text": "fin", **search})) == [fault]
    assert not list(faults({"text": "fin", "min_upload_date": "2020-01-31", "max_upload_date": "2020-01-31"}))
