from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

import harvest.ledger
from harvest.items import Outcome, Signal
from harvest.ledger import (
    DecisionRow,
    count_vectors,
    decided,
    decisions,
    images,
    ingest_all,
    last_run,
    open_ledger,
    opt_outs,
    provenance,
    selected,
    sightings_of,
    status,
    vectors,
    without_vectors,
    write_decisions,
    write_embeddings,
)


def sha(picture: str) -> str:
    return hashlib.sha256(picture.encode()).hexdigest()


def verdict(picture: str, stage: str, kind: str = "keep", digest: str = "d1") -> DecisionRow:
    return DecisionRow(
        sha256=sha(picture), stage=stage, recipe_digest=digest, verdict=kind, reason="because", decided_by=stage
    )


@pytest.fixture
def collection(workspace, sighting, journalled):
    """A ledger with three images: leaf, shell and key."""
    journalled([sighting(0, "leaf"), sighting(1, "shell"), sighting(2, "key")])
    ingest_all(workspace)
    return workspace


def test_images_are_ordered_by_digest(collection):
    with open_ledger(collection) as con:
        digests = [image.sha256 for image in images(con)]
    assert digests == sorted(map(sha, ["leaf", "shell", "key"]))


# What a new crawl asks: addresses in test_states.py


def test_the_last_run_is_the_one_that_began_last(workspace, sighting, journalled):
    for day in (2, 4, 3):
        run_id = f"run-{day}"
        journalled([sighting(0, run_id=run_id)], run_id=run_id, started_at=f"2026-01-{day:02d}T00:00:00Z")
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        assert last_run(con, "fins").run_id == "run-4"
        assert last_run(con, "shells") is None


# Where an image comes from


def test_the_sighting_that_knows_most_answers_for_an_image(workspace, sighting, journalled):
    journalled(
        [
            sighting(0, title="only a title", page_url="https://a.test/"),
            sighting(1, license="CC0-1.0"),
            sighting(2, license="CC0-1.0", creator="Maker"),
            sighting(3, creator="Maker", title="title", page_url="https://b.test/"),
            sighting(4, "shell", creator=None),
            sighting(5, "torn", outcome=Outcome.BROKEN),
        ]
    )
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        found = provenance(con)
        assert provenance(con, [sha("shell"), "no such"]) == {sha("shell"): found[sha("shell")]}
        assert provenance(con, []) == {}
        assert [row.seq for row in sightings_of(con, sha("leaf"))] == [0, 1, 2, 3]
    assert {sha256: row.seq for sha256, row in found.items()} == {sha("leaf"): 2, sha("shell"): 4}


def test_refusals_are_gathered_over_all_sightings_of_the_bytes(workspace, sighting, journalled):
    tdm = Signal(kind="tdmrep", value="1", where="https://a.test/")
    robots = Signal(kind="robots", value="disallow", where="https://b.test/robots.txt")
    journalled(
        [
            sighting(0, opt_out=(tdm,)),
            sighting(1, opt_out=(robots, tdm)),
            sighting(2, "shell"),
            sighting(3, None, opt_out=(robots,)),
        ]
    )
    ingest_all(workspace)
    with open_ledger(workspace) as con:
        assert opt_outs(con) == {sha("leaf"): [robots, tdm]}


# What the stages ask


def test_selected_is_what_every_stage_keeps(collection):
    with open_ledger(collection, write=True) as con:
        write_decisions(
            con,
            [
                *(verdict(picture, "size") for picture in ("leaf", "shell", "key")),
                verdict("leaf", "clip"),
                verdict("shell", "clip", "drop"),
                verdict("shell", "clip", "keep", digest="another recipe"),
            ],
        )
        assert selected(con, {}) == images(con)
        assert len(selected(con, {"size": "d1"})) == 3
        assert [image.sha256 for image in selected(con, {"size": "d1", "clip": "d1"})] == [sha("leaf")]
        assert selected(con, {"size": "another recipe"}) == []


def test_decisions_are_told_by_stage_and_recipe(collection):
    with open_ledger(collection, write=True) as con:
        write_decisions(con, [verdict("leaf", "size"), verdict("shell", "size", "drop"), verdict("leaf", "clip")])
        assert decided(con, "size", "d1") == {sha("leaf"), sha("shell")}
        assert decided(con, "size", "d2") == set()
        rows = decisions(con, {"size": "d1", "clip": "d1"})
    expected = sorted([(sha("leaf"), "clip"), (sha("leaf"), "size"), (sha("shell"), "size")])
    assert [(row.sha256, row.stage) for row in rows] == expected


def test_vectors_come_back_in_order_of_their_images(collection):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(2, 5)).astype(np.float32)
    with open_ledger(collection, write=True) as con:
        write_embeddings(con, "clip@1", [sha("shell"), sha("leaf")], matrix)
        digests, found = vectors(con, "clip@1")
        assert digests == sorted([sha("shell"), sha("leaf")])
        order = [[sha("shell"), sha("leaf")].index(digest) for digest in digests]
        np.testing.assert_array_equal(found, matrix[order])
        assert found.dtype == np.float32
        lacking = without_vectors(con, {"clip@1": "", "clip@2": ""}).select(["sha256", "lacking"]).to_pylist()
        assert {row["sha256"]: row["lacking"] for row in lacking} == {
            sha("key"): ["clip@1", "clip@2"],
            sha("leaf"): ["clip@2"],
            sha("shell"): ["clip@2"],
        }
        assert without_vectors(con, {"clip@1": ""}, left_out=[sha("key")]).num_rows == 0
        assert [count_vectors(con, model) for model in ("clip@1", "clip@2")] == [2, 0]

        digests, found = vectors(con, "clip@2")
        assert (digests, found.shape) == ([], (0, 0))


