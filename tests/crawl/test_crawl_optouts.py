"""Refusals met by crawls: each is evidence, and ends what the config honours, early where it can."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

JPEG = ("Content-Type", "image/jpeg")
ALL = "User-agent: *\n"
TDM_FILE = "/.well-known/tdmrep.json"


def evidence(desk) -> dict[str, list[tuple[str, str, str]]]:
    """By path, what every sighting says of refusals: kind, value, and the path of where it was said."""
    rows = desk.fates("opt_out")
    return {
        path: [
            (said["kind"], said["value"], said["where"].removeprefix(desk.site.url))
            for said in json.loads(signals or "[]")
        ]
        for path, (signals,) in rows.items()
    }


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (({"headers": (("X-Robots-Tag", "noimageai"),)}, "", []), ("x-robots-tag", "noimageai", "/")),
        (({"head": '<meta name="robots" content="noai">'}, "", []), ("meta-robots", "noai", "/")),
        (({"headers": (("TDM-Reservation", "1"),)}, "", []), ("tdmrep", "tdm-reservation: 1", "/")),
        (({"headers": (("Content-Usage", "train-ai=n"),)}, "", []), ("content-usage", "train-ai=n", "/")),
        (({}, f"{ALL}Content-Usage: /p/ train-ai=n", []), ("content-usage", "train-ai=n", "/robots.txt")),
        (({}, f"{ALL}Content-Signal: ai-train=no", []), ("content-signal", "ai-train=no", "/robots.txt")),
        (({}, f"{ALL}Disallow: /p/", []), ("robots", "disallows /p/a.jpg", "/robots.txt")),
        (
            ({}, "", [{"location": "/p/*", "tdm-reservation": 1, "tdm-policy": "https://m.example/t"}]),
            ("tdmrep", "tdm-reservation: 1; tdm-policy: https://m.example/t", TDM_FILE),
        ),
    ],
    ids=["page-tag", "page-meta", "page-tdm", "page-usage", "robots-usage", "robots-signal", "robots", "tdm-file"],
)
def test_what_is_known_before_the_download_saves_it(desk, site, jpeg, told, expected):
    page, robots, file = told
    site.add_gallery(["/p/a.jpg"], head=page.get("head", ""))
    site.answers["/"][0].headers += page.get("headers", ())
    site.add("/p/a.jpg", jpeg(1), headers=(JPEG,))
    site.add("/robots.txt", robots)
    if file:
        site.add(TDM_FILE, json.dumps(file))

    assert desk.crawl(desk.source()).code == 0

    assert desk.fates() == {"/p/a.jpg": ("refused", f"{expected[0]}: {expected[1]}")}
    assert expected in evidence(desk)["/p/a.jpg"]
    assert site.asked("/p/") == []


def test_a_page_that_reserves_nothing_goes_before_the_hosts_file(desk, site, jpeg):
    site.add_gallery(["/a.jpg"], head='<meta name="tdm-reservation" content="0">')
    site.add("/a.jpg", jpeg(1))
    site.add(TDM_FILE, json.dumps([{"location": "/", "tdm-reservation": 1}]))

    desk.crawl(desk.source())

    assert desk.fates("outcome")["/a.jpg"] == ("stored",)
    assert evidence(desk)["/a.jpg"] == [("tdmrep-granted", "tdm-reservation: 0", "/")]


def test_what_is_not_honoured_is_evidence_all_the_same(desk, site, jpeg):
    site.add_gallery(["/a.jpg"], head='<meta name="robots" content="noai">')
    site.add("/a.jpg", jpeg(1), headers=(JPEG, ("X-Robots-Tag", "herbarium-harvester: noai"), ("TDM-Reservation", "1")))

    desk.crawl(desk.source(opt_out={"honour": ["iptc"]}))

    assert desk.fates("outcome")["/a.jpg"] == ("stored",)
    assert [kind for kind, *_ in evidence(desk)["/a.jpg"]] == ["meta-robots", "x-robots-tag", "tdmrep"]


def test_a_server_that_says_unchanged_may_refuse_with_it(desk, site, jpeg):
    site.add_gallery(["/a.jpg"])
    site.add("/a.jpg", jpeg(1), headers=(JPEG, ("ETag", '"1"')))
    site.add("/a.jpg", jpeg(1), headers=(JPEG, ("ETag", '"1"'), ("X-Robots-Tag", "noai")))
    source = desk.source(max_age_days=0)

    desk.crawl(source)
    desk.crawl(source)

    rows = desk.rows(
        "SELECT sightings.outcome, http_status FROM sightings JOIN runs USING (run_id) ORDER BY started_at"
    )
    assert rows == [("stored", 200), ("refused", 304)]


def test_a_manifest_that_refuses_training_is_honoured(desk, site, signed):
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((96, 72)).save(buffer, "JPEG")
    made = {"actions": [{"action": "c2pa.created", "digitalSourceType": f"{_TERMS}trainedAlgorithmicMedia"}]}
    no = {"entries": {"cawg.ai_training": {"use": "notAllowed"}}}
    bodies = {
        "/refusing.jpg": signed(buffer.getvalue(), {"c2pa.actions": made, "cawg.training-mining": no}),
        "/made.jpg": signed(buffer.getvalue(), {"c2pa.actions": made}),
    }
    broken = bytearray(bodies["/refusing.jpg"])
    at = broken.index(b"cawg.training-mining") + 40
    broken[at : at + 40] = b"\xff" * 40
    bodies["/broken.jpg"] = bytes(broken)
    site.add_gallery(list(bodies))
    for path, body in bodies.items():
        site.add(path, body, headers=(JPEG,))

    desk.crawl(desk.source())

    said = "cawg.training-mining: cawg.ai_training notAllowed"
    assert desk.fates() == {
        "/refusing.jpg": ("refused", f"c2pa: {said}"),
        "/made.jpg": ("stored", None),
        "/broken.jpg": ("stored", None),
    }
    found = evidence(desk)
    assert [(kind, value) for kind, value, _ in found["/refusing.jpg"]] == [("c2pa", said)]
    assert [kind for kind, *_ in found["/broken.jpg"]] == ["c2pa-unread"]
    kinds = dict(desk.rows("SELECT image_url, digital_source_type FROM sightings JOIN images USING (sha256)"))
    assert kinds[f"{site.url}/made.jpg"] == "trainedAlgorithmicMedia"


_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
