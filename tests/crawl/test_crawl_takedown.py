"""What was taken down does not come back: not from its address, not from another one, not as a copy."""

from __future__ import annotations

import io
import json

from PIL import Image

from harvest.audit import verify
from harvest.demo.specimens import draw
from harvest.evidence import read_record
from harvest.items import EvidenceRef
from harvest.ledger import open_ledger, tombstoned_urls, unwanted
from harvest.progress import SilentProgress
from harvest.takedown import Request, carry_out, finish, plan

JPEG = (("Content-Type", "image/jpeg"), ("ETag", '"1"'))


def take(desk, **request):
    wanted = plan(desk.workspace, Request(**request), progress=SilentProgress())
    return carry_out(desk.workspace, wanted, reason="asked", by="me", progress=SilentProgress())


def encoded(picture: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def kept(desk) -> set[str]:
    return {path.stem for path in desk.workspace.originals.rglob("*") if path.is_file()}


def payloads(desk) -> bytes:
    return b"".join(path.read_bytes() for path in desk.workspace.evidence.rglob("*") if path.is_file())


def test_its_address_is_not_asked_again(desk, site, jpeg):
    site.add_gallery(["/a.jpg", "/b.jpg"])
    for number, path in enumerate(("/a.jpg", "/b.jpg")):
        site.add(path, jpeg(number), headers=JPEG)
    desk.crawl(desk.source())
    (sha256,) = desk.fates("sha256")["/a.jpg"]
    take(desk, url=f"{site.url}/a.jpg")
    asked = len(site.asked("/a.jpg"))

    done = desk.crawl(desk.source(max_age_days=0))

    assert done.code == 0, done.stderr
    assert len(site.asked("/a.jpg")) == asked
    assert desk.fates("outcome, reason, sha256")["/a.jpg"] == (
        "refused",
        "takedown: nothing else comes from there",
        sha256,
    )
    assert desk.fates()["/b.jpg"][0] == "unchanged"
    assert sha256 not in kept(desk)


def test_its_bytes_are_refused_from_any_address_by_any_source(desk, site, jpeg):
    site.add_gallery(["/a.jpg"])
    site.add("/a.jpg", jpeg(1), headers=JPEG)
    desk.crawl(desk.source())
    take(desk, url=f"{site.url}/a.jpg")
    site.add_gallery(["/mirror.jpg", "/other.jpg"], path="/elsewhere")
    site.add("/mirror.jpg", jpeg(1), headers=JPEG)
    site.add("/other.jpg", jpeg(2), headers=JPEG)

    source = desk.source(
        name="mirror", options={"start": [f"{site.url}/elsewhere"]}, evidence="warc", sizes=[{"px": 32}]
    )
    done = desk.crawl(source)

    assert done.code == 0, done.stderr
    fates = desk.fates()
    assert fates["/mirror.jpg"] == ("refused", "takedown: these bytes were taken down")
    assert fates["/other.jpg"][0] == "stored"
    assert len(kept(desk)) == len(list((desk.workspace.derived / "32").iterdir())) == 1
    assert jpeg(1)[-300:-200] not in payloads(desk)
    assert verify(desk.workspace, progress=SilentProgress()).differences == ()
    with open_ledger(desk.workspace) as con:
        assert {url for url, _ in tombstoned_urls(con)} == {f"{site.url}/a.jpg", f"{site.url}/mirror.jpg"}


def test_its_near_copies_are_refused_and_pictures_like_it_are_not(desk, site):
    leaf, other = draw("leaf", 100_001, 320), draw("leaf", 100_002, 320)
    site.add_gallery(["/leaf.jpg"])
    site.add("/leaf.jpg", encoded(leaf), headers=JPEG)
    desk.crawl(desk.source())
    take(desk, url=f"{site.url}/leaf.jpg")
    site.add_gallery(["/small.jpg", "/other.jpg"], path="/elsewhere")
    small = encoded(leaf.resize((200, 200)), 70)
    site.add("/small.jpg", small, headers=JPEG)
    site.add("/other.jpg", encoded(other), headers=JPEG)

    done = desk.crawl(desk.source(name="mirror", options={"start": [f"{site.url}/elsewhere"]}, evidence="warc"))

    assert done.code == 0, done.stderr
    outcome, reason = desk.fates()["/small.jpg"]
    assert (outcome, reason.partition(" of ")[0]) == ("refused", "takedown: near copy")
    assert desk.fates()["/other.jpg"][0] == "stored"
    assert small[-300:-200] not in payloads(desk)


def test_exact_requests_leave_near_copies_alone(desk, site):
    leaf = draw("leaf", 100_001, 320)
    site.add_gallery(["/leaf.jpg"])
    site.add("/leaf.jpg", encoded(leaf), headers=JPEG)
    desk.crawl(desk.source())
    take(desk, url=f"{site.url}/leaf.jpg", near=None)
    site.add_gallery(["/small.jpg"], path="/elsewhere")
    site.add("/small.jpg", encoded(leaf.resize((200, 200)), 70), headers=JPEG)

    desk.crawl(desk.source(name="mirror", options={"start": [f"{site.url}/elsewhere"]}))

    assert desk.fates()["/small.jpg"][0] == "stored"


def test_an_address_with_other_bytes_is_asked_and_no_server_confirms_what_is_gone(desk, site, jpeg):
    site.add_gallery(["/a.jpg"])
    site.add("/a.jpg", jpeg(1), headers=(("Content-Type", "image/jpeg"),))
    desk.crawl(desk.source())
    site.answers["/a.jpg"].clear()
    site.add("/a.jpg", jpeg(2), headers=JPEG)
    desk.crawl(desk.source(max_age_days=0))
    with open_ledger(desk.workspace) as con:
        ((latest,),) = con.execute("SELECT sha256 FROM images ORDER BY first_seen DESC LIMIT 1").fetchall()
    take(desk, sha256=latest)

    done = desk.crawl(desk.source(max_age_days=0))

    assert done.code == 0, done.stderr
    assert "if-none-match" not in site.log[-1].headers
    assert desk.fates()["/a.jpg"] == ("refused", "takedown: these bytes were taken down")


def test_a_picture_that_nobody_met_yet_can_be_barred(desk, site, tmp_path):
    leaf = draw("leaf", 100_001, 320)
    (shown := tmp_path / "leaf.png").write_bytes(b"")
    leaf.save(shown)
    site.add_gallery(["/other.jpg"])
    site.add("/other.jpg", encoded(draw("fish", 100_001, 320)), headers=JPEG)
    desk.crawl(desk.source())
    take(desk, picture=shown)
    site.add_gallery(["/leaf.jpg"], path="/elsewhere")
    site.add("/leaf.jpg", encoded(leaf, 80), headers=JPEG)

    desk.crawl(desk.source(name="later", options={"start": [f"{site.url}/elsewhere"]}))

    assert desk.fates()["/leaf.jpg"][0] == "refused"


def test_kept_answers_of_the_crawl_are_scrubbed_and_packed(desk, site, jpeg):
    site.add_gallery(["/a.jpg", "/b.jpg"])
    for number, path in enumerate(("/a.jpg", "/b.jpg")):
        site.add(path, jpeg(number), headers=JPEG)
    desk.crawl(desk.source(evidence="wacz"))

    report = take(desk, url=f"{site.url}/a.jpg")

    assert len(report.removed.evidence) == 1
    assert jpeg(0)[-300:-200] not in payloads(desk)
    assert jpeg(1)[-300:-200] in payloads(desk)
    refs = [EvidenceRef(**ref) for ref in json.loads(desk.fates("evidence")["/b.jpg"][0])]
    assert read_record(desk.workspace, refs[-1]).body == jpeg(1)
    assert verify(desk.workspace, progress=SilentProgress()).differences == ()
    assert len(finish(desk.workspace, progress=SilentProgress()).removed) == 0
    with open_ledger(desk.workspace) as con:
        assert len(unwanted(con)) == 1
