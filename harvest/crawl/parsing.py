"""Values as sources write them, as values an item holds. None stands for what cannot be read, never for a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["iso_taken", "iso_timestamp", "iso_unix", "text"]

_TIMESTAMP = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_PRECISION = {"0": 19, "4": 7, "6": 4, "8": 4}  # Flickr's granularity: the second, the month, the year, about a year


def text(value: Any) -> str | None:
    """A text without the spaces around it; of a mapping, its `_content`. None when nothing is left."""
    if isinstance(value, Mapping):
        value = value.get("_content")
    return str(value).strip() or None if isinstance(value, str | int | float) else None


def iso_unix(value: Any) -> str | None:
    """ISO 8601 in UTC of a unix time in seconds, given as number or text.

    >>> iso_unix("1581319011")
    '2020-02-10T07:16:51+00:00'
    """
    try:
        return datetime.fromtimestamp(int(value), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def iso_timestamp(value: str) -> str | None:
    """ISO 8601 of a web archive's timestamp, 4 to 14 digits in UTC, as precise as it is.

    >>> iso_timestamp("20050203040506"), iso_timestamp("200502")
    ('2005-02-03T04:05:06+00:00', '2005-02')
    """
    match = _TIMESTAMP.fullmatch(value)
    if match is None:
        return None
    parts = [part for part in match.groups() if part]
    day, clock = "-".join(parts[:3]), parts[3:]
    return f"{day}T{':'.join([*clock, '00', '00'][:3])}+00:00" if clock else day


def iso_taken(photo: Mapping[str, Any]) -> str | None:
    """When a Flickr photo was taken: local time of an unknown zone, as precise as its granularity.

    >>> iso_taken({"datetaken": "1901-01-01 00:00:00", "datetakengranularity": "6"})
    '1901'
    """
    taken = str(photo.get("datetaken") or "")
    if str(photo.get("datetakenunknown", "0")) == "1" or not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", taken):
        return None
    if taken.startswith("0000"):
        return None
    return taken.replace(" ", "T")[: _PRECISION.get(str(photo.get("datetakengranularity", "0")), 19)]
