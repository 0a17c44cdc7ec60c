"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the tree."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:python|yaml)\n# (file|add to): (\S+)\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the project with everything done that CONTRIBUTING says."""
    copy = tmp_path / "project"
    for package in ("spiders", "harvest", "layout", "configs"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "scrapy.cfg", copy)
    for what, name, body in BLOCKS:
        if what == "file":
            (copy / name).write_text(body)
        else:
            register(copy / name, body)
    return copy


def register(module: Path, lines: str) -> None:
    """Add imports after the last import, and entries at the end of the registry."""
    text = module.read_text()
    for line in lines.strip().splitlines():
        if line.startswith("from "):
            last = [match.end() for match in re.finditer(r"^from harvest\..*\n", text, re.MULTILINE)][-1]
            text = text[:last] + line + "\n" + text[last:]
        else:
            entries = re.search(r"^( +)(?:FilterKind\(name=\"clip\".*|FOLDER,)\n", text, re.MULTILINE)
            assert entries, f"no registry in {module}"
            text = text[: entries.end()] + entries[1] + line + "\n" + text[entries.end() :]
    module.write_text(text)


def run(tree: Path, *command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[str]:
    """A loopback server with a feed of one picture."""
    site = tmp_path / "site"
    site.mkdir()
    picture = io.BytesIO()
    Image.effect_mandelbrot((120, 90), (-2, -1.2, 1, 1.2), 40).save(picture, "PNG")
    (site / "fern.png").write_bytes(picture.getvalue())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(site)))
    base = f"http://127.0.0.1:{server.server_port}"
    entry = {
        "id": "1",
        "image": f"{base}/fern.png",
        "url": f"{base}/fern",
        "title": "Fern",
        "authors": [{"name": "Ada"}],
    }
    (site / "feed.json").write_text(json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [entry]}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"{base}/feed.json"
    server.shutdown()
    thread.join()
    server.server_close()


def test_there_are_recipes_for_a_source_a_filter_and_a_format() -> None:
    assert [name for _, name, _ in BLOCKS] == [
        "spiders/jsonfeed.py",
        "configs/sources/jsonfeed-example.yaml",
        "harvest/stages/filters/shape.py",
        "harvest/stages/filters/__init__.py",
        "harvest/export/formats/pairs.py",
        "harvest/export/registry.py",
    ]


def test_the_new_source_is_listed_and_fills_the_ledger(tree: Path, feed: str, tmp_path: Path) -> None:
    ours = [path.stem for path in (ROOT / "spiders").glob("[a-z]*.py")]
    assert run(tree, "scrapy", "list").stdout.split() == sorted([*ours, "jsonfeed"])

    source = "configs/sources/jsonfeed-example.yaml"
    crawl = run(
        tree, "scrapy", "crawl", "jsonfeed", "-a", f"source={source}", "-a", f"workspace={tmp_path}/w", FEED=feed
    )

    assert crawl.returncode == 0, crawl.stderr
    columns = "title, creator, license, outcome"
    answer = run(tree, "harvest", "sql", f"SELECT {columns} FROM sightings", "--json", "-w", tmp_path / "w")
    assert json.loads(answer.stdout) == [
        {"title": "Fern", "creator": "Ada", "license": "CC-BY-4.0", "outcome": "stored"}
    ]


def test_the_new_filter_decides_with_reasons(tree: Path, copy_of_demo: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "museum.yaml"
    recipe.write_text("name: museum\nfilter:\n  - shape: {tolerance: 0.05}\n")

    for stage in ("dedupe", "filter"):
        answer = run(tree, "harvest", stage, recipe, "-w", copy_of_demo)
        assert answer.returncode == 0, answer.stderr

    statement = (
        "SELECT verdict, count(*) AS n, min(reason) AS r FROM decisions WHERE stage = 'filter.shape' GROUP BY ALL"
    )
    rows = json.loads(run(tree, "harvest", "sql", statement, "--json", "-w", copy_of_demo).stdout)
    assert {row["verdict"] for row in rows} == {"keep", "drop"}
    assert any(row["r"].startswith("not square") for row in rows)


def test_the_new_format_is_exported_with_its_paper_trail(tree: Path, copy_of_demo: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "museum.yaml"
    recipe.write_text("name: museum\nfilter:\n  - licence: {allow: [CC0-1.0, CC-BY-4.0, CC-BY-SA-4.0]}\n")

    for stage in (("dedupe",), ("filter",), ("export", "--to", "pairs")):
        answer = run(tree, "harvest", stage[0], recipe, *stage[1:], "-w", copy_of_demo)
        assert answer.returncode == 0, answer.stderr

    [folder] = copy_of_demo.glob("exports/pairs*")
    images = [path for path in folder.iterdir() if path.suffix in {".jpg", ".png", ".webp"}]
    assert len(images) > 40
    assert all(image.with_suffix(".txt").read_text() for image in images)
    assert (folder / "MANIFEST.jsonl").is_file()
    assert (folder / "CREDITS.md").is_file()
