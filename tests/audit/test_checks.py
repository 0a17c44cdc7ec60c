"""Every check finds what it is for, and nothing in a dataset that has no fault."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from harvest.audit import CHECKS, audit
from harvest.config.policy import (
    CompositionTerms,
    Consent,
    ConsentTerms,
    FacesAre,
    PeopleTerms,
    Policy,
    Severity,
    UseTerms,
)
from harvest.images.embedded import EMBEDDED_VERSION
from harvest.images.faces import detector_name
from harvest.ledger import (
    AugmentedRow,
    DuplicateRow,
    ParentRow,
    SplitRow,
    open_ledger,
    write_augmentation,
    write_duplicates,
    write_splits,
    write_variants,
)

POLICY = Policy()
DIGESTS = {"filter": "f" * 64}
ELSEWHERE = "e" * 64  # an image that the workspace has met, and does not hold
CONSENT = PeopleTerms(faces=FacesAre.NEEDS_CONSENT)


@dataclass(frozen=True)
class Case:
    """What is done to a clean dataset, and exactly the checks that then find something."""

    deed: Callable[[Any], object]
    finds: set[str]
    policy: Policy = POLICY
    asked: Mapping[str, Any] = field(default_factory=dict)


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def first(folder: Path, pattern: str = "*.jpg") -> Path:
    return min(folder.rglob(pattern))


def sql(statement: str) -> Callable[[Any], object]:
    return lambda dataset: dataset.sql(statement)


def manifest(**values: str) -> Callable[[Any], object]:
    """Another first line in the papers of an export."""

    def deed(dataset: Any) -> None:
        path = dataset.workspace.exports / "small" / "MANIFEST.jsonl"
        head, *rest = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(head), **values}), *rest]) + "\n")

    return deed


def licensed(*ids: str) -> Callable[[Any], object]:
    """The first images have these licences, and are exported under them."""

    def deed(dataset: Any) -> None:
        for seq, id_ in enumerate(ids):
            dataset.sql(f"UPDATE sightings SET license = '{id_}' WHERE seq = {seq}")
        dataset.export()

    return deed


def says(which: str = "= (SELECT min(sha256) FROM images)", **columns: object) -> Callable[[Any], object]:
    """Files of which the first, or all, were found to say something."""
    names, values = ", ".join(columns), ", ".join(repr(value) for value in columns.values())
    return sql(
        f"INSERT INTO embedded (sha256, version, {names}) "
        f"SELECT sha256, '{EMBEDDED_VERSION}', {values} FROM images WHERE sha256 {which}"
    )


def shows_faces(dataset: Any) -> None:
    boxes = "[[0.1, 0.1, 0.2, 0.2, 0.9], [0.5, 0.1, 0.2, 0.2, 0.8]]"
    dataset.sql(
        "INSERT INTO faces (sha256, detector, faces, boxes) "
        f"SELECT min(sha256), '{detector_name()}', 2, '{boxes}' FROM images"
    )


def asked_again(**columns: object) -> Callable[[Any], object]:
    """The first image's source was asked again, and answered."""
    values = {"outcome": "unchanged", "opt_out": "[]", **columns}
    return sql(
        f"INSERT INTO rechecks (recheck, sha256, source, image_url, asked_at, {', '.join(values)}) "
        f"SELECT 'r', sha256, source, image_url, now(), {', '.join(map(repr, values.values()))} "
        "FROM sightings WHERE seq = 0"
    )


def copies(*sha256s: str | None) -> Callable[[Any], object]:
    """A group of copies; None is an exported image."""

    def deed(dataset: Any) -> None:
        held = [sha for (sha,) in dataset.sql("SELECT sha256 FROM images ORDER BY sha256")]
        members = [sha or held.pop(0) for sha in sha256s]
        common = {"kind": "near", "distance": 0, "threshold": 8, "method": "phash", "group_id": members[0]}
        rows = [DuplicateRow(sha256=sha, keeper=sha == members[0], **common) for sha in members]
        with open_ledger(dataset.workspace, write=True) as con:
            write_duplicates(con, name="shells", recipe_digest="r", input_digest="i", rows=rows)

    return deed


