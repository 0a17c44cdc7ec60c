"""Values as sources write them, as values an item holds. None stands for what cannot be read, never for a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from parsel import Selector

__all__ = ["first_link", "iso_moment", "iso_said", "iso_taken", "iso_timestamp", "iso_unix", "plain", "text"]

_TIMESTAMP = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
_SAID = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?)?)?")
_EXIF = re.compile(r"(\d{4}):(\d\d):(\d\d) (?=\d\d:\d\d)")
_BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|dl|dt|dd|tr|td|th|table|h\d)\b", re.IGNORECASE)
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


def iso_moment(value: str | None) -> str | None:
    """ISO 8601 in UTC of a complete date and time, taken as UTC where it names no zone.

    >>> iso_moment("2012-05-15T10:20:30Z"), iso_moment("2010-04-01 12:00:00"), iso_moment("lately")
    ('2012-05-15T10:20:30+00:00', '2010-04-01T12:00:00+00:00', None)
    """
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def iso_said(value: str | None) -> str | None:
    """ISO 8601 of a date that people wrote, as precise as it is and without a zone; None for other than digits.

    >>> iso_said("1888"), iso_said("2012-05-15 10:20"), iso_said("2005:06:12 20:41:00"), iso_said("about 1888")
    ('1888', '2012-05-15T10:20', '2005-06-12T20:41:00', None)
    """
    match = _SAID.fullmatch(_EXIF.sub(r"\1-\2-\3 ", (value or "").strip()))
    if match is None:
        return None
    year, month, day, clock = match.groups()
    if year == "0000" or "00" in {month, day}:
        return None
    return "-".join(part for part in (year, month, day) if part) + (f"T{clock}" if clock else "")


def plain(html: str | None) -> str | None:
    """The words of a piece of HTML, None when there are none.

    >>> plain('<a href="//x.org/u"><b>Ada</b> Moss</a><br>and&nbsp;others <style>p{}</style>')
    'Ada Moss and others'
    """
    if not html or not html.strip():
        return None
    if "<" not in html and "&" not in html:
        return " ".join(html.split())
    page = Selector(text=_BREAK.sub(r" \g<0>", html), type="html")
    words = page.xpath("//text()[not(ancestor::style or ancestor::script)]").getall()
    return " ".join("".join(words).split()) or None


def first_link(html: str | None, base: str) -> str | None:
    """The address of the first link in a piece of HTML that leads to a page, resolved by `base`.

    >>> first_link('<a href="//commons.wikimedia.org/wiki/User:Ada">Ada</a>', "https://commons.wikimedia.org/")
    'https://commons.wikimedia.org/wiki/User:Ada'
    """
    if not html or "<" not in html:
        return None
    links = (urljoin(base, link.strip()) for link in Selector(text=html, type="html").xpath("//a/@href").getall())
    return next((link for link in links if link.startswith(("http://", "https://"))), None)
