"""The carrier `capture`: stored bytes of the capture that is nearest to a time, without ever leaving the archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Ask, Carried, CarrierFailed
from harvest.crawl.sites.parsing import iso_timestamp
from harvest.crawl.webarchive.replay import Found, found, onward, replay_url

__all__ = ["bring"]

_HEADERS = {"Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"}


async def bring(args: Mapping[str, Any], ask: Ask, limits: Limits) -> Carried:
    """`args`: `replay` (the archive's prefix), `timestamp`, `original`, `version`. Raises CarrierFailed."""
    asked = Found(args["timestamp"], args["original"])
    first = url = replay_url(args["replay"], *asked)
    for _ in range(limits.max_redirects + 1):
        response = await ask(Request(url, NO_CALLBACK, headers=_HEADERS, meta={"dont_redirect": True}))
        following = onward(args["replay"], asked, response)
        if following is None:
            break
        url, asked = following, found(response.replace(url=following, headers={}), asked)
    else:
        raise CarrierFailed(f"redirects: more than {limits.max_redirects}, the last to {url}")
    if response.status != 200:
        is_gone = response.status in {404, 410}
        raise CarrierFailed(f"http_{response.status}", is_gone=is_gone, status=response.status)
    capture = found(response, asked)
    at = replay_url(args["replay"], *capture)
    return Carried(
        body=response.body,
        status=response.status,
        headers=tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, values in response.headers.items()
            for value in values
        ),
        etag=args.get("version"),
        found_at=None if at == first else at,
        captured_at=iso_timestamp(capture.timestamp),
    )
