"""A pass over a dataset's sources: who is asked next, and rows as the answers come."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from harvest.audit.recheck.asker import Asker
from harvest.audit.recheck.questions import Found, PageSaid, Questions
from harvest.config.reader import Section
from harvest.config.source import SourceConfig
from harvest.errors import LedgerBusy, UsageError
from harvest.hosts.book import FileBook
from harvest.ledger import (
    RecheckRow,
    Subject,
    count_requests,
    due,
    note_refusal,
    open_ledger,
    refusals,
    requests_today,
    subject_sources,
    subjects,
    write_rechecks,
)
from harvest.pages.refusals import GRANTED
from harvest.progress import Progress, SilentProgress, Task
from harvest.workspace import Workspace

__all__ = ["RecheckReport", "RecheckTerms", "recheck"]

logger = logging.getLogger(__name__)
_ASKED_AT_ONCE = 32  # images under way; hosts' own budgets are what really bounds them
_CHUNK = 2_000  # images that are read from the ledger at a time
_BEAT = 5.0  # seconds between two turns at the ledger
_MOST_WAITING = 1_000  # rows that wait for the ledger before nothing more is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckTerms:
    """Which images a pass asks for, and on whose behalf.

    Asked are those that no pass asked for in the last `older_than` days, at most `limit`, of the sources `only` or of
    all. `sources` are the source configs by name, whose pace and contact hold; `contact` is who asks where a source
    has none.
    """

    sources: Mapping[str, SourceConfig]
    contact: str | None = None
    only: tuple[str, ...] = ()
    older_than: float = 30.0
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckReport:
    """What a pass did: `outcomes` counts its rows; `left` images are due, also those that did not answer."""

    recheck: str
    asked: int
    outcomes: Mapping[str, int]
    licences_changed: int
    new_opt_outs: int
    left: int


def recheck(workspace: Workspace, terms: RecheckTerms, *, progress: Progress | None = None) -> RecheckReport:
    """Ask the sources again, and write what they say as rows of `rechecks` while the answers come.

    A pass that was stopped is continued by the next one, since what was asked for is not due again. Raises UsageError
    when a source is not known or nobody is named who asks, LedgerError when there is no ledger yet.
    """
    return asyncio.run(_Pass(workspace, terms, progress or SilentProgress()).run())


class _Pass:
    def __init__(self, workspace: Workspace, terms: RecheckTerms, progress: Progress) -> None:
        now = datetime.now(UTC)
        self._workspace, self._terms, self._progress = workspace, terms, progress
        self._id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self._before = now - timedelta(days=terms.older_than)
        self._only = list(terms.only) or None
        self._waiting: list[RecheckRow] = []
        self._outcomes: Counter[str] = Counter()
        self._licences = self._opt_outs = 0

    async def run(self) -> RecheckReport:
        with open_ledger(self._workspace) as con:
            there = subject_sources(con)
            closed, counts = refusals(con), requests_today(con)
            wanted = due(con, before=self._before, only=self._only)
        sources = self._sources(there)
        book = FileBook(self._workspace.root / "pace")
        for host, (until, why) in closed.items():
            book.shut(host, until.timestamp(), why)
        book.seed(counts)
        chosen = wanted if self._terms.limit is None else wanted.slice(0, self._terms.limit)
        try:
            async with Asker(book) as asker:
                with self._progress.start("ask sources again", len(chosen)) as task:
                    await self._ask_all(asker, sources, chosen, task)
        finally:
            book.close()
        asked = sum(self._outcomes.values())
        return RecheckReport(
            recheck=self._id,
            asked=asked,
            outcomes=dict(sorted(self._outcomes.items())),
            licences_changed=self._licences,
            new_opt_outs=self._opt_outs,
            left=len(wanted) - asked + self._outcomes["failed"],
        )

    async def _ask_all(self, asker: Asker, sources: Mapping[str, SourceConfig], chosen: pa.Table, task: Task) -> None:
        questions, ended = Questions(asker), asyncio.Event()
        writer = asyncio.create_task(self._write_now_and_then(asker, ended))
        try:
            for first in range(0, len(chosen), _CHUNK):
                with open_ledger(self._workspace) as con:
                    chunk = subjects(con, chosen.slice(first, _CHUNK))
                queue = list(reversed(chunk))

                async def work(queue: list[Subject] = queue) -> None:
                    while queue and not writer.done():
                        subject = queue.pop()
                        row = await self._answered(questions, sources[subject.source], subject)
                        self._note(row)
                        task.advance(note=f"{subject.source} {row.outcome}")

                async with asyncio.TaskGroup() as group:
                    for _ in range(min(_ASKED_AT_ONCE, len(chunk))):
                        group.create_task(work())
                if writer.done():
                    break
        finally:
            # Also when the pass is being stopped: what was answered is not asked for again.
            ended.set()
            await writer
            await self._write(asker)

    async def _answered(self, questions: Questions, source: SourceConfig, subject: Subject) -> RecheckRow:
        try:
            return await self._asked(questions, source, subject)
        except Exception as error:  # a page of a kind that nobody thought of must not end the pass
            logger.exception("asking for %s failed", subject.image_url)
            return self._row(subject, Found(outcome="failed", detail=f"internal: {error!r}"), None)

    async def _asked(self, questions: Questions, source: SourceConfig, subject: Subject) -> RecheckRow:
        page = None
        if subject.page_url and subject.page_url.startswith(("http://", "https://")):
            page = await questions.page(source, subject.page_url)
        if subject.carrier:
            return self._row(subject, _through_page(subject, page), page)
        return self._row(subject, await questions.image(source, subject, page), page)

    def _row(self, subject: Subject, found: Found, page: PageSaid | None) -> RecheckRow:
        rights = page.rights(subject.image_url) if page else None
        said = dict.fromkeys((*found.signals, *(page.signals if page else ())))
        new = [each for each in said if each.kind != GRANTED and (each.kind, each.value) not in subject.said]
        details = [part for part in (found.detail, page.fault if page else None) if part]
        return RecheckRow(
            recheck=self._id,
            sha256=subject.sha256,
            source=subject.source,
            image_url=subject.image_url,
            page_url=subject.page_url,
            asked_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            outcome=found.outcome,
            http_status=found.status,
            moved_to=found.moved_to,
            page_status=page.status if page else None,
            license_before=subject.license,
            license_now=rights.id if rights else None,
            license_raw_now=(rights.raw or rights.url) if rights else None,
            opt_out=json.dumps([asdict(each) for each in new], sort_keys=True),
            detail="; ".join(details) or None,
        )

    def _note(self, row: RecheckRow) -> None:
        self._waiting.append(row)
        self._outcomes[row.outcome] += 1
        self._licences += row.license_raw_now is not None and row.license_now != row.license_before
        self._opt_outs += row.opt_out != "[]"

    async def _write_now_and_then(self, asker: Asker, ended: asyncio.Event) -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _BEAT)
            try:
                await self._write(asker)
            except LedgerBusy:
                if len(self._waiting) > _MOST_WAITING:
                    raise

    async def _write(self, asker: Asker) -> None:
        """Put what is known into the ledger. Raises LedgerBusy, and keeps it for the next time."""
        rows, self._waiting = self._waiting, []
        shut, asker.shut = asker.shut, []
        counted, asker.counted = asker.counted, Counter()
        if not (rows or shut or counted):
            return
        try:
            await asyncio.to_thread(self._enter, rows, shut, counted)
        except LedgerBusy:
            self._waiting, asker.shut = [*rows, *self._waiting], [*shut, *asker.shut]
            asker.counted.update(counted)
            raise

    def _enter(self, rows: list[RecheckRow], shut: list[tuple[str, float, str]], counted: Counter[str]) -> None:
        with open_ledger(self._workspace, write=True) as con:
            write_rechecks(con, rows)
            for host, until, why in shut:
                if until > time.time():
                    note_refusal(con, host, datetime.fromtimestamp(until, UTC), why)
            if counted:
                count_requests(con, counted)

    def _sources(self, there: Sequence[str]) -> dict[str, SourceConfig]:
        """The config of every source that is asked. Raises UsageError."""
        for name in self._terms.only:
            if name not in there:
                raise UsageError(
                    f"no image came from the web by a source {name!r}; there are {', '.join(there) or 'none'}"
                )
        return {name: self._source(name) for name in self._only or there}

    def _source(self, name: str) -> SourceConfig:
        if name in self._terms.sources:
            return self._terms.sources[name]
        if not self._terms.contact:
            raise UsageError(
                f"nobody is named whom the hosts of source {name!r} could write to; give --source its YAML, a --recipe "
                "that lists it, or --contact you@example.org"
            )
        file = Path("recheck")
        return SourceConfig(
            name=name,
            spider="recheck",
            contact=self._terms.contact,
            file=file,
            digest="",
            options=Section(file, "", {}),
        )


def _through_page(subject: Subject, page: PageSaid | None) -> Found:
    """What the page tells of an image whose bytes no single request brings."""
    how = f"its bytes come by the carrier {subject.carrier}, so only its page was asked"
    if page is None:
        return Found(outcome="failed", detail=f"its bytes come by the carrier {subject.carrier}, and it has no page")
    if page.status in {404, 410}:
        return Found(outcome="gone", detail=how)
    return Found(outcome="unchanged" if page.status == 200 else "failed", detail=how)
