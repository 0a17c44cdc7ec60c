"""Pages drawn by scripts, through scrapy-playwright and the Chromium that the system has; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import time
from base64 import b64decode
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from harvest.config.reader import setting
from harvest.config.source import SourceConfig
from harvest.errors import ComponentMissing

if TYPE_CHECKING:
    from playwright.async_api import Page, Request, Route

__all__ = [
    "VIEW",
    "BrowserMissing",
    "BrowserOptions",
    "browser_meta",
    "browser_settings",
    "find_browser",
    "is_unneeded",
]

VIEW = "data-harvest-view"
"""The attribute of each view that was opened, with the address that the page had then."""


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
# A picture that scripts may take for a loaded one.
_DOT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_VIEWS = "[role=dialog], dialog[open], .lightbox, .modal"
_SETTLE = 400  # milliseconds without new pictures or answers after which a page counts as grown up
_BRINGS_MORE = frozenset({"fetch", "script", "xhr"})


class BrowserMissing(ComponentMissing):
    """A source asks for a browser and there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserOptions:
    """How a page drawn by scripts is brought to show all that it has.

    `wait_for` is a CSS selector that must be there first, `load_more` one of a button that is pressed until it is gone
    or nothing comes any more, `scroll` how many times the page is scrolled to its end while it keeps growing.
    `open_card` is one of the elements that open a larger view of a picture when they are clicked: each is clicked, what
    `card_view` then shows is read as a card of its own, and `card_close` is clicked, else Escape is pressed. `pause` is
    the least time in seconds from one scroll or click to the next, since each may ask the host for more.
    """

    enabled: bool = False
    wait_for: str | None = None
    load_more: str | None = None
    scroll: int = setting(0, ge=0, le=1000)
    open_card: str | None = None
    card_view: str | None = None
    card_close: str | None = None
    clicks: int = setting(200, ge=1)
    pause: float = setting(1.0, ge=0)
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
    handler = "harvest.crawl.net.browser_wire.BrowserHandler"
    return {
        "DOWNLOAD_HANDLERS": {"http": handler, "https": handler},
        "PLAYWRIGHT_LAUNCH_OPTIONS": launch,
        # Started before the first page is asked for: what waited for it would arrive together with the next one.
        "PLAYWRIGHT_CONTEXTS": {"default": {}},
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

    timeout, traffic = options.timeout * 1000, _Traffic(page, options.timeout)
    if options.wait_for:
        await page.wait_for_selector(options.wait_for, timeout=timeout, state="attached")
    for _ in range(options.scroll):
        before, began = await _extent(page), time.monotonic()
        await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        if await _settled(page, traffic) == before:
            break
        await _rest(page, options, began)
    for _ in range(options.clicks if options.load_more else 0):
        button = page.locator(options.load_more or "").first
        if not await button.is_visible() or not await button.is_enabled():
            break
        before, began = await _extent(page), time.monotonic()
        try:
            await button.click(timeout=timeout)
        except PlaywrightTimeout:
            break
        if await _settled(page, traffic) == before:
            break
        await _rest(page, options, began)
    if options.open_card:
        await _open_cards(page, options, traffic)


class _Traffic:
    """What the scripts of a page have asked for and not got yet; one that asks longer than `timeout` does so for ever,
    and is not waited for any more.
    """

    def __init__(self, page: Page, timeout: float) -> None:
        self._timeout = timeout
        self._open: set[Request] = set()
        self._is_endless = False
        page.on("request", self._begun)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def is_quiet(self, since: float) -> bool:
        """Whether nothing is on its way; `since` (of time.monotonic) is how long the page has had time for that."""
        self._is_endless |= time.monotonic() - since > self._timeout
        return self._is_endless or not self._open

    def _begun(self, request: Request) -> None:
        if request.resource_type in _BRINGS_MORE:
            self._open.add(request)

    def _ended(self, request: Request) -> None:
        self._open.discard(request)


async def _open_cards(page: Page, options: BrowserOptions, traffic: _Traffic) -> None:
    """Click each card, keep what it opens, close it; at the end all views stand in the page one after another.

    A card that opens nothing leaves an empty view behind, so that the reader sees that something is missing.
    """
    views: list[tuple[str, str]] = []
    await page.route("**/*", _stay)
    cards = page.locator(options.open_card or "")
    for number in range(min(await cards.count(), options.clicks)):
        began = time.monotonic()
        views.append(await _view(page, options, traffic, number, views[-1][1] if views else ""))
        await _rest(page, options, began)
    await page.unroute("**/*", _stay)
    await page.evaluate(
        """([name, views]) => {
            for (const [address, markup] of views) {
                const view = document.createElement("section");
                view.setAttribute(name, address);
                view.innerHTML = markup;
                document.body.append(view);
            }
        }""",
        [VIEW, views],
    )


async def _view(page: Page, options: BrowserOptions, traffic: _Traffic, number: int, last: str) -> tuple[str, str]:
    """What opens when a card is clicked: the page's address then, and the view's markup, empty when nothing does."""
    from playwright.async_api import Error  # noqa: PLC0415 - an optional component

    timeout, length = options.timeout * 1000, await page.evaluate("history.length")
    view = page.locator(options.card_view or _VIEWS).locator("visible=true").first
    try:
        await page.locator(options.open_card or "").nth(number).click(timeout=timeout)
        await view.wait_for(timeout=timeout)
        await _settled(page, traffic)
        markup: str = await view.evaluate("element => element.outerHTML")
        for _ in range(5):  # a view that is used again may show the last picture for a moment
            if markup != last:
                break
            await page.wait_for_timeout(_SETTLE)
            markup = await view.evaluate("element => element.outerHTML")
        address = page.url
        if options.card_close:
            await page.locator(options.card_close).locator("visible=true").first.click(timeout=timeout)
        elif await page.evaluate("history.length") > length:
            await page.go_back(timeout=timeout)
        else:
            await page.keyboard.press("Escape")
        await page.wait_for_timeout(_SETTLE / 4)
    except Error:
        return page.url, ""
    return address, markup


async def _stay(route: Route) -> None:
    """While cards are opened the page stays, and pictures count as loaded: many scripts wait for that."""
    request = route.request
    if request.is_navigation_request() and request.frame.parent_frame is None:
        await route.abort()
    elif request.resource_type == "image":
        await route.fulfill(body=_DOT, content_type="image/gif")
    else:
        await route.fallback()


async def _rest(page: Page, options: BrowserOptions, began: float) -> None:
    """Wait for what is left of the pause since `began`."""
    left = options.pause - (time.monotonic() - began)
    if left > 0:
        await page.wait_for_timeout(left * 1000)


async def _extent(page: Page) -> tuple[int, int]:
    """How much the page shows: its height in pixels and its pictures."""
    height, pictures = await page.evaluate("[document.documentElement.scrollHeight, document.images.length]")
    return int(height), int(pictures)


async def _settled(page: Page, traffic: _Traffic) -> tuple[int, int]:
    """The page's extent once it no longer changes and its scripts wait for nothing."""
    began, extent, quiet = time.monotonic(), await _extent(page), 0
    while quiet < _SETTLE:
        await page.wait_for_timeout(_SETTLE / 4)
        now = await _extent(page)
        quiet = quiet + _SETTLE // 4 if traffic.is_quiet(began) and now == extent else 0
        extent = now
    return extent
