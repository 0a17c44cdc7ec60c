"""What the ledger can answer of a datasheet's questions, as lines of Markdown by the question's name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harvest.export.base import SPLITS, UNKNOWN, ExportedFile, ExportSettings, RecipeFacts
from harvest.export.markdown import plain
from harvest.export.paper.census import Census

__all__ = ["Told", "answers"]

_MOST = 20  # rows of a table of labels
_GENERATED = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"})
_MET = {
    "kept": "kept",
    "refused": "not taken: refused by a rule, or by an opt-out that was honoured",
    "broken": "no picture that decodes",
    "gone": "nothing there",
    "failed": "could not be fetched",
}


_ACQUIRED = (
    "Downloaded as it stood on the web, or read from ready-made datasets; bytes are kept as they were served, and "
    "named by their sha256 (`original_sha256` in MANIFEST.jsonl)."
)
_MECHANISMS = (
    "herbarium-harvester, at a pace that each host sets, by robots.txt. Every sighting is in PROVENANCE.jsonl, every "
    "run in RUNS.jsonl."
)
_LICENCE = "Every image keeps its own licence; LICENCES.md says what they ask for together, CREDITS.md gives credit."
_UPDATES = "Images are taken out on request, by `harvest takedown`, which makes the export again without them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What answers are told from."""

    files: Sequence[ExportedFile]
    recipe: RecipeFacts
    settings: ExportSettings
    counts: Census


def answers(told: Told) -> Mapping[str, list[str]]:
    """Lines by question; questions that the ledger has no answer to are not in it."""
    found = {
        **_motivation(told.recipe),
        **_composition(told),
        **_people(told),
        **_collection(told),
        **_preprocessing(told),
        **_sharing(told),
    }
    return {name: lines for name, lines in found.items() if lines}


def _motivation(recipe: RecipeFacts) -> dict[str, list[str]]:
    about = recipe.about
    return {
        "motivation-purpose": [plain(recipe.description)] if recipe.description else [],
        "motivation-creators": [plain(about.creator)] if about.creator else [],
        "motivation-funding": [plain(about.funding)] if about.funding else [],
    }


def _composition(told: Told) -> dict[str, list[str]]:
    parents = [file for file in told.files if file.entry.augmentation is None]
    form = f"{told.settings.size} px" if told.settings.size else "the original bytes"
    variants = len(told.files) - len(parents)
    more = f" {variants:,} variants for training were made of them." if variants else ""
    origins = [file.entry.provenance for file in parents]
    kinds = Counter(file.entry.image.format for file in parents)
    missing = {
        "creator": sum(origin.creator is None for origin in origins),
        "licence": sum(origin.license is None for origin in origins),
        "title": sum(origin.title is None for origin in origins),
        "page": sum(origin.page_url is None for origin in origins),
        "caption": sum(file.entry.caption is None for file in parents),
        "label": sum(not file.entry.labels for file in parents),
    }
    lacking = [f"{count:,} without a {name}" for name, count in missing.items() if count]
    return {
        "composition-instances": [
            "Images, each with the sighting that answers for it: where it was met, and what was said of it there."
        ],
        "composition-count": [
            f"{_counted(len(parents))}, {form}.{more}",
            *_table("Licence", Counter(origin.license or UNKNOWN for origin in origins)),
            *_table("Source", Counter(origin.source for origin in origins)),
            *_table("Format of the original", kinds),
        ],
        "composition-sample": _sample(told.counts),
        "composition-data": [_data(told, parents)],
        "composition-labels": _labels(told, parents),
        "composition-missing": [
            f"{'; '.join(lacking)}." if lacking else "No image lacks creator, licence, title or page."
        ],
        "composition-splits": _splits(parents),
        "composition-errors": _copies(told.counts),
        "composition-external": [
            "The images are in the dataset. Addresses of pages and creators lead to the web, and may change there."
        ],
    }


def _sample(counts: Census) -> list[str]:
    met = Counter({_MET[outcome]: count for outcome, count in counts.met.items()})
    return [
        "A selection of what was met at its sources. Addresses by what came of them:",
        *_table("Outcome", met, what="Addresses"),
    ]


def _data(told: Told, files: Sequence[ExportedFile]) -> str:
    boxed = sum(bool(file.entry.boxes) for file in files)
    words = "a caption, " if told.settings.captions != "none" else ""
    boxes = f" {boxed:,} have boxes around objects." if boxed else ""
    return f"A picture; {words}labels, title, creator, licence, dates and addresses as its source states them.{boxes}"


def _labels(told: Told, files: Sequence[ExportedFile]) -> list[str]:
    labels = Counter(label for file in files for label in file.entry.labels)
    if not labels:
        return []
    rest = len(labels) - _MOST
    more = ["", f"And {rest:,} more."] if rest > 0 else []
    return [_whose(told, files), *_table("Label", Counter(dict(_first(labels, _MOST)))), *more]


