"""A listing of captures, question by question: pages, parts of time, and several indexes one after the other."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from harvest.crawl.webarchive import cdx
from harvest.crawl.webarchive.captures import Capture, Query, Selection
from harvest.crawl.webarchive.cdx import Archive, Step

__all__ = ["Asked", "Listing", "after", "halves"]

_BEFORE_THE_WEB = datetime(1990, 1, 1, tzinfo=UTC)
_STAMP = "%Y%m%d%H%M%S"


class Asked(NamedTuple):
    """One question: its address, and what `Listing.answer` needs beside the answer, in values that JSON can say."""

    url: str
    arguments: dict[str, Any]


@dataclass(slots=True)
class Listing:
    """Asks an archive's index. `unresolved` counts captures that repeat one which the index does not list; `cut` are
    the seconds with more captures than an answer may have.
    """

    archive: Archive
    query: Query
    unresolved: int = 0
    cut: list[str] = field(default_factory=list)
    _taken: set[int] = field(default_factory=set)

    def begin(self, indexes: Sequence[str]) -> list[Asked]:
        """The first question; `indexes` are in the order of time."""
        steps = [Step(index=index, since=self.query.since, until=self.query.until) for index in indexes]
        return self._asked(self._in_order(steps), None)

    def answer(
        self, text: str, steps: Sequence[Mapping[str, Any]], held: Mapping[str, Any] | None
    ) -> tuple[list[Capture], list[Asked]]:
        """The captures that an answer makes certain, and the next question.

        Raises ValueError for what is no JSON, SourceChanged for what is another one.
        """
        step, waiting = Step(**steps[0]), [Step(**later) for later in steps[1:]]
        captures, resume, pages = cdx.read(self.archive.dialect, text)
        limit = cdx.rows_of(self.archive, self.query)
        is_whole, following = after(step, len(captures), limit, resume, pages)
        if self.archive.dialect == "pywb" and is_whole and len(captures) >= limit:
            self.cut.append(step.since or "")
        selection = Selection(self.query, self._taken, held)
        certain = list(selection.of(captures)) if is_whole else []
        goes_on = is_whole and bool(following)
        if not goes_on:
            certain += selection.end()
        self.unresolved += selection.unresolved
        return certain, self._asked([*self._in_order(following), *waiting], selection.open if goes_on else None)

    def _in_order(self, steps: list[Step]) -> list[Step]:
        return steps[::-1] if self.query.captures == "newest" else steps

    def _asked(self, steps: list[Step], held: dict[str, Any] | None) -> list[Asked]:
        if not steps:
            return []
        url = cdx.url(self.archive, self.query, steps[0])
        return [Asked(url, {"steps": [asdict(step) for step in steps], "held": held})]


def after(step: Step, count: int, limit: int, resume: str | None, pages: int | None) -> tuple[bool, list[Step]]:
    """Whether an answer with `count` rows is whole, and the questions that follow it in time's order.

    One that is cut off at the limit is asked again in two halves, as long as there are two.
    """
    if resume is not None:
        return True, [replace(step, resume=resume)]
    if pages is not None:
        return True, [replace(step, page=0, pages=pages)] if pages else []
    if step.page is not None:
        is_last = step.page + 1 >= (step.pages or 1)
        return True, [] if is_last else [replace(step, page=step.page + 1)]
    parts = halves(step) if count >= limit else None
    return (True, []) if parts is None else (False, list(parts))


def halves(step: Step) -> tuple[Step, Step] | None:
    """The earlier and the later half of a step, None when it is one second.

    >>> halves(Step(index="", since="2001", until="2002"))[0].until
    '20011231235959'
    """
    first = _moment(step.since, "19900101000000", _BEFORE_THE_WEB)
    last = _moment(step.until, "99991231235959", datetime.now(UTC).replace(microsecond=0))
    if first >= last:
        return None
    middle = first + timedelta(seconds=(last - first) // timedelta(seconds=2))
    return (
        replace(step, since=f"{first:{_STAMP}}", until=f"{middle:{_STAMP}}"),
        replace(step, since=f"{middle + timedelta(seconds=1):{_STAMP}}", until=f"{last:{_STAMP}}"),
    )


def _moment(stamp: str | None, rest: str, open_end: datetime) -> datetime:
    """A time of capture made whole by the end of `rest`; `open_end` where there is none."""
    if stamp is None:
        return open_end
    whole = stamp + rest[len(stamp) :]
    year, month, day = int(whole[:4]), min(max(int(whole[4:6]), 1), 12), max(int(whole[6:8]), 1)
    clock = f"{year:04}{month:02}{min(day, monthrange(year, month)[1]):02}{whole[8:]}"
    return datetime.strptime(clock, _STAMP).replace(tzinfo=UTC)
