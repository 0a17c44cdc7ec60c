"""What a filter says in SQL of all images is what it says of each."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, fields
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.config.recipe import load_recipe
from harvest.config.source import OPT_OUT_KINDS
from harvest.items import Fingerprint, ImageItem, Outcome, Sighting, Signal
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import images, ingest_all, open_ledger, opt_outs, provenance, write_decisions
from harvest.ledger.rows import DecisionRow
from harvest.stages.filters import FILTERS, Candidate, InSql, build
from harvest.stages.filters.columns import judged
from harvest.store import original_path
from harvest.workspace import Workspace

HEADER = RunHeader(
    run_id="20260101T000000-shells-aaaaaa", source="shells", spider="gallery", config_digest="c0ffee",
    code_version="0.1.0", started_at="2026-01-01T00:00:00Z",
)  # fmt: skip
RECIPE = """
name: shells
filter:
  - size: {min_side: 200, max_side: 900, max_aspect: 2.5}
  - size: {min_side: 1}
  - quality: {min_sharpness: 0.1, min_entropy: 3, min_brightness: 0.2, max_brightness: 0.9}
  - licence: {allow: [CC0-1.0, CC-BY-4.0]}
  - opt_out: {}
  - opt_out: {honour: [robots, iptc]}
  - synthetic: {}
  - synthetic: {exclude: [digitalArt]}
"""
SHARE = st.floats(0, 1).map(lambda share: round(share, 4))
MET = st.fixed_dictionaries(
    {
        "width": st.integers(1, 1200),
        "height": st.integers(1, 1200),
        "sharpness": SHARE,
        "entropy": SHARE.map(lambda share: share * 8),
        "brightness": SHARE,
        "license": st.sampled_from([None, "CC0-1.0", "CC-BY-4.0", "CC-BY-NC-2.0"]),
        "license_raw": st.sampled_from([None, "", "free for all", "it's 100 % mine\n«©»"]),
        "data_mining": st.sampled_from([None, "DMI-ALLOWED", "DMI-PROHIBITED-AIMLTRAINING"]),
        "digital_source_type": st.sampled_from([None, "digitalArt", "trainedAlgorithmicMedia"]),
        "opt_out": st.lists(
            st.builds(
                Signal,
                kind=st.sampled_from([*OPT_OUT_KINDS, "other"]),
                value=st.sampled_from(["no", "100 %s"]),
                where=st.sampled_from(["https://a.test/", "header"]),
            ),
            max_size=3,
        ).map(tuple),
    }
)


def meet(workspace: Workspace, met: list[dict]) -> None:
    with JournalWriter.open(workspace.journal, HEADER) as writer:
        for seq, facts in enumerate(met):
            sha256 = hashlib.sha256(str(seq).encode()).hexdigest()
            rest = dict(facts)
            item = {name: rest.pop(name) for name in ("license", "license_raw")}
            opt_out = rest.pop("opt_out")
            found = Fingerprint(
                sha256=sha256, bytes=1, format="JPEG", mode="RGB", frames=1, phash=seq, phash_version="test", **rest
            )
            item = ImageItem(source_id=str(seq), image_url=f"https://a.test/{seq}", **item)
            writer.append(
                Sighting(
                    run_id=HEADER.run_id, seq=seq, source="shells", item=item, outcome=Outcome.STORED, sha256=sha256,
                    fetched_at="2026-01-01T00:00:00Z", opt_out=opt_out, fingerprint=found,
                    path=original_path(sha256, "jpg"),
                )
            )  # fmt: skip
        writer.close()
    ingest_all(workspace)


@settings(max_examples=15)
@given(st.lists(MET, min_size=1, max_size=25))
def test_both_ways_of_judging_come_to_the_same(met):
    with tempfile.TemporaryDirectory() as name:
        recipe = Path(name) / "shells.yaml"
        recipe.write_text(RECIPE)
        workspace = Workspace(Path(name) / "workspace")
        meet(workspace, met)
        with open_ledger(workspace) as con:
            origins, refusals, everything = provenance(con), opt_outs(con), images(con)
            for job in build(load_recipe(recipe)):
                rows = judged(con, job.params, stage=job.stage, recipe_digest="d").to_pylist()
                expected = [
                    asdict(
                        job.params.judge(
                            Candidate(
                                image=image, origin=origins[image.sha256], signals=tuple(refusals.get(image.sha256, ()))
                            )
                        )
                    )
                    for image in everything
                ]
                got = [
                    {"keep": row["verdict"] == "keep"} | {name: row[name] for name in ("reason", "value", "threshold")}
                    for row in rows
                ]
                assert got == expected, job.stage
                assert [row["sha256"] for row in rows] == [image.sha256 for image in everything]


def test_every_filter_that_needs_no_model_judges_in_sql(recipe):
    parameters = {"licence": {"allow": ["CC0-1.0"]}}
    looking = ("judge_all", "judge_scores")
    plain = [name for name, kind in FILTERS.items() if not any(hasattr(kind.params, way) for way in looking)]
    entries = [{name: parameters.get(name, {})} for name in plain]
    jobs = build(recipe(f"filter: {json.dumps(entries)}\n"))

    assert [job.stage for job in jobs if not isinstance(job.params, InSql)] == []


def test_what_was_judged_is_not_judged_again(herbarium, recipe, picture):
    herbarium.meet(picture(1))
    herbarium.crawl()
    (job,) = build(recipe("filter:\n  - size: {min_side: 10}\n"))
    with open_ledger(herbarium.workspace, write=True) as con:
        first = judged(con, job.params, stage=job.stage, recipe_digest="d")
        write_decisions(con, first)
        again = judged(con, job.params, stage=job.stage, recipe_digest="d")
        other = judged(con, job.params, stage=job.stage, recipe_digest="e")

    assert (len(first), len(again), len(other)) == (1, 0, 1)
    assert set(first.column_names) == {field.name for field in fields(DecisionRow)} - {"decided_at"}


def test_what_was_taken_down_is_not_judged(herbarium, recipe, picture):
    sha256 = herbarium.meet(picture(1))
    herbarium.meet(picture(2))
    herbarium.crawl()
    with open_ledger(herbarium.workspace, write=True) as con:
        con.execute(
            "INSERT INTO takedowns (sha256, requested_at, reason, requested_by) VALUES (?, now(), 'asked', 'Ada')",
            [sha256],
        )
        (job,) = build(recipe("filter:\n  - size: {min_side: 10}\n"))
        rows = judged(con, job.params, stage=job.stage, recipe_digest="d").to_pylist()

    assert len(rows) == 1
    assert rows[0]["sha256"] != sha256
