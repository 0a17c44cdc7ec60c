"""From a question to the nearest images, with what the ledger knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from harvest import embedders
from harvest.errors import HarvestError, UsageError
from harvest.ledger import CatalogueRow, Connection, EmbeddedModel, Near, catalogued, embedded_models, nearest
from harvest.progress import Progress
from harvest.search import index
from harvest.search.question import Part, Question, query_vector
from harvest.workspace import Workspace

__all__ = ["EXACT_UP_TO", "Answer", "Hit", "search"]

EXACT_UP_TO = 1_000_000  # vectors; above it an index answers, where its library is installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(CatalogueRow):
    """One image that was found. `score` is its cosine with the question, -1 to 1."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, best first, by which model, among how many vectors; `exact` unless an index answered."""

    model: str
    parts: tuple[Part, ...]
    vectors: int
    exact: bool
    hits: tuple[Hit, ...]


def search(
    con: Connection,
    workspace: Workspace,
    asked: Question,
    *,
    model: str | None = None,
    stages: Mapping[str, str] | None = None,
    exact: bool | None = None,
    progress: Progress,
) -> Answer:
    """The images nearest to what is asked for.

    `model` is a name as recipes have it, or a model's id; without it the one with the most vectors that can be asked
    so. `stages` (stage -> recipe_digest) leaves only images that all of them keep. `exact` False asks an index, True
    every vector; None decides by their number. Raises UsageError, WeightsMissing, ComponentMissing.
    """
    chosen = _model(embedded_models(con), model, in_words=any(part.kind == "words" for part in asked.parts))
    vector = query_vector(con, chosen, _called(chosen), asked.parts)
    if exact is None:
        exact = chosen.vectors <= EXACT_UP_TO or bool(stages) or not index.available()
    if stages and not exact:
        raise UsageError("an index knows nothing of a recipe's choice: leave --approximate or --kept out")
    if exact:
        found = nearest(con, chosen.model_id, vector, top=asked.top, stages=stages)
    else:
        found = index.nearest(con, workspace, chosen, vector, top=asked.top, progress=progress)
    hits = [hit for hit in _hits(con, found) if asked.min_score is None or hit.score >= asked.min_score]
    return Answer(model=chosen.model_id, parts=asked.parts, vectors=chosen.vectors, exact=exact, hits=tuple(hits))


def _model(known: list[EmbeddedModel], wanted: str | None, *, in_words: bool) -> EmbeddedModel:
    if not known:
        raise UsageError("no image has a vector yet; `harvest embed RECIPE` makes them")
    if wanted is None:
        able = [model for model in known if not in_words or _knows_words(_called(model))]
        return (able or known)[0]
    for model in known:
        if wanted in {model.model_id, model.name, model.model_id.rpartition("@")[0]}:
            return model
    there = ", ".join(_called(model) for model in known)
    raise UsageError(f"--model {wanted}: no image has a vector of it; there are those of {there}")


def _called(model: EmbeddedModel) -> str:
    """What the model is loaded by."""
    return model.name or model.model_id.rpartition("@")[0]


def _knows_words(name: str) -> bool:
    try:
        return embedders.knows_words(name)
    except HarvestError:  # whoever loads it will say what it lacks
        return False


def _hits(con: Connection, found: list[Near]) -> list[Hit]:
    rows = catalogued(con, [near.sha256 for near in found])
    here = [near for near in found if near.sha256 in rows]  # a vector's image may lie in another workspace
    return [
        Hit(rank=rank, score=round(near.score, 4), **asdict(rows[near.sha256]))
        for rank, near in enumerate(here, start=1)
    ]
