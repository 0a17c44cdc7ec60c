"""Zips for Civitai: flat, pictures that it takes, a text of the same stem beside each."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

import numpy as np
import pytest
from PIL import Image

from harvest.export import remake_export
from harvest.images.decode import decode_rgb
from harvest.progress import SilentProgress
from tests.export.conftest import make_empty
from tests.export.test_remake import take_down
from tests.export.trainer_sets import ODD_WORDS, decide, export, odd_files, tree

ZIP = """
captions: {trigger: finstudy, templates: '{title}'}
export: [{format: civitai, captions: title, at_least: 1, name: c}]
"""


@pytest.fixture
def oddities(tmp_path):
    """Odd files under odd titles, exported; the last without a title."""
    dataset = make_empty(tmp_path)
    for seed, body in enumerate(odd_files().values()):
        dataset.meet(seed, body=body, title=ODD_WORDS[seed] if seed < len(ODD_WORDS) else None)
    dataset.crawl()
    decide(dataset)
    return dataset


def test_zip_is_flat_and_holds_what_civitai_takes(oddities) -> None:
    [report] = export(oddities, ZIP)

    assert {path.name for path in report.folder.iterdir()} >= {"c.zip", "MANIFEST.jsonl", "CREDITS.md"}
    with zipfile.ZipFile(report.folder / "c.zip") as members:
        assert members.testzip() is None
        names = [PurePosixPath(name) for name in members.namelist()]
        assert all(len(name.parts) == 1 for name in names)
        pictures = [name for name in names if name.suffix in {".png", ".jpg", ".jpeg"}]
        texts = {name.stem: members.read(str(name)).decode() for name in names if name.suffix == ".txt"}
        assert len(pictures) + len(texts) == len(names)
        assert {name.stem for name in pictures} == texts.keys()
        for name in pictures:
            with Image.open(io.BytesIO(members.read(str(name)))) as image:
                [original] = oddities.workspace.originals.rglob(f"{name.stem}*")
                assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(decode_rgb(original)))
    said = sorted(texts.values())
    assert all(len(text.splitlines()) == 1 for text in said)
    assert {"finstudy, 🐚 emoji 👨‍👩‍👧 shell\n", "finstudy, قوقعة بحرية (rtl)\n", "finstudy\n"} <= set(said)


def test_same_bytes_again_and_after_a_takedown_those_of_the_recipe(oddities) -> None:
    [report] = export(oddities, ZIP)
    before = tree(report.folder)
    (report.folder / "c.zip").unlink()
    export(oddities, ZIP)
    assert tree(report.folder) == before

    with zipfile.ZipFile(report.folder / "c.zip") as members:
        stem = PurePosixPath(members.namelist()[0]).stem
    [(gone,)] = oddities.sql(f"SELECT sha256 FROM images WHERE starts_with(sha256, '{stem}')")
    take_down(oddities, gone)
    again = remake_export(oddities.workspace, "c", progress=SilentProgress())

    assert again is not None
    with zipfile.ZipFile(report.folder / "c.zip") as members:
        assert not any(name.startswith(stem) for name in members.namelist())
    ours = tree(report.folder)
    assert [each.written for each in export(oddities, ZIP)] == [False]
    assert tree(report.folder) == ours