def both(*deeds: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda dataset: [deed(dataset) for deed in deeds]


def augmented(dataset: Any) -> None:
    """Each sized copy has a variant beside it."""
    rows = []
    with open_ledger(dataset.workspace, write=True) as con:
        for sha256, path, digest in con.execute("SELECT sha256, path, derived_sha256 FROM derived").fetchall():
            target = dataset.workspace.derived / "augmented-64-0000" / "1" / Path(path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((dataset.workspace.root / path).read_bytes() + b"\0")
            rows.append(
                AugmentedRow(
                    sha256=sha256,
                    variant=1,
                    path=target.relative_to(dataset.workspace.root).as_posix(),
                    bytes=target.stat().st_size,
                    width=64,
                    height=64,
                    derived_sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
                    source_sha256=digest,
                    parameters={"flip": "horizontal"},
                    recipe_digest="r",
                )
            )
        write_variants(con, rows)
        parents = [ParentRow(sha256=row.sha256, variants=1) for row in rows]
        write_augmentation(con, name="shells", recipe_digest="r", input_digest="i", rows=parents)


def exports_a_variant(dataset: Any) -> None:
    """A file of an export is a variant, made of its original by an augmentation that is in force no more."""
    augmented(dataset)
    dataset.sql(
        "UPDATE export_rows SET derived_sha256 = (SELECT derived_sha256 FROM augmented_rows v "
        "WHERE v.sha256 = export_rows.sha256) WHERE export = 'small'"
    )
    with open_ledger(dataset.workspace, write=True) as con:
        write_augmentation(con, name="shells", recipe_digest="r2", input_digest="i", rows=[])


def split(*places: str) -> Callable[[Any], object]:
    """The first images are in these parts of a split, the others in train."""

    def deed(dataset: Any) -> None:
        held = [sha for (sha,) in dataset.sql("SELECT sha256 FROM images ORDER BY sha256")]
        placed = [*places, *["train"] * (len(held) - len(places))]
        rows = [SplitRow(sha256=sha, split=place, part=sha) for sha, place in zip(held, placed, strict=True)]
        with open_ledger(dataset.workspace, write=True) as con:
            write_splits(con, name="shells", recipe_digest="r", input_digest="i", rows=rows)

    return deed


def met_elsewhere(dataset: Any) -> None:
    """Bytes that were met without a licence, and are not held."""
    dataset.sql(
        "INSERT INTO sightings (run_id, seq, source, source_id, image_url, tags, opt_out, outcome, sha256) "
        f"SELECT run_id, 99, 'mirror', 'm', 'http://mirror.museum.test/m.jpg', [], '[]', 'stored', '{ELSEWHERE}' "
        "FROM runs"
    )


def taken_down(sha256: str) -> Callable[[Any], object]:
    return sql(
        "INSERT INTO takedowns (sha256, requested_at, reason, requested_by) "
        f"SELECT {sha256}, now(), 'asked', 'she' FROM images LIMIT 1"
    )


def shares(**most: float) -> Policy:
    return replace(POLICY, composition=CompositionTerms(**{"creator": 1.0, **most}, min_images=5))


def use(**terms: Any) -> Policy:
    return replace(POLICY, use=UseTerms(**terms))


CASES = {
    # where it is from
    "nothing": Case(
        both(*(sql(f"DELETE FROM {table}") for table in ("export_rows", "images", "stage_runs"))), {"not-empty"}
    ),
    "no sightings": Case(sql("DELETE FROM sightings"), {"sighted"}),
    "no page": Case(sql("UPDATE sightings SET page_url = NULL WHERE seq = 2"), {"page-url"}),
    "script page": Case(
        sql("UPDATE sightings SET page_url = 'javascript:x' WHERE seq = 2"),
        {"page-url", "manifest-agrees", "attribution-complete"},
    ),
    "no address": Case(sql("UPDATE sightings SET image_url = '' WHERE seq = 2"), {"image-url", "manifest-agrees"}),
    "no run": Case(sql("DELETE FROM run_starts"), {"run-known"}),
    "no version": Case(sql("UPDATE run_starts SET code_version = ''"), {"run-known"}),
    "unfinished": Case(sql("DELETE FROM run_ends"), {"run-finished"}),
    "creator gone": Case(
        sql("UPDATE sightings SET creator = NULL WHERE seq = 0"), {"creator-named", "attribution-creator"}
    ),
    # bytes
    "no image row": Case(sql("DELETE FROM images WHERE width > 0"), {"image-known"}),
    "original": Case(lambda d: flip(first(d.workspace.originals)), {"original-intact"}),
    "lost original": Case(lambda d: first(d.workspace.originals).unlink(), {"original-intact"}),
    "derived": Case(lambda d: flip(first(d.workspace.derived)), {"derived-intact"}),
    "variant": Case(
        both(augmented, lambda d: flip(first(d.workspace.derived / "augmented-64-0000"))), {"variant-intact"}
    ),
    "exported": Case(lambda d: flip(first(d.workspace.exports / "small" / "images")), {"export-intact"}),
    "lost export": Case(lambda d: first(d.workspace.exports / "whole").unlink(), {"export-intact"}),
    "not derived": Case(
        sql("UPDATE derived_rows SET derived_sha256 = repeat('0', 64)"), {"derived-intact", "export-descends"}
    ),
    # papers
    "lost folder": Case(lambda d: shutil.rmtree(d.workspace.exports / "whole"), {"export-there"}),
    "stray": Case(lambda d: (d.workspace.exports / "small" / "images" / "x.jpg").write_bytes(b"x"), {"export-stray"}),
    "credits": Case(lambda d: flip(d.workspace.exports / "small" / "CREDITS.md"), {"paper-intact"}),
    "manifest's digest": Case(manifest(sha256="0" * 64), {"manifest-complete", "paper-intact"}),
    "manifest's creator": Case(manifest(creator=""), {"creator-stated", "manifest-agrees", "paper-intact"}),
    "no credit": Case(sql("UPDATE export_rows SET credit = '' WHERE export = 'small'"), {"credit-complete"}),
    "unselected": Case(
        sql("UPDATE decisions SET verdict = 'drop' WHERE sha256 = (SELECT min(sha256) FROM decisions)"),
        {"selection-current"},
        asked={"digests": DIGESTS},
    ),
    "two copies": Case(copies(None, None), {"one-per-group"}),
    # licences
    "no licence": Case(sql("UPDATE sightings SET license = NULL WHERE seq = 1"), {"licence-known"}),
    "other licence": Case(sql("UPDATE sightings SET license = 'CC-BY-2.0' WHERE seq = 1"), {"licence-current"}),
    "closed licence": Case(
        sql("UPDATE export_rows SET license = 'LicenseRef-All-Rights-Reserved'"),
        {"licence-allowed", "licence-current", "manifest-agrees"},
    ),
    "changed licence": Case(lambda d: (d.meet(2, license="CC-BY-NC-4.0"), d.crawl()), {"licence-unchanged"}),
    "unknown licence of a copy": Case(both(met_elsewhere, copies(None, ELSEWHERE)), {"licence-agreed"}),
    "sold": Case(licensed("CC-BY-NC-4.0"), {"licence-commercial"}, use(commercial=True)),
    "resized": Case(licensed("CC-BY-ND-4.0"), {"licence-derivatives"}),
    "augmented": Case(both(licensed("CC-BY-ND-4.0"), augmented), {"licence-derivatives", "licence-augmented"}),
    "exported as a variant": Case(
        both(licensed("CC-BY-ND-4.0"), exports_a_variant),
        {"licence-derivatives", "licence-augmented", "export-intact", "manifest-complete"},
    ),
    "adapted later": Case(licensed("CC-BY-ND-4.0"), {"licence-derivatives", "licence-adapted"}, use(adapted=True)),
    "share-alike": Case(licensed("CC-BY-SA-4.0"), {"licence-share-alike"}),
    "share-alike, handed on freely": Case(licensed("CC-BY-SA-3.0"), {"licence-shared-as"}, use(shared_as="CC-BY-4.0")),
    "share-alike, handed on under an older version": Case(
        licensed("CC-BY-SA-4.0"), {"licence-shared-as"}, use(shared_as="CC-BY-SA-3.0")
    ),
    "share-alike, handed on under a later version": Case(
        licensed("CC-BY-SA-2.0"), set(), use(shared_as="CC-BY-SA-4.0")
    ),
    "share-alike, first versions": Case(licensed("CC-BY-SA-1.0"), {"licence-shared-as"}, use(shared_as="CC-BY-SA-4.0")),
    "share-alike beside non-commercial": Case(
        licensed("CC-BY-SA-4.0", "CC-BY-NC-4.0"), {"licence-share-alike", "licence-mixed"}
    ),
    "two kinds of share-alike": Case(
        licensed("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"), {"licence-share-alike", "licence-mixed"}
    ),
    "short credit": Case(
        sql("UPDATE export_rows SET credit = 'Shell 1' WHERE export = 'small'"), {"attribution-complete"}
    ),
    # refusals
    "embedded refusal": Case(sql("UPDATE images SET data_mining = 'DMI-PROHIBITED'"), {"opt-out"}),
    "manifest unread": Case(
        sql(
            """UPDATE sightings SET opt_out = '[{"kind": "c2pa-unread", "value": "present, not read", "where": "c2pa"}]'
               WHERE seq = 0"""
        ),
        {"credentials-read"},
    ),
    "robots.txt unseen": Case(sql("DELETE FROM host_robots"), {"robots-asked"}),
    "synthetic": Case(sql("UPDATE images SET digital_source_type = 'trainedAlgorithmicMedia'"), {"synthetic"}),
    "synthetic, signed": Case(says(digital_source_type="trainedAlgorithmicMedia"), {"synthetic"}),
    "generated": Case(says(generator="ComfyUI", generator_where="png:prompt"), {"synthetic-traces"}),
    "generated, allowed": Case(
        says(generator="ComfyUI", generator_where="png:prompt"),
        set(),
        replace(POLICY, synthetic=replace(POLICY.synthetic, exclude=())),
    ),
    "taken down": Case(taken_down("min(sha256)"), {"takedown", "takedown-remains"}),
    "taken down elsewhere": Case(both(taken_down(f"'{ELSEWHERE}'"), copies(None, ELSEWHERE)), {"takedown-copy"}),
    # what files say
    "other terms in the file": Case(says(license="CC-BY-NC-4.0"), {"embedded-licence"}),
    "all rights reserved in the file": Case(
        says(copyright="Creator 0-5, credit All Rights Reserved"), {"embedded-licence", "embedded-notice"}
    ),
    "another creator in the file": Case(says(creator="Zoë Quill"), {"embedded-creator"}),
    "the same creator in the file": Case(says(creator="Créator, A."), set()),
    "a notice in the file": Case(says(copyright="(c) 2019 Archive of Fins"), {"embedded-notice"}),
    "a position in the file": Case(says(latitude=48.8584, longitude=2.2945), {"position"}),
    # people
    "faces": Case(shows_faces, {"faces"}, asked={"faces": True}),
    "faces without consent": Case(shows_faces, {"faces", "faces-consent"}, replace(POLICY, people=CONSENT)),
    "faces with a label": Case(
        both(shows_faces, sql("UPDATE sightings SET labels = ['model-release']")),
        {"faces"},
        replace(POLICY, people=replace(CONSENT, consent=ConsentTerms(labels=("model-release",)))),
    ),
    "faces with evidence": Case(
        shows_faces,
        {"faces"},
        replace(POLICY, people=CONSENT, consents=(Consent(source="museum", evidence="contract of 3 May"),)),
    ),
    # what sources say today
    "gone": Case(asked_again(outcome="gone", http_status=404), {"source-gone"}),
    "other bytes": Case(asked_again(outcome="changed", http_status=200), {"source-changed"}),
    "another licence today": Case(
        asked_again(license_before="CC-BY-4.0", license_now="CC-BY-NC-4.0", license_raw_now="nc"), {"source-licence"}
    ),
    "refused today": Case(
        asked_again(opt_out='[{"kind": "robots", "value": "disallows /", "where": "r"}]'), {"source-opt-out"}
    ),
    # composition
    "one source": Case(lambda d: None, {"dominance-source"}, shares(source=0.5)),
    "one licence": Case(lambda d: None, {"dominance-licence"}, shares(license=0.5)),
    "few creators": Case(lambda d: None, {"dominance-creator"}, shares(creator=0.1)),
    "copies on both sides of a split": Case(
        both(copies(None, None), split("train", "test")), {"one-per-group", "split-leak"}
    ),
    "copies on one side of a split": Case(both(copies(None, None), split("test", "test")), {"one-per-group"}),
    "a variant of what is held out": Case(
        both(exports_a_variant, split("validation")), {"split-leak", "export-intact", "manifest-complete"}
    ),
    "one decade": Case(lambda d: None, {"dominance-decade"}, shares(decade=0.5)),
    "one country": Case(says("IS NOT NULL", country="Peru"), {"dominance-country"}, shares(country=0.5)),
}


@pytest.mark.parametrize("name", CASES)
def test_audit_names_what_was_broken_and_nothing_else(exported, name: str) -> None:
    case = CASES[name]

    case.deed(exported)

    report = audit(exported.workspace, case.policy, **case.asked)
    assert {result.check.id for result in report.checks if result.status == "found"} == case.finds
    assert report.passed == (not {CHECKS[id_].severity for id_ in case.finds} & {Severity.VIOLATION})


def test_every_check_has_a_case_in_which_it_finds_something() -> None:
    assert set().union(*(case.finds for case in CASES.values())) == set(CHECKS)


def test_no_check_finds_anything_in_a_dataset_without_fault(exported) -> None:
    asked_again()(exported)
    policy = replace(POLICY, people=CONSENT, use=UseTerms(commercial=True, adapted=True, shared_as="CC-BY-4.0"))

    report = audit(exported.workspace, policy, digests=DIGESTS)

    assert {result.check.id: result.status for result in report.checks} == dict.fromkeys(CHECKS, "passed")
