"""Windows of upload dates: a search that lists only so many results is asked in parts that are small enough.

Pure arithmetic; which parts are asked for next follows from how many results the source says a part has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import pairwise

__all__ = ["FLOOR", "Window", "moment", "split"]

FLOOR = 300  # seconds; shorter windows repeat what their neighbours list
_AT_ONCE = 8  # parts of one split: few enough that empty stretches cost little, enough to be there in a few rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From second `since` to second `until`, both inclusive, in unix time; of one licence when `license` names it."""

    since: int
    until: int
    license: str | None = None

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.until - self.since + 1

    def __str__(self) -> str:
        """As reports name it.

        >>> print(Window(since=0, until=3599, license="4"))
        1970-01-01T00:00:00Z to 1970-01-01T00:59:59Z, licence 4
        """
        dates = " to ".join(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (self.since, self.until))
        return dates + (f", licence {self.license}" if self.license else "")


def split(window: Window, total: int, licences: Sequence[str], *, most: int) -> tuple[Window, ...]:
    """The parts to ask for instead of a window with `total` results; none when it has at most `most`, or has to do.

    The parts cover exactly the seconds of the window, without overlap, and none is shorter than FLOOR. A window that is
    too short for that is split by licence, one of `licences` a part; what is still too large has to do.

    >>> split(Window(since=0, until=599), 5000, ("4", "5"), most=3000)[1]
    Window(since=300, until=599, license=None)
    >>> split(Window(since=300, until=599), 5000, ("4", "5"), most=3000)[1]
    Window(since=300, until=599, license='5')
    """
    if total <= most:
        return ()
    parts = min(-(-total // most), window.seconds // FLOOR, _AT_ONCE)
    if parts >= 2:
        bounds = [window.since + window.seconds * index // parts for index in range(parts + 1)]
        return tuple(
            Window(since=since, until=following - 1, license=window.license) for since, following in pairwise(bounds)
        )
    if window.license is None and len(licences) > 1:
        return tuple(Window(since=window.since, until=window.until, license=licence) for licence in licences)
    return ()


def moment(value: str, *, is_end: bool = False) -> int | None:
    """Unix seconds of a unix time, a date or a date with a time, UTC where no zone is said; None when it is neither.

    A date alone stands for its first second, or with `is_end` for its last.

    >>> moment("1581319011"), moment("2020-02-10"), moment("2020-02-10 07:16:51"), moment("lately")
    (1581319011, 1581292800, 1581319011, None)
    >>> moment("2020-02-10", is_end=True)
    1581379199
    """
    value = value.strip()
    if value.isdecimal():
        return int(value)
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    if len(value) == 10 and is_end:
        read = datetime.combine(read, time(23, 59, 59))
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
