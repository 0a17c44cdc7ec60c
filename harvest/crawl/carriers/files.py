"""Carriers for files on this machine's disk, and for members of archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried, CarrierFailed
from harvest.crawl.files.archives import ARCHIVES
from harvest.crawl.files.disk import located, version

__all__ = ["read_file", "read_member"]


def read_file(args: Mapping[str, Any], limits: Limits) -> Carried:
    """The bytes of `file` as they are. Raises CarrierFailed (`missing`, `unreadable`, `too_large`)."""
    path = located(args)
    current = version(path)
    try:
        with path.open("rb") as file:
            body = file.read(limits.max_bytes + 1)
    except OSError as error:
        raise CarrierFailed(f"unreadable: {error.strerror}") from None
    if len(body) > limits.max_bytes:
        raise CarrierFailed(f"too_large: more than {limits.max_bytes} bytes (limits.max_bytes)")
    return Carried(body=body, etag=current)


def read_member(args: Mapping[str, Any], limits: Limits) -> Carried:
    """The bytes of `member` of the archive `file`. Raises CarrierFailed as `read_file` and Archive.read do."""
    with ARCHIVES.use(located(args)) as archive:
        body = archive.read(str(args["member"]), limits.max_bytes)
    return Carried(body=body, etag=str(args["version"]))
