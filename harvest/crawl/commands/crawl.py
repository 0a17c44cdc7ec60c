"""`scrapy crawl`, with this project's exit codes, and one line instead of a traceback for what a user can mend."""

from __future__ import annotations

import argparse

from scrapy.commands import crawl
from scrapy.exceptions import UsageError as ScrapyUsageError

from harvest.crawl.process import run_crawler
from harvest.errors import HarvestError
from harvest.guard import check_packages

__all__ = ["Command"]


class Command(crawl.Command):
    """Scrapy's own command, but for what happens when a crawl cannot start or does not bring what it should."""

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Crawl with one spider; the exit codes are those that README lists."""
        if len(args) != 1:
            raise ScrapyUsageError("name one spider; `scrapy list` shows them")
        assert self.crawler_process is not None
        try:
            check_packages()
            crawler = self._create_crawler(args[0])
        except KeyError:
            raise ScrapyUsageError(f"no spider {args[0]!r}; `scrapy list` shows them", print_help=False) from None
        except HarvestError as error:
            raise ScrapyUsageError(str(error), print_help=False) from None
        self.exitcode = run_crawler(self.crawler_process, crawler, opts.spargs)
