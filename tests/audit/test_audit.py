from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harvest.audit import CHECKS, AuditReport, audit
from harvest.config.policy import CompositionTerms, LicenceTerms, Policy, Severity, UseTerms, load_policy
from harvest.errors import ConfigError, LedgerError
from harvest.items import Signal
from harvest.ledger import DuplicateRow, open_ledger, write_duplicates
from harvest.workspace import Workspace

POLICY = Policy()


def found(report: AuditReport) -> set[str]:
    return {result.check.id for result in report.checks if result.status == "found"}


def failed(report: AuditReport) -> set[str]:
    return {result.check.id for result in report.of(Severity.VIOLATION)}


def details(report: AuditReport, check: str) -> list[str]:
    (result,) = [result for result in report.checks if result.check.id == check]
    return [finding.detail for finding in result.findings]


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def first(folder: Path, pattern: str = "*.jpg") -> Path:
    return min(folder.rglob(pattern))


def test_clean_export_passes_every_check(exported) -> None:
    report = audit(exported.workspace, POLICY)

    assert found(report) == set()
    assert report.passed
    assert [(part.name, part.kind, part.files) for part in report.parts] == [
        ("small", "export", 6),
        ("whole", "export", 6),
    ]
    assert report.counts == {
        "images": 6,
        "files": 12,
        "sources": 1,
        "creators": 6,
        "licences": 1,
        "sightings": 6,
        "runs": 1,
    }
    assert (report.first_fetch, report.last_fetch) == ("2025-01-01", "2025-01-01")
    assert {result.check.id for result in report.checks if result.status == "skipped"} == {
        id_ for id_, check in CHECKS.items() if check.needs & {"selection", "faces", "rechecks"}
    }


def test_every_check_has_words_for_people() -> None:
    for id_, check in CHECKS.items():
        assert id_ == check.id
        assert check.title[0].isupper()
        assert not check.title.endswith(".")
        assert check.fault[0].isupper()
        assert check.explanation.endswith(".")


@pytest.mark.parametrize(
    ("key", "value", "expected", "detail"),
    [
        ("creator", "", {"creator-stated", "manifest-agrees"}, "line 1: no creator"),
        ("license", "CC0-1.0", {"manifest-agrees"}, "line 1: license is CC0-1.0, in the ledger CC-BY-4.0"),
        ("sha256", "0" * 64, {"manifest-complete"}, "line 1: another digest"),
        ("original_sha256", "0" * 64, {"manifest-complete"}, "line 1: another original"),
    ],
)
def test_changed_manifest_line_is_found(exported, key: str, value: str, expected: set[str], detail: str) -> None:
    path = exported.workspace.exports / "small" / "MANIFEST.jsonl"
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(head), key: value}), *rest]) + "\n")

    report = audit(exported.workspace, POLICY)

    assert failed(report) == {*expected, "paper-intact"}
    assert details(report, min(expected)) == [detail]


def test_lines_that_are_no_json_or_too_many_or_too_few_are_found(exported) -> None:
    path = exported.workspace.exports / "small" / "MANIFEST.jsonl"
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([*rest, "{torn", '["a list"]', json.dumps({"file": "images/none.jpg"})]) + "\n")

    report = audit(exported.workspace, POLICY)

    assert sorted(details(report, "manifest-complete")) == [
        "line 6: not in the ledger",
        "line 7: not in the ledger",
        "line 8: not in the ledger",
        "not in the manifest",
    ]
    assert head


def test_findings_tell_whose_picture_it_is(exported) -> None:
    exported.sql("UPDATE sightings SET page_url = NULL WHERE seq = 3")

    report = audit(exported.workspace, POLICY)

    (result,) = report.of(Severity.VIOLATION)
    assert (result.check.id, result.count, result.images) == ("page-url", 2, 1)
    finding = result.findings[0]
    assert (finding.title, finding.creator, finding.license) == ("Shell 3", "Creator 3", "CC-BY-4.0")
    assert finding.path == f"exports/small/images/{finding.sha256[:16]}.jpg"
    assert finding.preview == f"derived/64/{finding.sha256[:16]}.jpg"


