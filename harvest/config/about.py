"""What only its makers know of a dataset: `about:` of a recipe, which goes into the papers of its exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harvest.config.reader import setting

__all__ = ["AboutConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutConfig:
    """Who made the dataset and for what. Everything may be left out; papers say then that nobody told.

    `published` is a date, `citation` ideally BibTeX, `license` the SPDX id of what the makers themselves added (the
    selection, the captions). `answers` are to the questions of the datasheet, by the names that it shows beside its
    blanks, such as `motivation-purpose`.
    """

    creator: str | None = None
    creator_url: str | None = None
    contact: str | None = None
    url: str | None = None
    version: str | None = setting(None, pattern=r"^\d+\.\d+\.\d+$", expected="a version like '1.0.0'")
    published: str | None = setting(None, pattern=r"^\d{4}-\d{2}-\d{2}$", expected="a date like '2026-11-30'")
    citation: str | None = None
    funding: str | None = None
    license: str | None = None
    keywords: tuple[str, ...] = ()
    answers: Mapping[str, str] = setting({})
