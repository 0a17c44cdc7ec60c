"""What an export tells of each image beside its words: labels, boxes, sizes, what its file was made from."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError
from harvest.export import build, run_exports
from harvest.ledger import images, open_ledger, write_labels
from harvest.progress import SilentProgress
from tests.export.conftest import DIGESTS, SIZE_DIGESTS

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

    (report,) = run_exports(
        dataset.workspace,
        load_recipe(file),
        DIGESTS,
        size_digests=SIZE_DIGESTS,
        labelled_by=[("m@1", "v")],
        progress=SilentProgress(),
    )

    assert [line["labels"] for line in manifest(report.folder)] == [["whelk"], *[[]] * 5]


def test_labels_of_a_model_need_a_filter_that_finds_them(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text("name: r\nexport: [{format: folder, labels: model}]\n")

    with pytest.raises(ConfigError, match=r"export\[0\].labels: expected a `labels` filter in the recipe"):
        build(load_recipe(file))
