"""Folders for sd-scripts, read by its rules; and by sd-scripts itself where SD_SCRIPTS names a checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harvest.errors import CheckFailed, ConfigError
from harvest.export import remake_export
from harvest.images.decode import decode_rgb
from harvest.ledger import exported, open_ledger
from harvest.progress import SilentProgress
from tests.export.conftest import make_empty
from tests.export.readers import check_graph, graph_of_workflow, read_kohya
from tests.export.test_remake import take_down
from tests.export.trainer_sets import ODD_WORDS, decide, encoded, export, gradient, odd_files, tree

LORA = """
title: Shells
export:
  - {format: kohya, trigger: finstudy, class_word: sea shell, resolution: 64, repeats: 3, at_least: 1,
     buckets: {min: 32, max: 128, step: 32}, name: lora}
"""


@pytest.fixture(scope="module")
def oddities(tmp_path_factory: pytest.TempPathFactory):
    """A set of odd files under odd titles, exported; with the bytes that were met, by sha256."""
    dataset = make_empty(tmp_path_factory.mktemp("kohya"))
    met = {}
    for seed, (name, body) in enumerate(odd_files().items()):
        title = ODD_WORDS[seed] if seed < len(ODD_WORDS) else None
        met[dataset.meet(seed, body=body, title=title)] = name
    dataset.crawl()
    decide(dataset)
    [report] = export(dataset, LORA)
    return dataset, report, met


def test_trainer_sees_what_a_person_sees(oddities) -> None:
    dataset, report, met = oddities

    _, trained = read_kohya(report.folder)

    assert len(trained) == len(met) == report.files
    for each in trained:
        [sha256] = [sha for sha in met if sha.startswith(each.path.stem)]
        [original] = dataset.workspace.originals.rglob(f"{sha256}.*")
        assert np.array_equal(np.asarray(each.pixels), np.asarray(decode_rgb(original))), met[sha256]


def test_files_that_read_as_they_look_keep_their_bytes(oddities) -> None:
    _, report, met = oddities

    kept = {
        met[sha]
        for sha in met
        for path in report.folder.glob(f"train/*/{sha[:16]}.*")
        if path.suffix != ".txt"
        if path.read_bytes() == odd_files()[met[sha]]
    }

    assert kept == {"grey", "webp", "profiled"}


def test_every_caption_is_one_line_that_is_never_empty(oddities) -> None:
    _, report, _ = oddities

    captions = {path.stem: path.read_text(encoding="utf-8") for path in report.folder.glob("train/*/*.txt")}

    assert len(captions) == report.files
    assert all(text.endswith("\n") and text.strip() and len(text.splitlines()) == 1 for text in captions.values())
    said = {text.strip() for text in captions.values()}
    assert {
        "finstudy, Two lines and a tab",
        "finstudy, 🐚 emoji 👨‍👩‍👧 shell",
        "finstudy, قوقعة بحرية (rtl)",
        f"finstudy, {'x' * 3000}",
    } <= said
    assert list(captions.values()).count("finstudy sea shell\n") == 3


def test_dataset_toml_says_what_was_asked(oddities) -> None:
    _, report, _ = oddities

    settings, trained = read_kohya(report.folder)

    assert settings == {
        "caption_extension": ".txt",
        "shuffle_caption": False,
        "keep_tokens": 1,
        "resolution": 64,
        "batch_size": 1,
        "enable_bucket": True,
        "min_bucket_reso": 32,
        "max_bucket_reso": 128,
        "bucket_reso_steps": 32,
        "bucket_no_upscale": False,
    }
    assert {(each.path.parent.name, each.repeats, each.is_reg) for each in trained} == {
        ("3_finstudy sea shell", 3, False)
    }
    buckets = (report.folder / "BUCKETS.md").read_text()
    assert "| 64x64 |" in buckets
    assert (
        sum(int(line.split("|")[2]) for line in buckets.splitlines() if line[:3].strip("| ").isdigit()) == report.files
    )


def test_workflow_loads_the_trained_file_and_asks_by_the_trigger(oddities) -> None:
    _, report, _ = oddities

    api = json.loads((report.folder / "comfyui-workflow-api.json").read_text())
    drawn = graph_of_workflow(json.loads((report.folder / "comfyui-workflow.json").read_text()))

    check_graph(api)
    assert drawn == {number: {k: v for k, v in node.items() if k != "_meta"} for number, node in api.items()}
    nodes = {node["class_type"]: node["inputs"] for node in reversed(api.values())}
    assert nodes["LoraLoader"]["lora_name"] == "finstudy.safetensors"
    assert nodes["CLIPTextEncode"]["text"] == "finstudy sea shell"
    assert (nodes["EmptyLatentImage"]["width"], nodes["CheckpointLoaderSimple"]["ckpt_name"]) == (
        64,
        "sd_xl_base_1.0.safetensors",
    )


def test_commands_are_for_the_shell_with_the_right_paths(oddities) -> None:
    _, report, _ = oddities
    shell = shutil.which("bash")
    assert shell

    def words(script: str) -> list[str]:
        shown = script.replace("accelerate launch", 'printf "%s\\n" accelerate launch')
        done = subprocess.run(
            [shell, "-c", shown],
            capture_output=True,
            text=True,
            check=True,
            cwd=report.folder,
            env={"SD_SCRIPTS": "/sd"},
        )
        return done.stdout.splitlines()

    printed = words("\n".join(report.instructions))
    page = (report.folder / "TRAIN.md").read_text()
    relative = words(page.split("```sh\n")[1].split("```")[0])

    assert printed[printed.index("--dataset_config") + 1] == str(report.folder.resolve() / "dataset.toml")
    assert relative[relative.index("--dataset_config") + 1] == "dataset.toml"
    out = Path(printed[printed.index("--output_dir") + 1])
    assert out == report.folder.resolve().parents[1] / "trained" / "lora"
    assert printed[4] == "/sd/sdxl_train_network.py"
    assert str(report.folder) not in page


def test_same_bytes_twice_and_nothing_is_written_again(oddities) -> None:
    dataset, report, _ = oddities
    before = tree(report.folder)

    [again] = export(dataset, LORA)
    shutil.rmtree(report.folder)
    [anew] = export(dataset, LORA)

    assert (again.written, anew.written) == (False, True)
    assert tree(anew.folder) == before


def test_takedown_leaves_the_set_as_the_recipe_would_make_it(oddities) -> None:
    dataset, report, met = oddities
    gone = next(sha for sha, name in met.items() if name == "tiff")
    take_down(dataset, gone)

    again = remake_export(dataset.workspace, "lora", progress=SilentProgress())
    assert again is not None
    ours = tree(report.folder)
    [by_recipe] = export(dataset, LORA)

    assert (again.files, by_recipe.written) == (len(met) - 1, False)
    assert not any(gone[:16] in path or gone[:16].encode() in body for path, body in ours.items())
    assert tree(report.folder) == ours
    assert len(read_kohya(report.folder)[1]) == len(met) - 1


# ---- regularisation

WITH_CLASS = """
filter:
  - licence: {allow: [CC-BY-4.0]}
  - clip: {model: harvest-demo, keep: [a shell]}
