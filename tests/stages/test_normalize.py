from __future__ import annotations

import hashlib
import io

from PIL import Image

from harvest.ledger import derived, images, open_ledger
from harvest.ledger.rows import ImageRow, SightingRow
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import names, run_normalize, size_digests

SIZES = "sizes: [{px: 32}, {px: 64, mode: longest}]\nlayout: null"


def run(herbarium, recipe):
    run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())
    return run_normalize(herbarium.workspace, recipe, progress=SilentProgress())


def files(herbarium):
    return {
        path.relative_to(herbarium.workspace.root).as_posix(): path.stat().st_mtime_ns
        for path in herbarium.workspace.derived.rglob("*.*")
    }


def test_every_size_is_made_under_a_name_that_tells(herbarium, recipe, picture):
    sha256 = herbarium.meet(picture(1), title="Grande coquille n° 7 / Österreich")
    herbarium.crawl()

    report = run(herbarium, recipe(SIZES))

    name = f"grande-coquille-n-7-osterreich-shell-1-{sha256[:10]}.jpg"
    assert set(files(herbarium)) == {f"derived/32/{name}", f"derived/64-longest/{name}"}
    assert report.detail == {"images": 1, "files": 2, "broken": 0}
    with open_ledger(herbarium.workspace) as con:
        row = derived(con, 64, size_digests(recipe(SIZES))[64])[sha256]
    body = (herbarium.workspace.root / row.path).read_bytes()
    assert (row.bytes, row.derived_sha256, row.mode) == (len(body), hashlib.sha256(body).hexdigest(), "longest")
    assert Image.open(io.BytesIO(body)).size == (64, 48)


def test_only_selected_images_are_sized(herbarium, recipe, picture):
    herbarium.meet(picture(1, 800, 600))
    copy = herbarium.meet(picture(1, 400, 300))
    herbarium.crawl()

    run(herbarium, recipe(SIZES))

    assert len(files(herbarium)) == 2
    assert not any(copy[:10] in path for path in files(herbarium))


def test_a_second_run_touches_nothing_and_a_lost_file_comes_back_alike(herbarium, recipe, picture):
    for seed in range(3):
        herbarium.meet(picture(seed))
    herbarium.crawl()
    run(herbarium, recipe(SIZES))
    before, ledger = files(herbarium), herbarium.workspace.ledger.stat().st_mtime_ns

    again = run(herbarium, recipe(SIZES))
    assert (again.done, again.skipped) == (0, 3)
    assert (files(herbarium), herbarium.workspace.ledger.stat().st_mtime_ns) == (before, ledger)

    lost = herbarium.workspace.root / min(before)
    body = lost.read_bytes()
    lost.unlink()
    assert run(herbarium, recipe(SIZES)).done == 1
    assert lost.read_bytes() == body


def test_an_original_that_does_not_decode_any_more_is_counted_not_fatal(herbarium, recipe, picture):
    sha256 = herbarium.meet(picture(1))
    herbarium.meet(picture(2))
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        path = next(image.path for image in images(con) if image.sha256 == sha256)
    (herbarium.workspace.root / path).write_bytes(b"eaten by moths")

    report = run(herbarium, recipe(SIZES))

    assert report.detail == {"images": 2, "files": 2, "broken": 1}


def test_many_images_go_through_worker_processes(herbarium, recipe, picture):
    for seed in range(60):
        herbarium.meet(picture(seed, 80, 60))
    herbarium.crawl()

    report = run(herbarium, recipe("sizes: [{px: 16, format: png}]\ndedupe: {near: null}\nlayout: null"))

    assert report.detail["files"] == 60
    assert len(files(herbarium)) == 60


def test_names_never_collide_and_are_safe_everywhere():
    def image(sha256):
        return ImageRow(
            sha256=sha256, path="", bytes=1, format="PNG", width=1, height=1, mode="L", frames=1, phash=0,
            phash_version="", sharpness=0, entropy=0, brightness=0, first_seen="",
        )  # fmt: skip

    def origin(title, url="https://x.test/a/Ünder%20water_01.JPG"):
        return SightingRow(
            run_id="r", seq=0, source="s", source_id="1", image_url=url, title=title, outcome="stored"
        )  # fmt: skip

    shared = "0123456789"
    a, b, c, d = shared + "a" * 54, shared + "b" * 54, "c" * 64, "d" * 64
    called = names(
        [image(a), image(b), image(c), image(d)],
        {
            a: origin("../../etc/passwd"),
            b: origin("../../etc/passwd"),
            c: origin(None),
            d: origin("貝殻", "https://x.test/"),
        },
    )

    assert called == {
        a: f"etc-passwd-under-water-01-{a}",
        b: f"etc-passwd-under-water-01-{b}",
        c: "under-water-01-cccccccccc",
        d: "貝殻-dddddddddd",
    }
    long = names([image(c)], {c: origin("x" * 500)})
    assert len(long[c]) == 60 + len("-under-water-01-") + 10
