"""Images on this machine's disk: folders, zip and tar archives, mosaics to be cut into tiles, frames of films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from harvest.config.reader import setting
from harvest.crawl.carriers.cut import Cut
from harvest.crawl.carriers.video import need_video
from harvest.crawl.files.disk import Addresses
from harvest.crawl.files.local.places import Frames, Places, expand
from harvest.crawl.files.spider import DiskSpider
from harvest.items import ImageItem


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Places to read: folders, archives, images, films, or patterns (`scans/**/*.tif`), from the config's folder on.

    Under `base` the ledger names files from that folder's own name on, instead of by absolute paths, which tell the
    names of home folders. `labels: folder` takes the name of an image's folder as its label. `embedded` reads what
    files say of their creator and licence where no sidecar does. `cut` cuts every image into tiles, `video` takes
    frames of films. Hidden files are left out, and links that lead out of a place.
    """

    places: tuple[str, ...]
    base: str | None = None
    recursive: bool = True
    hidden: bool = False
    labels: str = setting("none", choices=("none", "folder"))
    embedded: bool = True
    cut: Cut | None = None
    video: Frames | None = None


class LocalSpider(DiskSpider[LocalOptions]):
    """Yields one item for each image, tile or frame."""

    name = "local"
    options_type = LocalOptions

    def check(self) -> None:
        """Raises ConfigError for places and cuts that cannot be, ComponentMissing where films cannot be read."""
        wrong, cut = self.source.options.error, self.options.cut
        if not self.options.places:
            raise wrong("places", "expected at least one folder, archive, image or film")
        base = self.base(self.options.base, "places", self.options.places)
        if base and not base.is_dir():
            raise wrong("base", f"no such folder: {base}")
        if cut and not (cut.tile or (cut.width and cut.height) or (cut.columns and cut.rows)):
            raise wrong("cut", "expected tile, or width and height, or columns and rows")
        if cut and cut.labels_file and cut.labels:
            raise wrong("cut.labels_file", "labels are given already")
        self._labels = cut.labels if cut else ()
        if cut and cut.labels_file:
            self._labels = self.lines(cut.labels_file, "cut.labels_file")
        if self.options.video:
            need_video()
        self._addresses = Addresses(base)

    def items(self) -> Iterator[ImageItem]:
        """Every image of every place."""
        options = self.options
        for place in options.places:
            places = Places(
                addresses=self._addresses,
                limits=self.source.limits,
                recursive=options.recursive,
                hidden=options.hidden,
                folder_labels=options.labels == "folder",
                embedded=options.embedded,
                cut=options.cut,
                labels=self._labels,
                frames=options.video,
                skipped=Counter(),
                problems=[],
            )
            found = 0
            for path in expand(self.path(place)):
                for item in places.items(path):
                    found += 1
                    yield item
            for reason, number in places.skipped.items():
                self.logger.warning("%s: %d left out: %s", place, number, reason)
            for file, reason in places.problems:
                self.missed(self._addresses.url(file), reason)
            if not found and not places.problems:
                self.missed(place, "no image was found here; check options.places, recursive and hidden")
