"""What a carrier is: a way to an image's bytes where one GET of its address does not bring them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Response

from harvest.config.source import Limits

__all__ = ["Ask", "Carried", "CarrierFailed", "Carry", "Read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The bytes of one image. `headers` are those of the answer that brought them, as (name, value).

    `etag` identifies this state of the bytes at the source; a carrier whose arguments have a `version` repeats it here,
    and an image with the version that the ledger holds is not read again. `made` says how the bytes were made where
    they are not the source's own (`cut from a mosaic`, `stitched from 12 tiles`), and goes into the item's `raw`.
    `found_at` is the address that brought them where it is not the one that was asked for, `captured_at` (ISO 8601)
    when an archive captured them where that is only known from its answer.
    """

    body: bytes
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    made: str | None = None
    found_at: str | None = None
    captured_at: str | None = None


class CarrierFailed(Exception):
    """The bytes could not be brought; `reason` begins with a stable word (`missing`, `timeout`, `changed`, ...).

    `is_gone` says that asking again is in vain; `status` is the HTTP status where there was one.
    """

    def __init__(self, reason: str, *, is_gone: bool = False, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.is_gone, self.status = reason, is_gone, status


Ask = Callable[[Request], Awaitable[Response]]
"""Sends one request by the crawl's own downloader: pace, retries, proxy, robots.txt and limits hold for it."""

Carry = Callable[[Mapping[str, Any], Ask, Limits], Awaitable[Carried]]
"""A carrier that asks hosts. Raises CarrierFailed, and whatever `Ask` raises."""

Read = Callable[[Mapping[str, Any], Limits], Carried]
"""A carrier that reads this machine's disk; runs in a thread. Raises CarrierFailed and OSError."""
