"""Last step: every image becomes one sighting in the journal, which reaches the ledger while the crawl runs."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scrapy.crawler import Crawler

from harvest import __version__
from harvest.crawl.steps.encounter import Encounter, Step
from harvest.errors import HarvestError, LedgerBusy, LedgerError, SourceError, SourceRefused
from harvest.items import ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader, read_segment, unfinished
from harvest.ledger import finish_run, ingest_all, ingest_segment, open_ledger, start_run

__all__ = ["Record"]

_HAVE_BYTES = (Outcome.STORED, Outcome.KNOWN)


class Record(Step):
    """Opens the run or takes up a killed one, journals, ingests every few seconds, and closes it with an outcome."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._most = crawler.settings.getint("HARVEST_SEAL_SIGHTINGS")
        self._seconds = crawler.settings.getfloat("HARVEST_SEAL_SECONDS")
        self._full = asyncio.Event()
        self._unsealed = 0
        self._to_ingest: list[Path] = []
        self._writer: JournalWriter | None = None
        self._feeder: asyncio.Task[None] | None = None

    async def open_spider(self) -> None:
        """Begin; a journal or ledger that cannot be used ends the run before anything is asked for."""
        try:
            await asyncio.to_thread(self._open)
        except HarvestError as error:
            self.spider.give_up(error)
            return
        except (OSError, sqlite3.Error) as error:
            self.spider.give_up(LedgerError(f"{self.spider.workspace.root}: cannot be used: {error}"))
            return
        self._feeder = asyncio.create_task(self._feed())

    async def close_spider(self) -> None:
        """Seal, ingest and note the outcome; a run that was interrupted stays open for the next one to take up."""
        if self._feeder is not None:
            self._feeder.cancel()
            with suppress(asyncio.CancelledError):
                await self._feeder
        if self._writer is None:
            return
        try:
            await asyncio.to_thread(self._close)
        except HarvestError as error:
            self.spider.give_up(error)

    async def process_item(self, item: ImageItem | Encounter) -> Sighting:  # type: ignore[override]
        """Journal the encounter; what comes out of the pipelines, and into Scrapy's feeds, is the sighting."""
        assert isinstance(item, Encounter)
        assert self._writer is not None
        sighting = self._sighting(item)
        try:
            place = self._writer.append(sighting)
        except ValueError as error:
            bare = ImageItem(source_id=item.item.source_id, image_url=item.item.image_url)
            reason = f"internal: not journaled as met: {error}"
            sighting = replace(self._sighting(Encounter(item=bare)), outcome=Outcome.FAILED, reason=reason)
            place = self._writer.append(sighting)
        self._remember(sighting, *place)
        self._unsealed += 1
        if self._unsealed >= self._most:
            self._full.set()
        return sighting

    async def step(self, encounter: Encounter) -> Encounter:
        """Not used: this step ends the way."""
        return encounter

    def _remember(self, sighting: Sighting, path: Path, offset: int) -> None:
        run = self.spider.run
        run.tally.count(sighting.outcome, sighting.item)
        run.fetches.journaled(sighting.item.image_url, path, offset)
        if sighting.fingerprint and sighting.fingerprint.sha1:
            run.addresses.memory.put("sha1", sighting.fingerprint.sha1, sighting.fingerprint.sha256)

    def _taken_up(self, sighting: Sighting) -> None:
        self.spider.run.addresses.meet(sighting.item.source_id, sighting.item.image_url)
        self.spider.run.tally.count(sighting.outcome, sighting.item)

    def _sighting(self, encounter: Encounter) -> Sighting:
        assert self._writer is not None
        outcome = encounter.outcome or Outcome.FAILED
        kept = outcome in _HAVE_BYTES
        return Sighting(
            run_id=self._writer.header.run_id,
            seq=self._writer.next_seq,
            source=self.spider.source.name,
            item=encounter.item,
            outcome=outcome,
            reason=encounter.reason if encounter.outcome else "internal: nothing decided what became of it",
            fetched_at=encounter.fetched_at,
            http_status=encounter.http_status,
            etag=encounter.etag,
            last_modified=encounter.last_modified,
            opt_out=encounter.opt_out,
            sha256=encounter.sha256,
            path=encounter.path if kept else None,
            fingerprint=encounter.fingerprint if kept else None,
            evidence=encounter.evidence,
            derived=encounter.derived if kept else (),
        )

    def _open(self) -> None:
        spider, run = self.spider, self.spider.run
        workspace, source = spider.workspace, spider.source
        ingest_all(workspace)
        # Workers of one crawl write a run each; what a dead one had begun is shared out again, not its journal.
        header = None if run.crawl_id else unfinished(workspace.journal, source.name, source.digest)
        new = RunHeader.new(
            source=source.name,
            spider=spider.name,
            config_digest=source.digest,
            code_version=__version__,
            crawl_id=run.crawl_id,
        )
        run.remember_in(workspace.root)
        self._writer = JournalWriter.open(workspace.journal, header or new, seen=self._taken_up)
        run.run_id = self._writer.header.run_id
        for segment in (path for folder in run.inherited for path in sorted(folder.glob("*.jsonl"))):
            for sighting in read_segment(segment):
                run.addresses.meet(sighting.item.source_id, sighting.item.image_url)
        if run.tally.met:
            spider.logger.info("taking up run %s, which has met %d images already", run.run_id, run.tally.met)
        with open_ledger(workspace, write=True) as con:
            start_run(con, self._writer.header)
        with open_ledger(workspace) as con:
            run.addresses.learn(con, source)

    async def _feed(self) -> None:
        """Seal and ingest whenever enough has come together or enough time has passed."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._seconds)
            self._full.clear()
            self._seal()
            try:
                await asyncio.to_thread(self._ingest)
            except LedgerBusy as error:
                self.spider.logger.warning("%s; the journal goes on, the ledger follows later", error)

    def _seal(self) -> None:
        # On the reactor's thread, so that no line is appended meanwhile.
        assert self._writer is not None
        segment = self._writer.seal()
        self._unsealed = 0
        if segment is not None:
            self._to_ingest.append(segment.path)

    def _ingest(self) -> None:
        if not self._to_ingest:
            return
        with open_ledger(self.spider.workspace, write=True) as con:
            while self._to_ingest:
                ingest_segment(con, self._to_ingest[0])
                self._to_ingest.pop(0)

    def _close(self) -> None:
        assert self._writer is not None
        run, outcome = self.spider.run, self._outcome()
        self._seal()
        head = self._writer.close(outcome)
        run.outcome = outcome or "interrupted"
        self.spider.logger.info("%s: %s, %s", self.spider.source.name, run.tally, run.outcome)
        self._ingest()
        if outcome is not None:
            with open_ledger(self.spider.workspace, write=True) as con:
                finish_run(con, self._writer.header.run_id, outcome, head)

    def _outcome(self) -> str | None:
        """How the run ended; None when it was interrupted. Without an error, only its limit ends a run early."""
        spider, run = self.spider, self.spider.run
        if not self.crawler.crawling and spider.error is None:
            return None
        least = spider.source.expect.min
        if spider.error is None and spider.denied and not run.tally.met:
            spider.give_up(SourceRefused(f"{spider.denied[0]}: robots.txt does not let us in"))
        if spider.error is None and spider.troubles:
            more = f" and {len(spider.troubles) - 1} more" if len(spider.troubles) > 1 else ""
            spider.give_up(SourceError(f"pages could not be read, so images are missing: {spider.troubles[0]}{more}"))
        if spider.error is None and spider.limit is None and run.tally.obtained + run.elsewhere < least:
            spider.give_up(SourceError(f"expected at least {least} images (expect.min), got {run.tally}"))
        if spider.error is None and spider.limit is None and (short := run.tally.shares.shortfall()):
            spider.give_up(SourceError(short))
        if spider.error is None:
            return "limited" if spider.is_done else "finished"
        return "refused" if isinstance(spider.error, SourceRefused) else "failed"
