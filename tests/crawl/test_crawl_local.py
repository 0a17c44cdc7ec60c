"""Images on disk: what lies in folders and archives, what is cut and taken out, and whose words about rights count."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from harvest.config.source import Limits
from harvest.crawl.carriers import CarrierFailed, carry
from harvest.errors import ConfigError
from spiders.local import LocalSpider

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"'
    b' xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/">'
    b"<dc:creator><rdf:Seq><rdf:li>Ada Moss</rdf:li></rdf:Seq></dc:creator>"
    b'<cc:license rdf:resource="http://creativecommons.org/licenses/by/4.0/"/>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def picture(number: int, size: tuple[int, int] = (64, 48), **saving: object) -> bytes:
    noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", **saving)
    return buffer.getvalue()


@pytest.fixture
def own(desk, tmp_path):
    """List what lies in the folder `photographs`, in this process; `own.crawl` crawls it in one of its own."""

    class Own:
        folder = tmp_path / "photographs"
        troubles: list[str]

        def source(self, options=None, **settings):
            given = {"places": ["photographs"], "base": "photographs", **(options or {})}
            return desk.source(spider="local", options=given, **settings)

        def crawl(self, options=None, **settings):
            return desk.crawl(self.source(options, **settings))

        def __call__(self, options=None):
            async def listed():
                return [item async for item in spider.start()]

            spider = LocalSpider(source=str(self.source(options)), workspace=str(desk.workspace.root))
            items = asyncio.run(listed())
            self.troubles = spider.troubles
            return items

    Own.folder.mkdir()
    return Own()


def brought(item, **limits):
    return asyncio.run(carry(item.carrier, None, Limits(**limits)))


def test_a_folder_with_sidecars_crawled_twice(desk, own, tmp_path):
    (own.folder / "cats").mkdir()
    (own.folder / "a b.jpg").write_bytes(picture(1))
    (own.folder / "cats" / "tom.jpg").write_bytes(picture(2, xmp=XMP))
    (own.folder / "cats" / "kit.jpg").write_bytes(picture(3, xmp=XMP))
    (own.folder / "cut.jpg").write_bytes(picture(4)[:-300])
    (own.folder / "dangling.jpg").symlink_to("gone.jpg")
    os.mkfifo(own.folder / "pipe.jpg")
    (own.folder / "_rights.yaml").write_text("creator: Bo Fern\nconsent: nobody is shown\n")
    (own.folder / "cats" / "kit.jpg.yaml").write_text(
        "title: Kit\ncaption: A cat that sleeps\nlicense: CC0\nlabels: [cat]\ntaken_at: 2020-05-01\n"
    )

    done = own.crawl({"labels": "folder"}, license="CC-BY-SA-4.0")

    assert (done.code, done.finished["stored"]) == (0, 3), done.stderr
    columns = "source_id, title, description, labels, creator, license, license_raw, taken_at"
    found = desk.fates(f"outcome, {columns}")
    assert {url: rest[1:] for url, rest in found.items() if rest[0] == "stored"} == {
        "file:///photographs/a%20b.jpg": ("a b.jpg", None, None, [], "Bo Fern", "CC-BY-SA-4.0", "CC-BY-SA-4.0", None),
        "file:///photographs/cats/kit.jpg": (
            *("cats/kit.jpg", "Kit", "A cat that sleeps", ["cat"], "Bo Fern", "CC0-1.0", "CC0", "2020-05-01"),
        ),
        "file:///photographs/cats/tom.jpg": (
            *("cats/tom.jpg", None, None, ["cats"], "Bo Fern", "CC-BY-4.0"),
            *("http://creativecommons.org/licenses/by/4.0/", None),
        ),
    }
    reasons = {Path(url).name: (outcome, reason) for url, (outcome, reason) in desk.fates().items() if reason}
    assert reasons.pop("cut.jpg")[1].startswith("truncated")
    assert reasons == {
        "dangling.jpg": ("gone", "missing: no such file"),
        "pipe.jpg": ("failed", "unreadable: no regular file"),
    }
    raw = [json.loads(raw) for (raw,) in desk.rows("SELECT raw FROM sightings")]
    assert {each["consent"] for each in raw} == {"nobody is shown"}
    assert [each["caption"] for each in raw if "caption" in each] == ["A cat that sleeps"]
    kept = {(desk.workspace.root / path).read_bytes() for (path,) in desk.rows("SELECT path FROM images")}
    assert kept == {picture(1), picture(2, xmp=XMP), picture(3, xmp=XMP)}
    journals = b"".join(path.read_bytes() for path in (desk.workspace.root / "journal").rglob("*.jsonl"))
    assert str(tmp_path).encode() not in journals.partition(b"\n")[2]

    (own.folder / "a b.jpg").write_bytes(picture(10))
    again = own.crawl({"labels": "folder"}, license="CC-BY-SA-4.0")

    assert (again.finished["unchanged"], again.finished["stored"]) == (2, 1)
    assert desk.fates()["file:///photographs/cats/tom.jpg"] == ("unchanged", "same version")


def test_links_and_hidden_files(own, tmp_path, caplog):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.jpg").write_bytes(picture(1))
    (own.folder / "linked").symlink_to(tmp_path / "elsewhere")
    (own.folder / "out.jpg").symlink_to(tmp_path / "elsewhere" / "x.jpg")
    (own.folder / ".hidden.jpg").write_bytes(picture(2))
    (own.folder / "good.jpg").write_bytes(picture(4))
    (own.folder / "within.jpg").symlink_to("good.jpg")

    items = own()

    assert [item.source_id for item in items] == ["good.jpg", "within.jpg"]
    assert "2 left out: symbolic links to folders, or out of this one" in caplog.text
    assert "1 left out: hidden" in caplog.text
    assert [item.source_id for item in own({"hidden": True})] == [".hidden.jpg", "good.jpg", "within.jpg"]


@pytest.mark.parametrize("name", ["scans.zip", "scans.tar", "scans.tar.gz"])
def test_members_of_archives(own, name):
    members = {"box 1/a.jpg": picture(1), "box 1/b.jpg": picture(2), "_rights.yaml": b"creator: Ada", "c.txt": b"no"}
    members |= {"../../etc/d.jpg": picture(3), "__MACOSX/._a.jpg": b"no"}
    if name.endswith(".zip"):
        with zipfile.ZipFile(own.folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, body in members.items():
                archive.writestr(member, body)
    else:
        with tarfile.open(own.folder / name, "w:gz" if name.endswith("gz") else "w") as archive:
            for member, body in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))

    items = own()

    assert [(item.image_url, item.source_id, item.creator) for item in items] == [
        (f"file:///photographs/{name}#member=box%201/a.jpg", f"{name}/box 1/a.jpg", "Ada"),
        (f"file:///photographs/{name}#member=box%201/b.jpg", f"{name}/box 1/b.jpg", "Ada"),
        (f"file:///photographs/{name}#member=../../etc/d.jpg", f"{name}/../../etc/d.jpg", "Ada"),
    ]
    assert [brought(item).body for item in reversed(items)] == [picture(3), picture(2), picture(1)]
    assert brought(items[0]).etag == items[0].carrier.args["version"]
    with pytest.raises(CarrierFailed, match=r"too_large: \d+ bytes, limits\.max_bytes is 100"):
        brought(items[0], max_bytes=100)


READS_A_MEMBER = """
import sys
from pathlib import Path
from harvest.crawl.files.archives import ARCHIVES

