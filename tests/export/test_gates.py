"""What is asked of a set before it is exported: each gate finds something, weighs it, and refuses where it should."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from harvest.config.policy import GateTerms, Policy, Severity, UseTerms, default_policy, load_policy
from harvest.config.recipe import load_recipe
from harvest.errors import CheckFailed, ConfigError
from harvest.export import check_exports, remake_export
from harvest.ledger import DuplicateRow, SplitRow, images, open_ledger, write_duplicates, write_splits
from harvest.progress import SilentProgress
from tests.export.conftest import make_empty
from tests.export.test_remake import take_down
from tests.export.trainer_sets import DIGESTS, decide, encoded, export, gradient, tree

PLAIN = "export: [{format: folder, name: set, at_least: 1}]\n"


def policy_of(**gates: object) -> Policy:
    return dataclasses.replace(default_policy(), gates=GateTerms(**gates))  # type: ignore[arg-type]


def found(dataset, recipe: str = PLAIN, policy: Policy | None = None) -> dict[str, tuple[str, int, str]]:
    """By gate: how much it weighs, how many images it concerns, what it says."""
    file = dataset.workspace.root.parent / "gates.yaml"
    file.write_text(f"name: shells\n{recipe}")
    [checked] = check_exports(dataset.workspace, load_recipe(file), DIGESTS, policy=policy)
    return {each.gate: (each.severity, each.images, each.message) for each in checked.findings}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory):
    """Twenty-four images with everything that gates look for, and licences of all kinds."""
    dataset = make_empty(tmp_path_factory.mktemp("gates"))
    shell = Image.effect_mandelbrot((240, 200), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    licenses = ["CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0", None, "LicenseRef-All-Rights-Reserved"]
    for seed in range(22):
        license_ = licenses[seed] if seed < len(licenses) else "CC0-1.0"
        creator = "Ada" if seed > 9 else f"Creator {seed}"
        dataset.meet(seed, license=license_, creator=creator, title=" " if seed == 7 else f"Shell {seed}")
    dataset.meet(30, body=encoded(shell, "JPEG", quality=90), license="CC0-1.0")
    dataset.meet(31, body=encoded(shell, "JPEG", quality=60), license="CC0-1.0")
    dataset.crawl()
    decide(dataset)
    return dataset


def test_a_set_under_its_asked_size(mixed) -> None:
    assert found(mixed, PLAIN.replace(", at_least: 1", ""))["few_images"] == (
        "warning",
        24,
        "24 images of the 500 asked for; loosen filters, add sources, or say `at_least: 24` under `export:`",
    )
    assert "few_images" not in found(mixed, PLAIN.replace("at_least: 1", "at_least: 24"))
    assert found(mixed, PLAIN.replace("at_least: 1", "at_least: 25"))["few_images"][1] == 24


def test_licences_against_the_declared_use(mixed) -> None:
    assert found(mixed)["licence_unknown"][:2] == ("warning", 1)
    assert found(mixed)["licence_use"] == (
        "violation",
        1,
        (
            "1 image under LicenseRef-All-Rights-Reserved, which the policy does not allow; leave them out with a "
            "`licence` filter, or change the policy's `use` or `licences`"
        ),
    )
    assert found(mixed)["licence_mixed"][1] == 3
    assert "CC-BY-SA-3.0 beside CC-BY-NC-4.0, CC-BY-ND-4.0:" in found(mixed)["licence_mixed"][2]
    everything = dataclasses.replace(
        default_policy(), licences=dataclasses.replace(default_policy().licences, allow=())
    )
    for use, named in (
        (UseTerms(commercial=True), "CC-BY-NC-4.0, which excludes the declared commercial use"),
        (UseTerms(adapted=True), "CC-BY-ND-4.0, which excludes the declared adaptation"),
        (UseTerms(shared_as="CC-BY-SA-3.0"), "CC-BY-SA-4.0, which may not be handed on as CC-BY-SA-3.0"),
    ):
        assert (
            f"1 image under {named}" in found(mixed, policy=dataclasses.replace(everything, use=use))["licence_use"][2]
        )
    later = dataclasses.replace(everything, use=UseTerms(shared_as="CC-BY-SA-4.0"))
    assert not {"licence_use", "licence_mixed"} & found(mixed, policy=later).keys()


def test_too_many_from_one_creator(mixed) -> None:
    assert found(mixed)["one_creator"][1:] == (
        12,
        (
            "12 of 24 images are by Ada, 50 %, more than 20 %: a model learns the hand instead of the subject; add "
            "others, or raise `composition.creator` in the policy"
        ),
    )
    terms = dataclasses.replace(default_policy().composition, creator=0.5)
    assert "one_creator" not in found(mixed, policy=dataclasses.replace(default_policy(), composition=terms))


def test_pictures_smaller_than_they_are_trained(mixed) -> None:
    recipe = "export: [{format: kohya, trigger: f, resolution: 128, at_least: 1, buckets: {min: 64, step: 32}}]\n"

    assert found(mixed, recipe)["small_images"][1:] == (
        22,
        (
            "22 images with less than 128x128 pixels in all, the smallest 96x96: training would enlarge them; filter "
            "by `size: {min_side: 128}`, export a larger `size`, or train smaller"
        ),
    )
    assert "small_images" not in found(mixed)


def test_images_without_words(mixed) -> None:
    assert found(mixed)["no_caption"] == ("warning", 1, "1 image without a caption; give the recipe `captions:`")
    assert "no_caption" not in found(mixed, PLAIN.replace("at_least: 1", "at_least: 1, captions: none"))


def test_near_copies_left_in(mixed) -> None:
    """Where the recipe's dedupe looks at near pictures itself, what it took for two is two; its groups always count."""
    unlooked = found(mixed, f"dedupe: {{near: null}}\n{PLAIN}")["near_copies"]

    assert "near_copies" not in found(mixed)
    with open_ledger(mixed.workspace) as con:
        hashes = [image.phash for image in images(con)]
    near = [sum((one ^ other).bit_count() <= 3 for other in hashes) > 1 for one in hashes]
    assert unlooked[:2] == ("warning", sum(near))
    assert sum(near) >= 2


