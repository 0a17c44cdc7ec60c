"""Rows of tables as items: which column says what, by names in common use or as a config maps them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from harvest.licences import licence, normalize

__all__ = ["FIELDS", "Columns"]

# By field of an item, the columns that people write it in, the surest one first. Cases do not matter.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "source_id": ("source_id", "id", "key", "image_id"),
    "page_url": ("page_url", "page", "landing_url", "landing_page", "foreign_landing_url", "source_url"),
    "title": ("title",),
    "description": ("description", "caption", "text", "alt", "alt_text"),
    "tags": ("tags", "keywords"),
    "labels": ("labels", "label", "class", "category"),
    "creator": ("creator", "author", "artist", "photographer"),
    "creator_url": ("creator_url", "author_url"),
    "license": ("license", "licence"),
    "license_url": ("license_url", "licence_url"),
    "published_at": ("published_at", "date_published"),
    "taken_at": ("taken_at", "date_taken"),
    "captured_at": ("captured_at",),
    "sha1": ("sha1",),
}
_LISTS = ("tags", "labels")
_DATES = ("published_at", "taken_at", "captured_at")
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
_SHA1 = re.compile(r"[0-9a-f]{40}")


class Columns:
    """A table's columns: `names` are its own, `given` maps fields of an item to some, `left` are read elsewhere.

    A field that `given` leaves out is looked for under the names in FIELDS; what no field takes goes into `raw`.
    Raises KeyError with the name of a column in `given` that the table has not.
    """

    def __init__(self, names: Sequence[str], given: Mapping[str, str], left: Iterable[str] = ()) -> None:
        for column in given.values():
            if column not in names:
                raise KeyError(column)
        taken = {*given.values(), *left}
        by_name = {name.lower(): name for name in reversed(names) if name not in taken}
        self._columns = dict(given)
        for field, candidates in FIELDS.items():
            found = next((by_name[name] for name in candidates if name in by_name), None)
            if field not in given and found is not None:
                self._columns[field] = found
        self._rest = [name for name in names if name not in {*taken, *self._columns.values()}]

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments for an ImageItem, `raw` among them. Values that their field cannot hold go into `raw`."""
        said: dict[str, Any] = {}
        raw = {name: value for name in self._rest if (value := _plain(row.get(name))) not in (None, "", [], {})}
        for field, column in self._columns.items():
            value = _plain(row.get(column))
            fitting = _fitting(field, value)
            if fitting:
                said[field] = fitting
            elif value not in (None, "", [], {}):
                raw[column] = value
        return {**said, **_terms(said), "raw": raw}


def _fitting(field: str, value: Any) -> Any:
    """The value as the field holds it, None when it does not fit."""
    if field in _LISTS:
        parts = value if isinstance(value, list) else _parted(field, value)
        return tuple(str(part).strip() for part in parts if not isinstance(part, dict) and str(part).strip())
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if (field in _DATES and not _ISO.fullmatch(text)) or (field == "sha1" and not _SHA1.fullmatch(text.lower())):
        return None
    if field.endswith("_url") and not text.startswith(("http://", "https://")):
        return None
    return text.lower() if field == "sha1" else text or None


def _parted(field: str, value: Any) -> list[Any]:
    """Tags stand in one text with commas between them; a label is one label, whatever is in it."""
    if value is None or isinstance(value, dict | bool):
        return []
    return re.split(r"[,;|]", value) if field == "tags" and isinstance(value, str) else [value]


def _terms(said: Mapping[str, Any]) -> dict[str, Any]:
    raw, address = said.get("license"), said.get("license_url")
    id_ = normalize(raw) or normalize(address)
    known = licence(id_ or "")
    return {"license": id_, "license_url": address or (known.uri if known else None), "license_raw": raw or address}


def _plain(value: Any) -> Any:
    """A value that JSON can say; bytes and not-a-number say nothing."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain for key, each in value.items() if (plain := _plain(each)) is not None}
    if isinstance(value, list | tuple):
        return [plain for each in value if (plain := _plain(each)) is not None]
    if isinstance(value, bytes | bytearray | memoryview) or value != value:  # noqa: PLR0124 - not-a-number
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
