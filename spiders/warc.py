"""Images in WARC and WACZ files on this machine, with their records as provenance. ISO 28500."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from harvest.config.reader import setting
from harvest.crawl.base import SourceSpider
from harvest.crawl.files.disk import Addresses, in_batches, resolve
from harvest.crawl.webarchive.warc_files import WarcImages, expand
from harvest.items import ImageItem


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcOptions:
    """Files to read: paths, patterns (`crawls/**/*.warc.gz`) and folders, from the config's folder on.

    `mimetypes` are full-match regular expressions; a record is an image when its Content-Type or its first bytes say
    so. Under `base` the ledger names files from that folder's own name on, instead of by absolute paths.
    """

    files: tuple[str, ...]
    mimetypes: tuple[str, ...] = setting(("image/.*",))
    base: str | None = None


class WarcSpider(SourceSpider[WarcOptions]):
    """Yields one item for each capture of an image."""

    name = "warc"
    options_type = WarcOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to read, or a file lies outside of the base."""
        wrong, file = self.source.options.error, self.source.file
        if not self.options.files:
            raise wrong("files", "expected at least one WARC or WACZ file, folder or pattern")
        base = resolve(self.options.base, file) if self.options.base else None
        for index, place in enumerate(self.options.files):
            if base and not resolve(place, file).is_relative_to(base):
                raise wrong(f"files[{index}]", f"expected a place under base ({self.options.base}), got {place!r}")
        self._images = WarcImages(addresses=Addresses(base), mimetypes=self.options.mimetypes)

    async def start(self) -> AsyncIterator[ImageItem]:
        """Every image of every file."""
        async for item in in_batches(self._items()):
            if self.is_done:
                return
            yield item
        for address, why in self._images.torn:
            self.missed(address, why)
        for reason, number in sorted(self._images.skipped.items()):
            self.logger.warning("%d images left out: %s", number, reason)

    def _items(self) -> Iterator[ImageItem]:
        for place in self.options.files:
            files = expand(resolve(place, self.source.file))
            if not files:
                self._images.torn.append((place, "no WARC or WACZ file was found here; check options.files"))
            for path in files:
                yield from self._images.items(path)
