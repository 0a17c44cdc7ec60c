"""Numbers that detectors measured, against bounds: faces and nudity, judged directly and through the stage."""

from __future__ import annotations

from importlib.resources import files
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harvest.config.recipe import load_recipe
from harvest.demo.specimens import draw, draw_off_topic
from harvest.errors import ConfigError
from harvest.ledger import open_ledger
from harvest.progress import SilentProgress
from harvest.stages.filter import run_filter
from harvest.stages.filters import build
from harvest.stages.filters.faces import FacesFilter
from harvest.stages.filters.nsfw import NsfwFilter
from harvest.stages.filters.text import TextFilter

NAN = float("nan")


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    buffer = BytesIO()
    with Image.open(BytesIO((files("skimage") / "data" / "astronaut.png").read_bytes())) as image:
        image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def decisions(herbarium) -> dict[str, tuple[str, str, float | None, float | None]]:
    with open_ledger(herbarium.workspace) as con:
        rows = con.execute("SELECT sha256, verdict, reason, value, threshold FROM decisions ORDER BY decided_at")
        return {sha256: tuple(rest) for sha256, *rest in rows.fetchall()}


def test_faces_are_held_against_both_bounds() -> None:
    found = FacesFilter(min=1, max=2).judge_scores(np.array([0.0, 1.0, 2.0, 3.0, NAN]))

    assert found.keep.tolist() == [False, True, True, False, False]
    assert found.reason == [
        "0 faces, less than 1",
        "1 face",
        "2 faces",
        "3 faces, more than 2",
        "does not decode, so nobody knows what it shows",
    ]
    assert found.threshold[:4].tolist() == [1, 1, 2, 2]
    assert np.isnan(found.threshold[4])


def test_nudity_is_held_against_what_its_makers_call_safe_unless_told_otherwise() -> None:
    assert NsfwFilter().judge_scores(np.array([0.2, 0.21])).keep.tolist() == [True, False]
    assert NsfwFilter(min=0.8, max=None).judge_scores(np.array([0.2, 0.81])).keep.tolist() == [False, True]


def test_text_is_told_in_per_cent() -> None:
    found = TextFilter(max=0.2).judge_scores(np.array([0.2, 0.256]))

    assert found.keep.tolist() == [True, False]
    assert found.reason == ["text on 20.0% of it", "text on 25.6% of it, more than 0.2"]


def test_a_recipe_measures_faces_nudity_and_text_in_one_look(herbarium, recipe, picture) -> None:
    page, drawing, broken = (
        herbarium.meet(draw_off_topic("text_page", 3)),
        herbarium.meet(draw("moth", 3)),
        herbarium.meet(picture(1)),
    )
    herbarium.crawl()
    (path,) = herbarium.workspace.originals.rglob(f"{broken}.*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:200])
    asked: list[str] = []
    progress = SilentProgress()
    progress.start = lambda label, total=None: asked.append(label) or SilentProgress().start(label, total)
    wanted = recipe("filter: [{faces: {max: 0}}, {nsfw: {}}, {text: {max: 0.2}}]")

    report = run_filter(herbarium.workspace, wanted, progress=progress)
    again = run_filter(herbarium.workspace, wanted, progress=progress)

    assert asked.count("measure faces, nsfw, text") == 1
    assert (report.kept, report.dropped) == (1, 2)
    assert (again.done, again.kept) == (0, 1)
    with open_ledger(herbarium.workspace) as con:
        dropped = con.execute("SELECT sha256, stage FROM decisions WHERE verdict = 'drop' ORDER BY ALL").fetchall()
    assert set(dropped) == {
        (page, "filter.text"),
        *((broken, f"filter.{name}") for name in ("faces", "nsfw", "text")),
    }
    assert drawing not in dict(dropped)


def test_a_recipe_keeps_pictures_without_faces_and_another_those_with_them(
    herbarium, recipe, picture, astronaut
) -> None:
    portrait, landscape = herbarium.meet(astronaut), herbarium.meet(picture(1))
    herbarium.crawl()

    run_filter(herbarium.workspace, recipe("filter: [{faces: {max: 0}}]"), progress=SilentProgress())
    without = decisions(herbarium)
    report = run_filter(herbarium.workspace, recipe("filter: [{faces: {min: 1}}]"), progress=SilentProgress())

    assert without == {
        portrait: ("drop", "1 face, more than 0", 1.0, 0.0),
        landscape: ("keep", "0 faces", 0.0, 0.0),
    }
    assert (report.kept, report.dropped) == (1, 1)
    with open_ledger(herbarium.workspace) as con:
        assert con.execute("SELECT count(*) FROM faces").fetchone() == (2,)  # counted once for both


@pytest.mark.parametrize(
    ("yaml", "place", "words"),
    [
        ("faces: {}", "filter[0].faces.max", "missing; expected a `max`, a `min`, or both"),
        ("faces: {min: 2, max: 1}", "filter[0].faces.min", "expected at most `max` (1), got 2"),
        ("nsfw: {max: 2}", "filter[0].nsfw.max", "expected a number >= 0 and <= 1, got 2"),
        ("text: {}", "filter[0].text.max", "missing; expected a `max`, a `min`, or both"),
        ("nsfw: {max: null}", "filter[0].nsfw.max", "missing; expected a `max`, a `min`, or both"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(tmp_path, yaml, place, words) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"name: r\nfilter:\n  - {yaml}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        build(load_recipe(file))

    assert str(caught.value) == f"{file}: {place}: {words}"
