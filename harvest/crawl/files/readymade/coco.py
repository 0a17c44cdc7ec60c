"""COCO's annotations: instances, captions, keypoints. https://cocodataset.org/#format-data"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from harvest.crawl.files.readymade.base import Dataset, split_of
from harvest.items import ImageItem
from harvest.licences import from_url, normalize

__all__ = ["Pictures", "load_json", "read"]

_KIND = re.compile(r"^(instances|captions|person_keypoints|keypoints|stuff|image_info)[_-]")
_KEPT = ("bbox", "area", "iscrowd", "num_keypoints", "keypoints")


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every image that the annotation files list, with the names of what it shows, boxes, captions and its licence.

    Files of one set of images (`instances_val2017.json`, `captions_val2017.json`) are put together.
    """
    sets: dict[str, list[Path]] = defaultdict(list)
    for file in dataset.annotations or dataset.files("*.json", "annotations/*.json"):
        sets[_KIND.sub("", file.stem)].append(file)
    if not sets:
        raise dataset.error("annotations", f"no annotation file in {dataset.path}")
    for name, files in sorted(sets.items()):
        split = split_of(name) or split_of(files[0].parent.name)
        if dataset.wants(split):
            yield from _set(dataset, sorted(files), name, split)


class Pictures:
    """Where the files of a set of images lie: the first of the usual folders that has one of them."""

    def __init__(self, dataset: Dataset, name: str) -> None:
        top = dataset.path if dataset.path.is_dir() else dataset.path.parent
        tops = [dataset.images] if dataset.images else [top, top / "images", top.parent, top.parent / "images"]
        self._folders = [folder / inner if inner else folder for folder in tops for inner in (name, "")]

    def find(self, name: str) -> Path:
        """The file, or where it should be when nobody has it."""
        parts = [part for part in PurePosixPath(name).parts if part not in {"..", "/"}]
        for folder in self._folders:
            if (path := folder.joinpath(*parts)).exists():
                # Most likely the next one lies there too.
                self._folders.sort(key=lambda each: each != folder)
                return path
        return self._folders[0].joinpath(*parts)


def load_json(dataset: Dataset, file: Path, key: str) -> dict[str, Any]:
    """A JSON file that has a list under `key`, without outlines of shapes, which fill memory. Raises ConfigError."""
    try:
        with file.open("rb") as lines:
            said = json.load(lines, object_hook=_without_outlines)
    except (OSError, ValueError) as error:
        raise dataset.error("annotations", f"{file} cannot be read: {error}") from None
    if not isinstance(said, dict) or not isinstance(said.get(key), list):
        raise dataset.error("annotations", f"{file} has no list of {key}")
    return said


def _set(dataset: Dataset, files: list[Path], name: str, split: str | None) -> Iterator[ImageItem]:
    images: dict[Any, dict[str, Any]] = {}
    terms: dict[Any, dict[str, Any]] = {}
    shapes, captions = defaultdict(list), defaultdict(list)
    for file in files:
        said = load_json(dataset, file, "images")
        categories = {entry["id"]: str(entry["name"]) for entry in said.get("categories", [])}
        terms |= {entry["id"]: entry for entry in said.get("licenses", []) if "id" in entry}
        images |= {entry["id"]: entry for entry in said["images"]}
        for annotation in said.get("annotations", []):
            if "caption" in annotation:
                captions[annotation["image_id"]].append(" ".join(str(annotation["caption"]).split()))
            elif "category_id" in annotation:
                kept = {key: annotation[key] for key in _KEPT if key in annotation}
                number = annotation["category_id"]
                shapes[annotation["image_id"]].append({"category": categories.get(number, str(number)), **kept})
    dataset.announce(len(images))
    pictures = Pictures(dataset, name)
    for number, image in images.items():
        raw = {
            "split": split,
            "annotations": shapes.get(number),
            "captions": captions.get(number),
            **{key: image.get(key) for key in ("date_captured", "coco_url")},
        }
        yield dataset.item(
            pictures.find(str(image["file_name"])),
            str(number),
            page_url=image.get("flickr_url") or image.get("coco_url") or None,
            description=next(iter(captions.get(number, [])), None),
            labels=tuple(sorted({shape["category"] for shape in shapes.get(number, [])})),
            raw={key: value for key, value in raw.items() if value},
            **_terms(terms.get(image.get("license"))),
        )


def _terms(licence: Mapping[str, Any] | None) -> dict[str, Any]:
    if licence is None:
        return {}
    url, name = licence.get("url") or None, licence.get("name") or None
    return {"license": from_url(url) or normalize(name), "license_url": url, "license_raw": name or url}


def _without_outlines(entry: dict[str, Any]) -> dict[str, Any]:
    entry.pop("segmentation", None)
    return entry
