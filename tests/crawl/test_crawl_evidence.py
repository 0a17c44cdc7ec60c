"""Crawls that keep the raw answers: what was asked and answered can be read again, byte for byte, without a secret."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from base64 import b64encode
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from harvest.audit.lineage import lineage
from harvest.audit.verify import verify
from harvest.evidence import read_record
from harvest.items import EvidenceRef
from harvest.progress import SilentProgress
from harvest.store import rehash
from tests.patience import wait_until

ROOT = Path(__file__).parent.parent.parent


def records(path: Path) -> list[tuple[str, str | None, dict[str, str], bytes]]:
    """Kind, address, named fields and payload of every record; warcio compares the digests that the file states."""
    with path.open("rb") as file:
        found = []
        for record in ArchiveIterator(file, check_digests="raise"):
            fields = dict(record.rec_headers.headers)
            found.append((record.rec_type, fields.get("WARC-Target-URI"), fields, record.raw_stream.read()))
        return found


def references(desk) -> dict[str, list[EvidenceRef]]:
    """By path, what the ledger says of the evidence."""
    rows = desk.fates("evidence")
    return {path: [EvidenceRef(**ref) for ref in json.loads(said or "[]")] for path, (said,) in rows.items()}


def test_every_answer_is_kept_and_found_again(desk, site, jpeg):
    site.add("/robots.txt", "User-agent: *\nAllow: /")
    page = site.add_gallery(["/a.jpg", "/b.jpg", "/moved.jpg"])
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        site.add(f"/{name}.jpg", jpeg(number), headers=(("Content-Type", "image/jpeg"),))
    site.add("/moved.jpg", "", status=302, headers=(("Location", "/c.jpg"),))

    done = desk.crawl(desk.source(evidence="warc"))

    assert done.code == 0, done.stderr
    [folder] = (desk.workspace.root / "evidence").iterdir()
    [warc] = folder.iterdir()
    kept = records(warc)
    assert kept[0][0] == "warcinfo"
    assert b"operator: crawler@example.org" in kept[0][3]
    answered = {url for kind, url, *_ in kept if kind == "response"}
    wanted = ["/robots.txt", "/.well-known/tdmrep.json", "/", "/a.jpg", "/b.jpg", "/c.jpg", "/moved.jpg"]
    assert answered == {f"{site.url}{path}" for path in wanted}
    assert sum(kind == "request" for kind, *_ in kept) == len(wanted)

    digests = {path: sha256 for path, (sha256,) in desk.fates("sha256").items()}
    for path, refs in references(desk).items():
        assert [ref.role for ref in refs] == ["page", "image"]
        listing, image = (read_record(desk.workspace, ref) for ref in refs)
        assert listing.field("WARC-Target-URI") == page
        assert listing.body == site.answers["/"][0].body
        assert (image.status, hashlib.sha256(image.body).hexdigest()) == (200, digests[path])
        assert image.field("WARC-Payload-Digest") == f"sha256:{digests[path]}"


def test_the_same_bytes_are_kept_once(desk, site, jpeg):
    site.add_gallery(["/a.jpg", "/b.jpg"])
    for path in ("/a.jpg", "/b.jpg"):
        site.add(path, jpeg(1), headers=(("Content-Type", "image/jpeg"),))

    desk.crawl(desk.source(evidence="warc", pace={"delay": 0, "concurrency": 1}))

    found = [read_record(desk.workspace, refs[1]) for refs in references(desk).values()]
    whole, again = sorted(found, key=lambda record: record.kind)
    assert (whole.kind, again.kind) == ("response", "revisit")
    assert again.field("WARC-Refers-To") == whole.field("WARC-Record-ID")
    assert again.field("WARC-Payload-Digest") == whole.field("WARC-Payload-Digest")


def test_a_compressed_page_is_kept_as_it_came(desk, site, jpeg):
    body = gzip.compress(b"<figure><img src='/a.jpg'></figure>")
    site.add("/", body, headers=(("Content-Type", "text/html"), ("Content-Encoding", "gzip")))
    site.add("/a.jpg", jpeg(1))

    desk.crawl(desk.source(evidence="warc"))

    listing = read_record(desk.workspace, references(desk)["/a.jpg"][0])
    assert (listing.body, dict(listing.headers)["Content-Encoding"]) == (body, "gzip")


def test_a_picture_that_refuses_leaves_only_its_headers(desk, site, jpeg):
    site.add_gallery(["/a.jpg"])
    site.add("/a.jpg", jpeg(1), headers=(("Content-Type", "image/jpeg"), ("X-Robots-Tag", "noai")))

    desk.crawl(desk.source(evidence="warc"))

    assert desk.fates()["/a.jpg"][0] == "refused"
    image = read_record(desk.workspace, references(desk)["/a.jpg"][1])
    assert (image.body, image.field("WARC-Truncated")) == (b"", "unspecified")
    assert dict(image.headers)["X-Robots-Tag"] == "noai"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_no_secret_is_in_a_record(desk, site, jpeg, packed: bool):
    key, proxy = "k3y/with+signs=1", "pr0xypass"
    photo = {"id": "1", "owner": "1@N00", "url_l": f"{site.url}/1.jpg", "license": "4", "title": f"you sent {key}"}
    answer = json.dumps({"stat": "ok", "photos": {"page": 1, "pages": 1, "total": 1, "photo": [photo]}}).encode()
    encoded = (("Content-Encoding", "gzip"),) if packed else ()
    # The proxy is this very site: it is asked for absolute addresses.
    site.add(
        f"{site.url}/rest/",
        gzip.compress(answer) if packed else answer,
        headers=(("Content-Type", "application/json"), ("Set-Cookie", "session=c00kie"), ("X-Echo", key), *encoded),
    )
    site.add(f"{site.url}/1.jpg", jpeg(1))
    options = {"api_key": "${TRIAL_KEY}", "users": ["1@N00"], "endpoint": f"{site.url}/rest/"}
    through = f"http://me:{proxy}@127.0.0.1:{site.server_port}"
    source = desk.source(spider="flickr", options=options, evidence="warc", proxy=through)

    done = desk.crawl(source, env={**os.environ, "TRIAL_KEY": key})

    assert any("k3y" in path for path in site.asked()), done.stderr
    basic = b64encode(f"me:{proxy}".encode()).decode()
    content = b"".join(
        gzip.decompress(path.read_bytes()) for path in (desk.workspace.root / "evidence").rglob("*.warc.gz")
    )
    opened = content + b"".join(
        gzip.decompress(body)
        for path in (desk.workspace.root / "evidence").rglob("*.warc.gz")
        for *_, body in records(path)
        if body.startswith(b"\x1f\x8b")
    )
    assert b"you sent" in opened
    for secret in (key, "k3y%2Fwith%2Bsigns%3D1", proxy, basic, "c00kie"):
        assert secret.encode() not in opened
    assert b"Harvest-Redacted" in content


def test_a_killed_crawl_leaves_whole_records_and_goes_on(desk, site, jpeg):
    names = [f"/{number}.jpg" for number in range(40)]
    site.add_gallery(names)
    for number, name in enumerate(names):
        site.add(name, jpeg(number), headers=(("Content-Type", "image/jpeg"),), delay=0.03)
    source = desk.source(evidence="warc", pace={"delay": 0, "concurrency": 2})
    site.hold("/1", after=8)
    with subprocess.Popen(desk.command(source), cwd=ROOT, stdout=subprocess.DEVNULL) as crawl:
        wait_until(lambda: len(site.asked("/1")) > 8, crawl)
        crawl.send_signal(signal.SIGKILL)
    site.release()
    [torn] = (desk.workspace.root / "evidence").rglob("*.warc.gz")
    with torn.open("ab") as file:  # the kill might have come in the middle of a record
        file.write(gzip.compress(os.urandom(5000))[:3000])

    assert desk.crawl(source).code == 0

    files = sorted((desk.workspace.root / "evidence").rglob("*.warc.gz"))
    assert [file.name for file in files] == ["000001.warc.gz", "000002.warc.gz"]
    assert all(records(file) for file in files)
    digests = {path: sha256 for path, (sha256,) in desk.fates("sha256").items()}
    found = references(desk)
    assert len(found) == len(names)
    for path, refs in found.items():
        page, image = (read_record(desk.workspace, ref) for ref in refs)
        assert page.status == 200
        assert hashlib.sha256(image.body).hexdigest() == digests[path]


def test_a_whole_run_is_packed(desk, site, jpeg):
    site.add_gallery(["/a.jpg", "/b.jpg"], head="<title>Fins</title>")
    for number, path in enumerate(("/a.jpg", "/b.jpg")):
        site.add(path, jpeg(number), headers=(("Content-Type", "image/jpeg"),))

    assert desk.crawl(desk.source(evidence="wacz")).code == 0

    [folder] = (desk.workspace.root / "evidence").iterdir()
    [wacz] = folder.iterdir()
    assert wacz.name == f"{folder.name}.wacz"
    with zipfile.ZipFile(wacz) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        described = json.loads(archive.read("datapackage.json"))
        digest = json.loads(archive.read("datapackage-digest.json"))
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert digest["hash"] == f"sha256:{hashlib.sha256(contents['datapackage.json']).hexdigest()}"
    assert (described["profile"], described["wacz_version"]) == ("data-package", "1.1.1")
    assert {entry["path"]: entry["hash"] for entry in described["resources"]} == {
        name: f"sha256:{hashlib.sha256(content).hexdigest()}"
        for name, content in contents.items()
        if not name.startswith("datapackage")
    }
    header, page = (json.loads(line) for line in contents["pages/pages.jsonl"].splitlines())
    assert header["format"] == "json-pages-1.0"
    assert (page["url"], page["title"]) == (f"{site.url}/", "Fins")
    lines = contents["indexes/index.cdx"].splitlines()
    assert lines == sorted(lines)
    images = [json.loads(line.split(b" ", 2)[2]) for line in lines if b"image/jpeg" in line]
    assert {entry["url"] for entry in images} == {f"{site.url}/a.jpg", f"{site.url}/b.jpg"}
    archived = contents["archive/000001.warc.gz"]
    for entry in images:
        start = int(entry["offset"])
        record = gzip.decompress(archived[start : start + int(entry["length"])])
        assert f"WARC-Target-URI: {entry['url']}".encode() in record

    for path, refs in references(desk).items():
        image = read_record(desk.workspace, refs[1])
        assert f"sha256:{rehash(desk.workspace.root / desk.rows(_PATH.format(path))[0][0])}" == image.field(
            "WARC-Payload-Digest"
        )


_PATH = "SELECT path FROM images JOIN sightings USING (sha256) WHERE image_url LIKE '%{}'"


def test_files_are_rotated(desk, site, jpeg):
    site.add_gallery([f"/{number}.jpg" for number in range(6)])
    for number in range(6):
        site.add(f"/{number}.jpg", jpeg(number), headers=(("Content-Type", "image/jpeg"),))
    source = desk.source(evidence="warc")
    settings = ["-s", "HARVEST_EVIDENCE_BYTES=4000", "-a", f"source={source}", "-a", f"workspace={desk.workspace.root}"]

    subprocess.run([sys.executable, "-m", "scrapy", "crawl", "gallery", *settings], cwd=ROOT, check=True)

    files = sorted((desk.workspace.root / "evidence").rglob("*.warc.gz"))
    assert len(files) > 1
    assert [records(file)[0][0] for file in files] == ["warcinfo"] * len(files)
    for refs in references(desk).values():
        assert read_record(desk.workspace, refs[1]).status == 200


def test_verify_misses_evidence_that_is_gone_or_elsewhere(desk, site, jpeg):
    site.add_gallery(["/a.jpg", "/b.jpg"])
    for number, path in enumerate(("/a.jpg", "/b.jpg")):
        site.add(path, jpeg(number), headers=(("Content-Type", "image/jpeg"),))
    desk.crawl(desk.source(evidence="warc"))
    whole = verify(desk.workspace, progress=SilentProgress())
    [warc] = (desk.workspace.root / "evidence").rglob("*.warc.gz")

    content = warc.read_bytes()
    warc.write_bytes(content[: len(content) // 2])
    cut = verify(desk.workspace, progress=SilentProgress())
    warc.unlink()
    gone = verify(desk.workspace, progress=SilentProgress())

    assert (whole.ok, whole.checked["evidence"]) == (True, 3)
    assert {difference.kind for difference in cut.differences} == {"evidence"}
    assert all("no record begins at byte" in difference.what for difference in cut.differences)
    assert [difference.what for difference in gone.differences] == ["missing, and 3 records with it"]


def test_the_story_of_an_image_names_its_evidence(desk, site, jpeg):
    site.add_gallery(["/a.jpg"])
    site.add("/a.jpg", jpeg(1), headers=(("Content-Type", "image/jpeg"),))
    desk.crawl(desk.source(evidence="warc"))
    [(sha256,)] = desk.rows("SELECT sha256 FROM images")

    told = lineage(desk.workspace, sha256).lines()

    for ref in references(desk)["/a.jpg"]:
        wanted = f"evidence of the {ref.role}: {ref.file}, byte {ref.offset}, record {ref.record}"
        assert any(line.endswith(wanted) for line in told)
