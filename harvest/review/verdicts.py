"""People's verdicts on copies and on what to choose: given by hand or in a file that a page made, kept as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harvest.errors import ConfigError, UsageError
from harvest.ledger import Connection, ReviewRow, find_sha256, known_sha256s, open_ledger, reviews, write_reviews
from harvest.ledger.copies import VERDICTS
from harvest.workspace import Workspace

__all__ = ["STAGES", "Verdict", "give", "in_force", "read_verdicts", "take_back"]

STAGES = ("dedupe", "filter")  # what people overrule: which copy is kept; which images are chosen
_PAIRS = frozenset({"apart", "together"})
_GIVEN = VERDICTS - {"undo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a person says of one image (`keep`, `drop`, or `undo` of what was said), or of two (`apart`, `together`).

    Sha256s may be shortened.
    """

    verdict: str
    sha256: str
    other: str = ""


def give(
    workspace: Workspace,
    name: str,
    verdicts: Sequence[Verdict],
    *,
    reason: str,
    decided_by: str,
    stage: str = "dedupe",
) -> list[ReviewRow]:
    """Write verdicts on what a stage of the recipe `name` does; the rows. The stage heeds them when it runs next.

    Raises UsageError for a sha256 that nobody has met, for a pair of one and the same image, and for pairs where a
    stage knows single images alone.
    """
    for verdict in verdicts:
        if stage != "dedupe" and verdict.verdict in _PAIRS:
            raise UsageError(f"{verdict.verdict}: said of copies alone; --of {stage} takes keep, drop and undo")
    with open_ledger(workspace, write=True) as con:
        whole = _whole(con, verdicts)
        rows = [_row(whole, name, stage, verdict, reason, decided_by) for verdict in verdicts]
        write_reviews(con, rows)
    return rows


def take_back(
    workspace: Workspace,
    name: str,
    prefixes: Iterable[str],
    *,
    reason: str,
    decided_by: str,
    stage: str = "dedupe",
) -> list[ReviewRow]:
    """Undo every verdict in force of a stage on these images, alone or in a pair; the rows that were written.

    Raises UsageError for an image on which nothing was said.
    """
    with open_ledger(workspace, write=True) as con:
        rows = []
        for prefix in prefixes:
            sha256 = find_sha256(con, prefix)
            said = [row for row in reviews(con, name, stage) if sha256 in {row.sha256, row.other}]
            if not said:
                raise UsageError(
                    f"nothing was said of {sha256[:16]} in the recipe {name!r}; `harvest review --of {stage}` lists all"
                )
            rows += [
                ReviewRow(
                    name=name,
                    stage=stage,
                    sha256=row.sha256,
                    other=row.other,
                    verdict="undo",
                    reason=reason,
                    decided_by=decided_by,
                )
                for row in said
            ]
        write_reviews(con, rows)
    return rows


def in_force(workspace: Workspace, name: str, stage: str = "dedupe") -> list[ReviewRow]:
    """The verdicts in force on what a stage of the recipe `name` does."""
    with open_ledger(workspace) as con:
        return reviews(con, name, stage)


def read_verdicts(file: Path, name: str, stage: str = "dedupe") -> list[Verdict]:
    """The verdicts of a file that a page made for a stage. Raises ConfigError with the path of the fault."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(file, "", f"expected a file of verdicts as the pages make it: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("verdicts"), list):
        raise ConfigError(file, "", "expected a file of verdicts as the pages make it")
    if (found := content.get("stage")) != stage:
        way_out = f"; `--of {found}` takes this file" if found in STAGES else ""
        raise ConfigError(file, "stage", f"expected {stage!r}, got {found!r}{way_out}")
    if content.get("recipe") != name:
        raise ConfigError(file, "recipe", f"expected {name!r}, got {content.get('recipe')!r}")
    return [_read(file, f"verdicts[{index}]", entry) for index, entry in enumerate(content["verdicts"])]


def _read(file: Path, where: str, entry: object) -> Verdict:
    values = entry if isinstance(entry, dict) else {}
    verdict, sha256, other = (values.get(key, "") for key in ("verdict", "sha256", "other"))
    if verdict not in _GIVEN:
        raise ConfigError(file, f"{where}.verdict", f"expected one of {', '.join(sorted(_GIVEN))}, got {verdict!r}")
    if not isinstance(sha256, str) or not sha256:
        raise ConfigError(file, f"{where}.sha256", f"expected a sha256, got {sha256!r}")
    if not isinstance(other, str) or bool(other) != (verdict in _PAIRS):
        raise ConfigError(file, f"{where}.other", f"expected {'a' if verdict in _PAIRS else 'no'} second sha256")
    return Verdict(verdict=verdict, sha256=sha256, other=other)


def _whole(con: Connection, verdicts: Sequence[Verdict]) -> dict[str, str]:
    """The sha256s that verdicts name, by how they name them."""
    named = dict.fromkeys(each for verdict in verdicts for each in (verdict.sha256, verdict.other) if each)
    known = known_sha256s(con, [each for each in named if len(each) == 64])
    return {each: each if each in known else find_sha256(con, each) for each in named}


def _row(  # noqa: PLR0917 - what a row is made of
    whole: Mapping[str, str], name: str, stage: str, verdict: Verdict, reason: str, decided_by: str
) -> ReviewRow:
    found = [whole[named] for named in (verdict.sha256, verdict.other) if named]
    if len(set(found)) < len(found):
        raise UsageError(f"{verdict.verdict}: {verdict.sha256!r} and {verdict.other!r} are the same image")
    first, *second = sorted(found)
    return ReviewRow(
        name=name,
        stage=stage,
        sha256=first,
        other=second[0] if second else "",
        verdict=verdict.verdict,
        reason=reason,
        decided_by=decided_by,
    )
