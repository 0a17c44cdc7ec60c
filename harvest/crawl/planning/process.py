"""`python -m harvest.crawl.planning.process SOURCE.yaml`: the plan of one source as a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from harvest.config.source import load_source
from harvest.crawl.base import SourceSpider
from harvest.crawl.planning.counting import MOST_IMAGES, PLANNING, Count
from harvest.crawl.process import run_crawler
from harvest.errors import ConfigError, HarvestError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan one source in this process: one JSON line on stdout, words on stderr; exit codes are those of a crawl."""
    parser = argparse.ArgumentParser(prog="python -m harvest.crawl.planning.counting", description=main.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--loglevel", default="WARNING")
    options = parser.parse_args(arguments)
    settings = Settings()
    settings.setmodule("harvest.crawl.settings", priority="project")
    middlewares = {**settings["DOWNLOADER_MIDDLEWARES"], "harvest.crawl.net.evidence.Evidence": None}
    own = {"LOG_LEVEL": options.loglevel, "HARVEST_PLAN_PAGES": options.pages, "DOWNLOADER_MIDDLEWARES": middlewares}
    for name, value in {**PLANNING, **own}.items():
        settings.set(name, value, priority="cmdline")
    try:
        source = load_source(options.source)
        process = AsyncCrawlerProcess(settings)
        if source.spider not in process.spider_loader.list():
            known = ", ".join(sorted(process.spider_loader.list()))
            raise ConfigError(source.file, "spider", f"expected one of {known}, got {source.spider!r}")
    except HarvestError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return error.exit_code
    crawler = process.create_crawler(source.spider)
    given = {"source": str(options.source), "workspace": options.workspace and str(options.workspace)}
    code = run_crawler(process, crawler, {**given, "limit": str(MOST_IMAGES)})
    spider, count = crawler.spider, crawler.get_item_pipeline(Count)
    if isinstance(spider, SourceSpider) and count is not None:
        message = " ".join(str(spider.error).split()) if spider.error else ""
        sys.stdout.write(json.dumps({"message": message, "sample": asdict(count.sample())}) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
