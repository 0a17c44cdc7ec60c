"""A run's header and end, and a sighting as one line of JSON."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from harvest.items import Carrier, Derivative, EvidenceRef, Fingerprint, ImageItem, Outcome, Sighting, Signal

__all__ = ["RunEnd", "RunHeader", "dump", "from_json", "line_of", "now", "to_json"]

Row = TypeVar("Row")


def now() -> str:
    """This moment as ISO 8601 text in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """What a run is, written before its first sighting. `started_at` is ISO 8601 in UTC.

    Runs of several processes that share one crawl have the same `crawl_id`.
    """

    run_id: str
    source: str
    spider: str
    config_digest: str
    code_version: str
    started_at: str
    crawl_id: str | None = None

    @classmethod
    def new(
        cls, *, source: str, spider: str, config_digest: str, code_version: str, crawl_id: str | None = None
    ) -> RunHeader:
        """The header of a run that begins now, under an id that sorts by time."""
        started_at = now()
        stamp = started_at.translate({ord(mark): None for mark in "-:Z"})
        return cls(
            run_id=f"{stamp}-{source}-{secrets.token_hex(3)}",
            source=source,
            spider=spider,
            config_digest=config_digest,
            code_version=code_version,
            started_at=started_at,
            crawl_id=crawl_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended; `head` is the digest of its last seal, '' when it saw nothing."""

    outcome: str
    finished_at: str
    head: str


def to_json(sighting: Sighting) -> dict[str, Any]:
    """A sighting as JSON values, every field present."""
    values = _fields(sighting)
    values["item"] = _fields(sighting.item)
    values["item"]["signals"] = [_fields(signal) for signal in sighting.item.signals]
    values["item"]["carrier"] = _fields(sighting.item.carrier) if sighting.item.carrier else None
    values["item"]["evidence"] = [_fields(reference) for reference in sighting.item.evidence]
    values["item"]["raw"] = dict(sighting.item.raw)
    values["opt_out"] = [_fields(signal) for signal in sighting.opt_out]
    values["fingerprint"] = _fields(sighting.fingerprint) if sighting.fingerprint else None
    values["evidence"] = [_fields(reference) for reference in sighting.evidence]
    values["derived"] = [_fields(derivative) for derivative in sighting.derived]
    return values


def _fields(row: Any) -> dict[str, Any]:
    return {f.name: getattr(row, f.name) for f in fields(row)}


def from_json(values: Mapping[str, Any]) -> Sighting:
    """The sighting that `to_json` was given. Raises KeyError, TypeError or ValueError when it is none.

    What journals of earlier versions do not have is empty.
    """
    rest = dict(values)
    item = dict(rest.pop("item"))
    item["tags"], item["labels"] = tuple(item["tags"]), tuple(item.get("labels", ()))
    item["signals"] = _rows(Signal, item["signals"])
    item["carrier"] = Carrier(**item["carrier"]) if item.get("carrier") else None
    item["evidence"] = _rows(EvidenceRef, item.get("evidence", ()))
    fingerprint = rest.pop("fingerprint")
    rest["opt_out"] = _rows(Signal, rest["opt_out"])
    rest["evidence"] = _rows(EvidenceRef, rest.get("evidence", ()))
    rest["derived"] = _rows(Derivative, rest.get("derived", ()))
    rest["outcome"] = Outcome(rest["outcome"])
    return Sighting(**rest, item=ImageItem(**item), fingerprint=Fingerprint(**fingerprint) if fingerprint else None)


def _rows(row: Callable[..., Row], values: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
    return tuple(row(**value) for value in values)


def line_of(values: Mapping[str, Any]) -> bytes:
    """One line of NDJSON. What JSON cannot say (half a surrogate pair, NaN) is replaced, not fatal to a crawl."""
    try:
        return dump(values)
    except (TypeError, ValueError):
        return dump(_sayable(values))


def dump(values: Any) -> bytes:
    """Values as one compact line of UTF-8. Raises TypeError or ValueError at what JSON cannot say."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _sayable(value: Any) -> Any:
    """`value` in JSON's terms: a number that is none becomes None, what has no JSON type its text."""
    if isinstance(value, Mapping):
        return {_sayable(str(key)): _sayable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_sayable(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
