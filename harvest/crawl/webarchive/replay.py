"""Replay of web archives: the stored bytes of a capture, and the images that a captured page shows.

The Wayback Machine and pywb answer at `{replay}{timestamp}id_/{original}` with the bytes as they were captured, of the
capture that is nearest in time. https://pywb.readthedocs.io/en/latest/manual/rewriter.html, RFC 7089 (Memento).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urljoin

from scrapy.http import Response

from harvest.crawl import html
from harvest.crawl.sites.parsing import iso_timestamp
from harvest.crawl.webarchive.captures import Capture, sha1_of
from harvest.items import Carrier, ImageItem

__all__ = ["Found", "found", "onward", "record_item", "replay_item", "replay_url", "shown_items"]

_REPLAYED = re.compile(r"/(\d{4,14})(?:[a-z]{2}_)?/(https?:/{1,2}.+)$")


class Found(NamedTuple):
    """Which capture an answer brought: its time and the address that was captured."""

    timestamp: str
    original: str


def replay_url(replay: str, timestamp: str, original: str) -> str:
    """Where the stored bytes of a capture are.

    >>> replay_url("https://web.archive.org/web/", "20050203040506", "http://museum.example/1.jpg")
    'https://web.archive.org/web/20050203040506id_/http://museum.example/1.jpg'
    """
    return f"{replay}{timestamp}id_/{original}"


def found(response: Response, asked: Found) -> Found:
    """The capture that `response` brought: by its Memento-Datetime and address, else what was asked for."""
    place = response.headers.get("Content-Location", b"") or b""
    match = _REPLAYED.search(place.decode("latin-1")) or _REPLAYED.search(response.url)
    timestamp, original = match.groups() if match else asked
    memento = response.headers.get("Memento-Datetime")
    if memento:
        try:
            moment = parsedate_to_datetime(memento.decode("latin-1")).astimezone(UTC)
            timestamp = f"{moment:%Y%m%d%H%M%S}"
        except ValueError:
            pass
    return Found(timestamp, original)


def onward(replay: str, asked: Found, response: Response) -> str | None:
    """Where a redirect leads within the archive, None when the answer is none.

    An archive that redirects to another capture names it; a redirect that was captured names the old web, where nobody
    is asked: its capture is.
    """
    location = (response.headers.get("Location") or b"").decode("latin-1")
    if response.status not in {301, 302, 303, 307, 308} or not location:
        return None
    target = urljoin(response.url, location)
    match = _REPLAYED.search(target)
    if match and target.partition("://")[2].startswith(replay.partition("://")[2]):
        return replay_url(replay, *match.groups())
    return replay_url(replay, found(response, asked).timestamp, urljoin(asked.original, location))


def replay_item(capture: Capture, replay: str, *, trust_digest: bool) -> ImageItem:
    """An image that an archive replays."""
    return ImageItem(
        source_id=f"{capture.timestamp}/{capture.original}",
        image_url=replay_url(replay, capture.timestamp, capture.original),
        page_url=f"{replay}*/{capture.original}",
        captured_at=iso_timestamp(capture.timestamp),
        sha1=sha1_of(capture.digest) if trust_digest else None,
        raw=_raw(capture),
    )


def record_item(capture: Capture, data: str, *, trust_digest: bool) -> ImageItem | None:
    """An image in a WARC record that a range of a remote file brings; None when the index does not say where."""
    if not capture.filename or not (capture.offset or "").isdecimal() or not (capture.length or "").isdecimal():
        return None
    url = f"{data}{capture.filename}"
    args = {"url": url, "offset": int(capture.offset or 0), "length": int(capture.length or 0)}
    return ImageItem(
        source_id=f"{capture.timestamp}/{capture.original}",
        image_url=f"{url}#offset={capture.offset}",
        page_url=capture.original,
        captured_at=iso_timestamp(capture.timestamp),
        sha1=sha1_of(capture.digest) if trust_digest else None,
        carrier=Carrier(kind="warc-record", args={**args, "version": capture.digest or f"{capture.timestamp}"}),
        raw={**_raw(capture), "filename": capture.filename, "offset": capture.offset},
    )


def shown_items(response: Response, replay: str, page: Found) -> Iterator[ImageItem]:
    """The images that a captured page shows, each to be had from the time of the page. Raises SourceChanged."""
    selector = html.page_of(response)
    base = urljoin(page.original, selector.css("base::attr(href)").get("").strip())
    signals, terms = html.signals_of(response), html.page_rights(selector, base)
    seen = set[str]()
    for card in html.cards(selector, None):
        original = html.image_url(card, base, None)
        if original is None or original in seen:
            continue
        seen.add(original)
        own = html.rights(card, base, None) or terms or html.Rights(None, None, None)
        args = {"replay": replay, "timestamp": page.timestamp, "original": original, "version": page.timestamp}
        yield ImageItem(
            source_id=f"{page.timestamp}/{original}",
            image_url=replay_url(replay, page.timestamp, original),
            page_url=f"{replay}{page.timestamp}/{page.original}",
            title=html.first_text(card, None, "title"),
            creator=html.first_text(card, None, "creator"),
            license=own.id,
            license_url=own.url,
            license_raw=own.raw,
            published_at=html.date(card, None),
            captured_at=iso_timestamp(page.timestamp),
            signals=signals,
            carrier=Carrier(kind="capture", args=args),
            raw={"original": original, "page": page.original},
        )


def _raw(capture: Capture) -> dict[str, str]:
    values = {"original": capture.original, "mimetype": capture.mimetype, "digest": capture.digest}
    return {name: value for name, value in {**values, "length": capture.length}.items() if value is not None}
