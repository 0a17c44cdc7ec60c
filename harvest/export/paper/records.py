"""The records of croissant.json: one an image, read from the manifest, and the pictures themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from harvest.export.base import SPLITS, ExportedFile
from harvest.ledger.rows import MEMBER

__all__ = ["IMAGES", "MANIFEST", "MIME", "record_sets"]

#: Ids of the manifest, and of the set of image files, in a croissant.json.
MANIFEST, IMAGES = "manifest", "image-files"
# Columns of the manifest: what they hold, and what they are in other words.
_COLUMNS: dict[str, tuple[str, str, str | None]] = {
    "file": ("sc:Text", "Path in the export; in an archive, its path, !/ and the name there.", None),
    "sha256": ("sc:Text", "SHA-256 of the image's bytes here.", None),
    "original_sha256": ("sc:Text", "SHA-256 of the bytes as they were served.", None),
    "image_url": ("sc:URL", "Where the image was met.", "prov:wasDerivedFrom"),
    "page_url": ("sc:URL", "The page that it was met on.", None),
    "source": ("sc:Text", "The source that it was met at.", None),
    "creator": ("sc:Text", "Who made the image, or the word unknown.", "prov:wasAttributedTo"),
    "license": ("sc:Text", "SPDX id of its licence, or LicenseRef-*.", "sc:license"),
    "credit": ("sc:Text", "The attribution line.", "sc:creditText"),
    "caption": ("sc:Text", "What it is called in training.", "sc:caption"),
}
MIME: Mapping[str, str] = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
    ".jxl": "image/jxl",
    ".bmp": "image/bmp",
    ".tar": "application/x-tar",
    ".zip": "application/zip",
    ".parquet": "application/x-parquet",
}
_READ = ("image/jpeg", "image/png")  # which mlcroissant turns into pictures
_URLS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}


def record_sets(files: Sequence[ExportedFile]) -> list[dict[str, Any]]:
    """The record sets of an export: parts of the split, images, and pictures where they are files of their own."""
    parts = {file.entry.split for file in files}
    fields = [_column(name, *said) for name, said in _COLUMNS.items()]
    found = []
    if parts - {None}:
        found.append(_splits([name for name in SPLITS if name in parts]))
        fields.append(
            _column("split", "sc:Text", "The part of the split.", None)
            | {"references": {"field": {"@id": "splits/name"}}}
        )
    suffixes = {PurePosixPath(file.path).suffix.lower() for file in files if MEMBER not in file.path}
    found.append(
        {
            "@type": "cr:RecordSet",
            "@id": "images",
            "name": "images",
            "description": "One record an image, with where it came from.",
            "key": {"@id": "images/file"},
            "field": fields,
        }
    )
    if suffixes and all(MIME.get(suffix) in _READ for suffix in suffixes):
        found.append(_pictures())
    return found


def _pictures() -> dict[str, Any]:
    """The files themselves; `file` is the key that the records of `images` have."""
    return {
        "@type": "cr:RecordSet",
        "@id": "pictures",
        "name": "pictures",
        "description": "The picture of each file.",
        "key": {"@id": "pictures/file"},
        "field": [
            _field("pictures/file", "sc:Text", "Path in the export.", "fullpath"),
            _field("pictures/image", "sc:ImageObject", "The picture.", "content"),
        ],
    }


def _field(id_: str, kind: str, words: str, what: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": id_,
        "name": id_.rpartition("/")[2],
        "description": words,
        "dataType": kind,
        "source": {"fileSet": {"@id": IMAGES}, "extract": {"fileProperty": what}},
    }


def _splits(names: Sequence[str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The parts of the split.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": "splits/name",
                "name": "name",
                "description": "Its name.",
                "dataType": "sc:Text",
            },
            {
                "@type": "cr:Field",
                "@id": "splits/url",
                "name": "url",
                "description": "What it is.",
                "dataType": "sc:URL",
            },
        ],
        "data": [{"splits/name": name, "splits/url": _URLS[name]} for name in names],
    }


def _column(name: str, kind: str, words: str, same: str | None) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "description": words,
        "dataType": kind,
        "equivalentProperty": same,
        "source": {"fileObject": {"@id": MANIFEST}, "extract": {"column": name}},
    }
