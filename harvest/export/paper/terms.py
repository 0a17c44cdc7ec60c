"""LICENCES.md: what the licences in an export ask of whoever uses it, taken together.

The conditions are those of harvest.licences; this is a summary for people, and no legal advice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harvest.export.base import ExportedFile
from harvest.export.markdown import link, plain
from harvest.licences import Licence, licence

__all__ = ["conditions_of", "write_licences"]

_WORDS = {"by": "credit", "nc": "no commerce", "nd": "no adaptations", "sa": "share alike"}
_DUTIES = {
    "by": "**Credit.** {n} ask for attribution: hand CREDITS.md on with the images, or show its lines where they are "
    "shown. It says of each what was changed.",
    "sa": "**Share alike.** {n} may be shared, when altered, only under their own licence{kinds}.",
    "nc": "**No commerce.** {n} may not be used primarily for commercial advantage; a use of the whole set is bound by "
    "that as well.",
    "nd": "**No adaptations.** {n} may be shared only as they are.{altered}",
}


_HEAD = (
    "Every image keeps its own licence, which MANIFEST.jsonl states line by line. Whoever uses all of them is bound by "
    "all of these together. This is a summary, and no legal advice."
)


def write_licences(folder: Path, files: Sequence[ExportedFile]) -> None:
    """Which licences there are, what each asks for, and what that comes to for the whole."""
    counts = Counter(file.entry.provenance.license or "" for file in files)
    lines = [
        "# Licences",
        "",
        _HEAD,
        "",
        "| Licence | Images | Asks for | Free culture |",
        "|---|---:|---|---|",
        *(_row(id_, count) for id_, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
        "",
        "## What binds the whole",
        "",
        *(f"- {line}" for line in _binding(files, counts)),
    ]
    (folder / "LICENCES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def conditions_of(id_: str | None) -> frozenset[str]:
    """What a licence asks for: `by`, `nc`, `nd`, `sa`; nothing is known of one that is not in the table."""
    known = licence(id_) if id_ else None
    return known.conditions if known else frozenset()


def _row(id_: str, count: int) -> str:
    known = licence(id_) if id_ else None
    asks = ", ".join(word for key, word in _WORDS.items() if known and key in known.conditions)
    name = _name(id_, known)
    if known is None:
        return f"| {name} | {count:,} | permission, which nobody has given | no |"
    return f"| {name} | {count:,} | {asks or ('nothing' if known.is_free else 'see its text')} | {_yes(known)} |"


def _yes(known: Licence) -> str:
    return "yes" if known.is_free else "no"


def _name(id_: str, known: Licence | None) -> str:
    if known is not None:
        return link(known.name, known.uri)
    return plain(id_) if id_ else "unknown"


def _binding(files: Sequence[ExportedFile], counts: Counter[str]) -> list[str]:
    lines = []
    unknown = sum(count for id_, count in counts.items() if licence(id_) is None)
    if unknown:
        lines.append(
            f"**Unknown.** {_counted(unknown)} without a licence that is known. Unknown is not free: ask their "
            "creators before any use."
        )
    for key, words in _DUTIES.items():
        bound = {id_ for id_ in counts if key in conditions_of(id_)}
        if bound:
            n = _counted(sum(counts[id_] for id_ in bound))
            lines.append(words.format(n=n, kinds=_kinds(bound), altered=_altered(files, bound)))
    unfree = sorted(id_ for id_ in counts if (known := licence(id_)) and not known.is_free and not known.conditions)
    if unfree:
        named = ", ".join(_name(id_, licence(id_)) for id_ in unfree)
        lines.append(f"**Not licensed.** {named}: a statement, no permission; it says what is known of the rights.")
    return lines or ["Nothing: all of it may be used, changed and shared by anybody."]


def _kinds(bound: set[str]) -> str:
    """Share-alike licences that are not one kind cannot be met by one licence for a derivative of both."""
    kinds = {id_.rstrip("0123456789.").rstrip("-") for id_ in bound}
    if len(kinds) < 2:
        return ""
    return f"; there are {len(kinds)} kinds here, and nothing that merges images of both can meet both"


def _altered(files: Sequence[ExportedFile], bound: set[str]) -> str:
    """Crops and sizes are adaptations in many countries."""
    changed = sum(bool(file.entry.changes) for file in files if (file.entry.provenance.license or "") in bound)
    if not changed:
        return " They are here as they came."
    return f" {_counted(changed)} of them {'was' if changed == 1 else 'were'} changed here: do not hand these on."


def _counted(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
