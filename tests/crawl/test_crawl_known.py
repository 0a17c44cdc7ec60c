"""What a crawl knows beforehand it does not ask for: digests that sources state, failures whose time has not come."""

from __future__ import annotations

import csv
import hashlib

import pytest

from harvest.crawl.steps.state import Addresses


@pytest.fixture
def listed(desk):
    """A source of the rows of a table; called again, the table holds other rows."""

    def write(*rows: dict[str, str], **settings):
        path = desk.folder / "list.csv"
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, sorted({name for row in rows for name in row}))
            table.writeheader()
            table.writerows(rows)
        return desk.source(spider="urls", options={"lists": [str(path)]}, **settings)

    return write


def sha1(body: bytes) -> str:
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()


def test_bytes_that_are_held_are_not_fetched_again_from_anywhere(desk, site, jpeg, listed):
    site.add("/a.jpg", jpeg(1))
    site.add("/b.jpg", jpeg(2))
    source = listed({"url": f"{site.url}/a.jpg", "sha1": sha1(jpeg(1))})
    assert desk.crawl(source).finished["stored"] == 1
    site.log.clear()

    again = desk.crawl(
        listed(
            {"url": f"{site.url}/moved/a.jpg", "sha1": sha1(jpeg(1)).upper()},
            {"url": f"{site.url}/b.jpg", "sha1": sha1(jpeg(2))},
        )
    )

    assert site.asked("/moved") == []
    assert site.asked("/b") == ["/b.jpg"]
    assert (again.finished["unchanged"], again.finished["stored"]) == (1, 1)
    assert desk.fates("outcome, reason, sha256")["/moved/a.jpg"] == (
        "unchanged",
        "digest known",
        hashlib.sha256(jpeg(1)).hexdigest(),
    )


def test_another_digest_than_last_time_is_reason_to_ask(desk, site, jpeg, listed):
    site.add("/a.jpg", jpeg(1))
    site.add("/a.jpg", jpeg(2))
    desk.crawl(listed({"url": f"{site.url}/a.jpg", "sha1": sha1(jpeg(1))}))

    desk.crawl(listed({"url": f"{site.url}/a.jpg", "sha1": sha1(jpeg(2))}))

    assert desk.rows("SELECT outcome, sha256 FROM sightings ORDER BY run_id, seq") == [
        ("stored", hashlib.sha256(jpeg(1)).hexdigest()),
        ("stored", hashlib.sha256(jpeg(2)).hexdigest()),
    ]


def test_what_failed_twice_has_to_wait_unless_told_otherwise(desk, site, jpeg, listed):
    site.add("/a.jpg", b"", status=500)
    site.add("/b.jpg", jpeg(1))
    source = listed({"url": f"{site.url}/a.jpg"}, {"url": f"{site.url}/b.jpg"}, pace={"delay": 0, "retries": 0})
    for _ in range(2):
        assert desk.crawl(source).finished["failed"] == 1
    assert site.asked("/a") == ["/a.jpg", "/a.jpg"], "once failed, the next crawl may try again"

    third = desk.crawl(source)

    assert (third.finished["failed"], third.finished["unchanged"]) == (1, 1)
    assert site.asked("/a") == ["/a.jpg", "/a.jpg"]
    outcome, reason, is_asked = desk.fates("outcome, reason, fetched_at IS NOT NULL")["/a.jpg"]
    assert (outcome, is_asked) == ("failed", False)
    assert reason.startswith("waiting until 2")
    assert reason.endswith("Z: http_500")
    state = "SELECT attempts, epoch(next_attempt) - epoch(last_asked) FROM url_states WHERE state = 'failed'"
    assert desk.rows(state) == [(2, 600)], "to wait is no attempt"

    desk.crawl(source, "--retry-now")

    assert site.asked("/a") == ["/a.jpg"] * 3
    assert desk.rows(state) == [(3, 3600)]


def test_a_changed_config_may_see_it_otherwise_and_need_not_wait(desk, site, jpeg, listed):
    site.add("/a.jpg", jpeg(1))
    row = {"url": f"{site.url}/a.jpg"}
    for _ in range(2):
        desk.crawl(listed(row, limits={"max_bytes": 10}))

    assert desk.crawl(listed(row)).finished["stored"] == 1


def test_two_images_at_one_address_are_fetched_once(desk, site, jpeg, listed):
    site.add("/a.jpg", jpeg(1))
    site.add("/b.jpg", jpeg(2), delay=0.5)
    rows = [{"id": f"{number}", "url": f"{site.url}/{name}.jpg"} for number, name in enumerate("abbaba")]

    desk.crawl(listed(*rows, max_age_days=0))

    assert sorted(site.asked("/a") + site.asked("/b")) == ["/a.jpg", "/b.jpg"]
    assert desk.rows("SELECT image_url, outcome, count(*) FROM sightings GROUP BY ALL ORDER BY ALL") == [
        (f"{site.url}/a.jpg", "known", 2),
        (f"{site.url}/a.jpg", "stored", 1),
        (f"{site.url}/b.jpg", "known", 2),
        (f"{site.url}/b.jpg", "stored", 1),
    ]
    assert desk.rows("SELECT count(*), count(sha256), count(fetched_at) FROM sightings") == [(6, 6, 6)]


@pytest.mark.parametrize("name", ["license", "licence"])
def test_fields_that_too_few_images_have_end_with_three(desk, site, jpeg, listed, name):
    rows = [{"url": f"{site.url}/{number}.jpg", "license": "CC0-1.0", "title": "Fin"} for number in range(5)]
    rows[4] |= {"license": "", "title": ""}
    rows.append({"url": f"{site.url}/gone.jpg"})
    for number in range(5):
        site.add(f"/{number}.jpg", jpeg(number))

    done = desk.crawl(listed(*rows, expect={"min": 5, "fields": {name: 0.95, "title": 0.8, "creator": 0.5}}))

    assert (done.code, done.finished["outcome"]) == (3, "failed")
    assert done.finished["message"] == (
        "expected creator for 50 % of images (expect.fields.creator), got 0 %: 0 of 5; "
        "expected license for 95 % of images (expect.fields.license), got 80 %: 4 of 5"
    )


def test_a_field_that_no_image_has_is_refused(desk, listed):
    source = listed({"url": "http://museum.test/a.jpg"}, expect={"fields": {"colour": 0.5}})

    done = desk.crawl(source)

    assert done.code == 2
    assert done.stderr.startswith(
        f"{source}: expect.fields.colour: expected a field of an image: captured_at, carrier, "
    )


def test_an_image_is_met_once_by_its_source_id_and_address_together():
    addresses = Addresses()
    pairs = [("1", "1http://a"), ("11", "http://a"), ("1", "http://a"), ("1", "http://a")]
    assert [addresses.meet(*pair) for pair in pairs] == [True, True, True, False]
    assert addresses.met == 3
