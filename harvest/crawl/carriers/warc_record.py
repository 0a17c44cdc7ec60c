"""The carrier `warc-record`: one record of a remote WARC, by HTTP range. https://commoncrawl.org/get-started"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Ask, Carried, CarrierFailed
from harvest.crawl.webarchive.warcs import payload

__all__ = ["bring"]


async def bring(args: Mapping[str, Any], ask: Ask, limits: Limits) -> Carried:
    """`args`: `url`, `offset` and `length` of the record in bytes, `version`. Raises CarrierFailed."""
    offset, length = int(args["offset"]), int(args["length"])
    if length > limits.max_bytes:
        raise CarrierFailed(f"too_large: the record has {length} bytes, more than limits.max_bytes")
    headers = {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"}
    response = await ask(Request(args["url"], NO_CALLBACK, headers=headers))
    if response.status == 200 and len(response.body) > length:
        raise CarrierFailed("changed: the host does not serve ranges of its files", status=response.status)
    if response.status not in {200, 206}:
        is_gone = response.status in {404, 410}
        raise CarrierFailed(f"http_{response.status}", is_gone=is_gone, status=response.status)
    found = await asyncio.to_thread(payload, io.BytesIO(response.body), None, limits.max_bytes)
    return Carried(
        body=found.body,
        status=found.status,
        headers=found.headers,
        etag=args.get("version"),
        last_modified=found.header("Last-Modified"),
    )
