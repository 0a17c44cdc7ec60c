"""Captions: words by template, labels of the source and of a model, and captions that somebody wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.config.captions import CaptionLabels, CaptionsConfig
from harvest.demo.specimens import TEST_SEEDS, draw
from harvest.errors import ConfigError
from harvest.ledger import CaptionFacts, FoundLabel, GivenLabelRow, captions_of, open_ledger, write_given_labels
from harvest.progress import SilentProgress
from harvest.stages import check_recipe
from harvest.stages.caption import run_caption
from harvest.stages.caption.wording import Wording, tidy
from harvest.stages.dedupe import run_dedupe
from harvest.stages.filter import run_filter

PIKE = CaptionFacts(
    sha256="a" * 64, title="Pike, from the lake", description="A fish.\nLong and green.", tags=("fish", "Lake"),
    labels=("Fish",), creator="Ada Moss", source="museum", license="CC0-1.0", taken_at="1901-05", published_at=None,
    written=None,
    found=(
        FoundLabel(label="fish", path="animal / fish", score=0.6),
        FoundLabel(label="eel", path="animal / fish / eel", score=0.3),
        FoundLabel(label="key", path="tool / key", score=0.1),
    ),
)  # fmt: skip


def changed(facts, **values):
    return CaptionFacts(**{name: getattr(facts, name) for name in CaptionFacts.__dataclass_fields__} | values)


def worded(facts=PIKE, **config):
    found = Wording.of(CaptionsConfig(**config)).by_template(facts)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("template", "caption"),
    [
        ("{title}", "Pike, from the lake"),
        ("{description}", "A fish. Long and green."),
        ("{tags}", "fish, Lake"),
        ("{label}: {label_path}", "Fish: animal / fish"),
        ("by {creator}, {year}, {date}, {license}, {source}", "by Ada Moss, 1901, 1901-05, CC0-1.0, museum"),
        ("{{{title}}}", "{Pike, from the lake}"),
        ("{labels}, {tags}", "Fish, eel, Lake"),
    ],
)
def test_a_template_is_filled_with_what_is_known(template, caption):
    assert worded(templates=(template,)) == caption


def test_the_first_template_whose_fields_are_all_there_is_taken():
    templates = ("{title}, {labels}", "{title}", "a find")

    bare = changed(PIKE, labels=(), found=())
    assert worded(bare, templates=templates) == "Pike, from the lake"
    assert worded(changed(bare, title=" \u200b\n"), templates=templates) == "a find"
    assert worded(changed(bare, title=None), templates=templates[:2]) is None


@pytest.mark.parametrize(
    ("labels", "caption"),
    [
        ({"by": "both"}, "Fish, eel"),
        ({"by": "source"}, "Fish"),
        ({"by": "model"}, "fish, eel"),
        ({"by": "model", "min_share": 0.05}, "fish, eel, key"),
        ({"by": "model", "min_share": 0.05, "most": 1}, "fish"),
        ({"by": "model", "min_share": 0.95}, None),
    ],
)
def test_labels_are_the_sources_and_the_models_that_are_sure_enough(labels, caption):
    assert worded(templates=("{labels}",), labels=CaptionLabels(**labels)) == caption


@pytest.mark.parametrize(
    ("min_share", "caption"),
    [(0.4, "pike: animal / fish / pike"), (0.5, "fish: animal / fish"), (0.9, "animal: animal"), (0.99, None)],
)
def test_where_no_word_is_sure_enough_the_branch_that_is_speaks(min_share, caption):
    found = (
        FoundLabel(label="pike", path="animal / fish / pike", score=0.45),
        FoundLabel(label="carp", path="animal / fish / carp", score=0.35),
        FoundLabel(label="owl", path="animal / bird / owl", score=0.15),
    )

    labels = CaptionLabels(by="model", min_share=min_share)
    assert worded(changed(PIKE, found=found), templates=("{label}: {label_path}",), labels=labels) == caption


def test_braces_in_a_title_are_text():
    title = "{trigger} {0.__class__} {creator!r} {{x}}"

    assert worded(changed(PIKE, title=title), templates=("{title} by {creator}",)) == f"{title} by Ada Moss"


@pytest.mark.parametrize(
    ("templates", "caption"),
    [
        (("{title}",), "zxq, Pike, from the lake"),
        (("a {label} in the style of {trigger}",), "a Fish in the style of zxq"),
        (("zxqy {label}",), "zxq, zxqy Fish"),
    ],
)
def test_every_caption_holds_the_trigger_once(templates, caption):
    assert worded(templates=templates, trigger="zxq") == caption


@pytest.mark.parametrize(
    ("limits", "caption"),
    [
        ({"max_words": 3}, "Pike, from the"),
        ({"max_words": 1}, "Pike"),
        ({"max_chars": 12}, "Pike, from"),
        ({"max_words": 3, "trigger": "zxq"}, "zxq, Pike, from"),
    ],
)
def test_long_captions_are_cut_between_words(limits, caption):
    assert worded(templates=("{title}",), **limits) == caption


@given(st.text(), st.integers(1, 9), st.integers(10, 40))
def test_a_caption_is_one_short_line_with_its_trigger_or_none(title, max_words, max_chars):
    caption = worded(
        changed(PIKE, title=title), templates=("{title}",), trigger="zxq", max_words=max_words, max_chars=max_chars
    )

    if caption is not None:
        assert caption == " ".join(caption.split()) == tidy(caption)
        assert "zxq" in caption
        assert len(caption.split(" ")) <= max_words
        assert len(caption) <= max_chars


# The stage


def captions(herbarium):
    with open_ledger(herbarium.workspace) as con:
        return {sha256: (row.caption, row.origin) for sha256, row in captions_of(con, "shells").items()}


@pytest.fixture
def one_image(herbarium, picture):
    """The sha256 of the only image that was met."""
    sha256 = herbarium.meet(picture(1))
    herbarium.crawl()
    return sha256


@pytest.fixture
def run(herbarium, recipe):
    """Run the captions of a recipe over all that was met; the report, and what the stage says to whoever watches."""

    class Listening(SilentProgress):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def say(self, message: str) -> None:
            self.lines.append(message)

    def run(yaml, more=""):
        read = recipe(f"captions: {yaml}\nlayout: null\n{more}")
        check_recipe(read)
        run_dedupe(herbarium.workspace, read, progress=SilentProgress())
        run_filter(herbarium.workspace, read, progress=SilentProgress())
        listening = Listening()
        return run_caption(herbarium.workspace, read, progress=listening), listening.lines

    return run


def test_peoples_labels_come_before_the_sources(herbarium, picture, run):
    sha256 = herbarium.meet(picture(1), labels=("shell",))
    herbarium.crawl()
    with open_ledger(herbarium.workspace, write=True) as con:
        write_given_labels(con, [GivenLabelRow(sha256=sha256, label="cowrie", verdict="add", decided_by="Ada Moss")])

    run('{templates: ["{labels}"]}')

    assert captions(herbarium) == {sha256: ("cowrie, shell", "template:{labels}")}


def test_every_selected_image_gets_a_caption_with_its_origin(herbarium, picture, run):
    pike = herbarium.meet(picture(1), title="A pike", labels=("fish",))
    untitled = herbarium.meet(picture(2), title=None)
    small = herbarium.meet(picture(3, 60, 40))
    herbarium.crawl()

    report, said = run("{trigger: zxq}", "filter: [size: {min_side: 100}]")

    assert captions(herbarium) == {pike: ("zxq, A pike, fish", "template:{title}, {labels}")}
    assert (report.done, report.detail["captions"], report.detail["without"]) == (1, 1, 1)
    assert said == [
        f"captions: images without one (a last template without fields would give them one): {untitled[:16]}"
    ]
    assert small not in captions(herbarium)


def test_nothing_is_written_again_until_something_changes(herbarium, picture, run):
    sha256 = herbarium.meet(picture(1), title="A pike")
    herbarium.crawl()
    run("{}")
    before = herbarium.workspace.ledger.stat().st_mtime_ns

    report, _ = run("{}")
    assert (report.done, report.skipped) == (0, 1)
    assert herbarium.workspace.ledger.stat().st_mtime_ns == before

    report, _ = run("{templates: 'it is {title}'}")
    assert (report.done, captions(herbarium)) == (1, {sha256: ("it is A pike", "template:it is {title}")})
    with open_ledger(herbarium.workspace) as con:
        assert con.execute("SELECT count(*) FROM caption_rows").fetchall() == [(2,)]


def test_labels_of_a_filter_are_used(herbarium, encoded, run):
    key = herbarium.meet(encoded(draw("key", TEST_SEEDS[4100], 256)), title=None)
    herbarium.crawl()

    run(
        "{templates: 'a {label}, {label_path}', labels: {by: model}}",
        "filter: [labels: {model: harvest-demo, vocabulary: [fish, key, moth]}]",
    )

    assert captions(herbarium)[key][0] == "a key, key"


def test_labels_by_a_model_need_a_filter_that_finds_them(recipe):
    with pytest.raises(ConfigError, match=r"captions.labels.by: expected a `labels` filter in the recipe"):
        check_recipe(recipe("captions: {labels: {by: model}}"))


def test_a_folder_of_text_files_overrides_by_digits_or_name(herbarium, picture, run, tmp_path):
    first = herbarium.meet(picture(1), image_url="https://gallery.museum.test/files/old%20pike.JPG?w=1")
    second, third = herbarium.meet(picture(2)), herbarium.meet(picture(3), source_id="B.12")
    herbarium.meet(picture(4), image_url="https://gallery.museum.test/a/twice.jpg")
    fifth = herbarium.meet(picture(5), image_url="https://gallery.museum.test/b/twice.png", source_id="b/twice.png")
    herbarium.crawl()
    files = {
        "10_pike/old pike.txt": "\n  an old pike \nsecond line",
        f"{second[:16]}.caption": "the {second}",
        "B.12.txt": "by its id",
        "twice.txt": "which?",
        "b/twice.txt": "the one in this folder",
        "nobody.txt": "alone",
        f"{third[:12]}.txt": " \n",
        "notes.md": "not a caption",
    }
    for name, text in files.items():
        path = tmp_path / "written" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    report, said = run("{overrides: written, trigger: zxq}")

    found = captions(herbarium)
    assert found[first] == ("zxq, an old pike", "file:10_pike/old pike.txt")
    assert found[second] == ("zxq, the {second}", f"file:{second[:16]}.caption")
    assert found[third] == ("zxq, by its id", "file:B.12.txt")
    assert found[fifth] == ("zxq, the one in this folder", "file:b/twice.txt")
    assert report.detail["named"] == {
        "unmatched": ["nobody.txt"], "ambiguous": ["twice.txt"], "empty": [f"{third[:12]}.txt"],
    }  # fmt: skip
    assert report.detail["from"] == {"file": 4, "template:{title}": 1}
    assert [line.split(": ")[1] for line in said] == [
        "overrides that speak of no image here",
        "overrides that speak of several images (digits of its sha256 name one)",
        "overrides that say nothing",
    ]


@pytest.mark.parametrize("kind", ["yaml", "json", "jsonl", "csv"])
def test_one_file_may_hold_all_captions(herbarium, one_image, run, tmp_path, kind):
    name = f"images/{one_image[:16]}.jpg"
    line = {"file_name": name, "text": "a pike, of course"}
    body = {
        "yaml": f"{name}: a pike, of course\n",
        "json": json.dumps({name: line["text"]}),
        "jsonl": json.dumps(line) + "\n\n",
        "csv": f'file_name,text\n{name},"a pike, of course"\n',
    }
    (tmp_path / f"written.{kind}").write_text(body[kind])

    run(f"{{overrides: written.{kind}}}")

    assert captions(herbarium) == {one_image: ("a pike, of course", f"file:{name}")}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "w.jsonl",
            '{"file_name": "a.jpg"}\n',
            "w.jsonl: line 1: expected file_name and text, got {",
        ),
        ("w.jsonl", "a pike\n", "w.jsonl: line 1: not JSON: "),
        ("w.csv", "name,text\n,a pike\n", "w.csv: line 2: expected file_name and text, got "),
        ("w.yaml", "[a pike]\n", "w.yaml: expected a mapping of names to captions, got list"),
        ("w.yaml", "a: [pike]\n", "w.yaml: a: expected a caption, got ['pike']"),
    ],
)
@pytest.mark.usefixtures("one_image")
def test_what_holds_no_captions_is_told_with_its_place(run, tmp_path, name, text, message):
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError) as failure:
        run(f"{{overrides: {name}}}")

    assert message in str(failure.value)


def test_two_captions_for_one_image_have_to_agree(one_image, run, tmp_path):
    (tmp_path / "w.yaml").write_text(f"{one_image[:16]}: a pike\n{one_image}: an eel\n")

    with pytest.raises(ConfigError, match=f"{one_image}: speaks of the same image as {one_image[:16]}, and says"):
        run("{overrides: w.yaml}")


def test_captions_beside_originals_come_before_templates_and_after_overrides(herbarium, picture, run, tmp_path):
    first = herbarium.meet(picture(1), raw={"caption": "lay beside it"})
    second = herbarium.meet(picture(2), raw={"caption": "lay beside it too"})
    herbarium.crawl()
    (tmp_path / "w.yaml").write_text(f"{first[:12]}: from the file\n")

    run("{overrides: w.yaml}")
    assert captions(herbarium) == {
        first: ("from the file", f"file:{first[:12]}"),
        second: ("lay beside it too", "sidecar"),
    }
    run("{sidecars: false}")
    assert {origin for _, origin in captions(herbarium).values()} == {"template:{title}"}


@pytest.mark.usefixtures("one_image")
def test_without_captions_in_the_recipe_there_are_none(herbarium, run):
    report, _ = run("null")

    assert (report.done, captions(herbarium)) == (0, {})