with ARCHIVES.use(Path(sys.argv[1])) as archive:
    print(archive.read("a.txt", 100))
"""


def test_what_an_archive_was_unpacked_into_is_closed_at_the_end(tmp_path):
    (tmp_path / "a.txt").write_text("leaf")
    with tarfile.open(tmp_path / "scans.tgz", "w:gz") as archive:
        archive.add(tmp_path / "a.txt", "a.txt")

    command = [sys.executable, "-W", "error", "-c", READS_A_MEMBER, str(tmp_path / "scans.tgz")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("b'leaf'\n", "")


@pytest.mark.parametrize("name", ["scans.zip", "scans.tar", "scans.tgz"])
def test_a_damaged_archive_is_said(own, name):
    (own.folder / name).write_bytes(b"PK\x03\x04 this is no archive")

    assert own() == []
    assert re.fullmatch(rf"file:///photographs/{name}: (corrupt|unreadable): .+", own.troubles[0])


def test_a_mosaic_is_cut_into_tiles(own):
    mosaic = Image.new("RGB", (2 + 3 * 16 + 2 * 1 + 2, 2 + 2 * 16 + 1 + 2), "black")
    tiles = []
    for number in range(5):  # the sixth place stays empty
        tile = Image.open(io.BytesIO(picture(number, (16, 16))))
        row, column = divmod(number, 3)
        tiles.append(np.asarray(tile))
        mosaic.paste(tile, (2 + column * 17, 2 + row * 17))
    mosaic.save(own.folder / "wall.png")
    (own.folder / "wall.yaml").write_text("license: CC0-1.0\ncreator: Ada\n")
    cut = {"tile": 16, "margin": 2, "gutter": 1, "labels": ["zero", "-", "two", "three"]}

    items = own({"cut": cut})

    assert [(item.source_id, item.labels, item.license, dict(item.raw)) for item in items] == [
        ("wall.png#0,0", ("zero",), "CC0-1.0", {"row": 0, "column": 0}),
        ("wall.png#0,1", (), "CC0-1.0", {"row": 0, "column": 1}),
        ("wall.png#0,2", ("two",), "CC0-1.0", {"row": 0, "column": 2}),
        ("wall.png#1,0", ("three",), "CC0-1.0", {"row": 1, "column": 0}),
        ("wall.png#1,1", (), "CC0-1.0", {"row": 1, "column": 1}),
    ]
    assert items[4].image_url == "file:///photographs/wall.png#xywh=19,19,16,16"
    carried = [brought(item) for item in items]
    assert all(np.array_equal(Image.open(io.BytesIO(c.body)), t) for c, t in zip(carried, tiles, strict=True))
    assert carried[4].made == "cut from a mosaic at 19,19"
    assert [item.source_id for item in own({"cut": {**cut, "order": "columns", "skip_empty": False}})] == [
        f"wall.png#{row},{column}" for column in range(3) for row in range(2)
    ]


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ({"columns": 3, "rows": 4}, "100 pixels do not divide into 3 columns (cut.columns, margin, gutter)"),
        ({"tile": 64, "columns": 2}, "100 pixels hold 1 columns of 64 pixels (cut.tile), not 2"),
    ],
)
def test_a_mosaic_that_does_not_divide_is_said(own, cut, expected):
    Image.new("RGB", (100, 100)).save(own.folder / "wall.png")

    assert own({"cut": cut}) == []
    assert own.troubles == [f"file:///photographs/wall.png: {expected}"]


def test_frames_of_a_film(own, caplog):
    with av.open(str(own.folder / "walk.mp4"), "w") as film:
        stream = film.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(35):
            shade = np.full((48, 64, 3), number * 7, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(shade, "rgb24")))
        film.mux(stream.encode())

    items = own({"video": {"every": 0.5, "start": 1.0}})

    assert [item.image_url.partition("#")[2] for item in items] == ["t=1", "t=1.5", "t=2", "t=2.5", "t=3"]
    carried = [brought(item) for item in [*items, *reversed(items)]]
    assert [each.body for each in carried[5:]] == [each.body for each in reversed(carried[:5])]
    shades = [np.asarray(Image.open(io.BytesIO(each.body))).mean() for each in carried[:5]]
    assert shades == pytest.approx([70, 105, 140, 175, 210], abs=4)
    assert carried[1].made == "frame of a film at 1.5 s"
    assert own() == []
    assert "1 left out: films, since options.video does not say which frames to take" in caplog.text


@pytest.mark.parametrize(
    ("sidecar", "expected"),
    [
        ("licence: CC0", "a.jpg.yaml: licence: unknown key; did you mean 'license'?"),
        ("license: CC BY", "a.jpg.yaml: license: expected an SPDX id, a LicenseRef-* or a licence's URL, got 'CC BY'"),
        ("labels: cat", "a.jpg.yaml: labels: expected a list, each entry a text, got 'cat'"),
        ("[1]", "a.jpg.yaml: expected a mapping, got list"),
        ("focus: [0.5]", "a.jpg.yaml: focus: expected two shares from 0 to 1, like [0.5, 0.3], got [0.5]"),
        ("focus: [120, 40]", "a.jpg.yaml: focus[0]: expected a number >= 0 and <= 1, got 120"),
    ],
)
def test_a_sidecar_that_says_what_it_may_not(own, sidecar, expected):
    (own.folder / "a.jpg").write_bytes(picture(1))
    (own.folder / "a.jpg.yaml").write_text(sidecar)

    with pytest.raises(ConfigError) as error:
        own()
    assert str(error.value) == f"{own.folder}/{expected}"


def test_the_focus_that_a_sidecar_names_travels_with_the_sighting(own):
    (own.folder / "a.jpg").write_bytes(picture(1))
    (own.folder / "a.jpg.yaml").write_text("focus: [0.25, 0.75]")

    (item,) = own()

    assert item.raw["focus"] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"places": []}, "options.places: expected at least one folder, archive, image or film"),
        ({"base": "photographs/none"}, "options.places[0]: expected a place under base (photographs/none), got"),
        ({"cut": {"margin": 2}}, "options.cut: expected tile, or width and height, or columns and rows"),
    ],
)
def test_options_that_cannot_be(own, options, expected):
    with pytest.raises(ConfigError, match=re.escape(expected)):
        own(options)


def test_a_place_without_an_image_is_said(own):
    assert own({"places": ["photographs/*.tif"]}) == []
    assert own.troubles == ["photographs/*.tif: no image was found here; check options.places, recursive and hidden"]


def test_the_environment_stays_out_of_sidecars(own, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "s3cret")
    (own.folder / "a.jpg").write_bytes(picture(1))
    (own.folder / "a.jpg.json").write_text('{"caption": "${SOME_TOKEN}"}')

    assert [item.description for item in own()] == ["${SOME_TOKEN}"]
