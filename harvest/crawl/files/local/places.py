"""Folders, archives, mosaics and films as items: every image that lies in a place, in the order of their names."""

from __future__ import annotations

import errno
import glob
import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from harvest.config.reader import setting
from harvest.config.source import Limits
from harvest.crawl.carriers.base import CarrierFailed
from harvest.crawl.carriers.cut import Cut, tiles
from harvest.crawl.carriers.video import VIDEO_SUFFIXES, duration
from harvest.crawl.files import archives
from harvest.crawl.files.archives import ARCHIVES, is_archive
from harvest.crawl.files.disk import Addresses, shown
from harvest.crawl.files.local.sidecar import Sidecar, Sidecars, described
from harvest.images.rights import EmbeddedRights, read_rights
from harvest.items import Carrier, ImageItem

__all__ = ["IMAGE_SUFFIXES", "Frames", "Places", "expand"]

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".bmp", ".jp2"),
    *(".heic", ".heif", ".hif", ".jxl"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Which frames of a film are taken: one `every` so many seconds, from `start` up to `end` or the film's end."""

    every: float = setting(1.0, gt=0)
    start: float = setting(0.0, ge=0)
    end: float | None = setting(None, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How places are read. `labels` is what each tile of a mosaic shows; `skipped` counts what was left, by reason, and
    `problems` are the files that could not be read at all, with why.
    """

    addresses: Addresses
    limits: Limits
    recursive: bool = True
    hidden: bool = False
    folder_labels: bool = False
    embedded: bool = True
    cut: Cut | None = None
    labels: tuple[str, ...] = ()
    frames: Frames | None = None
    skipped: Counter[str]
    problems: list[tuple[Path, str]]

    def items(self, place: Path) -> Iterator[ImageItem]:
        """Every image in a folder or a file. Raises ConfigError for a sidecar that says what it may not."""
        top = place if place.is_dir() else place.parent
        sidecars = Sidecars(lambda name: _read(top / name), lambda name: top / name)
        for file in self._walk(place, top) if place.is_dir() else [place]:
            name = PurePosixPath(file.relative_to(top))
            try:
                yield from self._file(file, name, sidecars.of(name))
            except CarrierFailed as failed:
                self.problems.append((file, failed.reason))

    def _walk(self, folder: Path, top: Path) -> Iterator[Path]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append((folder, f"unreadable: {error.strerror}"))
            return
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") and not self.hidden:
                self.skipped["hidden"] += 1
            elif entry.is_symlink() and (entry.is_dir() or not path.resolve().is_relative_to(top.resolve())):
                self.skipped["symbolic links to folders, or out of this one"] += 1
            elif entry.is_dir():
                yield from self._walk(path, top) if self.recursive else ()
            elif path.suffix.lower() in IMAGE_SUFFIXES or is_archive(path) or path.suffix.lower() in VIDEO_SUFFIXES:
                yield path

    def _file(self, file: Path, name: PurePosixPath, said: Sidecar) -> Iterator[ImageItem]:
        if is_archive(file):
            yield from self._archive(file, name, said)
        elif file.suffix.lower() in VIDEO_SUFFIXES:
            yield from self._film(file, name, said)
        elif self.cut:
            yield from self._mosaic(file, name, said)
        else:
            embedded = self._embedded(file)
            item = self._item(file, name, "", Carrier(kind="file", args=self.addresses.args(file)))
            yield described(item, said, embedded)

    def _archive(self, file: Path, name: PurePosixPath, outer: Sidecar) -> Iterator[ImageItem]:
        args = self.addresses.args(file)
        with ARCHIVES.use(file) as archive:
            members = archive.members()
        names = {member.name for member in members}

        def read(inner: PurePosixPath) -> bytes | None:
            return self._member(file, str(inner)) if str(inner) in names else None

        sidecars = Sidecars(read, lambda inner: file / inner)
        for member in archives.images(members, IMAGE_SUFFIXES):
            version = member.version or args["version"]
            carrier = Carrier(kind="member", args={**args, "member": member.name, "version": version})
            item = self._item(file, name / member.name, f"member={quote(member.name)}", carrier)
            try:
                body = self._member(file, member.name) if self.embedded else b""
            except CarrierFailed:
                body = b""
            said = sidecars.of(PurePosixPath(member.name))
            yield described(item, said if said != Sidecar() else outer, read_rights(io.BytesIO(body)))

    def _mosaic(self, file: Path, name: PurePosixPath, said: Sidecar) -> Iterator[ImageItem]:
        assert self.cut is not None
        args, embedded = self.addresses.args(file), self._embedded(file)
        for tile in tiles(file, self.cut, self.limits):
            x, y, width, height = tile.box
            carrier = Carrier(kind="cut", args={**args, "box": list(tile.box)})
            item = self._item(file, name, f"xywh={x},{y},{width},{height}", carrier)
            label = self.labels[tile.number] if tile.number < len(self.labels) else ""
            item = replace(
                item,
                source_id=f"{item.source_id}#{tile.row},{tile.column}",
                labels=(label,) if label.strip("-") else (),
                raw={"row": tile.row, "column": tile.column},
            )
            yield described(item, replace(said, labels=item.labels or said.labels), embedded)

    def _film(self, file: Path, name: PurePosixPath, said: Sidecar) -> Iterator[ImageItem]:
        if self.frames is None:
            self.skipped["films, since options.video does not say which frames to take"] += 1
            return
        args, end = self.addresses.args(file), duration(file)
        end = min(end, self.frames.end) if self.frames.end else end
        number, time = 0, self.frames.start
        while time < end or number == 0:
            carrier = Carrier(kind="frame", args={**args, "time": time})
            item = self._item(file, name, f"t={time:g}", carrier)
            yield described(replace(item, source_id=f"{item.source_id}#{time:g}"), said, EmbeddedRights())
            number += 1
            time = round(self.frames.start + number * self.frames.every, 6)

    def _item(self, file: Path, name: PurePosixPath, fragment: str, carrier: Carrier) -> ImageItem:
        labels = (name.parent.name,) if self.folder_labels and name.parent.name else ()
        url = self.addresses.url(file, fragment)
        return ImageItem(source_id=shown(Path(name)), image_url=url, carrier=carrier, labels=labels)

    def _embedded(self, file: Path) -> EmbeddedRights:
        if not self.embedded or not file.is_file():
            return EmbeddedRights()
        try:
            with file.open("rb") as opened:
                return read_rights(opened)
        except OSError:
            return EmbeddedRights()  # the fetch will say so

    def _member(self, file: Path, member: str) -> bytes:
        with ARCHIVES.use(file) as archive:
            return archive.read(member, self.limits.max_bytes)


def expand(pattern: Path) -> list[Path]:
    """What a place's pattern stands for: itself, or all that matches its `*`, `?`, `[...]` and `**`, sorted."""
    if pattern.exists() or not glob.has_magic(str(pattern)):
        return [pattern] if os.path.lexists(pattern) else []
    return sorted(Path(found) for found in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - absolute


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}:
            return None
        raise
