"""A vocabulary to label images with: a list of words, or a tree of them as WordNet has one.

A file holds a list (YAML, or plain text with a word a line) or a tree in YAML:

    animal:
      fish:
        - pike
        - carp: {synonyms: [common carp, mirror carp]}
        - eel: a long fish like a snake
      bird: {synonyms: [fowl], children: [crane, owl]}
    tool: [crane (machine), plough]

A name stands over a list or a mapping of what lies below it. With nothing, a text or `description` below, it is a leaf:
leaves are what images are held against, and a description is a sentence to do so with. `synonyms` of a leaf are asked
with it; those of an inner node are other names for it in a recipe.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.config.kinds import SCALARS
from harvest.config.reader import load_yaml
from harvest.errors import ConfigError

__all__ = ["SEPARATOR", "Leaf", "Vocabulary", "load_vocabulary", "vocabulary_of"]

SEPARATOR = " / "
_DETAILS = ("synonyms", "description", "children")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A word to hold images against. `path` leads to it from the root, and ends with it."""

    path: tuple[str, ...]
    synonyms: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The word itself."""
        return self.path[-1]

    def prompts(self, templates: Sequence[str]) -> tuple[str, ...]:
        """What stands for it in a model's space: its words in every template, and its descriptions as they are."""
        words = (self.label, *self.synonyms)
        framed = (template.replace("{}", word) for word in words for template in templates)
        return tuple(dict.fromkeys((*framed, *self.descriptions)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All leaves in the order of the file; `names` brings any node's name or synonym (casefolded) to the leaves at or
    below it, by their places in `leaves`.
    """

    leaves: tuple[Leaf, ...]
    names: Mapping[str, tuple[int, ...]]

    def below(self, name: str) -> tuple[int, ...]:
        """The leaves at or below a node. Raises KeyError with advice for a name that it does not have."""
        found = self.names.get(name.casefold())
        if found is None:
            nearest = difflib.get_close_matches(name.casefold(), self.names, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
            raise KeyError(f"{name!r} is not in the vocabulary{hint}")
        return found


def load_vocabulary(file: Path) -> Vocabulary:
    """The vocabulary in a file. Raises ConfigError with the place of what does not fit."""
    if file.suffix == ".txt":
        try:
            lines = [" ".join(line.split()) for line in file.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(file, "", f"cannot be read: {error}") from None
        return vocabulary_of([line for line in lines if line], file=file)
    return vocabulary_of(load_yaml(file), file=file)


def vocabulary_of(values: Any, *, file: Path, path: str = "") -> Vocabulary:
    """The vocabulary that a list or a tree is, as it stands in `file` at `path`. Raises ConfigError."""
    gathered = _Gathered(file)
    gathered.below(values, path, ())
    if len(gathered.leaves) < 2:
        raise ConfigError(file, path, f"expected at least two words to tell apart, got {len(gathered.leaves)}")
    names = {name: tuple(places) for name, (_, places) in gathered.names.items()}
    return Vocabulary(leaves=tuple(gathered.leaves), names=names)


class _Gathered:
    """Leaves and names as they are met on a walk through the tree; each name with where it stood."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.leaves: list[Leaf] = []
        self.names: dict[str, tuple[str, list[int]]] = {}

    def below(self, values: Any, at: str, path: tuple[str, ...]) -> None:
        """All nodes of a list or a mapping."""
        found = 0
        for place, name, content in self._entries(values, at):
            self._node(name, content, place, path)
            found += 1
        if not found:
            raise ConfigError(self.file, at, "expected words below this one, got none")

    def _entries(self, values: Any, at: str) -> Iterator[tuple[str, Any, Any]]:
        """(place, name, content) of each node in a list or a mapping."""
        if isinstance(values, Mapping):
            for name, content in values.items():
                yield (f"{at}.{name}" if at else str(name)), name, content
        elif isinstance(values, list | tuple):
            for index, entry in enumerate(values):
                if isinstance(entry, Mapping):
                    yield from self._entries(entry, f"{at}[{index}]")
                else:
                    yield f"{at}[{index}]", entry, None
        else:
            raise ConfigError(self.file, at, f"expected a list or a tree of words, got {values!r}")

    def _node(self, name: Any, content: Any, at: str, above: tuple[str, ...]) -> None:
        path = (*above, self._word(name, at))
        details = self._details(content, at)
        synonyms = self._words(details.get("synonyms"), f"{at}.synonyms")
        descriptions = self._words(details.get("description"), f"{at}.description")
        first = len(self.leaves)
        places: list[int] = []
        for word in (path[-1], *synonyms):
            self._claim(word, path, places, at)
        if "children" not in details:
            self.leaves.append(Leaf(path=path, synonyms=synonyms, descriptions=descriptions))
        elif descriptions:
            raise ConfigError(self.file, f"{at}.description", "images are held against leaves alone: describe those")
        else:
            self.below(details["children"], at, path)
        places.extend(range(first, len(self.leaves)))

    def _details(self, content: Any, at: str) -> Mapping[str, Any]:
        """What is said of a node, by the names in _DETAILS."""
        if content is None:
            return {}
        if isinstance(content, str):
            return {"description": content}
        if not isinstance(content, Mapping) or not any(key in content for key in _DETAILS):
            return {"children": content}
        for key in content:
            if key not in _DETAILS:
                expected = f"expected {', '.join(_DETAILS)} alone; words below this one belong under `children`"
                raise ConfigError(self.file, f"{at}.{key}", expected)
        return content

    def _claim(self, word: str, path: tuple[str, ...], places: list[int], at: str) -> None:
        key = word.casefold()
        if key in self.names:
            other = self.names[key][0]
            advice = "names must differ, as 'crane (bird)' and 'crane (machine)' do"
            raise ConfigError(self.file, at, f"{word!r} stands at {other!r} already; {advice}")
        self.names[key] = (SEPARATOR.join(path), places)

    def _word(self, value: Any, at: str) -> str:
        text = SCALARS[str](value)
        word = " ".join(text.split()) if text else ""
        if not word:
            raise ConfigError(self.file, at, f"expected a text, got {value!r}")
        if SEPARATOR in word:
            raise ConfigError(self.file, at, f"expected a word without {SEPARATOR!r}, which parts paths, got {word!r}")
        return word

    def _words(self, values: Any, at: str) -> tuple[str, ...]:
        """One text, or a list of them."""
        if values is None:
            return ()
        if not isinstance(values, list):
            return (self._word(values, at),)
        return tuple(dict.fromkeys(self._word(value, f"{at}[{index}]") for index, value in enumerate(values)))
