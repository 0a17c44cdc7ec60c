"""Every export is read by the program that it is made for, without a network."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from harvest.audit import audit, verify
from harvest.config.policy import Severity, default_policy
from harvest.config.recipe import load_recipe
from harvest.export import remake_export
from harvest.ledger import SplitRow, images, open_ledger, write_splits
from harvest.progress import SilentProgress
from tests.export.conftest import DIGESTS, Dataset, make_empty

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

pytestmark = pytest.mark.filterwarnings("ignore")  # of the loaders, not of ours

RECIPE = """
name: shells
about: {creator: Ada Moss, version: 1.0.0, published: 2026-11-30, citation: "@misc{shells}", url: "https://shells.test/"}
title: Shells of the museum
description: Shells, one by one.
sizes: [{px: 64}]
export:
  - {format: folder, size: 64, name: plain}
  - {format: imagefolder, size: 64, name: hf}
  - {format: imagefolder, size: 64, name: hf-csv, metadata: csv, label_folders: true}
  - {format: imagefolder, size: 64, name: hf-parquet, metadata: parquet}
  - {format: imagefolder, size: 64, name: hf-classes, metadata: none, label_folders: true}
  - {format: parquet, size: 64, name: hub, shard_images: 3}
  - {format: webdataset, name: shards, shard_images: 3}
  - {format: coco, name: boxed}
  - {format: coco, size: 64, name: boxed-64}
  - {format: kohya, size: 64, name: kohya, trigger: zxq, buckets: {enabled: false}}
  - {format: diffusers, size: 64, name: diffusers, trigger: zxq}
  - {format: civitai, size: 64, name: civitai, trigger: zxq}
  - {format: stylegan, size: 64, name: stylegan}
