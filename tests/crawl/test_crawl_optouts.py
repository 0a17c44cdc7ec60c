"""Refusals met by crawls: each is evidence, and ends what the config honours, early where it can."""

from __future__ import annotations

import hashlib
import io
import json

from PIL import Image

JPEG = ("Content-Type", "image/jpeg")
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


ROBOTS = """User-agent: *
Content-Usage: /p/usage train-ai=n
Content-Signal: /p/signal ai-train=no
Disallow: /p/denied"""
# By name of a picture: what its page says in a header and in its head, and what is to be recorded and why it ends.
TOLD = {
    "tag": (("X-Robots-Tag", "noimageai"), "", ("x-robots-tag", "noimageai", "/tag")),
    "meta": (None, '<meta name="robots" content="noai">', ("meta-robots", "noai", "/meta")),
    "tdm": (("TDM-Reservation", "1"), "", ("tdmrep", "tdm-reservation: 1", "/tdm")),
    "page": (("Content-Usage", "train-ai=n"), "", ("content-usage", "train-ai=n", "/page")),
    "usage": (None, "", ("content-usage", "train-ai=n", "/robots.txt")),
    "signal": (None, "", ("content-signal", "ai-train=no", "/robots.txt")),
    "denied": (None, "", ("robots", "disallows /p/denied", "/robots.txt")),
    "file": (None, "", ("tdmrep", "tdm-reservation: 1; tdm-policy: https://m.example/t", TDM_FILE)),
}


def test_what_is_known_before_the_download_saves_it(desk, site, jpeg):
    site.add("/robots.txt", ROBOTS)
    site.add(TDM_FILE, json.dumps([{"location": "/p/f*", "tdm-reservation": 1, "tdm-policy": "https://m.example/t"}]))
    for name, (header, head, _) in TOLD.items():
        site.add_gallery([f"/p/{name}"], f"/{name}", head)
        site.answers[f"/{name}"][0].headers += (header,) if header else ()
        site.add(f"/p/{name}", jpeg(1), headers=(JPEG,))

    assert desk.crawl(desk.source(options={"start": [f"{site.url}/{name}" for name in TOLD]})).code == 0

    said = {f"/p/{name}": told for name, (_, _, told) in TOLD.items()}
    assert desk.fates() == {path: ("refused", f"{kind}: {value}") for path, (kind, value, _) in said.items()}
    assert evidence(desk) == {path: [told] for path, told in said.items()}
    assert site.asked("/p/") == []


def test_what_hosts_answered_for_robots_txt_is_kept(desk, site, jpeg):
    site.add("/robots.txt", ROBOTS)
    site.add_gallery(["/p/a.jpg", "http://127.0.0.1:9/b.jpg"])
    site.add("/p/a.jpg", jpeg(1))

    desk.crawl(desk.source())

    here, read = site.url.removeprefix("http://"), hashlib.sha256(ROBOTS.encode()).hexdigest()
    rows = desk.rows(
        "SELECT r.host, r.outcome, r.http_status, r.robots_sha256, r.run_id = runs.run_id "
        "FROM host_robots r, runs ORDER BY r.outcome"
    )
    assert rows == [(here, "read", 200, read, True), ("127.0.0.1:9", "unreachable", None, None, True)]


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
