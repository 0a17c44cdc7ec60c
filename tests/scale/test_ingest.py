"""What workers make, done here block by block, and taken into the ledger: the rows that the local stages make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harvest.config.recipe import load_recipe
from harvest.errors import LedgerError, UsageError
from harvest.ledger import TakedownRow, open_ledger, query, vectors, write_takedowns
from harvest.measuring import measure
from harvest.places import place_at
from harvest.progress import SilentProgress
from harvest.scale.ingest import is_result, take_result
from harvest.scale.plan import plan_of
from harvest.scale.results import MANIFEST, Manifest, parts_in, read_manifest, read_part, write_manifest, write_part
from harvest.scale.run import scale
from harvest.stages.dedupe import run_dedupe
from harvest.stages.embed import models_of, run_embed
from harvest.stages.filter import run_filter
from harvest.stages.normalize import run_normalize
from harvest.stages.vectors import model_id
from harvest.workspace import Workspace
from tests.scale.conftest import Place
from tests.stages.conftest import Herbarium

QUIET = SilentProgress()
TABLES = {
    "fingerprints": "SELECT sha256, method, version, value, quality FROM fingerprints ORDER BY ALL",
    "derived": "SELECT * FROM derived ORDER BY ALL",
    "undecodable": "SELECT sha256, recipe_digest, verdict, reason FROM decisions WHERE stage = 'embed' ORDER BY ALL",
}


def the_local_way(workspace, recipe):
    """The stages that make what workers make. Copies have no vectors, and only what decodes has sizes."""
    for stage in (run_dedupe, run_embed, run_filter, run_normalize):
        stage(workspace, recipe, progress=QUIET)


def rows(workspace, table):
    return query(workspace, TABLES[table])[1]


def files(workspace):
    return {path.relative_to(workspace.root): path.read_bytes() for path in workspace.derived.rglob("*.*")}


def test_what_workers_made_is_what_the_local_stages_make(collection, twin, wanted, result):
    the_local_way(twin, wanted)

    report = take_result(collection, result, progress=QUIET)

    for table in TABLES:
        assert rows(collection, table) == rows(twin, table) != []
    assert files(collection) == files(twin)
    assert (report.unknown, report.refused, report.gone) == (0, 0, 0)
    for name in models_of(wanted):
        identity = model_id(collection, name)
        with open_ledger(collection) as con:
            here, ours = vectors(con, identity)
        with open_ledger(twin) as con:
            there, theirs = vectors(con, identity)
        assert here == there
        assert len(here) == 5
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_after_that_the_stages_have_nothing_left_to_do(collection, wanted, result):
    take_result(collection, result, progress=QUIET)
    before = files(collection)

    assert run_embed(collection, wanted, progress=QUIET).done == 0
    assert run_filter(collection, wanted, progress=QUIET).kept == 5
    report = run_normalize(collection, wanted, progress=QUIET)

    assert (report.done, report.skipped) == (0, 5)
    assert len(before) == 10
    assert files(collection) == before


def test_fingerprints_are_those_that_dedupe_would_have_made(made, picture, tmp_path):
    herbarium = Herbarium(Workspace(tmp_path / "new"))
    for seed in range(2):
        herbarium.meet(picture(seed))
    herbarium.crawl()
    twin = Workspace(Path(shutil.copytree(herbarium.workspace.root, tmp_path / "twin")))
    new = Place(herbarium.workspace, made.recipe, str(tmp_path / "of the new"))

    new.work()
    take_result(new.workspace, new.result, progress=QUIET)

    assert run_dedupe(new.workspace, made.recipe, progress=QUIET).detail["read"] == 0
    assert run_dedupe(twin, made.recipe, progress=QUIET).detail["read"] == 2
    assert rows(new.workspace, "fingerprints") == rows(twin, "fingerprints") != []


def test_taking_a_result_again_changes_nothing(collection, wanted, result):
    first = take_result(collection, result, progress=QUIET)
    seals = query(collection, "SELECT count(*) FROM seals")[1]

    again = take_result(collection, result, progress=QUIET)

    assert sum(first.rows.values()) > 0
    assert (sum(again.rows.values()), again.files) == (0, 0)
    assert query(collection, "SELECT count(*) FROM seals")[1] == seals


def test_a_second_run_makes_only_what_is_missing(made):
    shutil.rmtree(made.result)
    place = place_at(made.result)
    made.work(blocks=1)
    after_a_kill = parts_in(place)
    assert after_a_kill
    assert place.size(MANIFEST) is None

    second, third = made.work(), made.work()

    assert (len(second.work), len(third.work)) == (2, 0)
    assert set(after_a_kill) < set(parts_in(place))
    take_result(made.workspace, made.result, progress=QUIET)
    shutil.rmtree(made.result)
    assert len(made.work().work) == 0


def test_a_result_without_its_manifest_is_refused(collection, result, tmp_path):
    (tmp_path / "result" / MANIFEST).unlink()

    assert is_result(result)
    with pytest.raises(UsageError, match=r"has no RESULT.json: the run that writes this result has not ended"):
        take_result(collection, result, progress=QUIET)


def test_a_part_with_other_bytes_is_refused(collection, result, tmp_path):
    part = next((tmp_path / "result" / "embeddings").iterdir())
    body = bytearray(part.read_bytes())
    body[len(body) // 2] ^= 1
    part.write_bytes(body)

    with pytest.raises(UsageError, match=r"holds other bytes than its name says"):
        take_result(collection, result, progress=QUIET)


def test_images_of_another_collection_do_not_come(result, picture, tmp_path):
    other = Herbarium(Workspace(tmp_path / "other"))
    stranger = other.meet(picture(77))
    other.crawl()

    with pytest.raises(UsageError, match=r"none of its 6 images is in .*other.ledger.duckdb"):
        take_result(other.workspace, result, progress=QUIET)

    other.meet(picture(1, 310, 220))
    other.crawl()
    report = take_result(other.workspace, result, progress=QUIET)
    assert report.unknown == 5
    assert query(other.workspace, "SELECT count(DISTINCT sha256) FROM embeddings")[1] == [(1,)]
    assert query(other.workspace, f"SELECT count(*) FROM embeddings WHERE sha256 = '{stranger}'")[1] == [(0,)]


def test_nothing_comes_of_what_was_taken_down_meanwhile(collection, result):
    gone = query(collection, "SELECT min(sha256) FROM images")[1][0][0]
    with open_ledger(collection, write=True) as con:
        row = TakedownRow(sha256=gone, reason="asked for", requested_by="its maker", request="r", matched="by digest")
        write_takedowns(con, [row])

    report = take_result(collection, result, progress=QUIET)

    assert (report.refused, report.unknown) == (1, 0)
    for table in ("embeddings", "derived"):
        assert query(collection, f"SELECT count(*) FROM {table} WHERE sha256 = '{gone}'")[1] == [(0,)]
    assert not any(gone[:10] in path.name for path in files(collection))


@pytest.mark.parametrize(
    "path", ["originals/ab/x.jpg", "derived/../ledger.duckdb", "derived/32/else-0123456789.jpg", "/etc/x"]
)
def test_a_copy_may_lie_only_where_its_image_s_copies_lie(collection, result, path):
    place = place_at(result)
    part = next(part for part in parts_in(place) if part.table == "derived")
    rows = read_part(place, part)
    forged = rows.set_column(rows.schema.get_field_index("path"), "path", [[path] * len(rows)])
    write_part(place, "derived", forged.slice(0, 1))
    manifest = read_manifest(place, result)
    new = [each for each in parts_in(place) if each not in manifest.parts]
    words = {"recipe": "shells", "recipe_digest": "0", "code_version": "0"}
    write_manifest(place, Manifest(**words, models={}, parts=tuple(new)))

    with pytest.raises(UsageError, match="is no copy of"):
        take_result(collection, result, progress=QUIET)


def test_vectors_of_another_width_are_refused(collection, result):
    place = place_at(result)
    part = next(part for part in parts_in(place) if part.table == "embeddings")
    rows = read_part(place, part)
    short = rows.set_column(2, "vector", [[[1.0, 0.0]] * len(rows)])
    write_part(place, "embeddings", short)
    write_manifest(
        place,
        Manifest(recipe="shells", recipe_digest="0", code_version="0", models={}, parts=tuple(parts_in(place))),
    )

    with pytest.raises(LedgerError, match="a model has one width"):
        take_result(collection, result, progress=QUIET)


def test_filters_know_the_models_of_a_result_where_there_are_no_weights(collection, result):
    take_result(collection, result, progress=QUIET)

    detail = json.loads(
        query(collection, "SELECT detail FROM latest_stage_runs WHERE stage = 'embed' AND name = 'harvest-demo'")[1][0][
            0
        ]
    )
    assert detail["model"] == model_id(collection, "harvest-demo")


def test_an_original_that_is_not_there_is_told_and_looked_for_again(made, tmp_path):
    shutil.rmtree(made.result)
    path = query(made.workspace, "SELECT path FROM images WHERE width = 310")[1][0][0]
    (made.workspace.root / path).rename(tmp_path / "away")
    made.work()

    report = take_result(made.workspace, made.result, progress=QUIET)

    assert report.gone == 1
    assert len(rows(made.workspace, "undecodable")) == 2  # the one that rotted, by both models
    (tmp_path / "away").rename(made.workspace.root / path)
    assert len(made.work().work) == 1


def test_a_result_may_lie_in_an_object_store(made):
    store = place_at("memory://results")
    for file in Path(made.result).rglob("*.*"):
        store.put(file.relative_to(made.result).as_posix(), file.read_bytes())
    elsewhere = Place(made.workspace, made.recipe, "memory://results")

    assert is_result("memory://results")
    assert len(elsewhere.work().work) == 0
    assert take_result(made.workspace, "memory://results", progress=QUIET).files == 10


def test_scores_are_those_that_would_have_been_measured_here(made, picture, tmp_path):
    herbarium = Herbarium(Workspace(tmp_path / "new"))
    for seed in range(2):
        herbarium.meet(picture(seed))
    herbarium.crawl()
    twin = Workspace(Path(shutil.copytree(herbarium.workspace.root, tmp_path / "twin")))
    recipe = tmp_path / "faces.yaml"
    recipe.write_text("name: faces\nsizes: []\nlayout: null\nfilter: [{faces: {max: 0}}]\n", encoding="utf-8")
    new = Place(herbarium.workspace, load_recipe(recipe), str(tmp_path / "of the new"))

    new.work()
    take_result(new.workspace, new.result, progress=QUIET)
    measure(twin, ["faces"], progress=QUIET)

    counted = "SELECT sha256, detector, faces, boxes FROM faces ORDER BY ALL"
    assert query(new.workspace, counted) == query(twin, counted)
    assert len(query(twin, counted)[1]) == 2
    assert len(new.work().work) == 0


def test_copies_have_the_vectors_by_which_dedupe_finds_them_and_no_others(made, tmp_path):
    recipe = tmp_path / "shells.yaml"
    embedding = "embedding: {model: pixels, min_similarity: 0.9}"
    text = made.recipe.file.read_text(encoding="utf-8").replace(
        "{dihedral: flips}", "{dihedral: flips, " + embedding + "}"
    )
    recipe.write_text(text, encoding="utf-8")
    place = place_at(str(tmp_path / "other result"))

    undecided = plan_of(made.workspace, load_recipe(recipe), place=place, parts=())
    assert [want.name for want in undecided.wants if want.kind == "vector"] == ["pixels", "harvest-demo", "colours"]
    run_dedupe(made.workspace, load_recipe(recipe), progress=QUIET)
    decided = plan_of(made.workspace, load_recipe(recipe), place=place, parts=())

    lacking = {want.name: decided.count(want) for want in decided.wants if want.kind == "vector"}
    assert lacking == {"harvest-demo": 6, "colours": 6}  # dedupe made its own, of the copy too
    assert [undecided.count(want) for want in undecided.wants if want.kind == "vector"] == [7, 7, 7]


def test_results_do_not_go_where_a_workspace_or_another_recipe_s_result_is(made, tmp_path):
    other = tmp_path / "fins.yaml"
    other.write_text("name: fins\nlayout: null\n", encoding="utf-8")

    with pytest.raises(UsageError, match="is a workspace; name a folder or store that is for results alone"):
        scale(made.workspace, made.recipe, to=str(made.workspace.root), progress=QUIET)
    with pytest.raises(UsageError, match="holds the result of the recipe 'shells', not of 'fins'; name another place"):
        scale(made.workspace, load_recipe(other), to=made.result, progress=QUIET)
    assert not is_result(str(made.workspace.root))


def test_when_nothing_is_missing_no_cluster_is_asked(made):
    report = scale(made.workspace, made.recipe, to=made.result, address="ray://nobody.invalid:1", progress=QUIET)

    assert (report.images, report.missing) == (0, {})
    assert report.rows["embeddings"] == 10


def test_the_command_takes_results_beside_journals_and_refuses_what_is_neither(made, harvest, tmp_path):
    taken = harvest("ingest", made.result, "-w", made.workspace.root, "--json")
    refused = harvest("ingest", tmp_path / "nowhere", "-w", made.workspace.root)

    assert taken.returncode == 0, taken.stderr
    (result,) = json.loads(taken.stdout)["results"]
    assert (result["recipe"], result["rows"]["embeddings"], result["files"]) == ("shells", 10, 10)
    assert refused.returncode == 2
    assert "expected a workspace, or a result of `harvest scale`, and there is none" in refused.stderr
