"""DATASHEET.md: all questions of Datasheets for Datasets, answered from the ledger, by the makers, or marked as blank.

https://arxiv.org/abs/1803.09010
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harvest.export.base import ExportedFile, ExportSettings, RecipeFacts
from harvest.export.gates import Finding
from harvest.export.markdown import link, plain
from harvest.export.paper.answers import Told, answers
from harvest.export.paper.census import Census
from harvest.export.paper.questions import QUESTIONS

__all__ = ["QUESTIONS", "write_datasheet"]


def write_datasheet(  # noqa: PLR0917 - what a datasheet is told
    folder: Path,
    files: Sequence[ExportedFile],
    recipe: RecipeFacts,
    settings: ExportSettings,
    counts: Census,
    findings: Sequence[Finding] = (),
) -> None:
    """What the ledger knows and what the makers say stand one after the other; where neither does, it says so."""
    known = answers(Told(files=files, recipe=recipe, settings=settings, counts=counts))
    said = recipe.about.answers
    asked = [name for questions in QUESTIONS.values() for name in questions]
    blank = [name for name in asked if name not in known and name not in said and not name.endswith("-other")]
    lines = [
        f"# {plain(recipe.title or recipe.name)}",
        "",
        _head(len(blank), sum(not name.endswith("-other") for name in asked)),
        *_warnings(findings),
    ]
    for section, questions in QUESTIONS.items():
        lines += ["", f"## {section}"]
        for name, question in questions.items():
            told = [*known.get(name, ()), *([plain(said[name])] if name in said else ())]
            if not told and name.endswith("-other"):
                continue
            lines += ["", f"### {question}", "", *(told or [f"_Blank. Nobody has answered `{name}`._"])]
    about = recipe.about
    if about.url:
        lines += ["", f"More at {link(about.url, about.url)}."]
    (folder / "DATASHEET.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _warnings(findings: Sequence[Finding]) -> list[str]:
    """What the gates let pass, and said."""
    told = [f"- {plain(finding.message)}" for finding in findings]
    return ["", "## Warnings", "", "Before this was written, gates found:", "", *told] if told else []


def _head(blank: int, asked: int) -> str:
    return (
        "A datasheet after [Datasheets for Datasets](<https://arxiv.org/abs/1803.09010>). Counts are the ledger's. "
        f"{blank} of {asked} questions are blank: only the makers can answer them, in the recipe under `about.answers`."
    )
