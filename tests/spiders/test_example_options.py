"""The example sources of the spiders that ask APIs are ones that these spiders accept, options and all."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from harvest.config.source import load_source

SOURCES = Path(__file__).parent.parent.parent / "configs" / "sources"
SPIDERS = ("archive-org", "commons", "flickr", "openverse")
FILES = sorted(file for name in SPIDERS for file in SOURCES.glob(f"{name}-*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_one_that_its_spider_accepts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLICKR_API_KEY", "0" * 32)
    settings = Settings()
    settings.setmodule("harvest.crawl.settings")

    spider = SpiderLoader(settings).load(load_source(file).spider)(source=str(file))

    assert spider.options


def test_each_of_these_spiders_has_an_example() -> None:
    assert {name for name in SPIDERS for file in FILES if file.stem.startswith(name)} == set(SPIDERS)
