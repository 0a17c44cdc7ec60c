"""What an export tells of each image beside its words: labels, boxes, sizes, what its file was made from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError, UsageError
from harvest.export import build, remake_export, run_exports
from harvest.ledger import (
    AugmentedRow,
    GivenLabelRow,
    ParentRow,
    SplitRow,
    derived,
    images,
    open_ledger,
    write_augmentation,
    write_given_labels,
    write_labels,
    write_splits,
    write_variants,
)
from harvest.progress import SilentProgress
from tests.export.conftest import DIGESTS, SIZE_DIGESTS, photograph

BOXES = [{"category": "shell", "bbox": [10, 20, 40, 30], "area": 800, "iscrowd": 0}]


def manifest(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "MANIFEST.jsonl").read_text(encoding="utf-8").splitlines()]


def test_labels_boxes_and_sizes_are_told_in_pixels_of_the_file(empty) -> None:
    empty.meet(1, labels=("shell", "snail"), raw={"annotations": BOXES})
    empty.crawl()
    empty.keep()

    small, whole = empty.export()

    (sized,), (original,) = manifest(small.folder), manifest(whole.folder)
    assert sized["labels"] == original["labels"] == ["shell", "snail"]
    assert (original["width"], original["height"]) == (96, 96)
    assert original["boxes"] == [{"category": "shell", "bbox": [10, 20, 40, 30], "area": 800, "iscrowd": 0}]
    assert (sized["width"], sized["height"]) == (64, 64)
    assert sized["boxes"] == [{"category": "shell", "bbox": [6.67, 13.33, 26.67, 20.0], "area": 355.56, "iscrowd": 0}]
    assert sized["made_from_sha256"] == sized["sha256"]
    assert (sized["split"], sized["augmentation"]) == (None, None)


def label(dataset, sha256: str, word: str, verdict: str = "add") -> None:
    with open_ledger(dataset.workspace, write=True) as con:
        write_given_labels(con, [GivenLabelRow(sha256=sha256, label=word, verdict=verdict, decided_by="Ada Moss")])


def test_peoples_labels_come_before_the_sources_and_are_told_apart(empty, tmp_path: Path) -> None:
    cowrie = empty.meet(1, labels=("shell", "cowrie", "shell"))
    whelk = empty.meet(2, labels=("whelk",))
    empty.crawl()
    empty.keep()
    file = tmp_path / "labelled.yaml"
    file.write_text(
        "name: shells\nexport: [{format: parquet}, {format: folder}, {format: folder, name: mute, labels: none}]\n"
    )
    asked = load_recipe(file)
    before = {report.name: digests(report.folder) for report in empty.export(asked)}
    label(empty, cowrie, "cowrie")
    label(empty, cowrie, "Tiger cowrie")

    parquet, folder, mute = empty.export(asked)

    assert [report.written for report in (parquet, folder, mute)] == [True, True, False]
    told = {line["sha256"]: line for line in manifest(folder.folder)}
    assert told[cowrie]["labels"] == ["Tiger cowrie", "cowrie", "shell"]
    assert told[cowrie]["labels_by_hand"] == ["Tiger cowrie", "cowrie"]
    assert told[whelk]["labels"] == ["whelk"]
    assert "labels_by_hand" not in told[whelk]
    rows = pq.read_table(next(parquet.folder.rglob("*.parquet"))).to_pylist()
    assert sorted((row["label"], row["labels"]) for row in rows) == [
        (0, ["Tiger cowrie", "cowrie", "shell"]),
        (1, ["whelk"]),
    ]
    sheet = (folder.folder / "DATASHEET.md").read_text(encoding="utf-8")
    assert "Those that people gave while the set was made (images: 1), then as sources gave them." in sheet
    croissant = json.loads((folder.folder / "croissant.json").read_text(encoding="utf-8"))
    assert croissant["rai:dataAnnotationProtocol"] == ["Labels: by hand, then source"]

    label(empty, cowrie, "cowrie", "remove")
    label(empty, cowrie, "Tiger cowrie", "remove")

    assert {report.name: digests(report.folder) for report in empty.export(asked)} == before


def digests(folder: Path) -> dict[str, str]:
    """By name, hex sha256 of all that an export wrote."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_labels_of_models_come_best_first_as_captions_have_them(dataset, tmp_path: Path) -> None:
    file = tmp_path / "labelled.yaml"
    file.write_text(
        "name: shells\nfilter: [{labels: {model: colours, vocabulary: [whelk, cockle]}}]\n"
        "captions: {labels: {min_share: 0.3, most: 1}}\n"
        "export: [{format: folder, captions: none, labels: model}]\n"
    )
    with open_ledger(dataset.workspace, write=True) as con:
        sha256 = images(con)[0].sha256
        rows = {
            "sha256": [sha256] * 2,
            "vocabulary": ["v"] * 2,
            "rank": pa.array([1, 2], pa.int32()),
            "label": ["whelk", "cockle"],
            "path": ["whelk", "cockle"],
            "score": [0.6, 0.4],
        }
        write_labels(con, "m@1", pa.table(rows))

    def export() -> Path:
        (report,) = run_exports(
            dataset.workspace,
            load_recipe(file),
            DIGESTS,
            size_digests=SIZE_DIGESTS,
            labelled_by=[("m@1", "v")],
            progress=SilentProgress(),
        )
        return report.folder

    assert [line["labels"] for line in manifest(export())] == [["whelk"], *[[]] * 5]
    label(dataset, sha256, "cockle")  # a person knows better
    corrected = export()
    assert [line["labels"] for line in manifest(corrected)] == [["cockle"], *[[]] * 5]
    assert manifest(corrected)[0]["labels_by_hand"] == ["cockle"]
    sheet = (corrected / "DATASHEET.md").read_text(encoding="utf-8")
    assert "Those that people gave while the set was made (images: 1), then words that a model found." in sheet


