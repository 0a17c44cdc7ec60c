"""The Internet Archive's spider against loopback answers: cursors, items of all sorts, redirects to storage."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest

from harvest.crawl.sites.apis import Trouble
from harvest.crawl.sites.archive_org import trouble


@pytest.fixture
def archive(site, jpeg):
    """Adds items whose files are stored elsewhere, and gives the spider's options."""

    class Archive:
        bodies: dict[str, bytes] = {}  # noqa: RUF012 - one fixture, one archive

        def add(self, identifier: str, *names: str, **metadata: Any) -> None:
            files = []
            for name in names:
                body = self.bodies[f"{identifier}/{name}"] = jpeg(len(self.bodies))
                stored = site.add(f"/7/items/{identifier}/{quote(name)}", body)
                site.add(f"/download/{identifier}/{quote(name)}", "", status=302, headers=(("Location", stored),))
                digests = {"md5": hashlib.md5(body).hexdigest(), "sha1": hashlib.sha1(body).hexdigest()}
                files.append({"name": name, "source": "original", "format": "JPEG", "size": str(len(body)), **digests})
            about = {"identifier": identifier, "title": identifier, **metadata}
            self.say(identifier, {"server": "ia9.example", "dir": "/7/items", "files": files, "metadata": about})

        def say(self, identifier: str, answer: Any) -> None:
            site.add(f"/metadata/{identifier}", json.dumps(answer))

        def find(self, *identifiers: str, cursor: str | None = None) -> None:
            found = [{"identifier": identifier} for identifier in identifiers]
            more = {"cursor": cursor} if cursor else {}
            site.add("/services/search/v1/scrape", json.dumps({"items": found, "total": 3, "count": 2, **more}))

        options = {"endpoint": f"{site.url}/", "collections": ["plates"]}  # noqa: RUF012

    return Archive()


def test_a_collection_is_read_to_its_end_and_every_original_is_fetched(desk, site, archive):
    archive.add("one", "Plate #1.jpg", "two/Plate 2.jpg", licenseurl="http://creativecommons.org/licenses/by/4.0/")
    archive.say("dark", {"is_dark": True, "metadata": {"identifier": "dark"}})
    archive.add("three", "3.jpg", rights="<b>CC0 1.0</b>")
    archive.find("one", "dark", cursor="W3tuZXh0")
    archive.find("three")

    done = desk.crawl(desk.source(spider="archive_org", options=archive.options), "--loglevel", "INFO")

    assert (done.code, done.finished["stored"]) == (0, 3), done.stderr
    rows = desk.rows("SELECT source_id, license, sha1, page_url FROM sightings ORDER BY source_id")
    assert [row[:2] for row in rows] == [
        ("one/Plate #1.jpg", "CC-BY-4.0"),
        ("one/two/Plate 2.jpg", "CC-BY-4.0"),
        ("three/3.jpg", "CC0-1.0"),
    ]
    assert all(sha1 == hashlib.sha1(archive.bodies[source_id]).hexdigest() for source_id, _, sha1, _ in rows)
    assert rows[0][3] == f"{site.url}/details/one"
    assert "cursor=W3tuZXh0" in site.asked("/services/")[1]
    assert "dark: the item is dark" in done.stderr


def test_items_that_were_named_and_are_not_there_fail_the_run(desk, archive):
    archive.add("one", "1.jpg")
    archive.say("nothing", {})
    archive.say("lent", {"files": [], "metadata": {"identifier": "lent", "access-restricted-item": "true"}})
    options = {"endpoint": archive.options["endpoint"], "items": ["one", "nothing", "lent"]}

    done = desk.crawl(desk.source(spider="archive_org", options=options))

    assert (done.code, done.finished["stored"]) == (3, 1)
    assert "nothing: there is no such item" in done.stderr
    assert "lent: the item is for lending only" in done.stderr


def test_a_fault_of_the_search_is_told_in_its_words():
    fault = {"error": "[RANGE] count must be <b>&gt;= 100</b>", "errorType": "RangeException"}

    assert trouble(fault) == Trouble(kind="list", said="archive.org says no: [RANGE] count must be >= 100")
    assert trouble(None) == Trouble(kind="again", said="archive.org did not answer with JSON")
    assert trouble({"items": []}) is None
