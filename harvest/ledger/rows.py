"""The ledger's rows as frozen dataclasses. Field names are column names; moments are ISO 8601 text in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harvest.items import EvidenceRef, Signal

__all__ = [
    "MEMBER",
    "DecisionRow",
    "DerivedRow",
    "DuplicateRow",
    "ExportRow",
    "ImageRow",
    "KnownUrl",
    "LayoutRow",
    "PutOff",
    "RunRow",
    "SegmentRow",
    "SightingRow",
    "StageRun",
    "StageRunRow",
    "VainAsk",
]

#: Stands between an archive's path and a name in it, as in the addresses of Java's archives.
MEMBER = "!/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One crawl of one source.

    `outcome` is `finished`, `limited` (as many images as were asked for), `failed` or `refused`; None while it runs or
    after a kill.
    """

    run_id: str
    source: str
    spider: str
    config_digest: str
    code_version: str
    started_at: str
    finished_at: str | None = None
    outcome: str | None = None
    journal_digest: str | None = None
    crawl_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """A journal segment that is in the ledger; `digest` is its seal's."""

    run_id: str
    segment: int
    digest: str
    sightings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingRow:
    """One time an image was met. `opt_out` is the evidence from the page and from the answers, honoured or not."""

    run_id: str
    seq: int
    source: str
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
    fetched_at: str | None = None
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    opt_out: tuple[Signal, ...] = ()
    outcome: str
    reason: str | None = None
    sha256: str | None = None
    labels: tuple[str, ...] = ()
    sha1: str | None = None
    carrier: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[EvidenceRef, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """Distinct bytes that decode. `path` is relative to the workspace; the other columns are a Fingerprint's."""

    sha256: str
    path: str
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
    first_seen: str


@dataclass(frozen=True, slots=True)
class KnownUrl:
    """The latest successful fetch of an address: what it brought, when (unix time), and what to revalidate it with.

    `sha1` is what the source stated of these bytes last.
    """

    image_url: str
    sha256: str
    etag: str | None
    last_modified: str | None
    fetched_at: float | None
    outcome: str
    sha1: str | None


@dataclass(frozen=True, slots=True)
class VainAsk:
    """What the latest ask for an address came to when it brought nothing to keep; `asked_at` is a unix time."""

    image_url: str
    outcome: str
    reason: str | None
    http_status: int | None
    sha256: str | None
    opt_out: tuple[Signal, ...]
    asked_at: float


@dataclass(frozen=True, slots=True)
class PutOff:
    """An address that failed and is left alone until a moment (unix time); `reason` is that of the failure."""

    image_url: str
    until: float
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRow:
    """One member of a group of copies and its `distance` from the picture the group is bound to.

    `kind` is `pixels`, `near`, `embedding` or `review`. `distance` and `threshold` are bits between hashes, one minus
    the cosine between vectors, and 0 for equal pixels or where a person put pictures together.
    """

    group_id: str
    sha256: str
    keeper: bool
    kind: str
    distance: float
    threshold: float
    method: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """A stage's verdict on an image, `keep` or `drop`, with its reason. `decided_at` None means now, when writing."""

    sha256: str
    stage: str
    recipe_digest: str
    verdict: str
    reason: str
    value: float | None = None
    threshold: float | None = None
    decided_by: str
    decided_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRow:
    """One sized copy; `path` is relative to the workspace, the last four are those of harvest.items.Derivative."""

    sha256: str
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
class LayoutRow:
    """An image's place: (x, y) on the projected plane, (row, col) on the grid, row 0 at the top."""

    layout: str
    sha256: str
    x: float
    y: float
    row: int
    col: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One exported image; `path` is relative to the export's folder, and `<archive>!/<name>` within an archive.

    `derived_sha256` is that of the image's own bytes there.
    """

    export: str
    sha256: str
    path: str
    derived_sha256: str
    license: str | None
    credit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRunRow:
    """A stage run as it is written; `detail` is JSON."""

    stage_run: int
    stage: str
    name: str
    recipe_digest: str
    input_digest: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One finished stage over a whole set, keyed by what it did (`recipe_digest`) and to what (`input_digest`)."""

    stage_run: int
    stage: str
    name: str
    recipe_digest: str
    input_digest: str
    finished_at: str
    detail: Mapping[str, Any]