def test_vectors_of_different_lengths_under_one_name_are_no_matrix(collection):
    with open_ledger(collection, write=True) as con:
        write_embeddings(con, "clip", [sha("leaf")], np.ones((1, 4), np.float32))
        write_embeddings(con, "clip", [sha("shell")], np.ones((1, 5), np.float32))
        with pytest.raises(ValueError, match="vectors of clip have 4 to 5 dimensions"):
            vectors(con, "clip")


def test_status_counts_by_source_licence_and_stage(workspace, sighting, journalled):
    journalled(
        [
            sighting(0, "leaf", license="CC0-1.0"),
            sighting(1, "shell"),
            sighting(2, "shell", outcome=Outcome.KNOWN),
            sighting(3, None, reason="robots"),
        ]
    )
    ingest_all(workspace)
    with open_ledger(workspace, write=True) as con:
        write_decisions(con, [verdict("leaf", "size", digest="old"), verdict("shell", "size", digest="old")])
        write_decisions(con, [verdict("leaf", "size", "drop")])
        counts = status(con)
    assert (counts.images, counts.bytes, counts.runs, len(counts.unfinished_runs)) == (2, 128, 1, 1)
    assert [(line.of, line.what, line.count) for line in counts.outcomes] == [
        ("fins", "known", 1),
        ("fins", "refused", 1),
        ("fins", "stored", 2),
    ]
    assert {(line.of, line.count) for line in counts.licences} == {("CC0-1.0", 1), ("unknown", 1)}
    assert [(line.of, line.what, line.count) for line in counts.verdicts] == [("size", "drop", 1)]
    json.dumps(asdict(counts))


def test_an_empty_ledger_answers_everything_with_nothing(workspace):
    with open_ledger(workspace, write=True) as con:
        counts = asdict(status(con))
        assert {name: value for name, value in counts.items() if value} == {}
        assert (images(con), provenance(con), opt_outs(con)) == ([], {}, {})


def test_an_answer_that_nobody_read_to_its_end_is_in_nobodys_way(collection):
    with open_ledger(collection, write=True) as con:
        con.execute("SELECT sha256 FROM images").fetchone()
        assert len(provenance(con)) == 3
        con.execute("SELECT sha256 FROM images").fetchone()
        assert vectors(con, "clip")[0] == []
        con.execute("SELECT sha256 FROM images").fetchone()
        write_embeddings(con, "clip", [sha("leaf")], np.ones((1, 4), np.float32))
        con.execute("SELECT sha256 FROM images").fetchone()
        assert vectors(con, "clip")[0] == [sha("leaf")]


# The public surface


def test_the_public_surface_is_what_it_is():
    assert sorted(harvest.ledger.__all__) == harvest.ledger.__all__ == sorted(PUBLIC.split())
    assert all(hasattr(harvest.ledger, name) for name in harvest.ledger.__all__)


PUBLIC = """
AugmentedRow CaptionFacts CaptionRow CatalogueRow Connection DecisionRow DerivedRow DuplicateRow EmbeddedModel
EmbeddedRow ExportRow FacesRow FingerprintRow FoundLabel GivenLabelRow Head HeldImage ImageRow KnownUrl LayoutRow
LikenessRow Near ParentRow ParquetExport ParquetFile PutOff RecheckRow ReviewRow RobotsRow RunRow ScoreRow SightingRow
SplitRow StageRun StageTally Status StatusLine Subject TakedownRow Tally VainAsk Waiting augmented_of bound_pairs
caption_facts captions_of catalogued compared_values copies_by_dedupe count_embeddings count_images count_requests
count_vectors decided decisions derived derived_frames dropped due duplicates earlier_splits embedded_models
evidence_records export_parquet exported face_boxes files_named find_sha256 fingerprints finish_run focus_points
given_labels head holders image_columns images images_among images_by_creator images_by_creator_url images_by_digest
images_by_url images_named ingest_all ingest_from ingest_segment known_among known_sha1 known_sha256s known_urls
last_run latest_stage latest_stages layout_of likenesses made_variants near_images near_prints near_values nearest
new_copies not_augmented note_refusal note_robots open_ledger opt_outs provenance put_off query record_stage refusals
requests_today reviews runs scores selected sightings_of splits_of start_run status subject_sources subjects
take_results takedown_rows taken_down tally tombstoned_sha1 tombstoned_urls tombstones transaction uninspected
unmeasured unwanted vain_asks vector_batches vector_block vectors vectors_of without_vectors work_columns
write_augmentation write_captions write_comparison write_decisions write_derived write_duplicates write_embedded
write_embeddings write_export write_faces write_fingerprints write_given_labels write_labels write_layout
write_likenesses write_rechecks write_reviews write_scores write_splits write_takedowns write_variants
"""


def test_the_ledger_needs_neither_scrapy_nor_torch():
    script = "import sys, harvest.ledger, harvest.journal; print({'scrapy', 'torch', 'twisted'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