def test_labels_of_a_model_need_a_filter_that_finds_them(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("name: r\nexport: [{format: folder, labels: model}]\n")

    with pytest.raises(ConfigError, match=r"export\[0\].labels: expected a `labels` filter in the recipe"):
        build(load_recipe(file))


def with_parts(dataset, *parts: str) -> list[str]:
    """Put the images, in order, into these parts of the recipe's split; their sha256s."""
    with open_ledger(dataset.workspace, write=True) as con:
        sha256s = [image.sha256 for image in images(con)]
        rows = [SplitRow(sha256=sha256, split=part, part=sha256) for sha256, part in zip(sha256s, parts, strict=True)]
        write_splits(con, name="shells", recipe_digest="s", input_digest="i", rows=rows)
    return sha256s


def with_variant(dataset, sha256: str) -> bytes:
    """Give the 64 px copy of an image a variant; its bytes."""
    body = photograph(99)
    path = dataset.workspace.root / "augmented" / f"{sha256[:16]}-a1.jpg"
    path.parent.mkdir()
    path.write_bytes(body)
    with open_ledger(dataset.workspace, write=True) as con:
        row = AugmentedRow(
            sha256=sha256,
            variant=1,
            path=path.relative_to(dataset.workspace.root).as_posix(),
            bytes=len(body),
            width=96,
            height=96,
            derived_sha256=hashlib.sha256(body).hexdigest(),
            source_sha256=derived(con, 64, SIZE_DIGESTS[64])[sha256].derived_sha256,
            parameters={"flip": "horizontal"},
            recipe_digest="a",
        )
        write_variants(con, [row])
        parents = [ParentRow(sha256=sha256, variants=1)]
        write_augmentation(con, name="shells", recipe_digest="a", input_digest="i", rows=parents)
    return body


def asked(tmp_path: Path, export: str):
    file = tmp_path / "asked.yaml"
    training = "split: {}\naugment: {count: 1, size: 64}\n"
    file.write_text(f"name: shells\nsizes: [{{px: 64}}]\n{training}export: [{{format: folder, size: 64, {export}}}]\n")
    return load_recipe(file)


def test_parts_of_the_split_are_told_and_may_be_chosen(dataset, tmp_path: Path) -> None:
    sha256s = with_parts(dataset, "train", "train", "validation", "test", "train", "train")

    (all_,) = dataset.export(asked(tmp_path, "name: all"))
    (some,) = dataset.export(asked(tmp_path, "name: some, splits: [validation, test]"))

    assert [line["split"] for line in manifest(all_.folder)] == [
        "train", "train", "validation", "test", "train", "train"
    ]  # fmt: skip
    assert [line["original_sha256"] for line in manifest(some.folder)] == sha256s[2:4]


def test_parts_of_a_recipe_that_is_not_split_yet_are_asked_for(dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shells is not split yet; run `harvest split` first"):
        dataset.export(asked(tmp_path, "splits: [train]"))


def test_variants_follow_their_parent_and_have_its_provenance(dataset, tmp_path: Path) -> None:
    sha256s = with_parts(dataset, *["train"] * 6)
    body = with_variant(dataset, sha256s[2])

    (report,) = dataset.export(asked(tmp_path, "augment: true, name: more"))
    before = (report.folder / "MANIFEST.jsonl").read_bytes()

    lines = manifest(report.folder)
    parent, variant = lines[2:4]
    assert report.files == len(lines) == 7
    assert variant["file"] == f"images/{sha256s[2][:16]}-a1.jpg"
    assert (report.folder / str(variant["file"])).read_bytes() == body
    assert variant["augmentation"] == {"variant": 1, "flip": "horizontal"}
    same = ("original_sha256", "source", "creator", "license", "caption", "credit", "split")
    assert {key: variant[key] for key in same} == {key: parent[key] for key in same}
    again = remake_export(dataset.workspace, "more", progress=SilentProgress())
    assert again is not None
    assert (again.folder / "MANIFEST.jsonl").read_bytes() == before
    (report,) = dataset.export(asked(tmp_path, "name: plain"))
    assert report.files == 6


def test_variants_that_are_not_made_yet_are_asked_for(dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no variants yet; run `harvest augment` first"):
        dataset.export(asked(tmp_path, "augment: true"))


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (
            "export: [{format: folder, splits: [train]}]",
            "splits: expected `split:` in the recipe, which makes the parts",
        ),
        ("export: [{format: folder, augment: true}]", "augment: expected `augment:` in the recipe, which makes the"),
        (
            "augment: {count: 1, size: 64}\nexport: [{format: folder, augment: true}]",
            "augment: variants are made of size 64, the export is of size None",
        ),
        ("export: [{format: folder, splits: [dev]}]", "splits[0]: expected one of train, validation, test, got 'dev'"),
        ("export: [{format: folder, to: 's3://me:key@b/x'}]", "to: s3://: a store's URL holds no credentials"),
    ],
)
def test_what_cannot_be_exported_is_told_before(tmp_path: Path, recipe: str, message: str) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"name: r\nsizes: [{{px: 64}}]\n{recipe}\n")

    with pytest.raises(ConfigError) as caught:
        build(load_recipe(file))

    assert str(caught.value).startswith(f"{file}: export[0].{message}")
