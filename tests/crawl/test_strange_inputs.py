"""Damaged and strange files, crawled and sized: a correct picture or a row with a reason, never a crash, and never a
file outside of its folder.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from harvest.config.recipe import load_recipe
from harvest.config.sizes import size_digests
from harvest.ledger import derived, derived_frames, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import run_normalize
from tests.crawl.strange import Strange, card, encoded, kinds

SIZES = [
    {"px": 64, "mode": "longest", "format": "png", "background": "#204060"},
    {"px": 48, "mode": "fit", "padding": "blur"},
    {"px": 40, "mode": "squash", "resampling": "linear", "format": "webp"},
    {"px": 32, "at": "saliency"},
    {"px": 16, "frames": "all", "format": "png"},
    {"px": 24, "mode": "fit", "padding": "edge", "frames": "middle", "upscale": True},
]
MEMBERS = ("../../evil.png", "/etc/evil.png", "nu\0ll.png", "..\\evil.png", "a/./b/../c.png", "ok.png")


def test_a_correct_picture_or_a_row_with_a_reason(desk, tmp_path):
    folder = tmp_path / "strange"
    folder.mkdir()
    strange = kinds()
    assert len(strange) >= 60
    for one in strange:
        (folder / os.fsdecode(one.name)).write_bytes(one.body)
    _archive(folder / "members.zip")
    (folder / "folder.jpg").mkdir()
    (folder / "nowhere.png").symlink_to(folder / "is-not-here.png")
    os.mkfifo(folder / "pipe.png")
    before = _files(tmp_path)

    done = desk.crawl(desk.source(spider="local", options={"places": ["strange"], "base": "strange"}))
    assert done.code in {0, 3}, done.stderr
    assert "Traceback" not in done.stderr
    report = _sized(desk, tmp_path)

    assert report.detail["broken"] <= 2, report  # what breaks off after its first frame
    statement = "SELECT source_id, outcome, reason, sha256 FROM sightings"
    fates = {source_id: fate for source_id, *fate in desk.rows(statement)}
    assert len(fates) >= len(strange)
    assert all(reason for outcome, reason, _ in fates.values() if outcome != "stored")
    by_digest = {sha256: (outcome, reason) for outcome, reason, sha256 in fates.values()}
    rows = _rows(desk, tmp_path)
    wrong = [fault for one in strange if (fault := _fault(desk, one, by_digest, rows))]
    assert not wrong, "\n".join(wrong)
    assert sorted(name for name in fates if "members.zip" in name)[:1], "members of the archive are there"
    _check_kept(desk, tmp_path, before)


def test_every_frame_has_a_row_and_the_first_is_the_images_own(desk, tmp_path):
    colours = ((200, 0, 0), (0, 200, 0), (0, 0, 200))
    frames = [Image.new("RGB", (40, 20), colour) for colour in colours]
    (tmp_path / "moving").mkdir()
    body = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    (tmp_path / "moving" / "Signal lamp.gif").write_bytes(body)
    desk.crawl(desk.source(spider="local", options={"places": ["moving"], "base": "moving"}))

    _sized(desk, tmp_path)

    sha256 = hashlib.sha256(body).hexdigest()
    rows = desk.rows("SELECT frame, path, width, height FROM derived WHERE size = 16 ORDER BY frame")
    stem = "derived/16/signal-lamp"
    digits = sha256[:10]
    assert rows == [
        (0, f"{stem}-{digits}.png", 16, 16),
        (1, f"{stem}-f0001-{digits}.png", 16, 16),
        (2, f"{stem}-f0002-{digits}.png", 16, 16),
    ]
    for (_, path, *_), colour in zip(rows, colours, strict=True):
        seen = np.asarray(Image.open(desk.workspace.root / path))
        assert np.abs(seen.astype(int) - colour).max() < 10
    ((frame, path),) = desk.rows("SELECT frame, path FROM derived WHERE size = 24")
    assert (frame, path) == (1, f"derived/24-fit-edge-middle/signal-lamp-{digits}.jpg")
    assert Image.open(desk.workspace.root / path).getpixel((12, 12))[1] > 150

    (desk.workspace.root / rows[2][1]).unlink()
    again = _sized(desk, tmp_path)
    assert (again.done, again.detail["files"]) == (1, 1), "only the frame that was lost is made again"


@pytest.fixture
def without_plugins(tmp_path) -> dict[str, str]:
    """An environment in which packages for further formats are not installed."""
    (tmp_path / "blocked").mkdir()
    for module in ("pillow_heif", "pillow_jxl"):
        (tmp_path / "blocked" / f"{module}.py").write_text("raise ImportError('not installed')")
    paths = [str(tmp_path / "blocked"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_a_missing_package_is_named_and_the_image_asked_for_again_later(desk, tmp_path, without_plugins):
    (tmp_path / "new").mkdir()
    for name, kind in (("phone.heic", "HEIF"), ("new.jxl", "JXL")):
        (tmp_path / "new" / name).write_bytes(encoded(card(), kind))
    source = desk.source(spider="local", options={"places": ["new"], "base": "new"})

    desk.crawl(source, env=without_plugins)

    fates = dict(desk.rows("SELECT source_id, outcome || ' ' || reason FROM sightings"))
    assert set(fates) == {"phone.heic", "new.jxl"}
    assert "no_decoder: HEIC is read by pillow-heif: pip install 'herbarium-harvester[formats]'" in fates["phone.heic"]
    assert "no_decoder: JPEG XL is read by pillow-jxl-plugin" in fates["new.jxl"]
    assert all(fate.startswith("failed") for fate in fates.values())


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(MEMBERS):
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, encoded(card((60 + 2 * number, 44)), "PNG"))


def _recipe(tmp_path: Path):
    path = tmp_path / "recipe.yaml"
    settings = {"dedupe": {"near": None, "pixels": False, "embedding": None}, "layout": None, "sheet": None}
    path.write_text(yaml.safe_dump({"name": "strange", "sizes": SIZES, **settings}))
    return load_recipe(path)


def _sized(desk, tmp_path: Path):
    recipe = _recipe(tmp_path)
    run_dedupe(desk.workspace, recipe, progress=SilentProgress())
    return run_normalize(desk.workspace, recipe, progress=SilentProgress())


def _rows(desk, tmp_path: Path):
    digests = size_digests(_recipe(tmp_path).sizes)
    with open_ledger(desk.workspace) as con:
        assert derived_frames(con, 16), "there are animations among them"
        return {px: derived(con, px, digest) for px, digest in digests.items()}


def _fault(desk, one: Strange, fates, rows) -> str:
    """What is wrong with what became of a file, '' where nothing is."""
    sha256 = hashlib.sha256(one.body).hexdigest()
    outcome, reason = fates[sha256]
    has_sizes = [sha256 in of_size for of_size in rows.values()]
    if outcome != "stored":
        kind = reason.partition(":")[0]
        is_expected = one.fails is None or kind in one.fails
        return "" if is_expected and not any(has_sizes) else f"{one}: {outcome}, {reason}, {has_sizes}"
    if one.fails:
        return f"{one}: {outcome}"
    if not all(has_sizes) and one.fails == ():
        return f"{one}: not all sizes"
    return _misshown(desk.workspace.root / rows[64][sha256].path, one)


def _misshown(path: Path, one: Strange) -> str:
    with Image.open(path) as image:
        shown = np.asarray(image).astype(int)
    height, width, _ = shown.shape
    if one.shows is None or (min(width, height) < 2 and len(set(one.shows)) > 1):
        return ""
    quarters = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    off = [np.abs(shown[place] - colour).max() for place, colour in zip(quarters, one.shows, strict=True)]
    return "" if max(off) <= one.tolerance else f"{one}: off by {max(off)}"


def _check_kept(desk, tmp_path: Path, before: dict[str, str]) -> None:
    """What was there is as it was, and what came lies where it belongs, under names for every file system."""
    after = _files(tmp_path)
    assert {path: after.get(path) for path in before} == before
    own = {"workspace", "recipe.yaml", "source-1.yaml"}
    assert {Path(path).parts[0] for path in set(after) - set(before)} <= own
    names = [Path(path).name for path in after if path.startswith("workspace/derived/")]
    assert len({name.casefold() for name in names}) == len(set(names))
    for name in names:
        assert len(name.encode()) <= 200
        assert all(mark.isalnum() or mark in "-." or mark.isprintable() for mark in name)
        assert not set(name) & set('\\/:*?"<>|%#\0\n\u202e')
    stems = " ".join(names)
    for told in ("貝殻の標本", "مرحبا", "नमस्ते", "grosse-a-cote", "ete-", "latin-"):
        assert told in stems, told


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