"""
PARTS = ("train", "validation", "train", "train", "test", "train", "train", "train")
BOXES = [
    {"category": "shell", "bbox": [10, 20, 40, 30], "area": 800, "iscrowd": 0},
    {"category": "sand", "bbox": [0, 0, 96, 96], "area": 9216, "iscrowd": 1},
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Dataset:
    """Eight shells with labels, two of them with boxes, in three parts, in every format."""
    home = tmp_path_factory.mktemp("loaders")
    made = make_empty(home)
    file = home / "shells.yaml"
    file.write_text(RECIPE)
    made.recipe = load_recipe(file)
    for seed in range(8):
        raw = {"annotations": BOXES} if seed < 2 else {}
        made.meet(seed, labels=("whelk",) if seed % 2 else ("cockle", "shell"), raw=raw)
    made.crawl()
    made.keep()
    with open_ledger(made.workspace, write=True) as con:
        rows = [
            SplitRow(sha256=image.sha256, split=split, part=image.sha256)
            for image, split in zip(images(con), PARTS, strict=True)
        ]
        write_splits(con, name="shells", recipe_digest="s", input_digest="i", rows=rows)
    made.export()
    return made


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "MANIFEST.jsonl").read_text(encoding="utf-8").splitlines()]


def load(home: Path, *said: str, **more: object):
    import datasets  # noqa: PLC0415 - after the environment says that there is no network

    return datasets.load_dataset(*said, cache_dir=str(home / "cache"), **more)


COUNTS = {"train": 6, "validation": 1, "test": 1}


@pytest.mark.parametrize("name", ["hf", "hf-csv", "hf-parquet"])
def test_datasets_reads_an_imagefolder(exported: Dataset, tmp_path: Path, name: str) -> None:
    folder = exported.workspace.exports / name

    found = load(tmp_path, "imagefolder", data_dir=str(folder))

    assert {split: len(rows) for split, rows in found.items()} == COUNTS
    told = {str(line["original_sha256"])[:16]: line for line in lines(folder)}
    for split, rows in found.items():
        for row in rows:
            line = told[Path(row["image"].filename).stem]
            assert (row["text"], row["creator"], line["split"]) == (line["caption"], line["creator"], split)
            assert row["image"].size == (64, 64)
    if name == "hf-parquet":
        assert found["train"].features["label"].names == ["cockle", "whelk"]


def test_datasets_reads_classes_from_folders(exported: Dataset, tmp_path: Path) -> None:
    found = load(tmp_path, "imagefolder", data_dir=str(exported.workspace.exports / "hf-classes"))

    assert found["train"].features["label"].names == ["cockle", "whelk"]
    assert sum(len(rows) for rows in found.values()) == 8


def test_datasets_reads_parquet(exported: Dataset, tmp_path: Path) -> None:
    folder = exported.workspace.exports / "hub"

    found = load(tmp_path, str(folder))

    assert {split: len(rows) for split, rows in found.items()} == COUNTS
    assert found["train"].features["label"].names == ["cockle", "whelk"]
    assert sorted(path.name for path in (folder / "data").iterdir())[1:3] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    told = {str(line["original_sha256"]): line for line in lines(folder)}
    for row in found["train"]:
        line = told[row["original_sha256"]]
        assert row["image"].size == (64, 64)
        assert (row["text"], row["labels"]) == (line["caption"], line["labels"])
        assert found["train"].features["label"].int2str(row["label"]) == line["labels"][0]


def test_webdataset_reads_its_shards(exported: Dataset) -> None:
    import webdataset  # noqa: PLC0415 - a loader

    folder = exported.workspace.exports / "shards"
    told = {str(line["original_sha256"])[:16]: line for line in lines(folder)}
    classes = json.loads((folder / "classes.json").read_text())
    index = json.loads((folder / "index.json").read_text())

    seen = []
    for shard in index["shardlist"]:
        samples = list(webdataset.WebDataset(str(folder / shard["url"]), shardshuffle=False).decode("pil"))
        assert len(samples) == shard["nsamples"] <= 3
        for sample in samples:
            line = told[sample["__key__"]]
            seen.append(sample["__key__"])
            assert sample["jpg"].size == (96, 96)
            assert (sample["txt"], classes[sample["cls"]]) == (line["caption"], line["labels"][0])
            assert sample["json"]["credit"] == line["credit"]
            assert (sample["json"]["split"], shard["split"]) == (line["split"], line["split"])
    assert sorted(seen) == sorted(told)


def test_shards_say_nothing_of_when_and_by_whom_they_were_written(exported: Dataset) -> None:
    folder = exported.workspace.exports / "shards"

    for line in lines(folder):
        shard, member = str(line["file"]).split("!/")
        with tarfile.open(folder / shard) as tar:
            header = tar.getmember(member)
            body = tar.extractfile(member).read()
        assert (header.mtime, header.uid, header.gid, header.uname, header.mode) == (0, 0, 0, "", 0o644)
        assert hashlib.sha256(body).hexdigest() == line["sha256"]


@pytest.mark.parametrize(("name", "side"), [("boxed", 96), ("boxed-64", 64)])
def test_pycocotools_reads_images_and_boxes(exported: Dataset, name: str, side: int) -> None:
    from pycocotools.coco import COCO  # noqa: PLC0415 - a loader

    folder = exported.workspace.exports / name
    told = {str(line["file"]): line for line in lines(folder)}
    found = {}
    for split, count in COUNTS.items():
        coco = COCO(folder / "annotations" / f"instances_{split}.json")
        assert len(coco.imgs) == count
        for image in coco.loadImgs(coco.getImgIds()):
            path = f"{split}/{image['file_name']}"
            assert Image.open(folder / path).size == (image["width"], image["height"]) == (side, side)
            anns = coco.loadAnns(coco.getAnnIds(image["id"]))
            found[path] = [
                {
                    "category": coco.cats[ann["category_id"]]["name"],
                    **{key: ann[key] for key in ("bbox", "area", "iscrowd")},
                }
                for ann in anns
            ]
    assert found == {path: line["boxes"] for path, line in told.items()}
    assert sum(map(len, found.values())) == 4


def test_pictures_in_parquet_are_the_files_to_the_byte(exported: Dataset, tmp_path: Path) -> None:
    import datasets  # noqa: PLC0415 - a loader

    folder = exported.workspace.exports / "hub"
    digests = {str(line["original_sha256"]): line["sha256"] for line in lines(folder)}

    rows = load(tmp_path, str(folder), split="train").cast_column("image", datasets.Image(decode=False))

    for row in rows:
        assert hashlib.sha256(row["image"]["bytes"]).hexdigest() == digests[row["original_sha256"]]
        assert Image.open(io.BytesIO(row["image"]["bytes"])).format == "JPEG"


EXPORTS = ("plain", "hf", "hf-csv", "hf-parquet", "hf-classes", "hub", "shards", "boxed", "boxed-64")
TRAINERS = ("kohya", "diffusers", "civitai", "stylegan")


@pytest.mark.parametrize("name", [*EXPORTS, *TRAINERS])
def test_mlcroissant_finds_no_fault_and_reads_records(exported: Dataset, name: str) -> None:
    import mlcroissant  # noqa: PLC0415 - a loader

    folder = exported.workspace.exports / name

    found = mlcroissant.Dataset(jsonld=folder / "croissant.json")

    assert found.metadata.ctx.issues.report() == ""
    told = {line["file"]: line for line in lines(folder)}
    records = list(found.records("images"))
    assert len(records) == 8
    for record in records:
        line = told[record["images/file"].decode()]
        assert record["images/sha256"].decode() == line["sha256"]
        assert record["images/creator"].decode() == line["creator"]
        assert record["images/image_url"].decode() == line["image_url"]
        assert record["images/split"].decode() == line["split"]
    loose = {path for path in told if "!/" not in path}
    if loose:
        pictures = {record["pictures/file"].decode(): record["pictures/image"] for record in found.records("pictures")}
        assert set(pictures) == loose
        assert {picture.size for picture in pictures.values()} <= {(64, 64), (96, 96)}


def test_every_export_is_the_same_to_the_byte_when_it_is_made_again(exported: Dataset) -> None:
    for name in EXPORTS:
        folder = exported.workspace.exports / name
        before = tree(folder)

        report = remake_export(exported.workspace, name, progress=SilentProgress())

        assert report is not None
        assert tree(folder) == before


def test_every_export_is_whole_for_verify_and_audit(exported: Dataset) -> None:
    assert verify(exported.workspace, progress=SilentProgress()).differences == ()
    report = audit(exported.workspace, default_policy(), digests=DIGESTS, progress=SilentProgress())
    assert [(result.check.id, result.examples) for result in report.of(Severity.VIOLATION)] == []


def test_a_changed_shard_is_found(exported: Dataset) -> None:
    shard = exported.workspace.exports / "shards" / "train-000000.tar"
    good = shard.read_bytes()
    shard.write_bytes(good[:-1] + b"!")

    (found,) = verify(exported.workspace, progress=SilentProgress()).differences

    shard.write_bytes(good)
    assert found.where == "exports/shards/train-000000.tar"
    assert found.what.startswith("changed")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_whoever_exports_is_told_how_it_is_read(exported: Dataset) -> None:
    import datasets  # noqa: PLC0415, F401 - named by the lines
    import pycocotools.coco  # noqa: PLC0415, F401
    import webdataset  # noqa: PLC0415, F401

    reports = {report.name: report for report in exported.export()}

    assert not any(report.written for report in reports.values())
    lines = [line for name in ("shards", "boxed") for line in reports[name].instructions]
    assert len(lines) == 6
    for line in lines:
        assert eval(line)
    assert reports["hub"].instructions == (f'datasets.load_dataset("{reports["hub"].folder}")',)
    assert reports["plain"].instructions == ()
