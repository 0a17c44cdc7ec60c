"""The carrier `warc-record-file`: one record of a WARC or WACZ on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried
from harvest.crawl.files.disk import located
from harvest.crawl.webarchive.warc_files import opened
from harvest.crawl.webarchive.warcs import payload

__all__ = ["read"]


def read(args: Mapping[str, Any], limits: Limits) -> Carried:
    """`args`: `file` (its address), `member` of a WACZ, `offset` and `id` of the record, `version`.

    Raises CarrierFailed and OSError.
    """
    with opened(located(args), args.get("member")) as stream:
        stream.seek(int(args["offset"]))
        found = payload(stream, args["id"], limits.max_bytes)
    return Carried(
        body=found.body,
        status=found.status,
        headers=found.headers,
        etag=args.get("version"),
        last_modified=found.header("Last-Modified"),
    )
