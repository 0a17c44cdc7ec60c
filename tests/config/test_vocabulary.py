"""Words to label images with, as a list or as a tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.config.vocabulary import Leaf, load_vocabulary, vocabulary_of
from harvest.errors import ConfigError

TREE = """
animal:
  fish:
    - pike
    - carp: {synonyms: [common carp, mirror carp]}
    - eel: a long fish like a snake
  bird: {synonyms: [fowl], children: [crane, owl]}
tool: [crane (machine), plough]
"""


def written(folder: Path, text: str, name: str = "words.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_tree_gives_leaves_with_the_path_from_its_root(tmp_path: Path) -> None:
    found = load_vocabulary(written(tmp_path, TREE))

    assert [leaf.path for leaf in found.leaves] == [
        ("animal", "fish", "pike"),
        ("animal", "fish", "carp"),
        ("animal", "fish", "eel"),
        ("animal", "bird", "crane"),
        ("animal", "bird", "owl"),
        ("tool", "crane (machine)"),
        ("tool", "plough"),
    ]
    assert found.leaves[1].synonyms == ("common carp", "mirror carp")
    assert found.leaves[2].descriptions == ("a long fish like a snake",)


def test_a_name_stands_for_all_leaves_below_it(tmp_path: Path) -> None:
    found = load_vocabulary(written(tmp_path, TREE))

    assert found.below("animal") == (0, 1, 2, 3, 4)
    assert found.below("Fowl") == found.below("bird") == (3, 4)
    assert found.below("mirror carp") == (1,)
    with pytest.raises(KeyError, match="'peak' is not in the vocabulary; did you mean 'pike'"):
        found.below("peak")


def test_a_leaf_is_asked_by_its_words_in_every_template_and_by_its_descriptions() -> None:
    leaf = Leaf(path=("fish", "carp"), synonyms=("koi",), descriptions=("a fat fish",))

    assert leaf.prompts(("a photo of {}", "{}")) == (
        "a photo of carp", "carp", "a photo of koi", "koi", "a fat fish",
    )  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "[pike, 1900, eel]"), ("a.txt", "pike\n\n 1900 \neel\n")])
def test_a_list_is_a_tree_without_branches(tmp_path: Path, name: str, text: str) -> None:
    found = load_vocabulary(written(tmp_path, text, name))

    assert [leaf.path for leaf in found.leaves] == [("pike",), ("1900",), ("eel",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[pike]", "expected at least two words to tell apart, got 1"),
        ("fish: [pike, Pike]", "fish[1]: 'Pike' stands at 'fish / pike' already; names must differ, as 'crane (bird)'"),
        ("fish: [pike, fish]", "fish[1]: 'fish' stands at 'fish' already"),
        ("fish: [pike, {carp: {synonyms: [pike]}}]", "fish[1].carp: 'pike' stands at 'fish / pike' already"),
        ("fish: []", "fish: expected words below this one, got none"),
        ("fish: 7", "fish: expected a list or a tree of words, got 7"),
        ("fish: [pike, true]", "fish[1]: expected a text, got True"),
        ("fish: [pike, a / b]", "fish[1]: expected a word without ' / ', which parts paths, got 'a / b'"),
        ("fish: {synonyms: [f], pike: }", "fish.pike: expected synonyms, description, children alone; words below"),
        ("fish: {description: wet, children: [pike]}", "fish.description: images are held against leaves alone"),
        ("fish: {pike: {}, eel: }", "fish.pike: expected words below this one, got none"),
        ("fish: [pike\n", "not YAML: line 2"),
        ("", "expected a list or a tree of words, got None"),
    ],
)
def test_what_is_no_vocabulary_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)

    with pytest.raises(ConfigError) as failure:
        load_vocabulary(file)

    assert str(failure.value).startswith(f"{file}: {message}")


names = st.text("abcdefghij", min_size=3, max_size=8)


@given(st.recursive(st.none(), lambda below: st.dictionaries(names, below, min_size=1, max_size=4), max_leaves=30))
def test_inner_nodes_stand_for_what_their_children_stand_for(tree: dict[str, object] | None) -> None:
    try:
        found = vocabulary_of(tree, file=Path("words.yaml"))
    except ConfigError:
        return  # not enough words, or a name that stands twice

    for index, leaf in enumerate(found.leaves):
        for name in leaf.path:
            assert index in found.below(name)
    assert sorted({place for name in tree or () for place in found.below(name)}) == list(range(len(found.leaves)))
