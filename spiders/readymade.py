"""Datasets that lie ready on this machine's disk, with their labels, their licence and their citation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harvest.config.reader import setting
from harvest.crawl.files.columns import FIELDS
from harvest.crawl.files.disk import Addresses
from harvest.crawl.files.readymade import FORMATS, Dataset, detect
from harvest.crawl.files.spider import DiskSpider
from harvest.items import ImageItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadymadeOptions:
    """The dataset's folder or file, from the config's folder on, and what its files do not say themselves.

    Under `base` the ledger names files from that folder's own name on, instead of by absolute paths. `splits` takes
    some of train, validation and test alone. `classes`, or `classes_file` with one a line, names numbered labels.
    `columns` maps fields of an item to columns of tables. `annotations`, `images` and `image_name` say where COCO's and
    VQA's parts lie, where not in the usual places.
    """

    path: str
    format: str = setting("auto", choices=("auto", *FORMATS))
    base: str | None = None
    splits: tuple[str, ...] = setting((), choices=("train", "validation", "test"))
    classes: tuple[str, ...] = ()
    classes_file: str | None = None
    columns: Mapping[str, str] = setting({})
    annotations: tuple[str, ...] = ()
    images: str | None = None
    image_name: str = "COCO_{split}_{image_id:012d}.jpg"


class ReadymadeSpider(DiskSpider[ReadymadeOptions]):
    """Yields one item for each image of the dataset."""

    name = "readymade"
    options_type = ReadymadeOptions

    def check(self) -> None:
        """Raises ConfigError for a folder that is not there, or of a format that nobody knows."""
        options, wrong = self.options, self.source.options.error
        for field in sorted(options.columns.keys() - FIELDS):
            raise wrong(f"columns.{field}", f"unknown field; known here: {', '.join(sorted(FIELDS))}")
        path = self.path(options.path)
        if not path.exists():
            raise wrong("path", f"no such file or folder: {path}")
        base = self.path(options.base) if options.base else None
        if base and not path.is_relative_to(base):
            raise wrong("base", f"expected a folder that path lies in, got {options.base!r}")
        if options.classes and options.classes_file:
            raise wrong("classes_file", "classes are given already")
        kind = detect(path) if options.format == "auto" else options.format
        if kind is None:
            raise wrong("format", f"what {path} is cannot be told; expected one of {', '.join(FORMATS)}")
        self._read = FORMATS[kind]
        self._dataset = Dataset(
            path=path,
            addresses=Addresses(base),
            announce=self.announce,
            problem=lambda file, why: self.missed(self._dataset.addresses.url(file), why),
            error=wrong,
            splits=options.splits,
            classes=self._classes(),
            columns=options.columns,
            annotations=tuple(self.path(each) for each in options.annotations),
            images=self.path(options.images) if options.images else None,
            image_name=options.image_name,
        )

    def items(self) -> Iterator[ImageItem]:
        """Every image of the dataset."""
        found = 0
        for item in self._read(self._dataset):
            found += 1
            yield item
        if not found and not self.troubles:
            self.missed(self.options.path, "no image was found here; check options.path, format and splits")

    def _classes(self) -> tuple[str, ...]:
        file = self.options.classes_file
        return self.lines(file, "classes_file") if file else self.options.classes
