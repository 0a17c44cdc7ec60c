"""What was taken down does not come in with the journals of another workspace, and its tombstones do."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from harvest.demo.specimens import draw
from harvest.joining import join
from harvest.ledger import images, open_ledger, taken_down
from harvest.progress import SilentProgress
from harvest.takedown import Request, carry_out, finish, plan
from harvest.workspace import Workspace


def take(workspace: Workspace, **request):
    wanted = plan(workspace, Request(**request), progress=SilentProgress())
    return carry_out(workspace, wanted, reason="asked", by="me", progress=SilentProgress())


def encoded(picture: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def originals(workspace: Workspace) -> set[str]:
    return {path.stem for path in workspace.originals.rglob("*") if path.is_file()}


@pytest.fixture
def ours(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ours")


def test_bytes_and_near_copies_of_it_stay_away(dataset, ours, tmp_path):
    leaf = draw("leaf", 100_001, 240)
    (shown := tmp_path / "leaf.jpg").write_bytes(encoded(leaf))
    small = dataset.meet(30, body=encoded(leaf.resize((180, 180)), 70))
    dataset.crawl()
    with open_ledger(dataset.workspace) as con:
        gone, *rest = [image.sha256 for image in images(con) if image.sha256 != small]
    with open_ledger(ours, write=True):
        pass
    take(ours, picture=shown)
    take(ours, sha256=gone)

    report = join(ours, [dataset.workspace.root], progress=SilentProgress())

    assert (report.originals, report.refused, report.tombstones, report.missing) == (len(rest), 2, 1, ())
    assert originals(ours) == set(rest)
    with open_ledger(ours) as con:
        assert {small, gone} <= set(taken_down(con))
        assert {image.sha256 for image in images(con)} == set(rest)
        ((matched,),) = con.execute("SELECT matched FROM takedowns WHERE sha256 = ?", [small]).fetchall()
        assert con.execute("SELECT count(*) FROM sightings").fetchall() == [(len(rest) + 2,)]
    assert matched.startswith("near copy of ")
    again = join(ours, [dataset.workspace.root], progress=SilentProgress())
    assert (again.originals, again.tombstones, originals(ours)) == (0, 0, set(rest))


def test_tombstones_of_the_other_workspace_come_along(dataset, ours):
    join(ours, [dataset.workspace.root], progress=SilentProgress())
    gone, *rest = sorted(originals(ours))
    take(dataset.workspace, sha256=gone)

    report = join(ours, [dataset.workspace.root], progress=SilentProgress())
    finish(ours, progress=SilentProgress())

    assert (report.tombstones, report.missing) == (1, ())
    assert originals(ours) == set(rest)
    with open_ledger(ours) as con:
        assert con.execute("SELECT reason, requested_by FROM takedowns").fetchall() == [("asked", "me")]