def test_groups_with_more_than_one_kept(tmp_path: Path) -> None:
    dataset = make_empty(tmp_path)
    shas = [dataset.meet(seed) for seed in range(4)]
    dataset.crawl()
    decide(dataset)
    rows = [
        DuplicateRow(
            group_id="g", sha256=sha, keeper=not index, kind="review", distance=0, threshold=0, method="review"
        )
        for index, sha in enumerate(shas[:3])
    ]
    with open_ledger(dataset.workspace, write=True) as con:
        write_duplicates(con, name="shells", recipe_digest="d" * 64, input_digest="i", rows=rows)

    assert found(dataset)["near_copies"][1] == 3


def test_splits_that_leak_or_leave_images_out(tmp_path: Path) -> None:

    dataset = make_empty(tmp_path)
    shas = [dataset.meet(seed) for seed in range(4)]
    dataset.crawl()
    decide(dataset)
    assert not {"split", "split_leak"} & found(dataset).keys()
    pair = [
        DuplicateRow(group_id="g", sha256=sha, keeper=not index, kind="near", distance=1, threshold=8, method="phash")
        for index, sha in enumerate(shas[:2])
    ]
    with open_ledger(dataset.workspace, write=True) as con:
        rows = [
            SplitRow(sha256=sha, split=part, part=sha)
            for sha, part in zip(shas[:3], ("train", "test", "train"), strict=True)
        ]
        write_splits(con, name="shells", recipe_digest="s" * 64, input_digest="i", rows=rows)
        write_duplicates(con, name="shells", recipe_digest="d" * 64, input_digest="i", rows=pair)

    assert found(dataset)["split"][1] == 1
    assert found(dataset)["split_leak"][:2] == ("violation", 2)


