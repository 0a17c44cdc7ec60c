"""The base of spiders of files on this machine: paths as the config writes them, and items made in a thread."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

from harvest.crawl.base import SourceSpider
from harvest.crawl.files.disk import in_batches, resolve
from harvest.items import ImageItem

__all__ = ["DiskSpider"]

O = TypeVar("O")  # noqa: E741 - a spider's options


class DiskSpider(SourceSpider[O]):
    """Yields what `items` makes, without a request. Paths of the options start at the config's own folder."""

    @abstractmethod
    def items(self) -> Iterator[ImageItem]:
        """Every image of the source. Runs in a thread, some items ahead of what is asked for."""

    def done(self) -> None:
        """Called when all items were yielded, to tell what was left out."""

    async def start(self) -> AsyncIterator[ImageItem]:
        """Every image, until there are enough."""
        async for item in in_batches(self.items()):
            if self.is_done:
                return
            yield item
        self.done()

    def path(self, path: str) -> Path:
        """A path of the options as an absolute one."""
        return resolve(path, self.source.file)

    def base(self, base: str | None, field: str, places: tuple[str, ...]) -> Path | None:
        """The folder `options.base`. Raises ConfigError for the first of `places` (`options.<field>`) not under it."""
        folder = self.path(base) if base else None
        for index, place in enumerate(places):
            if folder and not self.path(place).is_relative_to(folder):
                expected = f"expected a place under base ({base}), got {place!r}"
                raise self.source.options.error(f"{field}[{index}]", expected)
        return folder

    def lines(self, file: str, field: str) -> tuple[str, ...]:
        """The stripped lines of the file that `options.<field>` names. Raises ConfigError when it cannot be read."""
        try:
            return tuple(line.strip() for line in self.path(file).read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise self.source.options.error(field, f"cannot be read: {error}") from None