export:
  - {format: kohya, trigger: finstudy, class_word: shell, resolution: 64, at_least: 1, name: lora,
     buckets: {min: 32, max: 128, step: 32}, regularisation: {count: 4}}
"""


@pytest.fixture(scope="module")
def classed(tmp_path_factory: pytest.TempPathFactory):
    """Three shells, and ten others: dropped for what they show, for their licence, as copies, as near copies."""
    dataset = make_empty(tmp_path_factory.mktemp("class"))
    named = {}
    shell = Image.effect_mandelbrot((240, 200), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    named["shell 0"] = dataset.meet(0, body=encoded(shell, "JPEG", quality=90))
    for seed in range(1, 3):
        named[f"shell {seed}"] = dataset.meet(seed)
    for seed in range(10, 16):
        named[f"other {seed}"] = dataset.meet(seed, body=encoded(gradient(80 + seed, 64, seed), "PNG"))
    named["all rights"] = dataset.meet(
        20, body=encoded(gradient(64, 99, 20), "PNG"), license="LicenseRef-All-Rights-Reserved"
    )
    named["copy"] = dataset.meet(21, body=encoded(gradient(99, 64, 21), "PNG"))
    named["near"] = dataset.meet(22, body=encoded(shell, "JPEG", quality=60))
    dataset.crawl()
    others = [sha for name, sha in named.items() if not name.startswith("shell")]
    decide(
        dataset,
        {"filter.clip": others, "filter.licence": [named["all rights"]], "dedupe": [named["copy"]]},
    )
    return dataset, named


def test_regularisation_set_is_of_what_was_dropped_for_what_it_shows_alone(classed) -> None:
    dataset, named = classed
    names = {sha[:16]: name for name, sha in named.items()}

    [report] = export(dataset, WITH_CLASS)
    _, trained = read_kohya(report.folder)

    of_set = {names[each.path.stem] for each in trained if not each.is_reg}
    beside = {names[each.path.stem] for each in trained if each.is_reg}
    assert of_set == {"shell 0", "shell 1", "shell 2"}
    assert len(beside) == 4
    assert beside < {f"other {seed}" for seed in range(10, 16)}
    assert {each.caption for each in trained if each.is_reg} == {"shell"}
    assert {each.path.parent.name for each in trained if each.is_reg} == {"1_shell"}
    lines = [json.loads(line) for line in (report.folder / "MANIFEST.jsonl").read_text().splitlines()]
    assert sum(line.get("regularises", False) for line in lines) == 4
    with open_ledger(dataset.workspace) as con:
        assert len(exported(con, "lora")) == 7
    assert (report.folder / "CREDITS.md").read_text().count("reg/1_shell/") == 4
    [more] = export(dataset, WITH_CLASS.replace("count: 4", "count: 9"))
    assert [finding.message.partition(";")[0] for finding in more.findings if finding.gate == "format"] == [
        "regularisation: 6 of 9 pictures found"
    ]


def test_regularisation_set_can_come_from_another_recipe(classed) -> None:
    dataset, named = classed
    other = dataset.workspace.root.parent / "others.yaml"
    other.write_text("name: others\n")
    asked = []

    def select(file: Path) -> dict[str, str]:
        asked.append(file.name)
        return {"dedupe": "d" * 64}

    recipe = WITH_CLASS.replace("{count: 4}", "{recipe: others.yaml, caption: a sea thing}")
    [report] = export(dataset, recipe, others=select)
    _, trained = read_kohya(report.folder)

    beside = [each for each in trained if each.is_reg]
    assert asked == ["others.yaml"]
    assert not any("regularisation" in finding.message for finding in report.findings)
    assert len(beside) == 3
    assert {each.caption for each in beside} == {"a sea thing"}
    assert not {sha[:16] for name, sha in named.items() if name in {"all rights", "copy", "near"}} & {
        each.path.stem for each in beside
    }


def test_takedown_takes_from_the_regularisation_set_too(classed) -> None:
    dataset, named = classed
    [report] = export(dataset, WITH_CLASS)
    beside = next(path.stem for path in sorted(report.folder.glob("reg/*/*.png")))
    [gone] = [sha for sha in named.values() if sha.startswith(beside)]
    take_down(dataset, gone)

    again = remake_export(dataset.workspace, "lora", progress=SilentProgress())

    assert again is not None
    _, trained = read_kohya(report.folder)
    assert [each.is_reg for each in trained].count(True) == 3
    assert {each.caption for each in trained if each.is_reg} == {"shell"}


# ---- what does not fit


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{format: kohya}", "export[0].trigger: missing; expected the word that stands for the subject, here or as"),
        ("{format: kohya, trigger: a, resolution: 2000, buckets: {max: 1024}}", "export[0].buckets: expected min <="),
        (
            "{format: kohya, trigger: a, base: sd15, buckets: {step: 32}}",
            "export[0].buckets.step: expected a multiple of 64",
        ),
        (
            "{format: kohya, trigger: a, regularisation: {count: 3}}",
            "export[0].class_word: missing; expected what kind",
        ),
        (
            "{format: kohya, trigger: a, class_word: b, regularisation: {count: 3}}",
            "export[0].regularisation: expected a filter",
        ),
        ("{format: kohya, trigger: a, output: ../x}", "export[0].output: expected a file name of letters"),
    ],
)
def test_settings_that_do_not_fit_are_told_with_their_place(empty, settings: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"trainers\.yaml") as caught:
        export(empty, f"export: [{settings}]\n")

    assert message in str(caught.value)


def test_damaged_original_is_told_and_the_old_set_stays(tmp_path: Path) -> None:
    dataset = make_empty(tmp_path)
    dataset.meet(1)
    dataset.crawl()
    decide(dataset)
    [report] = export(dataset, LORA)
    before = tree(report.folder)
    victim = next(dataset.workspace.originals.rglob("*.jpg"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    dataset.sql("UPDATE sightings SET title = 'Other'")

    with pytest.raises(CheckFailed, match=r"is not the file the ledger knows; `harvest verify` tells"):
        export(dataset, LORA)

    assert tree(report.folder) == before


# ---- sd-scripts itself

READ_BY_SD_SCRIPTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from argparse import Namespace
from library import config_util
from library.config_util import BlueprintGenerator, ConfigSanitizer
sanitizer = ConfigSanitizer(True, True, False, True)
user = config_util.load_user_config("dataset.toml")
blueprint = BlueprintGenerator(sanitizer).generate(user, Namespace())
group, _ = config_util.generate_dataset_group_by_blueprint(blueprint.dataset_group)
[dataset] = group.datasets
told = [
    [info.absolute_path, info.caption, info.is_reg, info.num_repeats, list(info.bucket_reso)]
    for info in dataset.image_data.values()
]
print("TOLD" + json.dumps(told))
"""


@pytest.mark.skipif("SD_SCRIPTS" not in os.environ, reason="SD_SCRIPTS names no checkout of sd-scripts")
def test_sd_scripts_reads_the_same(classed) -> None:
    dataset, _ = classed
    [report] = export(dataset, WITH_CLASS)
    python = os.environ.get("SD_SCRIPTS_PYTHON", sys.executable)
    done = subprocess.run(
        [python, "-c", READ_BY_SD_SCRIPTS, os.environ["SD_SCRIPTS"]],
        cwd=report.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.partition("TOLD")[2])

    _, trained = read_kohya(report.folder)

    ours = {each.path.relative_to(report.folder).as_posix(): (each.caption, each.is_reg) for each in trained}
    assert {path: (caption, is_reg) for path, caption, is_reg, _, _ in told} == ours
    # The regularisation set is repeated until it is shown as often as the training set.
    assert sum(repeats for *_, is_reg, repeats, _ in told if is_reg) == sum(
        repeats for *_, is_reg, repeats, _ in told if not is_reg
    )
    buckets = (report.folder / "BUCKETS.md").read_text()
    assert all(f"| {width}x{height} |" in buckets for *_, (width, height) in told)
