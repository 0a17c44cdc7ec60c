"""`harvest run` on a recipe of one's own: what is asked, what is left alone, and what is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from harvest.demo.museum import Museum
from tests.patience import PATIENCE, wait_until

Harvest = Callable[..., CompletedProcess[str]]

SOURCE = """
name: wayback
spider: wayback
contact: anna@example.org
license: CC-PDM-1.0
pace: {delay: 0, concurrency: 8}
proxy: ${MUSEUM_PROXY}
options: {url: herbarium.museum.test/, cdx: "http://web.archive.test/cdx/search/cdx", replay: "http://web.archive.test/web/"}
"""
RECIPE = """
name: plates
sources: [wayback.yaml]
filter:
  - size: {min_side: 200}
  - synthetic: {}
sizes: [{px: 32}]
sheet: {columns: 8, tile: 32}
layout: {features: pixels, project: pca, tile: 32}
export: [{format: folder, size: 32}]
"""


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Museum]:
    with Museum(tmp_path_factory.mktemp("museum"), 0, "small") as running:
        yield running


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "wayback.yaml").write_text(SOURCE)
    file = tmp_path / "plates.yaml"
    file.write_text(RECIPE)
    return file


def done(report: dict[str, list[dict[str, dict[str, int]]]]) -> dict[str, int]:
    return {str(step["report"]["stage"]): step["report"]["done"] for step in report["steps"]}


@pytest.mark.long
def test_a_limited_crawl_is_not_taken_for_a_whole_one(harvest: Harvest, museum: Museum, recipe: Path) -> None:
    workspace = recipe.parent / "w"

    first = harvest("run", recipe, "-w", workspace, "--limit", "5", "--json", **museum.environment)
    second = harvest("run", recipe, "-w", workspace, "--json", **museum.environment)
    third = harvest("run", recipe, "-w", workspace, "--json", **museum.environment)

    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 0), first.stderr + second.stderr
    reports = [json.loads(answer.stdout) for answer in (first, second, third)]
    assert [crawl["outcome"] for crawl in reports[0]["crawls"]] == ["limited"]
    assert reports[1]["crawls"][0]["counts"]["met"] > 30
    assert reports[1]["crawls"][0]["counts"]["unchanged"] + reports[1]["crawls"][0]["counts"]["broken"] >= 4
    assert (reports[2]["crawls"], reports[2]["fresh"]) == ([], ["wayback"])


@pytest.mark.long
def test_a_changed_filter_redoes_that_filter_and_what_follows_alone(
    harvest: Harvest, museum: Museum, recipe: Path
) -> None:
    workspace = recipe.parent / "w"
    assert harvest("run", recipe, "-w", workspace, **museum.environment).returncode == 0
    asked = len(museum.requests)

    recipe.write_text(RECIPE.replace("min_side: 200", "min_side: 500"))
    answer = harvest("run", recipe, "-w", workspace, "--json", **museum.environment)

    assert answer.returncode == 0, answer.stderr
    work = done(json.loads(answer.stdout))
    assert (work["dedupe"], work["normalize"]) == (0, 0)
    assert work["filter"] > 20
    assert work["layout"] > 0
    assert len(museum.requests) == asked


def test_a_source_that_refuses_ends_with_3_and_keeps_what_others_brought(
    harvest: Harvest, museum: Museum, recipe: Path
) -> None:
    workspace = recipe.parent / "w"
    flickr = "name: flickr\nspider: flickr\ncontact: anna@example.org\nproxy: ${MUSEUM_PROXY}\npace: {delay: 0}\n"
    options = "options: {api_key: wrong, users: ['1@N1'], endpoint: 'http://api.flickr.test/services/rest/'}\n"
    (recipe.parent / "flickr.yaml").write_text(flickr + options)
    recipe.write_text(RECIPE.replace("[wayback.yaml]", "[wayback.yaml, flickr.yaml]"))

    answer = harvest("run", recipe, "-w", workspace, **museum.environment)

    assert answer.returncode == 3
    assert "flickr: Flickr says no" in answer.stderr
    assert "Traceback" not in answer.stderr
    status = json.loads(harvest("status", "--json", "-w", workspace).stdout)
    assert status["images"] > 20


@pytest.mark.long
def test_an_interrupt_ends_with_130_and_the_same_command_goes_on(
    harvest: Harvest, museum: Museum, recipe: Path
) -> None:
    workspace = recipe.parent / "w"
    source = recipe.parent / "wayback.yaml"
    source.write_text(SOURCE.replace("delay: 0,", "delay: 0.15,"))
    command = [sys.executable, "-m", "harvest", "run", str(recipe), "-w", str(workspace)]
    with subprocess.Popen(
        command, env={**os.environ, **museum.environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: any(file.stat().st_size for file in workspace.glob("journal/*/*.jsonl")), process)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=PATIENCE)
    again = harvest("run", recipe, "-w", workspace, **museum.environment)

    assert process.returncode == 130, words
    assert "the same command goes on from here" in words
    assert "Traceback" not in words
    assert again.returncode == 0, again.stderr
    statement = (
        "SELECT count(DISTINCT run_id) AS runs, count(*) AS met, count(DISTINCT image_url) AS urls FROM sightings"
    )
    [row] = json.loads(harvest("sql", statement, "--json", "-w", workspace).stdout)
    assert row["runs"] == 1
    assert row["met"] == row["urls"] > 30
