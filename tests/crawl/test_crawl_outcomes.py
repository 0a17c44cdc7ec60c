"""Every way in which fetching an image can end is one row with a reason."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

from harvest.store import rehash

REFUSES_MINING = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    b'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/></rdf:RDF></x:xmpmeta>'
)


def with_xmp(jpeg: bytes, xmp: bytes) -> bytes:
    payload = b"http://ns.adobe.com/xap/1.0/\x00" + xmp
    return jpeg[:2] + b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload + jpeg[2:]


def test_each_fetch_ends_as_one_row_with_a_reason(desk, site, jpeg):
    site.add("/robots.txt", "User-agent: *\nDisallow: /private/\nContent-Usage: /art/ train-ai=n\n")
    policy = [{"location": "/reserved/*", "tdm-reservation": 1}]
    site.add("/.well-known/tdmrep.json", json.dumps(policy))
    site.add("/good.jpg", jpeg(1), headers=(("ETag", '"one"'), ("Last-Modified", "Mon, 28 Jul 2014 17:00:40 GMT")))
    site.add("/copy.jpg", jpeg(1))
    site.add("/gone.jpg", "gone", status=410)
    site.add("/forbidden.jpg", "no", status=403)
    site.add("/cut.jpg", jpeg(2)[:-200])
    site.add("/page.jpg", "<!doctype html><title>Sorry</title>")
    site.add("/empty.jpg", b"")
    site.add("/torn.jpg", jpeg(3), torn=True)
    site.add("/big.jpg", jpeg(4) + bytes(100_000))
    site.add("/flaky.jpg", "later", status=503)
    site.add("/flaky.jpg", jpeg(5))
    site.add("/down.jpg", "never", status=500)
    site.add("/moved.jpg", "", status=302, headers=(("Location", "/moved-here.jpg"),))
    site.add("/moved-here.jpg", jpeg(6))
    site.add("/into-private.jpg", "", status=302, headers=(("Location", "/private/b.jpg"),))
    for path in ("/private/a.jpg", "/private/b.jpg", "/reserved/a.jpg", "/art/a.jpg"):
        site.add(path, jpeg(7))
    site.add("/noai.jpg", jpeg(8), headers=(("X-Robots-Tag", "otherbot: noindex"), ("X-Robots-Tag", "noai")))
    site.add("/others.jpg", jpeg(9), headers=(("X-Robots-Tag", "otherbot: noai"),))
    site.add("/header-tdm.jpg", jpeg(10), headers=(("tdm-reservation", "1"),))
    site.add("/header-usage.jpg", jpeg(11), headers=(("Content-Usage", "train-ai=n"),))
    site.add("/mining.jpg", with_xmp(jpeg(12), REFUSES_MINING))
    paths = [
        path for path in site.answers if path.endswith(".jpg") and path not in {"/moved-here.jpg", "/private/b.jpg"}
    ]
    site.add_gallery([*paths, "/missing.jpg", "http://127.0.0.1:9/refused.jpg"])

    done = desk.crawl(desk.source(limits={"max_bytes": 50_000}))

    assert done.code == 0, done.stderr
    assert "Traceback" not in done.stderr
    fates = {path: (outcome, (reason or "").partition(":")[0]) for path, (outcome, reason) in desk.fates().items()}
    # Either of two addresses with the same bytes may come in first.
    assert {fates.pop("/good.jpg"), fates.pop("/copy.jpg")} == {("stored", ""), ("known", "")}
    assert fates == {
        "/gone.jpg": ("gone", "http_410"),
        "/forbidden.jpg": ("failed", "http_403"),
        "/cut.jpg": ("broken", "truncated"),
        "/page.jpg": ("broken", "not_an_image"),
        "/empty.jpg": ("broken", "empty"),
        "/torn.jpg": ("failed", "data_loss"),
        "/big.jpg": ("failed", "too_large"),
        "/flaky.jpg": ("stored", ""),
        "/down.jpg": ("failed", "http_500"),
        "/moved.jpg": ("stored", ""),
        "/into-private.jpg": ("refused", "robots"),
        "/private/a.jpg": ("refused", "robots"),
        "/reserved/a.jpg": ("refused", "tdmrep"),
        "/art/a.jpg": ("refused", "content-usage"),
        "/noai.jpg": ("refused", "x-robots-tag"),
        "/others.jpg": ("stored", ""),
        "/header-tdm.jpg": ("refused", "tdmrep"),
        "/header-usage.jpg": ("refused", "content-usage"),
        "/mining.jpg": ("refused", "iptc"),
        "/missing.jpg": ("gone", "http_404"),
        "http://127.0.0.1:9/refused.jpg": ("failed", "robots_unreachable"),
    }
    assert not site.asked("/private/")
    assert not site.asked("/reserved/")
    assert not site.asked("/art/")

    kept = desk.rows("SELECT sha256, path, format, width, height FROM images ORDER BY sha256")
    assert [row[0] for row in kept] == sorted(hashlib.sha256(jpeg(number)).hexdigest() for number in (1, 5, 6, 9))
    assert all(rehash(desk.workspace.root / path) == sha256 for sha256, path, *_ in kept)
    assert {row[2:] for row in kept} == {("JPEG", 96, 72)}

    ((etag, modified, status),) = desk.rows(
        "SELECT etag, last_modified, http_status FROM sightings WHERE image_url LIKE '%/good.jpg'"
    )
    assert (etag, modified, status) == ('"one"', "Mon, 28 Jul 2014 17:00:40 GMT", 200)
    ((evidence, sha256),) = desk.rows("SELECT opt_out, sha256 FROM sightings WHERE image_url LIKE '%/noai.jpg'")
    assert json.loads(evidence) == [{"kind": "x-robots-tag", "value": "noai", "where": f"{site.url}/noai.jpg"}]
    assert sha256 == hashlib.sha256(jpeg(8)).hexdigest()
    ((raw,),) = desk.rows("SELECT raw FROM sightings WHERE image_url LIKE '%/moved.jpg'")
    assert json.loads(raw) == {"redirected_to": f"{site.url}/moved-here.jpg"}
    agents = {asked.headers["user-agent"] for asked in site.log}
    assert agents == {"herbarium-harvester/0.1.0 (+crawler@example.org)"}


def test_what_is_not_honoured_is_evidence_all_the_same(desk, site, jpeg):
    site.add("/robots.txt", "User-agent: *\nDisallow: /a.jpg\n")
    site.add("/a.jpg", jpeg(1), headers=(("X-Robots-Tag", "noai"),))
    site.add_gallery(["/a.jpg"], head='<meta name="robots" content="noimageai">')

    done = desk.crawl(desk.source(opt_out={"honour": ["iptc"]}))

    assert done.code == 0, done.stderr
    ((outcome, evidence),) = desk.rows("SELECT outcome, opt_out FROM sightings")
    assert outcome == "stored"
    assert {signal["kind"] for signal in json.loads(evidence)} == {"robots", "x-robots-tag", "meta-robots"}


def test_a_page_that_refuses_is_enough(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"], head='<meta name="tdm-reservation" content="1">')

    desk.crawl(desk.source())

    assert desk.fates() == {"/a.jpg": ("refused", "tdmrep: tdm-reservation: 1")}
    assert not site.asked("/a.jpg")


def test_without_a_readable_robots_txt_nothing_is_fetched(desk, site, jpeg):
    site.add("/robots.txt", "oh dear", status=500)
    site.add_gallery(["/a.jpg"])
    site.add("/a.jpg", jpeg(1))

    done = desk.crawl(desk.source())

    assert done.code == 3
    assert "robots.txt of 127.0.0.1" in done.finished["message"]
    assert "HTTP 500" in done.finished["message"]
    assert site.asked() == ["/robots.txt", "/robots.txt"]


def test_a_host_that_asks_for_time_gets_it(desk, site, jpeg):
    site.add("/a.jpg", "slow down", status=429, headers=(("Retry-After", "2"),))
    site.add("/a.jpg", jpeg(1))
    names = [f"/{number}.jpg" for number in range(2, 7)]
    for number, name in enumerate(names):
        site.add(name, jpeg(number + 2), delay=0.1)
    site.add_gallery(["/a.jpg", *names])

    done = desk.crawl(desk.source(pace={"delay": 0, "concurrency": 1, "retries": 1}))

    assert done.finished["stored"] == 6, done.stderr
    times = [asked.at for asked in site.log if asked.path.endswith(".jpg")]
    assert max(later - earlier for earlier, later in pairwise(times)) >= 2.0


def test_a_host_that_asks_for_an_hour_is_left_alone(desk, site, jpeg):
    names = [f"/{number}.jpg" for number in range(20)]
    for name in names:
        site.add(name, "come back tomorrow", status=429, headers=(("Retry-After", "3600"),), delay=0.1)
    site.add_gallery(names)

    done = desk.crawl(desk.source(pace={"delay": 0, "concurrency": 1}))

    assert done.finished["failed"] == 20
    # One more may have left before the answer was read.
    assert len([path for path in site.asked() if path.endswith(".jpg")]) <= 2
    reasons = {(reason or "").partition(" until ")[0] for _, reason in desk.fates().values()}
    assert reasons == {"http_429", f"host_closed: {site.url.removeprefix('http://')} is left alone"}


def test_delays_hold_for_pages_and_images_of_a_host_together(desk, site, jpeg):
    site.add_gallery(["/a.jpg", "/b.jpg"])
    site.add("/a.jpg", jpeg(1))
    site.add("/b.jpg", jpeg(2))

    desk.crawl(desk.source(pace={"delay": 0, "hosts": {"127.0.0.1": {"delay": 0.6, "concurrency": 1}}}))

    times = [asked.at for asked in site.log]
    assert len(times) == 5  # robots.txt, page, tdmrep.json and two images
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.25  # delays vary by half


def test_no_host_is_asked_for_more_at_once_than_its_concurrency(desk, site, jpeg):
    names = [f"/{number}.jpg" for number in range(40)]
    for number, name in enumerate(names):
        site.add(name, jpeg(number), delay=0.03)
    site.add_gallery(names)

    desk.crawl(desk.source(pace={"delay": 0, "concurrency": 3}))

    assert site.busiest == 3
