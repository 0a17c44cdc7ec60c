from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.config.recipe import SizeConfig
from harvest.embedders.framing import Preprocess
from harvest.engine import Order, look, look_at
from harvest.images.decode import decode_rgb
from harvest.images.prints import PRINTS
from harvest.images.resize import derive
from tests.engine.frames import SIDE, jpegs, read, read_or_die, read_or_die_once, read_wrongly

FRAMING = Preprocess(side=SIDE, scaled=SIDE)
LARGE = Preprocess(side=200, scaled=200)
SIZES = (SizeConfig(px=64), SizeConfig(px=256, mode="fit"))


def test_all_that_is_wanted_comes_out_of_one_look(tmp_path: Path):
    [(sha256, path)] = jpegs(tmp_path, 1, (900, 700))
    body = Path(path).read_bytes()
    order = Order(framings=(FRAMING, LARGE), prints=("phash", "dihedral", "pixels", "encoder"), sizes=SIZES)

    seen = look_at(sha256, body, order)

    assert seen.fault is None
    assert [pixels.shape for pixels in seen.pixels] == [(SIDE, SIDE, 3), (200, 200, 3)]
    assert tuple(copy.body for copy in seen.sizes) == tuple(
        derive(decode_rgb(Path(path), longest=256), size) for size in SIZES
    )
    assert seen.prints["pixels"] == PRINTS["pixels"].made(body)
    assert seen.prints["encoder"] == ("", pytest.approx(90, abs=1))
    assert bits(seen.prints["phash"][0], PRINTS["phash"].made(body)[0]) <= 2
    assert seen.prints["dihedral"][0].startswith(seen.prints["phash"][0])


def test_one_decode_gives_pixels_close_to_those_of_a_decode_of_their_own(tmp_path: Path):
    [(sha256, path)] = jpegs(tmp_path, 1, (900, 700))
    body = Path(path).read_bytes()

    alone = look_at(sha256, body, Order(framings=(FRAMING,))).pixels[0].astype(int)
    shared = look_at(sha256, body, Order(framings=(FRAMING,), sizes=SIZES, prints=("phash",))).pixels[0].astype(int)

    assert np.abs(alone - shared).mean() < 1


def test_an_exact_order_gives_what_each_would_have_had_alone(tmp_path: Path):
    [(sha256, path)] = jpegs(tmp_path, 1, (900, 700))
    body = Path(path).read_bytes()
    wanted = Order(framings=(FRAMING, LARGE), prints=("phash", "dihedral"), sizes=SIZES, is_exact=True)

    seen = look_at(sha256, body, wanted)

    for framing, pixels in zip(wanted.framings, seen.pixels, strict=True):
        assert (pixels == framing(decode_rgb(Path(path), longest=framing.least))).all()
    assert seen.prints == {name: PRINTS[name].made(body) for name in wanted.prints}


def test_a_picture_that_lies_on_its_side_is_seen_upright(tmp_path: Path):
    picture = Image.fromarray(np.repeat(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8), 64, axis=1))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    buffer = io.BytesIO()
    picture.resize((64, 64), Image.Resampling.NEAREST).save(buffer, "PNG", exif=exif)

    [pixels] = look_at("a", buffer.getvalue(), Order(framings=(FRAMING,))).pixels

    assert pixels[0, 0].tolist() == [0, 0, 255]
    assert pixels[-1, -1].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", "empty"), (b"<html>", "not_an_image")],
)
@pytest.mark.parametrize("order", [Order(framings=(FRAMING,)), Order(prints=("phash",)), Order(sizes=SIZES)])
def test_what_does_not_decode_is_a_fault(body: bytes, kind: str, order: Order):
    seen = look_at("a", body, order)

    assert seen.fault is not None
    assert seen.fault.kind == kind
    assert seen.pixels == ()


@pytest.mark.parametrize("workers", [None, 2])
def test_images_come_back_in_their_order_with_their_own_pixels(tmp_path: Path, workers: int | None):
    images = jpegs(tmp_path, 30)
    images.insert(3, ("cut", str(tmp_path / "cut.jpg")))
    images.insert(7, ("gone", str(tmp_path / "gone.jpg")))
    (tmp_path / "cut.jpg").write_bytes(Path(images[0][1]).read_bytes()[:700])

    batches = look(iter(images), read, Order(framings=(FRAMING,)), batch=8, total=len(images), workers=workers)
    found = [
        (seen, pixels.copy()) for batch in batches for seen, pixels in zip(batch.seen, batch.pixels[0], strict=True)
    ]

    assert [seen.sha256 for seen, _ in found] == [sha256 for sha256, _ in images]
    assert {seen.sha256: seen.fault.kind for seen, _ in found if seen.fault} == {"cut": "truncated", "gone": "gone"}
    for (seen, pixels), (_, path) in zip(found, images, strict=True):
        if not seen.fault:
            assert digest(pixels) == digest(FRAMING(decode_rgb(Path(path), longest=SIDE)))


def test_a_picture_that_kills_its_process_costs_nobody_else(tmp_path: Path):
    images = jpegs(tmp_path, 24)
    for number in (5, 6, 20):
        deadly = Path(images[number][1]).rename(tmp_path / f"deadly{number}.jpg")
        images[number] = (images[number][0], str(deadly))

    batches = look(images, read_or_die, Order(framings=(FRAMING,)), batch=8, workers=2)
    faults = [seen.fault for batch in batches for seen in batch.seen]

    assert [number for number, fault in enumerate(faults) if fault] == [5, 6, 20]
    assert str(faults[5]) == "crash: the process that decoded it ended with -11"


def test_a_process_that_was_killed_once_is_replaced_and_its_image_seen(tmp_path: Path):
    images = jpegs(tmp_path, 12)
    images[4] = (images[4][0], str(Path(images[4][1]).rename(tmp_path / "deadly.jpg")))

    batches = look(images, read_or_die_once, Order(framings=(FRAMING,)), batch=4, workers=1)

    assert [seen.fault for batch in batches for seen in batch.seen] == [None] * 12


def test_an_error_that_is_no_picture_s_fault_reaches_the_caller(tmp_path: Path):
    with pytest.raises(ZeroDivisionError):
        list(look(jpegs(tmp_path, 2), read_wrongly, Order(framings=(FRAMING,)), workers=1))


def test_whoever_stops_early_leaves_no_process_behind(tmp_path: Path):
    batches = look(jpegs(tmp_path, 40), read, Order(framings=(FRAMING,)), batch=4, workers=2)

    next(batches)
    children = Path("/proc/self/task").glob("*/children")
    before = {pid for path in children for pid in path.read_text().split()}
    batches.close()

    assert before
    assert not any(Path(f"/proc/{pid}").exists() for pid in before if is_decoder(pid))


def is_decoder(pid: str) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
