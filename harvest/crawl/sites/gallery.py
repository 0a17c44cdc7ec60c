"""What a gallery's config may say, and how its listing pages follow one another."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from harvest.config.reader import setting
from harvest.crawl import html
from harvest.crawl.net.browser import VIEW, BrowserOptions
from harvest.errors import ConfigError

__all__ = ["ADVICE", "GalleryOptions", "digest"]

ADVICE = "no picture was found here; say where in options.select, or enable options.browser where scripts draw them"


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryOptions:
    """Listing pages to start from, and how to read them where they are not marked up in a common way.

    `{page}` in a start is numbered from `first_page` on until a page has nothing new. `sitemaps` are addresses of
    sitemaps or of a robots.txt that names some, `auto` is that of each start's host; their pages are opened where they
    name no images, or with `detail`, and `sitemap_match` (a regular expression) bounds which. With `detail`, each
    picture's own page is opened too and what it says goes before what the listing says; `{}` reads it automatically.
    `max_pages` bounds the listing pages that are followed from each start.
    """

    start: tuple[str, ...] = ()
    first_page: int = setting(1, ge=0)
    page_step: int = setting(1, ge=1)
    sitemaps: tuple[str, ...] = setting((), pattern=r"^(auto$|https?://)", expected="an http(s) URL, or auto")
    sitemap_match: str | None = None
    select: html.Selectors = field(default_factory=html.Selectors)
    detail: html.Selectors | None = None
    browser: BrowserOptions = field(default_factory=BrowserOptions)
    max_pages: int = setting(10_000, ge=1)

    @property
    def cards(self) -> html.Selectors:
        """The selectors of a listing as the browser leaves it: with the views that were opened as its cards."""
        is_opened = self.browser.enabled and self.browser.open_card
        return replace(self.select, card=f"[{VIEW}]") if is_opened else self.select

    @property
    def sitemap_urls(self) -> list[str]:
        """The sitemaps to read, and robots.txt files that name some."""
        hosts = dict.fromkeys(urljoin(url, "/robots.txt") for url in self.start)
        return [each for url in self.sitemaps for each in (hosts if url == "auto" else [url])]

    def numbered(self, series: str, number: int) -> str:
        """The address of the page that is `number`, from 1 on, of a start with `{page}`."""
        return series.replace("{page}", str(self.first_page + (number - 1) * self.page_step))

    def check(self, wrong: Callable[[str, str], ConfigError]) -> None:
        """Raises ConfigError without a page to start from, and for a selector that is not CSS."""
        if not self.start and set(self.sitemaps) <= {"auto"}:
            raise wrong("start", "expected at least one page to start from")
        for section, selectors in (("select", self.select), ("detail", self.detail)):
            for name, problem in html.problems(selectors or html.Selectors()):
                raise wrong(f"{section}.{name}", f"expected a CSS selector, {problem}")
        try:
            re.compile(self.sitemap_match or "")
        except re.error as error:
            raise wrong(
                "sitemap_match", f"expected a regular expression, got {self.sitemap_match!r}: {error}"
            ) from None


def digest(met: Iterable[str]) -> str:
    """What a listing page showed, in short: sites that repeat their last page for ever are known by it."""
    return hashlib.sha256("\n".join(met).encode()).hexdigest()
