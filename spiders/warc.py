"""Images in WARC and WACZ files on this machine, with their records as provenance. ISO 28500."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harvest.config.reader import setting
from harvest.crawl.files.disk import Addresses
from harvest.crawl.files.spider import DiskSpider
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


class WarcSpider(DiskSpider[WarcOptions]):
    """Yields one item for each capture of an image."""

    name = "warc"
    options_type = WarcOptions

    def check(self) -> None:
        """Raises ConfigError when there is nothing to read, or a file lies outside of the base."""
        if not self.options.files:
            expected = "expected at least one WARC or WACZ file, folder or pattern"
            raise self.source.options.error("files", expected)
        base = self.base(self.options.base, "files", self.options.files)
        self._images = WarcImages(addresses=Addresses(base), mimetypes=self.options.mimetypes)

    def done(self) -> None:
        """Names the files that are torn, and counts what is no image."""
        for address, why in self._images.torn:
            self.missed(address, why)
        for reason, number in sorted(self._images.skipped.items()):
            self.logger.warning("%d images left out: %s", number, reason)

    def items(self) -> Iterator[ImageItem]:
        """Every image of every file."""
        for place in self.options.files:
            files = expand(self.path(place))
            if not files:
                self._images.torn.append((place, "no WARC or WACZ file was found here; check options.files"))
            for path in files:
                yield from self._images.items(path)