@pytest.mark.parametrize(
    "kind", ["robots", "x-robots-tag", "meta-robots", "tdmrep", "content-usage", "content-signal", "iptc", "c2pa"]
)
def test_refusals_are_violations_whichever_way_they_were_said(empty, kind: str) -> None:
    empty.meet(1, signals=(Signal(kind=kind, value="no", where="http://gallery.museum.test/1.jpg"),))
    empty.meet(2)
    empty.crawl()
    empty.keep()
    empty.export()

    report = audit(empty.workspace, POLICY)

    assert found(report) == {"opt-out"}
    assert details(report, "opt-out") == [f"{kind}: no (http://gallery.museum.test/1.jpg)"] * 2


def test_refusal_that_came_later_at_the_same_address_counts(exported) -> None:
    exported.sql(
        """INSERT INTO sightings (run_id, seq, source, source_id, image_url, tags, opt_out, outcome)
           SELECT run_id, 99, source, source_id, image_url, [], '[{"kind": "robots", "value": "Disallow: /",
                  "where": "http://gallery.museum.test/robots.txt"}]', 'refused' FROM sightings WHERE seq = 4"""
    )

    report = audit(exported.workspace, POLICY)

    assert found(report) == {"opt-out"}
    assert details(report, "opt-out")[0] == "robots: Disallow: / (http://gallery.museum.test/robots.txt)"


def test_refusals_the_policy_does_not_honour_are_let_pass(empty) -> None:
    empty.meet(1, signals=(Signal(kind="tdmrep", value="1", where="header"),))
    empty.crawl()
    empty.keep()
    empty.export()

    assert audit(empty.workspace, replace(POLICY, opt_out=replace(POLICY.opt_out, honour=("robots",)))).passed


@pytest.mark.parametrize("kind", ["tdmrep-granted", "c2pa-unread"])
def test_statements_that_refuse_nothing_are_let_pass(empty, kind: str) -> None:
    empty.meet(1, signals=(Signal(kind=kind, value="no", where="http://gallery.museum.test/1.jpg"),))
    empty.crawl()
    empty.keep()
    empty.export()

    assert audit(empty.workspace, POLICY).passed


def test_licence_that_changed_at_its_source_is_a_warning(exported) -> None:
    exported.meet(2, license="CC-BY-NC-4.0")
    exported.crawl()

    report = audit(exported.workspace, POLICY)

    assert found(report) == {"licence-unchanged"}
    assert details(report, "licence-unchanged")[0] == "museum id-2: CC-BY-4.0, CC-BY-NC-4.0"


def test_free_licence_elsewhere_does_not_launder_an_unknown_one(empty) -> None:
    free, unknown = empty.meet(1), empty.meet(2, license=None)
    empty.crawl()
    empty.keep(drop=(unknown,))
    empty.export()
    with open_ledger(empty.workspace, write=True) as con:
        same = {"group_id": free, "kind": "near", "threshold": 8, "method": "phash"}
        rows = [
            DuplicateRow(sha256=free, keeper=True, distance=0, **same),
            DuplicateRow(sha256=unknown, keeper=False, distance=3, **same),
        ]
        write_duplicates(con, name="shells", recipe_digest="r", input_digest="i", rows=rows)

    report = audit(empty.workspace, POLICY)

    assert found(report) == {"licence-agreed"}
    assert details(report, "licence-agreed") == ["CC-BY-4.0, unknown"] * 2
    assert not audit(empty.workspace, replace(POLICY, severity={"licence-agreed": Severity.VIOLATION})).passed


def test_two_copies_in_one_export_and_a_copy_of_something_taken_down(exported) -> None:
    with open_ledger(exported.workspace, write=True) as con:
        shas = [sha for (sha,) in con.execute("SELECT sha256 FROM images ORDER BY sha256").fetchall()][:2]
        same = {"group_id": shas[0], "kind": "near", "threshold": 8, "method": "phash"}
        rows = [DuplicateRow(sha256=sha, keeper=sha == shas[0], distance=0, **same) for sha in shas]
        write_duplicates(con, name="shells", recipe_digest="r", input_digest="i", rows=rows)
        con.execute(
            "INSERT INTO takedowns (sha256, requested_at, reason, requested_by) VALUES (?, now(), 'asked', 'she')",
            [shas[0]],
        )

    assert found(audit(exported.workspace, POLICY)) == {
        "one-per-group",
        "takedown",
        "takedown-copy",
        "takedown-remains",
    }


