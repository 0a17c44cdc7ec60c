"""Ready-made datasets, written small with the writers of each format, and crawled with their labels and origin."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
from PIL import Image

from harvest.config.source import Limits
from harvest.crawl.carriers import carry
from harvest.errors import ConfigError
from spiders.readymade import ReadymadeSpider


def picture(number: int) -> bytes:
    noise = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((64, 48)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def data(desk, tmp_path):
    """List the dataset in the folder `data`, in this process; `data.crawl` crawls it in one of its own."""

    class Data:
        folder = tmp_path / "data"
        troubles: list[str]

        def source(self, options=None):
            given = {"path": "data", "base": "data", **(options or {})}
            terms = {"license": "CC-BY-4.0", "citation": "Moss et al. 1901"}
            return desk.source(spider="readymade", options=given, **terms)

        def crawl(self, options=None):
            return desk.crawl(self.source(options))

        def __call__(self, options=None):
            async def listed():
                return [item async for item in spider.start()]

            spider = ReadymadeSpider(source=str(self.source(options)), workspace=str(desk.workspace.root))
            items = asyncio.run(listed())
            self.troubles, self.announced = spider.troubles, spider.run.announced
            return {item.source_id: item for item in items}

    Data.folder.mkdir()
    return Data()


def body(item):
    return asyncio.run(carry(item.carrier, None, Limits())).body


def pixels(item):
    return np.asarray(Image.open(io.BytesIO(body(item))))


def labels(items):
    return {source_id: item.labels for source_id, item in items.items()}


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(header + array.tobytes())


def test_idx_crawled_twice(desk, data):
    digits = np.random.default_rng(1).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    write_idx(data.folder / "train-images-idx3-ubyte.gz", digits[:8])
    write_idx(data.folder / "train-labels-idx1-ubyte.gz", np.arange(8, dtype=np.uint8))
    write_idx(data.folder / "t10k-images-idx3-ubyte", digits[8:])
    write_idx(data.folder / "t10k-labels-idx1-ubyte", np.array([9, 8, 7, 6], np.uint8))

    done = data.crawl()
    again = data.crawl()

    assert (done.code, done.finished["stored"], again.finished["unchanged"]) == (0, 12, 12), done.stderr
    said = dict(desk.rows("SELECT source_id, labels FROM sightings"))
    assert said == {f"train/{n}": [str(n)] for n in range(8)} | {f"test/{n}": [str(9 - n)] for n in range(4)}
    ((url, raw, license_),) = desk.rows(
        "SELECT image_url, raw, license FROM sightings WHERE source_id = 'train/5' AND outcome = 'stored'"
    )
    assert (url, license_) == ("file:///data/train-images-idx3-ubyte.gz#item=5", "CC-BY-4.0")
    assert json.loads(raw) == {
        "split": "train",
        "made": "pixels of item 5 of an IDX array",
        "citation": "Moss et al. 1901",
    }
    kept = desk.rows("SELECT s.source_id, i.path FROM sightings s JOIN images i USING (sha256)")
    for source_id, path in kept:
        split, number = source_id.split("/")
        expected = digits[int(number) + (8 if split == "test" else 0)]
        assert np.array_equal(Image.open(desk.workspace.root / path), expected)


def test_idx_with_names_and_one_split(data):
    for split in ("train", "t10k"):
        write_idx(data.folder / f"{split}-images-idx3-ubyte", np.zeros((2, 28, 28), np.uint8))
        write_idx(data.folder / f"{split}-labels-idx1-ubyte", np.array([1, 0], np.uint8))

    items = data({"classes": ["T-shirt", "Trouser"], "splits": ["test"]})

    assert labels(items) == {"test/0": ("Trouser",), "test/1": ("T-shirt",)}
    assert data.announced == 2


def test_an_idx_file_that_ends_early_is_said(data):
    write_idx(data.folder / "train-images-idx3-ubyte", np.zeros((2, 28, 28), np.uint8))
    whole = (data.folder / "train-images-idx3-ubyte").read_bytes()
    (data.folder / "train-images-idx3-ubyte").write_bytes(whole[:-100])

    assert data() == {}
    expected = "corrupt: 1468 bytes where the header says 1568"
    assert data.troubles == [f"file:///data/train-images-idx3-ubyte: {expected}"]


def cifar_batch(seed: int, number: int) -> tuple[np.ndarray, dict]:
    data = np.random.default_rng(seed).integers(0, 256, (number, 3072), dtype=np.uint8)
    labels = [at % 2 for at in range(number)]
    names = [f"thing_{seed}_{at}.png".encode() for at in range(number)]
    return data, {b"batch_label": b"batch", b"labels": labels, b"data": data, b"filenames": names}


def test_cifar_10_pickles(data):
    folder = data.folder / "cifar-10-batches-py"
    folder.mkdir()
    arrays = {}
    for name, seed in (("data_batch_1", 1), ("test_batch", 2)):
        arrays[name], batch = cifar_batch(seed, 4)
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {b"label_names": [b"airplane", b"automobile"], b"num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))

    items = data()

    assert len(items) == 8
    assert items["cifar-10-batches-py/data_batch_1/thing_1_1.png"].labels == ("automobile",)
    for name, seed in (("data_batch_1", 1), ("test_batch", 2)):
        for at in range(4):
            item = items[f"cifar-10-batches-py/{name}/thing_{seed}_{at}.png"]
            assert np.array_equal(pixels(item), arrays[name][at].reshape(3, 32, 32).transpose(1, 2, 0))


class Malice:
    def __reduce__(self):
        return (print, ("a program ran",))


@pytest.mark.parametrize("inside", [Malice(), np.array([Malice()], dtype=object), np.random.default_rng])
def test_a_pickle_that_is_a_program_is_not_run(data, capsys, inside):
    (data.folder / "data_batch_1").write_bytes(pickle.dumps({b"data": inside, b"labels": []}, protocol=2))

    assert data() == {}
    assert "no batch" in data.troubles[0]
    assert "a program ran" not in capsys.readouterr().out


def test_cifar_100_binary(data):
    rows = np.random.default_rng(1).integers(0, 256, (3, 3072), dtype=np.uint8)
    numbers = np.array([[0, 2], [1, 0], [1, 1]], np.uint8)
    (data.folder / "test.bin").write_bytes(np.hstack([numbers, rows]).tobytes())
    (data.folder / "fine_label_names.txt").write_text("apple\nbear\nbed\n")
    (data.folder / "coarse_label_names.txt").write_text("furniture\nanimals\n")

    items = data()

    assert labels(items) == {
        "test.bin/0": ("bed", "furniture"),
        "test.bin/1": ("apple", "animals"),
        "test.bin/2": ("bear", "animals"),
    }
    assert np.array_equal(pixels(items["test.bin/2"]), rows[2].reshape(3, 32, 32).transpose(1, 2, 0))


def test_parquet_of_hugging_face(data):
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    schema = pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            ("text", pa.string()),
            ("license", pa.string()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    table = pa.table(
        {
            "image": [{"bytes": picture(at), "path": f"{at}.jpg"} for at in range(150)],
            "label": [at % 2 for at in range(149)] + [-1],
            "text": [f"number {at}" for at in range(150)],
            "license": ["cc0", *["CC BY 2.0"] * 149],
        },
        schema,
    )
    (data.folder / "data").mkdir()
    pq.write_table(table, data.folder / "data" / "train-00000-of-00001.parquet", row_group_size=100)

    items = list(data().values())

    item = items[120]
    assert item.image_url == "file:///data/data/train-00000-of-00001.parquet#row=120"
    assert (item.labels, item.description, item.license) == (("cat",), "number 120", "CC-BY-2.0")
    assert item.raw == {"split": "train", "path": "120.jpg"}
    assert items[149].labels == ()  # a label that is not told
    for at in (0, 149, 99, 100, 3):
        assert body(items[at]) == picture(at)


def test_imagefolder_with_classes(data):
    for at, name in enumerate(["train/cat/a.jpg", "train/dog/b.jpg", "test/cat/c.jpg"]):
        (data.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (data.folder / name).write_bytes(picture(at))

    items = data()

    assert labels(items) == {"test/cat/c.jpg": ("cat",), "train/cat/a.jpg": ("cat",), "train/dog/b.jpg": ("dog",)}
    assert items["train/dog/b.jpg"].raw == {"split": "train"}
    assert body(items["train/dog/b.jpg"]) == picture(1)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_imagefolder_with_metadata(data, kind):
    (data.folder / "train" / "more").mkdir(parents=True)
    table = [
        {"file_name": "a.jpg", "text": "one", "author": "Ada", "rating": "5"},
        {"file_name": "more/b.jpg", "text": "two, and more", "author": "", "rating": "4"},
        {"file_name": "../../gone.jpg", "text": "three", "author": "", "rating": "3"},
    ]
    (data.folder / "train" / "a.jpg").write_bytes(picture(1))
    (data.folder / "train" / "more" / "b.jpg").write_bytes(picture(2))
    file = data.folder / "train" / f"metadata.{kind}"
    if kind == "csv":
        lines = [",".join(f'"{value}"' for value in row.values()) for row in table]
        file.write_text("\n".join(["file_name,text,author,rating", *lines]))
    elif kind == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in table))
    else:
        pq.write_table(pa.Table.from_pylist(table), file)

    items = data()

    assert {name: (item.description, item.creator, item.raw["rating"]) for name, item in items.items()} == {
        "train/a.jpg": ("one", "Ada", "5"),
        "train/more/b.jpg": ("two, and more", None, "4"),
        "train/gone.jpg": ("three", None, "3"),
    }


COCO = {
    "licenses": [{"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"}],
    "images": [
        {"id": 7, "file_name": "000000000007.jpg", "license": 4, "flickr_url": "http://farm1.static.example/7.jpg"},
        {"id": 9, "file_name": "000000000009.jpg", "license": 99, "coco_url": "http://images.example/9.jpg"},
    ],
}


def test_coco(data):
    (data.folder / "annotations").mkdir()
    (data.folder / "val2017").mkdir()
    for number in (7, 9):
        (data.folder / "val2017" / f"{number:012d}.jpg").write_bytes(picture(number))
    shapes = [
        {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 3, "bbox": [5, 6, 7, 8], "area": 56, "iscrowd": 0},
    ]
    for shape in shapes:
        shape["segmentation"] = [[1, 2, 3, 4, 5, 6]]
    categories = [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}]
    instances = {**COCO, "annotations": shapes, "categories": categories}
    captions = {**COCO, "annotations": [{"id": 3, "image_id": 7, "caption": "A dog\n in a car"}]}
    (data.folder / "annotations" / "instances_val2017.json").write_text(json.dumps(instances))
    (data.folder / "annotations" / "captions_val2017.json").write_text(json.dumps(captions))

    seven, nine = data().values()

    assert (seven.source_id, seven.labels, seven.description) == ("7", ("car", "dog"), "A dog in a car")
    assert (seven.image_url, seven.page_url) == (
        "file:///data/val2017/000000000007.jpg",
        "http://farm1.static.example/7.jpg",
    )
    assert (seven.license, seven.license_raw) == ("CC-BY-2.0", "Attribution License")
    assert seven.raw["annotations"] == [
        {"category": "dog", "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0},
        {"category": "car", "bbox": [5, 6, 7, 8], "area": 56, "iscrowd": 0},
    ]
    assert (nine.labels, nine.license, nine.page_url) == ((), None, "http://images.example/9.jpg")
    assert body(nine) == picture(9)


def test_questions_and_answers(data):
    questions = {
        "license": {"url": "http://creativecommons.org/licenses/by/4.0/", "name": "CC BY 4.0"},
        "data_subtype": "val2014",
        "questions": [
            {"image_id": 42, "question": "Is it red?", "question_id": 420},
            {"image_id": 42, "question": "How many?", "question_id": 421},
        ],
    }
    given = [{"answer": word, "answer_id": at} for at, word in enumerate(["yes", "no", "yes"])]
    annotations = {"annotations": [{"question_id": 420, "multiple_choice_answer": "yes", "answers": given}]}
    (data.folder / "v2_OpenEnded_mscoco_val2014_questions.json").write_text(json.dumps(questions))
    (data.folder / "v2_mscoco_val2014_annotations.json").write_text(json.dumps(annotations))
    (data.folder / "val2014").mkdir()
    (data.folder / "val2014" / "COCO_val2014_000000000042.jpg").write_bytes(picture(42))

    (item,) = data().values()

    assert (item.source_id, body(item)) == ("val2014/42", picture(42))
    assert item.license is None  # the questions' licence is not the image's
    assert item.raw["annotations_license"]["name"] == "CC BY 4.0"
    assert item.raw["questions"] == [
        {"question_id": 420, "question": "Is it red?", "answer": "yes", "answers": {"yes": 2, "no": 1}},
        {"question_id": 421, "question": "How many?"},
    ]


def test_oxford_flowers(data):
    (data.folder / "jpg").mkdir()
    for number in (1, 2, 3):
        (data.folder / "jpg" / f"image_{number:05d}.jpg").write_bytes(picture(number))
    scipy.io.savemat(data.folder / "imagelabels.mat", {"labels": np.array([[77, 1, 102]], np.uint8)})
    sets = {"trnid": [[2]], "valid": [[3]], "tstid": [[1]]}
    scipy.io.savemat(data.folder / "setid.mat", {name: np.array(ids, np.uint16) for name, ids in sets.items()})

    items = data({"splits": ["train", "test"]})

    assert labels(items) == {"image_00001": ("77",), "image_00002": ("1",)}
    assert items["image_00001"].raw == {"class": 77, "split": "test"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"path": "nothing", "base": None}, "options.path: no such file or folder: "),
        ({}, "options.format: what "),
        ({"columns": {"colour": "red"}}, "options.columns.colour: unknown field; known here: captured_at, creator"),
        ({"format": "coco"}, "options.annotations: no annotation file in "),
        ({"format": "tfds"}, "options.format: expected one of auto, imagefolder, parquet, idx, cifar, coco, vqa, flow"),
    ],
)
def test_what_cannot_be_read_is_a_config_error(data, options, expected):
    with pytest.raises(ConfigError, match=re.escape(expected)):
        data(options)