def _whose(told: Told, files: Sequence[ExportedFile]) -> str:
    """Where labels are from."""
    rest = "words that a model found" if told.settings.labels == "model" else "as sources gave them"
    if by_hand := sum(bool(file.entry.by_hand) for file in files):
        return f"Those that people gave while the set was made (images: {by_hand:,}), then {rest}."
    return f"{rest.capitalize()}."


def _first(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def _splits(files: Sequence[ExportedFile]) -> list[str]:
    parts = Counter(file.entry.split for file in files)
    rows = [f"| {name} | {parts[name]:,} |" for name in SPLITS if parts[name]]
    return ["Yes:", "", "| Part | Images |", "|---|---:|", *rows] if rows else []


def _copies(counts: Census) -> list[str]:
    if not counts.copies:
        return []
    return [
        "Copies of one picture were grouped, and one of each kept. Left out:",
        *_table("Kind", Counter(counts.copies)),
    ]


def _people(told: Told) -> dict[str, list[str]]:
    lines = [
        f"Faces were looked for in {_counted(each.looked_at)} by {plain(each.detector)}: {each.with_faces:,} show "
        f"{each.faces:,} of them. A detector misses some, and sees some where there are none."
        for each in told.counts.faces
    ]
    named = len({file.entry.provenance.creator for file in told.files if file.entry.provenance.creator})
    makers = f"{named:,} creators are named, as attribution asks." if named else ""
    kinds = Counter(file.entry.image.digital_source_type for file in told.files)
    made = sum(count for kind, count in kinds.items() if kind and kind.rpartition("/")[2] in _GENERATED)
    return {
        "composition-identifiable": [" ".join([*lines, makers]).strip()] if lines or makers else [],
        "uses-impact": [f"{_counted(made)} say of themselves that a program generated them."] if made else [],
    }


def _collection(told: Told) -> dict[str, list[str]]:
    origins = [file.entry.provenance for file in told.files]
    years = {year for origin in origins for said in (origin.taken_at, origin.published_at) if (year := _year(said))}
    span = f" What they show, or when it was published, is dated {min(years)} to {max(years)}." if years else ""
    refusals = told.counts.refusals
    honoured = (
        [
            "Opt-outs were looked for on pages, in answers and in files. Addresses that carried one, honoured or not:",
            *_table("Opt-out", Counter(refusals), what="Addresses"),
        ]
        if refusals
        else []
    )
    return {
        "collection-acquired": [_ACQUIRED],
        "collection-mechanisms": [_MECHANISMS],
        "collection-sampling": ["By the recipe, recipe.yaml: its filters decide image by image, with a reason each."],
        "collection-timeframe": [f"RUNS.jsonl says when each run began and ended.{span}"],
        "collection-source": ["From the sources named above, not from the people who are shown."],
        "collection-consent": honoured,
    }


def _year(said: str | None) -> str | None:
    found = re.match(r"(\d{4})", said or "")
    return found[1] if found else None


def _preprocessing(told: Told) -> dict[str, list[str]]:
    changes = Counter(", ".join(file.entry.changes) or "as it came" for file in told.files)
    done = [
        f"Recipe `{plain(told.recipe.name)}`, digest `{told.recipe.digest}`.",
        *_table("What was done to the picture", changes, what="Files"),
    ]
    if told.counts.dropped:
        done += ["", "Stages that dropped images:", *_table("Stage", Counter(told.counts.dropped))]
    if told.settings.captions != "none":
        done += _table("Caption from", Counter(_caption_origin(file) for file in told.files))
    return {
        "preprocessing-done": done,
        "preprocessing-raw": ["Originals are kept, by their sha256, in the workspace that this was exported from."],
        "preprocessing-software": ["herbarium-harvester, Apache-2.0."],
    }


def _sharing(told: Told) -> dict[str, list[str]]:
    about, gone = told.recipe.about, told.counts.taken_down
    added = f" What the makers added is under {plain(about.license)}." if about.license else ""
    return {
        "distribution-licence": [f"{_LICENCE}{added}"],
        "distribution-when": [f"Published {about.published}."] if about.published else [],
        "maintenance-who": [plain(about.creator)] if about.creator else [],
        "maintenance-contact": [plain(about.contact)] if about.contact else [],
        "maintenance-updates": [f"{_UPDATES}; so far {_counted(gone)} left the workspace." if gone else f"{_UPDATES}."],
        "maintenance-versions": [f"This is version {about.version}."] if about.version else [],
    }


def _table(heading: str, counts: Counter[str], *, what: str = "Images") -> list[str]:
    rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ["", f"| {heading} | {what} |", "|---|---:|", *(_row(name, count) for name, count in rows)]


def _row(name: str, count: int) -> str:
    return f"| {plain(name)} | {count} |"


def _caption_origin(file: ExportedFile) -> str:
    """In the manifest to the letter; here files that hold one caption each are counted together."""
    origin = file.entry.caption_origin or "no caption"
    return "a file" if origin.startswith("file:") else origin


def _counted(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
