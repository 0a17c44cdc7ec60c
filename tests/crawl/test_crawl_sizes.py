"""Sizes that a crawl makes while the bytes are at hand are those that `harvest normalize` would make, and finds."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from harvest.config.recipe import Recipe, load_recipe
from harvest.config.source import load_source
from harvest.errors import ConfigError
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import run_normalize

SIZES = [{"px": 48, "at": "saliency"}, {"px": 64, "mode": "longest", "format": "png"}]


@pytest.fixture
def recipe(desk) -> Recipe:
    path = desk.folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": "fins", "sizes": SIZES, "layout": None, "sheet": None}))
    return load_recipe(path)


def files(desk) -> dict[str, tuple[int, str]]:
    return {
        path.relative_to(desk.workspace.root).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(desk.workspace.derived.rglob("*.*"))
    }


def photograph(seed: int, size: tuple[int, int], **options: object) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_normalize_finds_nothing_to_do_after_a_crawl_with_the_same_sizes(desk, site, recipe):
    exif = Image.Exif()
    exif[0x0112] = 6  # shot with the camera on its side
    site.add("/upright.jpg", photograph(1, (640, 480)))
    site.add("/turned.jpg", photograph(2, (800, 600), exif=exif))
    site.add("/grey.jpg", photograph(3, (100, 70)))
    site.add_gallery(["/upright.jpg", "/turned.jpg", "/grey.jpg"])

    done = desk.crawl(desk.source(sizes=SIZES))

    assert done.finished["stored"] == 3, done.stderr
    crawled = files(desk)
    assert len(crawled) == 6
    rows = desk.rows("SELECT path, derived_sha256 FROM derived ORDER BY path")
    assert rows == [(path, digest) for path, (_, digest) in crawled.items()]

    run_dedupe(desk.workspace, recipe, progress=SilentProgress())
    report = run_normalize(desk.workspace, recipe, progress=SilentProgress())

    assert (report.done, report.skipped) == (0, 3)
    assert files(desk) == crawled


def test_a_size_made_by_a_crawl_is_to_the_byte_what_normalize_makes(desk, site, recipe):
    site.add("/a.jpg", photograph(1, (640, 480)))
    site.add_gallery(["/a.jpg"])
    desk.crawl(desk.source(sizes=SIZES))
    crawled = files(desk)
    for path in crawled:
        (desk.workspace.root / path).unlink()

    run_dedupe(desk.workspace, recipe, progress=SilentProgress())
    report = run_normalize(desk.workspace, recipe, progress=SilentProgress())

    assert report.done == 1
    assert {path: digest for path, (_, digest) in files(desk).items()} == {
        path: digest for path, (_, digest) in crawled.items()
    }


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"at": "focus"}, "sizes[0].at: expected 'centre' or 'saliency'"),
        ({"frames": "all"}, "sizes[0].frames: expected 'first'"),
    ],
)
def test_a_crawl_makes_no_sizes_that_need_more_than_the_picture(desk, size, expected):
    with pytest.raises(ConfigError) as error:
        load_source(desk.source(sizes=[{"px": 32, **size}]))

    why = "a crawl sees one picture at a time; let `harvest normalize` make this size"
    assert str(error.value).endswith(f"{expected}: {why}")


def test_what_is_refused_or_broken_has_no_sizes(desk, site, jpeg):
    site.add("/refused.jpg", jpeg(1), headers=(("X-Robots-Tag", "noai"),))
    site.add("/cut.jpg", jpeg(2)[:-200])
    site.add_gallery(["/refused.jpg", "/cut.jpg"])

    desk.crawl(desk.source(sizes=SIZES))

    assert {outcome for outcome, _ in desk.fates().values()} == {"refused", "broken"}
    assert files(desk) == {}
    assert not list(desk.workspace.root.glob("originals/**/*.*"))


def test_the_journal_says_which_sizes_were_made(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"])

    desk.crawl(desk.source(sizes=[{"px": 32}]))

    (segment,) = desk.workspace.journal.glob("*/*.jsonl")
    sighting = json.loads(segment.read_text().splitlines()[0])
    (made,) = sighting["derived"]
    assert (made["size"], made["mode"]) == (32, "crop")
    assert Path(made["path"]).parent == Path("derived/32")
    assert sighting["fingerprint"]["sha1"] == hashlib.sha1(jpeg(1)).hexdigest()
