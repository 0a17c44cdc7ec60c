"""JSON answers read by shape: what is not as it used to be ends the run with the path of what is odd.

Sources mix numbers with numbers in quotes, and leave out what is empty; both are read. A list where a text should be,
or a record where a number should be, is another format, and guessing on would put wrong words beside images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from harvest.errors import SourceChanged

__all__ = ["Record"]

_WORDS = {dict: "a record", list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object of `source`'s answer, `path` being where it stands in it.

    >>> photo = Record({"id": 7, "title": {"_content": " Fin "}, "total": "12"}, "Flickr", "photos.photo[0]")
    >>> photo.text("id"), photo.text("title"), photo.whole("total"), photo.text("owner")
    ('7', 'Fin', 12, None)
    """

    fields: Mapping[str, Any]
    source: str
    path: str = ""

    @classmethod
    def of(cls, answer: Any, source: str, path: str = "") -> Record:
        """`answer` as a record. Raises SourceChanged when it is something else."""
        if not isinstance(answer, Mapping):
            _odd(source, path or "the answer", "a record", answer)
        return cls(answer, source, path)

    def at(self, name: str) -> str:
        """Where the field `name` stands in the answer."""
        return f"{self.path}.{name}" if self.path else name

    def text(self, name: str) -> str | None:
        """A text or number as text, or that of its `_content`; None when it is absent or blank."""
        value = self.fields.get(name)
        if isinstance(value, Mapping) and "_content" in value:
            value = value["_content"]
        if value is None or isinstance(value, str | int | float):
            return None if value is None or isinstance(value, bool) else str(value).strip() or None
        return _odd(self.source, self.at(name), "a text", value)

    def needed(self, name: str) -> str:
        """A text that has to be there."""
        return self.text(name) or _odd(self.source, self.at(name), "a text", self.fields.get(name))

    def whole(self, name: str, default: int = 0) -> int:
        """A whole number, also in quotes; `default` when it is absent or blank."""
        value = self.fields.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, bool | float) and isinstance(value, int | str):
            try:
                return int(value)
            except ValueError:
                pass
        return _odd(self.source, self.at(name), "a whole number", value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of texts, without the blank ones."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            alone = self.text(name)
            return (alone,) if alone else ()
        for index, entry in enumerate(value):
            if entry is not None and not isinstance(entry, str | int | float):
                _odd(self.source, f"{self.at(name)}[{index}]", "a text", entry)
        return tuple(text for entry in value if entry is not None and (text := str(entry).strip()))

    def record(self, name: str) -> Record:
        """A record that has to be there."""
        return Record.of(self.fields.get(name), self.source, self.at(name))

    def records(self, name: str, *, optional: bool = False) -> Iterator[Record]:
        """The records of a list, or of a record whose keys are of no account; nothing where it may be absent and is."""
        value = self.fields.get(name)
        if value is None and optional:
            return iter(())
        if isinstance(value, Mapping):
            entries = [(f"{self.at(name)}.{key}", entry) for key, entry in value.items()]
        elif isinstance(value, list):
            entries = [(f"{self.at(name)}[{index}]", entry) for index, entry in enumerate(value)]
        else:
            _odd(self.source, self.at(name), "a list", value)
        return iter([Record.of(entry, self.source, path) for path, entry in entries])


def _odd(source: str, path: str, expected: str, value: Any) -> NoReturn:
    got = "nothing" if value is None else _WORDS.get(type(value), "something else")
    if isinstance(value, str | int | float) and len(str(value)) <= 40:
        got = repr(value)
    raise SourceChanged(f"{source} answers in another format: {path}: expected {expected}, got {got}")
