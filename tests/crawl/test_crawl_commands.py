"""`scrapy` and `python -m harvest.crawl` say in one line what a user can mend, and exit as the design says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent
SPIDERS = sorted(path.stem for path in (ROOT / "spiders").glob("[a-z]*.py"))
SCRAPY = Path(sys.executable).parent / "scrapy"


def scrapy(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRAPY, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=cwd,
        env={**os.environ, **env},
        check=False,
    )


@pytest.mark.parametrize("folder", [".", "harvest/crawl", "tests"])
def test_scrapy_lists_the_spiders_from_anywhere_in_the_project(folder):
    assert scrapy("list", cwd=ROOT / folder).stdout.split() == SPIDERS


def test_scrapy_crawl_fills_the_ledger(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"])
    source = desk.source()

    done = scrapy("crawl", "gallery", "-a", f"source={source}", "-a", f"workspace={desk.workspace.root}")

    assert done.returncode == 0, done.stderr
    assert desk.fates() == {"/a.jpg": ("stored", None)}
    assert "trial: 1 met: 1 stored, finished" in done.stderr
    assert "Deprecat" not in done.stderr


def test_scrapy_feeds_get_the_sightings(desk, site, jpeg):
    site.add("/a.jpg", jpeg(1))
    site.add_gallery(["/a.jpg"])
    workspace, feed = desk.workspace.root, desk.folder / "out.jsonl"

    scrapy("crawl", "gallery", "-a", f"source={desk.source()}", "-o", str(feed), HARVEST_WORKSPACE=str(workspace))

    assert '"outcome": "stored"' in feed.read_text()
    assert desk.workspace.ledger.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pace": {"delay": "fast"}}, "pace.delay: expected a number >= 0, got 'fast'"),
        ({"spider": "wayback"}, "spider: this file is for the spider 'wayback', not 'gallery'"),
        ({"license": "free"}, "license: expected an SPDX id, a LicenseRef-* or a licence's URL, got 'free'"),
        ({"options": {"start": []}}, "options.start: expected at least one page to start from"),
        ({"options": {"start": ["x"], "select": {"card": "::["}}}, "options.select.card: expected a CSS selector, got"),
        ({"options": {"starts": ["x"]}}, "options.starts: unknown key; did you mean 'start'?"),
    ],
)
def test_a_config_error_is_one_line_and_code_two(desk, change, message):
    source = desk.source(**change)

    done = scrapy("crawl", "gallery", "-a", f"source={source}", "-a", f"workspace={desk.workspace.root}")

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"{source}: {message}")
    assert "Traceback" not in done.stderr
    assert not desk.workspace.root.exists()


def test_other_misuse_is_one_line_and_code_two(desk):
    done = scrapy("crawl", "gallery")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "which source? scrapy crawl gallery -a source=configs/sources/<name>.yaml",
    )
    done = scrapy("crawl", "gallery", "-a", f"source={desk.source()}", "-a", "limit=many")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "limit: expected a whole number >= 1, got 'many'")
    done = scrapy("crawl", "gallery", "-a", f"source={desk.source()}", "-a", "lmit=3")
    known = "known are source, workspace, limit and retry"
    assert done.stderr.splitlines()[-1] == f"unknown spider argument 'lmit'; {known}"
    assert scrapy("crawl", "nosuch").returncode == 2
    assert desk.crawl(desk.source(spider="nosuch")).code == 2


def test_a_source_without_its_browser_ends_with_four(desk, site, tmp_path):
    source = desk.source(options={"start": [site.url], "browser": {"enabled": True}})

    done = desk.crawl(source, env={**os.environ, "PATH": str(tmp_path)})

    assert done.code == 4
    assert done.stderr.strip() == "this source needs Chromium and none is on the PATH: apt-get install chromium"


def test_sources_of_the_project_are_found_from_a_subfolder(desk):
    source = "source=configs/sources/flickr-fins.yaml"
    done = scrapy("crawl", "flickr", "-a", source, cwd=ROOT / "tests", FLICKR_API_KEY="")

    assert done.returncode == 2
    assert "options.api_key: environment variable FLICKR_API_KEY is not set" in done.stderr


@pytest.mark.parametrize(("remembered", "asked"), [(10_000, 6), (3, 12)])
def test_of_many_hosts_the_oldest_are_forgotten_and_asked_again(desk, site, jpeg, remembered, asked):
    hosts = [f"http://{letter}.test" for letter in "abcdef"]
    addresses = [f"{host}/{picture}.jpg" for picture in (1, 2) for host in hosts]
    for number, address in enumerate(addresses):
        following = f'<link rel="next" href="/{number + 1}">' if number + 1 < len(addresses) else ""
        site.add_gallery([address], path=f"http://pages.test/{number}", head=following, delay=0.4)
        site.add(address, jpeg(number))
    source = desk.source(options={"start": ["http://pages.test/0"]}, proxy=site.url)

    arguments = ("-a", f"source={source}", "-a", f"workspace={desk.workspace.root}")
    done = scrapy("crawl", "gallery", *arguments, "-s", f"HARVEST_HOSTS={remembered}")

    assert done.returncode == 0, done.stderr
    assert desk.rows("SELECT outcome, count(*) FROM sightings GROUP BY ALL") == [("stored", 12)]
    rules = [path for path in site.asked() if path.endswith(".test/robots.txt") and "pages" not in path]
    assert len(rules) == asked
