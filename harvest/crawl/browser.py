"""Pages drawn by scripts, through scrapy-playwright and the Chromium that the system has; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from harvest.config.reader import setting
from harvest.config.source import SourceConfig
from harvest.errors import ComponentMissing

if TYPE_CHECKING:
    from playwright.async_api import Page, Request

__all__ = ["BrowserMissing", "BrowserOptions", "browser_meta", "browser_settings", "find_browser", "is_unneeded"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Chromium must not talk to anybody but the source.
_SWITCHES = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
)
_SETTLE = 400  # milliseconds without new pictures after which a page counts as grown up


class BrowserMissing(ComponentMissing):
    """A source asks for a browser and there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserOptions:
    """How a page drawn by scripts is brought to show all that it has.

    `wait_for` is a CSS selector that must be there first, `load_more` one of a button that is pressed until it is gone
    or nothing comes any more, `scroll` how many times the page is scrolled to its end while it keeps growing.
    """

    enabled: bool = False
    wait_for: str | None = None
    load_more: str | None = None
    scroll: int = setting(0, ge=0, le=1000)
    clicks: int = setting(200, ge=1)
    timeout: float = setting(20.0, gt=0)


def find_browser() -> str | None:
    """The path of the system's Chromium or Chrome."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def browser_settings(options: BrowserOptions, source: SourceConfig) -> dict[str, Any]:
    """Scrapy settings that bring the browser in. Raises ComponentMissing, which says what to install."""
    if find_spec("scrapy_playwright") is None:
        raise ComponentMissing("this source needs a browser: pip install 'herbarium-harvester[browser]'")
    path = find_browser()
    if path is None:
        raise BrowserMissing("this source needs Chromium and none is on the PATH: apt-get install chromium")
    launch: dict[str, Any] = {"executable_path": path, "headless": True, "args": list(_SWITCHES)}
    if os.geteuid() == 0:
        # Chromium refuses to run as root inside its own sandbox.
        launch["args"].append("--no-sandbox")
    if source.proxy:
        launch["proxy"] = _proxy_settings(source.proxy)
    handler = "harvest.crawl.browser_wire.BrowserHandler"
    return {
        "DOWNLOAD_HANDLERS": {"http": handler, "https": handler},
        "PLAYWRIGHT_LAUNCH_OPTIONS": launch,
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": 2,
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": options.timeout * 1000,
        "PLAYWRIGHT_ABORT_REQUEST": is_unneeded,
    }


def browser_meta(options: BrowserOptions) -> dict[str, Any]:
    """What a request carries to be answered by the browser."""
    from scrapy_playwright.page import PageMethod  # noqa: PLC0415 - an optional component

    return {"playwright": True, "playwright_page_methods": [PageMethod(_unfold, options)]}


def is_unneeded(request: Request) -> bool:
    """Whether the browser may skip a request: pictures are fetched by the crawl itself, once, politely."""
    return request.resource_type in {"image", "media", "font"}


def _proxy_settings(proxy: str) -> dict[str, str]:
    """Playwright's settings for a proxy; a login in the address would stand on Chromium's command line."""
    parts = urlsplit(proxy)
    settings = {"server": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"}
    if parts.username:
        settings |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return settings


async def _unfold(page: Page, options: BrowserOptions) -> None:
    """Wait, scroll and press until the page shows all that it has."""
    from playwright.async_api import TimeoutError as PlaywrightTimeout  # noqa: PLC0415 - an optional component

    timeout = options.timeout * 1000
    if options.wait_for:
        await page.wait_for_selector(options.wait_for, timeout=timeout, state="attached")
    for _ in range(options.scroll):
        before = await _extent(page)
        await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        if await _settled(page) == before:
            break
    for _ in range(options.clicks if options.load_more else 0):
        button = page.locator(options.load_more or "").first
        if not await button.is_visible() or not await button.is_enabled():
            break
        before = await _extent(page)
        try:
            await button.click(timeout=timeout)
        except PlaywrightTimeout:
            break
        if await _settled(page) == before:
            break


async def _extent(page: Page) -> tuple[int, int]:
    """How much the page shows: its height in pixels and its pictures."""
    height, pictures = await page.evaluate("[document.documentElement.scrollHeight, document.images.length]")
    return int(height), int(pictures)


async def _settled(page: Page) -> tuple[int, int]:
    """The page's extent once it no longer changes."""
    extent, quiet = await _extent(page), 0
    while quiet < _SETTLE:
        await page.wait_for_timeout(_SETTLE / 4)
        now = await _extent(page)
        quiet = quiet + _SETTLE // 4 if now == extent else 0
        extent = now
    return extent
