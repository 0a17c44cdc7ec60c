"""The stage: a caption for every selected image, with where its words are from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.config.captions import CaptionsConfig
from harvest.config.recipe import Recipe, params_digest
from harvest.errors import ConfigError
from harvest.ledger import (
    CaptionFacts,
    CaptionRow,
    Connection,
    caption_facts,
    images_among,
    latest_stage,
    open_ledger,
    write_captions,
)
from harvest.progress import Progress
from harvest.stages.caption.overrides import Overrides, Written
from harvest.stages.caption.wording import Wording
from harvest.stages.labelling import label_filters, labelled_by
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.work import digest_over
from harvest.workspace import Workspace

__all__ = ["STAGE", "check_captions", "run_caption"]

STAGE = "caption"
VERSION = 1
_SCHEMA = pa.schema([("sha256", pa.string()), ("caption", pa.string()), ("origin", pa.string())])
_SHOWN = 12  # names told of those that something is wrong with
_ODD = {
    "without": "images without one (a last template without fields would give them one)",
    "unmatched": "overrides that speak of no image here",
    "ambiguous": "overrides that speak of several images (digits of its sha256 name one)",
    "empty": "overrides that say nothing",
}


def run_caption(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Word a caption for every selected image and write them all, unless those are in force already.

    A caption that somebody wrote stands before one by template. Images for which no template has all its fields get
    none and are listed; so are captions that speak of no image. Raises ConfigError for overrides that cannot be read.
    """
    config = recipe.captions
    if config is None:
        return StageReport(stage=STAGE)
    stages = stage_digests(recipe, workspace)
    named = labelled_by(recipe, workspace)
    with open_ledger(workspace) as con:
        chosen = images_among(con, kept_by=stages, not_dropped_by={})
        overrides = _overrides(con, config)
        last = latest_stage(con, STAGE, recipe.name)
        columns = _worded(con, config, chosen, named, overrides, progress)
    detail = _detail(columns, chosen, overrides)
    for line in _words(detail):
        progress.say(line)
    digest = params_digest(STAGE, VERSION, {**asdict(config), "overrides": config.overrides is not None})
    inputs = digest_over(zip(*columns.to_pydict().values(), strict=True))
    if last is not None and (last.recipe_digest, last.input_digest) == (digest, inputs):
        return StageReport(stage=STAGE, skipped=len(columns), detail=detail)
    with open_ledger(workspace, write=True) as con:
        write_captions(con, name=recipe.name, recipe_digest=digest, input_digest=inputs, columns=columns, detail=detail)
    return StageReport(stage=STAGE, done=len(columns), detail=detail)


def check_captions(recipe: Recipe) -> None:
    """Raise ConfigError where captions want labels by a model that no filter of the recipe asks for."""
    if recipe.captions is not None and recipe.captions.labels.by == "model" and not label_filters(recipe):
        raise ConfigError(
            recipe.file, "captions.labels.by", "expected a `labels` filter in the recipe to take labels from, got none"
        )


def _overrides(con: Connection, config: CaptionsConfig) -> Overrides:
    if config.overrides is None:
        return Overrides(captions={})
    here = images_among(con, kept_by={}, not_dropped_by={})
    return Overrides.of(con, config.overrides, here.astype("U64").tolist())


def _worded(  # noqa: PLR0917 - what captions are made of, each thing once
    con: Connection,
    config: CaptionsConfig,
    chosen: NDArray[np.bytes_],
    by: Sequence[tuple[str, str]],
    overrides: Overrides,
    progress: Progress,
) -> pa.Table:
    """Columns of CaptionRows, in order of sha256, of those of the images that have a caption."""
    wording = Wording.of(config)
    tables = [_SCHEMA.empty_table()]
    with progress.start(STAGE, len(chosen)) as task:
        for some in caption_facts(con, chosen, by):
            rows = [_row(config, wording, facts, overrides.captions.get(facts.sha256)) for facts in some]
            tables.append(pa.Table.from_pylist([asdict(row) for row in rows if row], _SCHEMA))
            task.advance(len(some))
    return pa.concat_tables(tables)


def _row(config: CaptionsConfig, wording: Wording, facts: CaptionFacts, written: Written | None) -> CaptionRow | None:
    if written is not None and (caption := wording.settled(written.text)):
        return CaptionRow(sha256=facts.sha256, caption=caption, origin=f"file:{written.name}")
    if config.sidecars and facts.written and (caption := wording.settled(facts.written)):
        return CaptionRow(sha256=facts.sha256, caption=caption, origin="sidecar")
    found = wording.by_template(facts)
    return CaptionRow(sha256=facts.sha256, caption=found[0], origin=f"template:{found[1]}") if found else None


def _detail(columns: pa.Table, chosen: NDArray[np.bytes_], overrides: Overrides) -> dict[str, Any]:
    """What came of it, as plain values; of those that something is wrong with, the first few by name."""
    origins = columns.column("origin").to_pylist()
    there, selected = set(columns.column("sha256").to_pylist()), dict.fromkeys(chosen.astype("U64").tolist())
    named = {
        "without": [sha256[:16] for sha256 in selected if sha256 not in there],
        "unmatched": list(overrides.unmatched),
        "ambiguous": list(overrides.ambiguous),
        "empty": list(overrides.empty),
        "not_selected": [each.name for sha256, each in overrides.captions.items() if sha256 not in selected],
    }
    return {
        "captions": len(columns),
        "from": dict(Counter("file" if origin.startswith("file:") else origin for origin in origins)),
        **{key: len(names) for key, names in named.items()},
        "named": {key: names[:_SHOWN] for key, names in named.items() if names},
    }


def _words(detail: Mapping[str, Any]) -> Iterator[str]:
    """Lines for whoever watches, about what they may want to mend."""
    for key, words in _ODD.items():
        if names := detail["named"].get(key):
            more = f" and {detail[key] - len(names):,} more" if detail[key] > len(names) else ""
            yield f"captions: {words}: {', '.join(names)}{more}"