def test_policy_says_what_refuses_and_nothing_is_written_then(mixed) -> None:
    said: list[str] = []

    class Hearing(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    lenient = policy_of(licence_use=Severity.WARNING, one_creator=Severity.IGNORE)
    [report] = export(mixed, PLAIN, policy=lenient, progress=Hearing())
    before = tree(report.folder)

    assert {each.gate for each in report.findings} == {"licence_use", "licence_unknown", "licence_mixed", "no_caption"}
    assert len(said) == 4
    assert all(line.startswith("export set: warning: ") for line in said)
    datasheet = (report.folder / "DATASHEET.md").read_text()
    assert datasheet.count("- 1 image of unknown licence") == 1
    with pytest.raises(CheckFailed) as caught:
        export(mixed, PLAIN + "policy: null\n", policy=policy_of(no_caption=Severity.VIOLATION))
    assert "export set is refused, what was there before stays: " in str(caught.value)
    assert "(gate licence_use)" in str(caught.value)
    assert "1 image without a caption; give the recipe `captions:` (gate no_caption)" in str(caught.value)
    assert tree(report.folder) == before


def test_one_refused_export_keeps_the_others_back(mixed) -> None:
    recipe = """
export:
  - {format: folder, name: first, at_least: 1}
  - {format: stylegan, name: second, at_least: 1, resolution: 64}
"""
    with pytest.raises(CheckFailed, match="export second is refused"):
        export(mixed, recipe, policy=policy_of(licence_use=Severity.NOTE))

    assert not (mixed.workspace.exports / "first").exists()


def test_what_was_taken_down_is_never_held_back_by_a_gate(tmp_path: Path) -> None:
    dataset = make_empty(tmp_path)
    gone, *_ = [dataset.meet(seed) for seed in range(3)]
    dataset.crawl()
    decide(dataset)
    recipe, strict = PLAIN.replace("at_least: 1", "at_least: 3"), policy_of(few_images=Severity.VIOLATION)
    [report] = export(dataset, recipe, policy=strict)
    assert report.findings == ()
    take_down(dataset, gone)

    again = remake_export(dataset.workspace, "set", progress=SilentProgress())

    assert again is not None
    assert [(each.gate, each.severity, each.images) for each in again.findings] == [("few_images", "violation", 2)]
    assert len((report.folder / "MANIFEST.jsonl").read_text().splitlines()) == 2
    with pytest.raises(CheckFailed, match="2 images of the 3 asked for"):
        export(dataset, recipe, policy=strict)


def test_policy_file_says_how_much_each_gate_weighs(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("gates: {at_least: 20, few_images: violation, no_caption: ignore}\n")

    gates = load_policy(file).gates

    assert (gates.at_least, gates.few_images, gates.no_caption) == (20, "violation", "ignore")
    assert gates.near_copies is Severity.WARNING
    file.write_text("gates: {few_image: violation}\n")
    with pytest.raises(ConfigError, match=r"policy\.yaml: gates\.few_image: unknown key; did you mean 'few_images'\?"):
        load_policy(file)
    file.write_text("gates: {few_images: loud}\n")
    with pytest.raises(ConfigError, match=r"policy\.yaml: gates\.few_images: expected .*violation.*, got 'loud'"):
        load_policy(file)


def test_the_command_asks_and_writes_nothing(harvest, tmp_path: Path) -> None:
    dataset = make_empty(tmp_path)
    for seed in range(3):
        dataset.meet(seed, body=encoded(gradient(64 + seed, 64, seed), "PNG"))
    dataset.crawl()
    recipe, policy = tmp_path / "r.yaml", tmp_path / "p.yaml"
    recipe.write_text("name: r\npolicy: p.yaml\nsizes: []\nexport: [{format: folder, name: set}]\n")
    policy.write_text("gates: {at_least: 3, small_images: ignore}\n")
    workspace = dataset.workspace.root
    assert harvest("dedupe", recipe, "-w", workspace).returncode == 0

    passes = harvest("export", recipe, "--check", "--json", "-w", workspace)
    policy.write_text("gates: {at_least: 9, few_images: violation}\n")
    fails = harvest("export", recipe, "--check", "--json", "-w", workspace)
    refused = harvest("export", recipe, "-w", workspace)

    assert (passes.returncode, fails.returncode, refused.returncode) == (0, 1, 1), passes.stderr + fails.stderr
    [told] = json.loads(fails.stdout)
    assert (told["name"], told["images"], told["findings"][0]["gate"]) == ("set", 3, "few_images")
    assert "export set is refused, what was there before stays: 3 images of the 9 asked for" in refused.stderr
    assert not (workspace / "exports").exists() or not list((workspace / "exports").iterdir())
