"""Folders for the LoRA examples of diffusers, read by what those read them with."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from harvest.images.decode import decode_rgb
from tests.export.conftest import make_empty
from tests.export.readers import check_graph
from tests.export.trainer_sets import ODD_WORDS, decide, encoded, export, gradient, odd_files, tree

LORA = """
filter: [{clip: {model: harvest-demo, keep: [a shell]}}]
export:
  - {format: diffusers, trigger: finstudy, class_word: shell, resolution: 64, at_least: 1, name: lora,
     base: sd15, regularisation: {}}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory):
    """Odd files under odd titles, and twenty others that lie beside them."""
    dataset = make_empty(tmp_path_factory.mktemp("diffusers"))
    for seed, body in enumerate(odd_files().values()):
        dataset.meet(seed, body=body, title=ODD_WORDS[seed] if seed < len(ODD_WORDS) else None)
    beside = [dataset.meet(seed) for seed in range(30, 50)]
    dataset.crawl()
    decide(dataset, {"filter.clip": beside})
    [report] = export(dataset, LORA)
    before = tree(report.folder)
    assert [each.written for each in export(dataset, LORA)] == [False]
    assert tree(report.folder) == before
    return report, dataset


def options(command: str) -> dict[str, str]:
    """What a printed command asks for, as a shell would split it."""
    words = shlex.split(command.replace("\\\n", " "))
    return {word: words[index + 1] for index, word in enumerate(words[:-1]) if word.startswith("--")}


def test_text_to_image_reads_pictures_with_their_captions(report, tmp_path: Path) -> None:
    report, dataset = report
    folder = report.folder / "train"

    # As train_text_to_image_lora.py loads --train_data_dir.
    loaded = datasets.load_dataset(
        "imagefolder",
        data_files={"train": f"{folder}/**"},
        cache_dir=str(tmp_path),
    )["train"]

    assert loaded.column_names[:2] == ["image", "text"]
    assert len(loaded) == 9
    names = [json.loads(line)["file_name"] for line in (folder / "metadata.jsonl").read_text().splitlines()]
    originals = {path.stem[:16]: path for path in dataset.workspace.originals.rglob("*.*")}
    seen = {np.asarray(decode_rgb(originals[Path(name).stem])).tobytes() for name in names}
    assert {np.asarray(row["image"].convert("RGB")).tobytes() for row in loaded} == seen
    assert {"finstudy shell", "finstudy, Two lines and a tab", "finstudy, قوقعة بحرية (rtl)"} <= set(loaded["text"])


def test_dreambooth_finds_nothing_but_pictures(report) -> None:
    report, _ = report
    command = next(part for part in "\n".join(report.instructions).split("# ") if part.startswith("Or train"))
    asked = options(command.partition("\n")[2])

    # As train_dreambooth_lora.py opens every file of both folders.
    for name, count in (("--instance_data_dir", 9), ("--class_data_dir", 9)):
        opened = [Image.open(path) for path in Path(asked[name]).iterdir()]
        assert len(opened) == count
        for image in opened:
            image.close()

    assert asked["--num_class_images"] == "9"
    assert (asked["--instance_prompt"], asked["--class_prompt"]) == ("finstudy shell", "shell")


def test_commands_know_only_what_the_examples_know(report) -> None:
    report, _ = report
    page = (report.folder / "TRAIN.md").read_text()

    commands = [part.split("```")[0] for part in page.split("```sh\n")[1:]]

    assert len(commands) == 3
    assert '"$DIFFUSERS/examples/text_to_image/train_text_to_image_lora.py"' in commands[0]
    assert '"$DIFFUSERS/examples/dreambooth/train_dreambooth_lora.py"' in commands[1]
    assert (options(commands[0])["--train_data_dir"], options(commands[0])["--max_train_steps"]) == ("train", "900")
    assert str(report.folder) not in page
    check_graph(json.loads((report.folder / "comfyui-workflow-api.json").read_text()))


def test_without_regularisation_there_is_no_class(tmp_path: Path) -> None:
    dataset = make_empty(tmp_path)
    dataset.meet(1, body=encoded(gradient(64, 64, 1), "PNG"))
    dataset.crawl()
    decide(dataset)

    [report] = export(dataset, LORA.replace(", regularisation: {}", ""))

    assert sorted(path.name for path in report.folder.iterdir() if path.is_dir()) == ["train"]
    assert "--with_prior_preservation" not in "\n".join(report.instructions)
