"""What the papers of an export say, and where they say that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from harvest.config.recipe import load_recipe
from harvest.errors import ConfigError
from harvest.export import build
from harvest.export.paper import QUESTIONS
from harvest.items import Signal
from harvest.ledger import FacesRow, images, open_ledger, write_faces

BARE = "name: shells\nsizes: [{px: 64}]\nexport: [{format: folder, size: 64, name: set, at_least: 1}]\n"
BLANK = "_Blank. Nobody has answered `"


def export(dataset, tmp_path: Path, recipe: str = BARE) -> Path:
    file = tmp_path / "papers.yaml"
    file.write_text(recipe)
    (report,) = dataset.export(load_recipe(file))
    return report.folder


def answer(sheet: str, name: str) -> str:
    """What stands under a question."""
    question = next(questions[name] for questions in QUESTIONS.values() if name in questions)
    return sheet.partition(f"### {question}\n")[2].partition("\n#")[0].strip()


def test_the_datasheet_asks_every_question_in_seven_sections(dataset, tmp_path: Path) -> None:
    sheet = (export(dataset, tmp_path) / "DATASHEET.md").read_text(encoding="utf-8")

    headings = [token for token in MarkdownIt("commonmark").parse(sheet) if token.type == "heading_open"]
    asked = sum(len(questions) for questions in QUESTIONS.values()) - 7  # each section ends with other comments
    assert len(QUESTIONS) == 7
    assert [heading.tag for heading in headings].count("h2") == 7
    assert [heading.tag for heading in headings].count("h3") == asked == 50
    assert f"{sheet.count(BLANK)} of 50 questions are blank" in sheet
    assert answer(sheet, "uses-not") == f"{BLANK}uses-not`._"


def test_the_datasheet_is_filled_from_the_ledger(empty, tmp_path: Path) -> None:
    refused = (Signal(kind="robots-meta", value="noai", where="page"),)
    for seed in range(3):
        empty.meet(seed, labels=("whelk",), signals=refused if seed == 0 else ())
    dropped = empty.meet(9)
    empty.crawl()
    empty.keep(drop=(dropped,))
    with open_ledger(empty.workspace, write=True) as con:
        rows = [
            FacesRow(sha256=image.sha256, detector="d-1", faces=int(image.sha256 == dropped), boxes="[]")
            for image in images(con)
        ]
        write_faces(con, rows)

    sheet = (export(empty, tmp_path) / "DATASHEET.md").read_text(encoding="utf-8")

    assert answer(sheet, "composition-count").startswith("3 images, 64 px.")
    assert "| CC\\-BY\\-4.0 | 3 |" in answer(sheet, "composition-count")
    assert "| kept | 4 |" in answer(sheet, "composition-sample")
    assert "| whelk | 3 |" in answer(sheet, "composition-labels")
    assert answer(sheet, "composition-identifiable").startswith("Faces were looked for in 3 images by d\\-1: 0 show 0")
    assert "| robots\\-meta | 1 |" in answer(sheet, "collection-consent")
    assert "| filter | 1 |" in answer(sheet, "preprocessing-done")
    assert "| cropped to a square, resized to 64 px | 3 |" in answer(sheet, "preprocessing-done")


def test_makers_answer_what_the_ledger_cannot(dataset, tmp_path: Path) -> None:
    about = (
        "about: {creator: Ada Moss, contact: ada@example.org, version: 1.2.0, published: 2026-11-30,\n"
        "  answers: {uses-not: To tell *people* apart., collection-ethics: None was needed.}}\n"
    )
    folder = export(dataset, tmp_path, BARE + about)

    sheet = (folder / "DATASHEET.md").read_text(encoding="utf-8")
    assert answer(sheet, "uses-not") == r"To tell \*people\* apart."
    assert answer(sheet, "maintenance-contact") == r"ada\@example.org"
    told = json.loads((folder / "croissant.json").read_text())
    assert (told["creator"]["name"], told["version"], told["datePublished"]) == ("Ada Moss", "1.2.0", "2026-11-30")
    assert told["rai:dataLimitations"] == ["To tell *people* apart."]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ("{answers: {uses-nt: x}}", "about.answers.uses-nt: no question is called so; did you mean 'uses-not'?"),
        ("{version: one}", "about.version: expected a version like '1.0.0', got 'one'"),
        ("{published: soon}", "about.published: expected a date like '2026-11-30', got 'soon'"),
    ],
)
def test_what_makers_get_wrong_is_told(tmp_path: Path, about: str, message: str) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(f"name: r\nabout: {about}\n")

    with pytest.raises(ConfigError) as caught:
        build(load_recipe(file))

    assert str(caught.value) == f"{file}: {message}"


def test_licences_are_summed_up_with_what_binds_the_whole(empty, tmp_path: Path) -> None:
    for seed, id_ in enumerate(["CC0-1.0", "CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", None]):
        empty.meet(seed, license=id_)
    empty.crawl()
    empty.keep()

    text = (export(empty, tmp_path) / "LICENCES.md").read_text(encoding="utf-8")

    assert "| [CC0 1.0](<https://creativecommons.org/publicdomain/zero/1.0/>) | 1 | nothing | yes |" in text
    assert "| unknown | 1 | permission, which nobody has given | no |" in text
    assert "**Unknown.** 1 image without a licence" in text
    assert "**Credit.** 3 images ask for attribution" in text
    assert "**Share alike.** 2 images may be shared" in text
    assert "2 kinds here, and nothing that merges images of both can meet both" in text
    assert "**No commerce.** 1 image" in text
    assert "**No adaptations.** 1 image may be shared only as they are. 1 image of them was changed here" in text


def test_credits_say_what_was_changed(dataset) -> None:
    small, whole = dataset.export()

    assert "; cropped to a square, resized to 64 px\n" in (small.folder / "CREDITS.md").read_text()
    assert "resized" not in (whole.folder / "CREDITS.md").read_text()


def test_the_recipe_goes_along_to_the_letter_with_digests_of_all_it_names(dataset, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("name: strict\n")
    folder = export(dataset, tmp_path, f"# by Ada\n{BARE}policy: policy.yaml\n")

    told = json.loads((folder / "DIGESTS.json").read_text())
    assert (folder / "recipe.yaml").read_text() == f"# by Ada\n{BARE}policy: policy.yaml\n"
    assert told["recipe"] == {"name": "shells", "sha256": load_recipe(folder.parents[2] / "papers.yaml").digest}
    assert len(told["policy"]) == 64
    assert (told["format"], told["settings"]["size"]) == ({"name": "folder", "version": 1}, 64)


def test_where_machines_read_of_provenance(dataset, tmp_path: Path) -> None:
    told = json.loads((export(dataset, tmp_path) / "croissant.json").read_text())

    assert told["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert told["@context"]["prov"] == "http://www.w3.org/ns/prov#"
    assert told["prov:wasDerivedFrom"][0]["prov:label"] == "museum: 6 files"
    assert told["prov:wasGeneratedBy"]["@type"] == "prov:Activity"
    fields = {field["name"]: field.get("equivalentProperty") for field in told["recordSet"][0]["field"]}
    assert (fields["image_url"], fields["creator"]) == ("prov:wasDerivedFrom", "prov:wasAttributedTo")
