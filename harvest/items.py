"""What travels between the floors: an image as a source describes it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Carrier", "Derivative", "EvidenceRef", "Fingerprint", "ImageItem", "Outcome", "Sighting", "Signal"]


class Outcome(StrEnum):
    """What became of one sighting."""

    STORED = "stored"  # new bytes, kept
    KNOWN = "known"  # fetched, and the bytes were here already
    UNCHANGED = "unchanged"  # not fetched again: young enough, or the server said 304
    REFUSED = "refused"  # an opt-out or robots.txt says no, and the source's config honours it
    BROKEN = "broken"  # fetched, but not a usable image
    FAILED = "failed"  # not fetched: network, HTTP status, size limit
    GONE = "gone"  # 404 or 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One opt-out or origin statement, as evidence.

    `kind` is one of harvest.pages.refusals's names (`robots`, `x-robots-tag`, `meta-robots`, `tdmrep`,
    `content-usage`, `content-signal`, `iptc`, `c2pa`), `value` what it said, `where` the URL or field that said it.
    """

    kind: str
    value: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """How an image's bytes come where one GET of its `image_url` does not bring them.

    `kind` is a carrier's name in harvest.crawl.carriers, `args` are its arguments, values that JSON can say.
    """

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRef:
    """Where the raw answer lies that something was read from: a WARC record.

    `role` is `page` (what described the image) or `image` (what brought its bytes), `file` the WARC's path relative to
    the workspace, `offset` the record's first byte there, `record` its WARC-Record-ID.
    """

    role: str
    file: str
    offset: int
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageItem:
    """One image as its source describes it, before anything was fetched. The only thing a spider yields.

    `license` is an SPDX id or a LicenseRef-*, None when unknown; `license_raw` is what the source said, to the letter.
    Dates are ISO 8601 text in UTC where the source gives a zone. `labels` are classes that somebody assigned, `tags`
    what people called it. `sha1` is the digest that the source states for the bytes, in hex. `raw` keeps source values
    that no field holds. `evidence` is set by the crawl, never by a spider.
    """

    source_id: str
    image_url: str
    page_url: str | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    creator: str | None = None
    creator_url: str | None = None
    license: str | None = None
    license_url: str | None = None
    license_raw: str | None = None
    published_at: str | None = None
    taken_at: str | None = None
    captured_at: str | None = None
    signals: tuple[Signal, ...] = ()
    labels: tuple[str, ...] = ()
    sha1: str | None = None
    carrier: Carrier | None = None
    evidence: tuple[EvidenceRef, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivative:
    """One size of an image, made while its bytes were at hand; the fields are the columns of the ledger's `derived`.

    `frame` is the number of its frame where the image has several, `width` and `height` are its own pixels, `place` is
    where along the longer side it was cut: 0 left or top, .5 centre, 1 right or bottom.
    """

    size: int
    mode: str
    path: str
    bytes: int
    derived_sha256: str
    recipe_digest: str
    frame: int | None = None
    width: int | None = None
    height: int | None = None
    place: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What one decode of an image's bytes tells.

    `phash` is an unsigned 64-bit integer under `phash_version`; `sharpness` and `brightness` lie in [0, 1] and
    `entropy`, in bits, in [0, 8]. `digital_source_type` is the last part of the IPTC term, `data_mining` the PLUS
    vocabulary term.
    """

    sha256: str
    bytes: int
    format: str
    width: int
    height: int
    mode: str
    frames: int
    phash: int
    phash_version: str
    sharpness: float
    entropy: float
    brightness: float
    digital_source_type: str | None = None
    data_mining: str | None = None
    sha1: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One time an image was met in a run, also when it was refused or failed: one journal line, one ledger row.

    (`run_id`, `seq`) identifies it. `sha256` is that of the bytes received, also when they were broken, or of the bytes
    already held when they were not fetched again. `fingerprint` is there when the outcome is STORED or KNOWN, and then
    `path` says where the bytes lie in the workspace (what `Store.put` returned) and `fetched_at` is set. `evidence`
    points at the answers that brought the bytes, `derived` at the sizes that were made of them.
    """

    run_id: str
    seq: int
    source: str
    item: ImageItem
    outcome: Outcome
    reason: str | None = None
    fetched_at: str | None = None
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    opt_out: tuple[Signal, ...] = ()
    sha256: str | None = None
    path: str | None = None
    fingerprint: Fingerprint | None = None
    evidence: tuple[EvidenceRef, ...] = ()
    derived: tuple[Derivative, ...] = ()
