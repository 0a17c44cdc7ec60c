"""Searching drawings by meaning, with the demonstration model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from harvest.cli.main import main
from harvest.demo.specimens import TEST_SEEDS, draw
from harvest.errors import UsageError
from harvest.ledger import (
    TakedownRow,
    embedded_models,
    nearest,
    open_ledger,
    write_embeddings,
    write_takedowns,
)
from harvest.progress import SilentProgress
from harvest.search import Question, parts, search, write_sheet
from harvest.search import index as index_module
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import run_embed
from harvest.stages.filter import run_filter
from harvest.stages.selection import stage_digests
from tests.stages.conftest import Herbarium

KINDS = ("fish", "beetle", "leaf")
EACH = 4


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """Four drawings of each kind with their vectors, and which image is what."""
    from harvest.config.recipe import load_recipe  # noqa: PLC0415
    from harvest.workspace import Workspace  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("search")
    herbarium, kinds = Herbarium(Workspace(folder / "workspace")), {}
    for kind in KINDS:
        for seed in TEST_SEEDS[:EACH]:
            kinds[herbarium.meet(draw(kind, seed, 256), title=f"{kind} {seed}", license="CC0-1.0")] = kind
    herbarium.crawl()
    file = folder / "drawings.yaml"
    file.write_text(
        "name: drawings\nfilter:\n  - clip: {model: harvest-demo, keep: [a drawing of a fish], "
        "reject: [a drawing of a beetle, a drawing of a leaf]}\nlayout: null\n"
    )
    recipe = load_recipe(file)
    run_dedupe(herbarium.workspace, recipe, progress=SilentProgress())
    run_embed(herbarium.workspace, recipe, progress=SilentProgress())
    return herbarium.workspace, kinds, recipe


def ask(workspace, *wanted, unwanted=(), top=EACH, **options):
    with open_ledger(workspace) as con:
        question = Question(parts=parts(con, wanted, unwanted), top=top, min_score=options.pop("min_score", None))
        return search(con, workspace, question, progress=SilentProgress(), **options)


@pytest.mark.parametrize("kind", KINDS)
def test_words_find_what_they_name(collection, kind):
    workspace, kinds, _ = collection

    answer = ask(workspace, f"a photo of a {kind}")

    assert [kinds[hit.sha256] for hit in answer.hits] == [kind] * EACH
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4]
    assert [hit.score for hit in answer.hits] == sorted((hit.score for hit in answer.hits), reverse=True)
    assert answer.exact
    assert answer.vectors == len(kinds)
    assert answer.hits[0].license == "CC0-1.0"
    assert answer.hits[0].title.startswith(kind)


def test_an_image_of_the_ledger_finds_itself_and_its_like(collection):
    workspace, kinds, _ = collection
    beetle = next(sha256 for sha256, kind in kinds.items() if kind == "beetle")

    answer = ask(workspace, beetle[:12])

    assert answer.hits[0].sha256 == beetle
    assert answer.hits[0].score == pytest.approx(1, abs=1e-3)
    assert {kinds[hit.sha256] for hit in answer.hits} == {"beetle"}


def test_a_picture_file_is_embedded_and_found(collection, tmp_path):
    workspace, kinds, _ = collection
    file = tmp_path / "seen.png"
    draw("leaf", TEST_SEEDS[EACH], 300).save(file)

    answer = ask(workspace, str(file))

    assert {kinds[hit.sha256] for hit in answer.hits} == {"leaf"}


def test_what_is_unwanted_goes_to_the_end(collection):
    workspace, kinds, _ = collection
    beetle = next(sha256 for sha256, kind in kinds.items() if kind == "beetle")

    answer = ask(workspace, "a photo of a fish", unwanted=[beetle], top=len(kinds))

    assert kinds[answer.hits[0].sha256] == "fish"
    assert kinds[answer.hits[-1].sha256] == "beetle"


def test_only_what_a_recipe_keeps_is_found(collection):
    workspace, kinds, recipe = collection
    run_filter(workspace, recipe, progress=SilentProgress())

    answer = ask(workspace, "a photo of a beetle", top=len(kinds), stages=stage_digests(recipe, workspace))

    assert [kinds[hit.sha256] for hit in answer.hits] == ["fish"] * EACH


def test_a_least_score_leaves_out_the_rest(collection):
    workspace, kinds, _ = collection
    everything = ask(workspace, "a photo of a leaf", top=len(kinds)).hits

    some = ask(workspace, "a photo of a leaf", top=len(kinds), min_score=everything[2].score - 1e-6).hits

    assert [hit.sha256 for hit in some] == [hit.sha256 for hit in everything[:3]]


@pytest.mark.parametrize(
    ("wanted", "options", "message"),
    [
        ([], {}, "expected words, a picture's path"),
        ([" "], {}, "expected words, a picture's path"),
        (["drawings/missing.jpg"], {}, "drawings/missing.jpg: no such file"),
        (["0123456789abcdef"], {}, "no image whose sha256 begins with '0123456789abcdef'"),
        (
            ["a fish"],
            {"model": "ViT-L-14/openai"},
            "--model ViT-L-14/openai: no image has a vector of it; .*harvest-demo",
        ),
        (["a fish"], {"exact": False, "stages": {"dedupe": "d"}}, "leave --approximate or --kept out"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(collection, wanted, options, message):
    workspace, _, _ = collection
    with pytest.raises(UsageError, match=message):
        ask(workspace, *wanted, **options)


def test_words_go_to_a_model_that_knows_words(collection, recipe):
    workspace, kinds, _ = collection
    run_embed(workspace, recipe("embed: [colours]\nlayout: null\n", name="colours"), progress=SilentProgress())

    assert ask(workspace, "a photo of a fish").model.startswith("harvest-demo@")
    assert ask(workspace, next(iter(kinds)), model="colours").model.startswith("colours@")
    with pytest.raises(UsageError, match="colours does not know words; ask with pictures"):
        ask(workspace, "a photo of a fish", model="colours")


def test_a_ledger_without_vectors_says_what_makes_them(herbarium, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    with pytest.raises(UsageError, match="`harvest embed RECIPE` makes them"):
        ask(herbarium.workspace, "a fish")


def test_the_command_gives_json_and_a_sheet(collection, tmp_path, capsys):
    workspace, kinds, _ = collection
    sheet = tmp_path / "fish.jpg"
    arguments = ["search", "a photo of a fish", "-n", "4", "--sheet", str(sheet), "-w", str(workspace.root), "--json"]

    with pytest.raises(SystemExit) as ended:
        main(arguments)

    found = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert [kinds[hit["sha256"]] for hit in found["hits"]] == ["fish"] * 4
    assert found["parts"] == [{"kind": "words", "value": "a photo of a fish", "weight": 1.0}]
    assert found["sheet"] == str(sheet)
    with Image.open(sheet) as page:
        assert page.width > 4 * 192


def test_a_sheet_of_another_kind_of_file_is_refused(collection, tmp_path):
    workspace, _, _ = collection
    answer = ask(workspace, "a photo of a fish")
    with pytest.raises(UsageError, match=r"fish\.gif: expected a file ending in \.jpg"):
        write_sheet(tmp_path / "fish.gif", workspace, answer, progress=SilentProgress())


@pytest.fixture
def many(herbarium):
    """Vectors of 4,000 images around fifty centres, as models give them, in a ledger without pictures."""
    chance = np.random.default_rng(3)
    centres = chance.standard_normal((50, 32))
    matrix = centres[chance.integers(0, 50, 4_000)] + 0.4 * chance.standard_normal((4_000, 32))
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    names = [f"{number:064x}" for number in range(4_000)]
    with open_ledger(herbarium.workspace, write=True) as con:
        write_embeddings(con, "small@1", names, matrix)
    return herbarium.workspace, names, matrix


def test_an_index_finds_what_an_exact_search_does(many):
    workspace, _, matrix = many
    agreed = []
    with open_ledger(workspace) as con:
        (model,) = embedded_models(con)
        for number in range(0, 4_000, 400):
            exact = nearest(con, "small@1", matrix[number], top=10)
            quick = index_module.nearest(con, workspace, model, matrix[number], top=10, progress=SilentProgress())
            agreed.append(len({near.sha256 for near in exact} & {near.sha256 for near in quick}))
            assert quick[0].score == pytest.approx(1, abs=1e-5)
    assert np.mean(agreed) >= 9.5


def test_an_index_knows_what_came_later_and_not_what_was_taken_down(many):
    workspace, names, matrix = many
    with open_ledger(workspace) as con:
        (model,) = embedded_models(con)
        index_module.nearest(con, workspace, model, matrix[7], top=3, progress=SilentProgress())
    later = "f" * 64
    with open_ledger(workspace, write=True) as con:
        write_embeddings(con, "small@1", [later], matrix[7:8])
        write_takedowns(
            con, [TakedownRow(sha256=names[7], reason="asked", requested_by="her", request="r", matched="sha256")]
        )

    with open_ledger(workspace) as con:
        (model,) = embedded_models(con)
        near = index_module.nearest(con, workspace, model, matrix[7], top=3, progress=SilentProgress())

    assert near[0].sha256 == later
    assert names[7] not in {each.sha256 for each in near}


def test_exact_search_is_a_matrix_product_and_a_sort(many):
    workspace, names, matrix = many
    query = matrix[123]
    with open_ledger(workspace) as con:
        found = nearest(con, "small@1", query, top=25)

    cosines = matrix @ query
    assert [near.score for near in found] == pytest.approx(np.sort(cosines)[::-1][:25].tolist(), abs=1e-5)
    assert found[0].sha256 == names[123]


def test_a_sheet_of_thousands_is_still_one_picture(collection, tmp_path):
    workspace, _, _ = collection
    answer = ask(workspace, "a photo of a fish")
    many = dataclasses.replace(answer, hits=answer.hits * 500)

    write_sheet(tmp_path / "many.png", workspace, many, progress=SilentProgress())

    with Image.open(tmp_path / "many.png") as page:
        assert page.width * page.height < 80_000_000
