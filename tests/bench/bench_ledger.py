"""How a ledger of a million images does: ingest, size on disk, status, dedupe, filter, audit, export; time and memory.

    make bench-ledger                                       1,000,000 images, 3,000,000 sightings; ten minutes
    python tests/bench/bench_ledger.py --images 20000 --journalled 2000

There is no peer that does this; rows are held to goals of their own. The rows are those of a dozen crawls and hold no
pictures: `--journalled` sightings come through real journals and `harvest ingest`, the others through the same columns
in SQL. Pairs that dedupe proposes are remembered with their likeness, as after a first run. Each command is a process
of its own, and its memory the most that it held.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import herbarium
import yaml
from measuring import Row, Spent, report, spent_by

from harvest.ledger import open_ledger
from harvest.workspace import Workspace

IMAGES, JOURNALLED = 1_000_000, 50_000
GIB = 24.0
AUDIT = 60.0  # seconds
RECIPE = {
    "name": "bench",
    "dedupe": {"pixels": False},
    "filter": [
        {"size": {"min_side": 256, "max_aspect": 3}},
        {"quality": {"min_sharpness": 0.1, "min_entropy": 3}},
        {"licence": {"allow": ["CC0-1.0", "CC-PDM-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"]}},
        {"opt_out": {"honour": ["robots", "tdmrep", "iptc"]}},
        {"synthetic": {"exclude": ["trainedAlgorithmicMedia"]}},
    ],
}
QUESTION = "SELECT license, count(*) FROM catalogue GROUP BY ALL"


def main() -> None:
    """Build the ledger, run each command, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=IMAGES, help="images in the ledger, each met three times")
    parser.add_argument("--journalled", type=int, default=JOURNALLED, help="sightings that come through journals")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as name:
        _measure(Path(name), options.images, options.journalled)


def _measure(place: Path, images: int, journalled: int) -> None:
    workspace, recipe, policy = Workspace(place / "workspace"), place / "recipe.yaml", place / "policy.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE))
    # The rows break rules on purpose; a command that fails is no measurement.
    policy.write_text(yaml.safe_dump({"name": "bench", "severity": dict.fromkeys(_checks(), "note")}))
    rows = []
    into_empty = _ingest(place, Workspace(place / "small"), journalled)
    herbarium.fill(workspace, images)
    into_full = _ingest(place, workspace, journalled)
    rate, expected = journalled / into_full.wall, journalled / into_empty.wall
    rows.append(_row(f"ingest into {images:,} images", rate, "sightings/s", into_full))
    rows.append(
        Row.of("the same, of an empty ledger's rate", rate, "an empty ledger", expected, "sightings/s", goal=0.3)
    )
    rows.append(_row("size on disk", workspace.ledger.stat().st_size / 2**20, "MiB"))
    total = images + journalled
    herbarium.remember_pairs(workspace, images)
    commands = {
        "status": ["status"],
        "dedupe": ["dedupe", recipe],
        "filter, five of them": ["filter", recipe],
        "the same again": ["filter", recipe],
        "audit, no files": ["audit", "--no-files", "--policy", policy, "--recipe", recipe],
        "sql over `catalogue`": ["sql", QUESTION],
        "Parquet of all tables": ["sql", "--export-parquet", place / "parquet"],
    }
    for name, command in commands.items():
        spent = _harvest(place, workspace, *command)
        goal = AUDIT if name.startswith("audit") and images >= IMAGES else None
        rows.append(_row(name, spent.wall, "s", spent, goal))
        print(f"{name}: {spent.wall:.1f} s, CPU {spent.cpu:.1f} s, {spent.peak / 2**30:.2f} GiB", flush=True)
    rows.append(_row("size on disk with all decisions", workspace.ledger.stat().st_size / 2**20, "MiB"))
    with open_ledger(workspace) as con:
        found = con.execute("SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM sightings)").fetchall()
        decided = con.execute("SELECT count(*) FROM decisions").fetchall()
    if found != [(total, images * herbarium.PASSES + journalled)] or decided != [(6 * total,)]:
        raise SystemExit(f"{images} images left {found} and {decided} decisions in the ledger")
    report("ledger", rows, images=total, sightings=found[0][1], decisions=decided[0][0])


def _row(metric: str, value: float, unit: str, spent: Spent | None = None, goal: float | None = None) -> Row:
    """`goal` is the most that it may be; every command is held to the memory of the machine besides."""
    gib = spent.peak / 2**30 if spent else 0.0
    memory = f" ({gib:.2f} GiB)" if spent else ""
    is_met = gib <= GIB and (goal is None or value <= goal)
    return Row(metric=metric + memory, ours=round(value, 2), peer="none", unit=unit, goal=goal, met=is_met)


def _ingest(place: Path, workspace: Workspace, count: int) -> Spent:
    herbarium.journal(workspace, count, "20260601T000000-journalled-aaaaaa")
    return _harvest(place, workspace, "ingest")


def _harvest(place: Path, workspace: Workspace, *command: str | Path) -> Spent:
    return spent_by([sys.executable, "-m", "harvest", *command, "-w", workspace.root], place / "words.log")


def _checks() -> list[str]:
    from harvest.audit.checks import CHECKS  # noqa: PLC0415 - only for the policy

    return list(CHECKS)


if __name__ == "__main__":
    main()