def test_licences_against_the_declared_use(empty) -> None:
    empty.meet(1, license="CC-BY-NC-4.0")
    empty.meet(2, license="CC-BY-ND-4.0")
    empty.meet(3, license="CC-BY-SA-4.0")
    empty.crawl()
    empty.keep()
    empty.export()

    assert found(audit(empty.workspace, POLICY)) == {
        "licence-derivatives",
        "licence-mixed",
        "licence-share-alike",
    }
    assert (
        details(audit(empty.workspace, POLICY), "licence-mixed")
        == ["CC-BY-SA-4.0 beside CC-BY-NC-4.0, CC-BY-ND-4.0"] * 2
    )
    sold = audit(empty.workspace, replace(POLICY, use=UseTerms(commercial=True)))
    assert failed(sold) == {"licence-commercial"}
    free = audit(empty.workspace, replace(POLICY, licences=LicenceTerms(allow=("CC-BY-SA-*",))))
    assert sorted(details(free, "licence-allowed")) == ["CC-BY-NC-4.0"] * 2 + ["CC-BY-ND-4.0"] * 2


def test_one_creator_over_the_share_is_a_warning_and_charted(exported) -> None:
    exported.sql("UPDATE sightings SET creator = 'Ada Moss' WHERE seq < 3")
    policy = replace(
        POLICY,
        composition=CompositionTerms(creator=0.4, min_images=5),
        severity=dict.fromkeys(("manifest-agrees", "attribution-complete"), Severity.IGNORE),
    )

    report = audit(exported.workspace, policy)

    assert found(report) == {"dominance-creator"}
    assert details(report, "dominance-creator") == ["Ada Moss: 3 of 6 images, 50.0 %, more than 40.0 %"]
    charts = {chart.dimension: chart for chart in report.charts}
    assert (charts["creator"].bars[0].name, charts["creator"].bars[0].share) == ("Ada Moss", 0.5)
    assert [bar.name for bar in charts["decade"].bars] == ["1890s"]
    assert report.passed


def test_without_exports_the_selection_is_judged(empty) -> None:
    empty.meet(1)
    dropped = empty.meet(2, license=None)
    empty.crawl()
    empty.keep(drop=(dropped,))

    selection = audit(empty.workspace, POLICY, digests={"filter": "f" * 64})
    everything = audit(empty.workspace, POLICY)

    assert [(part.kind, part.files) for part in selection.parts] == [("selection", 1)]
    assert selection.passed
    assert [(part.kind, part.files) for part in everything.parts] == [("images", 2)]
    assert failed(everything) == {"licence-known"}


def test_export_of_images_that_are_no_longer_selected_is_a_warning(exported) -> None:
    exported.sql("UPDATE decisions SET verdict = 'drop' WHERE sha256 = (SELECT min(sha256) FROM decisions)")

    report = audit(exported.workspace, POLICY, digests={"filter": "f" * 64})

    assert found(report) == {"selection-current"}


def test_audit_without_files_asks_the_ledger_alone(exported) -> None:
    flip(first(exported.workspace.originals))

    report = audit(exported.workspace, POLICY, with_files=False)

    skipped = {result.check.id for result in report.checks if result.status == "skipped"}
    assert report.passed
    assert skipped == {id_ for id_, check in CHECKS.items() if check.needs - {"exports"}}


def test_audit_of_nothing_fails(exported) -> None:
    for table in ("export_rows", "images", "stage_runs"):
        exported.sql(f"DELETE FROM {table}")

    assert failed(audit(exported.workspace, POLICY)) == {"not-empty"}


def test_audit_before_any_crawl_says_so(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger at"):
        audit(Workspace(tmp_path), POLICY)


def test_every_check_is_documented_beside_the_policies_and_no_other() -> None:
    lines = (Path(__file__).parents[2] / "configs" / "policies" / "CHECKS.md").read_text().splitlines()

    rows = [tuple(cell.strip(" `") for cell in line.split("|")[1:4]) for line in lines if line.startswith("| `")]

    assert rows == [(check.id, str(check.severity), check.fault) for check in CHECKS.values()]


def test_policy_with_an_unknown_check_is_refused(exported) -> None:
    policy = replace(POLICY, severity={"licence-know": Severity.NOTE}, file=Path("p.yaml"))

    with pytest.raises(ConfigError) as caught:
        audit(exported.workspace, policy)

    assert str(caught.value) == "p.yaml: severity.licence-know: no such check; did you mean 'licence-known'?"


@pytest.mark.parametrize("name", ["strict", "research", "personal"])
def test_given_policies_name_checks_that_exist(exported, name: str) -> None:
    policy = load_policy(Path(__file__).parents[2] / "configs" / "policies" / f"{name}.yaml")

    assert audit(exported.workspace, policy).passed
