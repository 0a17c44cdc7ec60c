"""A crawl against img2dataset: the same photographs from the same loopback server, to files of 256 px.

Ours writes the originals, sha256, sha1 and phash, a journal and the ledger besides, and asks for refusals.
`python tests/bench/bench_crawl.py [--images N] [--folder DIR] [--repeats N]`; the peer is .peers/img2dataset.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from measuring import ROOT, Row, Spent, report, spent_by

from harvest.ledger import open_ledger
from harvest.workspace import Workspace

PEER = ROOT / ".peers" / "img2dataset" / "bin" / "img2dataset"
DISTINCT = 200  # different pictures; each address gets bytes of its own by a comment
SIZE, QUALITY = 256, 95  # pixels of the square, and img2dataset's own JPEG quality
SETTINGS = ((2, 16), (2, 32), (2, 64), (3, 32))  # img2dataset's processes and threads that are tried
TRIAL = 1000  # images of a trial
FEW = 40  # images of a run that shows what starting costs


def main() -> None:
    """Try the peer's settings, then run both in turns and compare the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--distinct", type=int, default=DISTINCT)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=os.environ.get("IMAGES") or None)
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--setting", help="the peer's PROCESSES,THREADS, without trying")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-crawl-") as name, _server(options) as port:
        place = Path(name)
        urls = [f"http://127.0.0.1:{port}/{number}.jpg" for number in range(options.images)]
        if options.only_ours:
            for _ in range(options.repeats):
                _say("ours", _ours(place, urls), len(urls))
        elif not PEER.exists():
            row = Row(metric="crawl to ledger and 256 px files", peer="img2dataset cannot be installed", goal=1.0)
            report("crawl", [row])
        else:
            setting = tuple(map(int, options.setting.split(","))) if options.setting else _best_setting(place, urls)
            _compare(place, urls, options.repeats, (setting[0], setting[1]))


def _best_setting(place: Path, urls: list[str]) -> tuple[int, int]:
    tried = {setting: _peer(place, urls[:TRIAL], *setting) for setting in SETTINGS}
    for (processes, threads), spent in tried.items():
        _say(f"img2dataset, {processes} processes of {threads} threads", spent, len(urls[:TRIAL]))
    return min(tried, key=lambda setting: tried[setting].wall)


def _compare(place: Path, urls: list[str], repeats: int, setting: tuple[int, int]) -> None:
    count, runs = len(urls), {"ours": list[Spent](), "theirs": list[Spent]()}
    few = {"ours": _ours(place, urls[:FEW]), "theirs": _peer(place, urls[:FEW], *setting)}
    for _ in range(repeats):
        runs["theirs"].append(_peer(place, urls, *setting))
        runs["ours"].append(_ours(place, urls))
        for side, spent in runs.items():
            _say(side, spent[-1], count)
    wall, cpu, steady = {}, {}, {}
    for side, spent in runs.items():
        wall[side] = count / statistics.median(run.wall for run in spent)
        cpu[side] = statistics.median(run.cpu for run in spent) / count * 1000
        steady[side] = (statistics.median(run.cpu for run in spent) - few[side].cpu) / (count - FEW) * 1000
    peer = f"img2dataset 1.47.0, {setting[0]} processes of {setting[1]} threads"
    rows = [
        Row.of("crawl to ledger and 256 px files", wall["ours"], peer, wall["theirs"], "images/s", goal=1.0),
        Row.of("CPU time", cpu["ours"], peer, cpu["theirs"], "ms/image", goal=1.0, less_is_better=True),
        Row.of("CPU time without starting", steady["ours"], peer, steady["theirs"], "ms/image", less_is_better=True),
    ]
    seconds = {side: [[round(run.wall, 2), round(run.cpu, 2)] for run in spent] for side, spent in runs.items()}
    report("crawl", rows, images=count, wall_and_cpu_seconds=seconds)


def _ours(place: Path, urls: list[str]) -> Spent:
    workspace, listing, source = place / "ours", place / "ours.csv", place / "ours.yaml"
    shutil.rmtree(workspace, ignore_errors=True)
    listing.write_text("url,caption\n" + "".join(f"{url},a photograph\n" for url in urls))
    values = {
        "name": "bench",
        "spider": "urls",
        "contact": "bench@example.org",
        "allow_private_addresses": True,
        "pace": {"delay": 0, "concurrency": 32},
        "sizes": [{"px": SIZE, "mode": "crop", "quality": QUALITY}],
        "options": {"lists": [str(listing)]},
    }
    source.write_text(yaml.safe_dump(values))
    spent = spent_by([sys.executable, "-m", "harvest.crawl", source, "-w", workspace], place / "ours.log")
    _check(workspace, len(urls))
    return spent


def _check(workspace: Path, count: int) -> None:
    """That all is there which a crawl owes: a stored original, a fingerprint and a sized file for each address."""
    statement = """
        SELECT count(DISTINCT image_url), count(DISTINCT sha256), count(phash), count(d.path)
        FROM sightings JOIN images USING (sha256) JOIN derived d USING (sha256) WHERE outcome = 'stored'"""
    with open_ledger(Workspace(workspace)) as con:
        found = con.execute(statement).fetchall()
    files = [sum(1 for _ in (workspace / folder).rglob("*.jpg")) for folder in ("originals", "derived")]
    if found != [(count,) * 4] or files != [count, count]:
        raise SystemExit(f"a crawl of {count} images left {found} in the ledger and {files} on the disk")


def _peer(place: Path, urls: list[str], processes: int, threads: int) -> Spent:
    folder, listing = place / "theirs", place / "theirs.csv"
    shutil.rmtree(folder, ignore_errors=True)
    listing.write_text("url,caption\n" + "".join(f"{url},a photograph\n" for url in urls))
    arguments = {
        "url_list": listing,
        "input_format": "csv",
        "url_col": "url",
        "caption_col": "caption",
        "output_folder": folder,
        "output_format": "files",
        "image_size": SIZE,
        "resize_mode": "center_crop",
        "encode_quality": QUALITY,
        "processes_count": processes,
        "thread_count": threads,
        "number_sample_per_shard": max(1, -(-len(urls) // (2 * processes))),
        "enable_wandb": False,
    }
    command = [PEER, *(f"--{name}={value}" for name, value in arguments.items())]
    spent = spent_by(command, place / "theirs.log", {"NO_ALBUMENTATIONS_UPDATE": "1"})
    got = sum(json.loads(path.read_text())["successes"] for path in folder.glob("*_stats.json"))
    if got != len(urls):
        raise SystemExit(f"img2dataset got {got} of {len(urls)}:\n{(place / 'theirs.log').read_text()[-3000:]}")
    return spent


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[int]:
    command = [sys.executable, ROOT / "tests/bench/loopback.py", "--images", options.images]
    command += ["--distinct", min(options.distinct, options.images)]
    command += ["--folder", options.folder] if options.folder else []
    with subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def _say(who: str, spent: Spent, count: int) -> None:
    print(f"{who}: {count / spent.wall:.0f} images/s, {spent.cpu / count * 1000:.2f} ms CPU an image", flush=True)


if __name__ == "__main__":
    main()
