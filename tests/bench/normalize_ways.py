"""Ways to make 32, 128 and 256 px of a folder's photographs on all cores: `normalize_ways.py WAY FOLDER OUT CORES`.

Prints a line of JSON: images, seconds from the first to the last of them and CPU seconds of all cores, with all
processes of a library started before and those of a program counted, as whoever calls it has to wait for them. Each way
runs by itself, in the environment of what it needs; squares are cut at the centre, JPEGs have a quality of 92, and lie
on the disk in the end.
"""

# ruff: noqa: PLC0415 - each way imports what lies in its own environment
from __future__ import annotations

import functools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PIXELS = (32, 128, 256)
QUALITY = 92
Job = tuple[str, str]  # a photograph, and the folder of what is made of it


def ours(job: Job) -> None:
    """The function that stage, crawl and cluster share."""
    from harvest.config.sizes import SizeConfig
    from harvest.images.decode import decode_frames
    from harvest.images.resize import sized
    from harvest.images.sizes import write_size

    file, out = Path(job[0]), Path(job[1])
    picture = next(decode_frames(file.read_bytes(), (0,), longest=max(PIXELS)))
    for px in PIXELS:
        write_size(out / str(px) / f"{file.stem}.jpg", sized(picture, SizeConfig(px=px, quality=QUALITY)).body)


def pyvips(job: Job) -> None:
    """libvips's thumbnail, which decodes JPEGs at a fraction of their size, once for each size."""
    import pyvips

    file, out = Path(job[0]), Path(job[1])
    for px in PIXELS:
        made = pyvips.Image.thumbnail(str(file), px, height=px, crop="centre")
        made.jpegsave(str(out / str(px) / f"{file.stem}.jpg"), Q=QUALITY, strip=True)


def pyvips_once(job: Job) -> None:
    """The same, but the smaller sizes made of the largest."""
    import pyvips

    file, out = Path(job[0]), Path(job[1])
    made = pyvips.Image.thumbnail(str(file), max(PIXELS), height=max(PIXELS), crop="centre").copy_memory()
    for px in PIXELS:
        small = made if px == max(PIXELS) else made.thumbnail_image(px)
        small.jpegsave(str(out / str(px) / f"{file.stem}.jpg"), Q=QUALITY, strip=True)


def img2dataset(job: Job) -> None:
    """img2dataset's resizer, as its workers call it, once for each size."""
    import io

    import cv2
    from img2dataset.resizer import Resizer

    cv2.setNumThreads(1)
    file, out = Path(job[0]), Path(job[1])
    body = file.read_bytes()
    for px in PIXELS:
        resizer = Resizer(px, "center_crop", False, encode_quality=QUALITY)
        made, *_, error = resizer(io.BytesIO(body))
        if error:
            raise SystemExit(f"{file}: {error}")
        (out / str(px) / f"{file.stem}.jpg").write_bytes(made)


def ffmpeg(file: Path, out: Path) -> None:
    """Three processes an image, as courses teach it."""
    for px in PIXELS:
        scale = f"scale={px}:{px}:force_original_aspect_ratio=increase:flags=lanczos,crop={px}:{px}"
        target = out / str(px) / f"{file.stem}.jpg"
        command = ["ffmpeg", "-loglevel", "error", "-y", "-threads", "1", "-i", file, "-vf", scale, "-q:v", "3", target]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def mogrify(files: Sequence[Path], out: Path) -> None:
    """ImageMagick, a process for all files of a core and one size, JPEGs decoded at a fraction of their size."""
    for px in PIXELS:
        square = f"{px}x{px}"
        options = ["-define", f"jpeg:size={2 * px}x{2 * px}", "-thumbnail", f"{square}^", "-gravity", "center"]
        command = ["mogrify", "-limit", "thread", "1", "-path", out / str(px), *options, "-extent", square]
        subprocess.run([*command, "-quality", str(QUALITY), "-format", "jpg", *files], check=True)


def vipsthumbnail(files: Sequence[Path], out: Path) -> None:
    """libvips's program, a process for all files of a core and one size."""
    for px in PIXELS:
        target = out.absolute() / str(px) / f"%s.jpg[Q={QUALITY},strip]"
        command = ["vipsthumbnail", "--size", f"{px}x{px}", "--smartcrop", "centre", "-o", target, *files]
        subprocess.run(command, check=True, env={**os.environ, "VIPS_CONCURRENCY": "1"})


def measured(work: Callable[[Job], None], job: Job) -> float:
    """CPU seconds that one image takes, all threads counted."""
    began = time.process_time()
    work(job)
    return time.process_time() - began


def in_processes(work: Callable[[Job], None], files: Sequence[Path], out: Path, cores: int) -> tuple[float, float]:
    """Seconds, and CPU seconds, that a library takes, its processes started and warm."""
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        warm = [(str(file), str(out)) for file in files[:1]] * (4 * cores)
        pool.map(work, warm, chunksize=1)
        timed = functools.partial(measured, work)
        began = time.perf_counter()
        cpu = pool.map(timed, [(str(file), str(out)) for file in files], chunksize=8)
        return time.perf_counter() - began, sum(cpu)


def in_programs(work: Callable[..., None], files: Sequence[Path], out: Path, cores: int) -> tuple[float, float]:
    """Seconds, and CPU seconds, that programs take, one at a time on each core."""
    with ThreadPoolExecutor(cores) as pool:
        began = time.perf_counter()
        if work is ffmpeg:
            list(pool.map(lambda file: ffmpeg(file, out), files))
        else:
            list(pool.map(lambda part: work(part, out), [files[core::cores] for core in range(cores)]))
        wall = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, used.ru_utime + used.ru_stime


LIBRARIES: dict[str, Callable[[Job], None]] = {way.__name__: way for way in (ours, pyvips, pyvips_once, img2dataset)}
PROGRAMS: dict[str, Callable[..., None]] = {way.__name__: way for way in (ffmpeg, mogrify, vipsthumbnail)}


def main(way: str, folder: Path, out: Path, cores: int) -> dict[str, Any]:
    """Make all sizes of all files of a folder."""
    for px in PIXELS:
        (out / str(px)).mkdir(parents=True, exist_ok=True)
    files = sorted(folder.iterdir())
    if way in LIBRARIES:
        seconds, cpu = in_processes(LIBRARIES[way], files, out, cores)
    else:
        seconds, cpu = in_programs(PROGRAMS[way], files, out, cores)
    return {"images": len(files), "seconds": seconds, "cpu": cpu}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))))
