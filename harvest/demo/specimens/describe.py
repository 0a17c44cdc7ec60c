"""What a museum's card says about a specimen: title, caption, creator, year and tags, true to the drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harvest.demo.specimens.looks import PLANS, Look, generator, look

__all__ = ["Specimen", "describe"]

_CREATORS: Final = (
    "Ada Winterbourne", "Tomas Kellner", "Ines Abreu", "M. Roux", "Hanna Lindqvist", "Osei Mensah", "Clara Vogt",
    "Piet van Aalst", "Yuki Tanabe", "Edith Marlowe", "Rafael Quiroga", "Anna-Lena Brandt", "Josef Hruska",
    "Beatrice Fontaine", "Niamh Corrigan", "Sven Ostergaard", "Lucia Moretti", "Samuel Pettigrew", "Amara Diallo",
    "Wilhelmina Stokes", "Henryk Zielinski", "Florence Ashdown", "Mateo Ibarra", "Greta Sundström",
)  # fmt: skip
_YEARS: Final = (1788, 1936)
_POSES: Final = ((15.0, "upright"), (70.0, "leaning"), (110.0, "lying"), (180.0, "upside down"))
_FROM_ABOVE: Final = frozenset({"ammonite", "egg", "starfish", "urchin"})
_SETTINGS: Final = {
    "card": "on a card",
    "drawer": "in a cabinet drawer",
    "plain": "",
    "plate": "within a plate line",
    "window": "in window light",
}
_STRIPS: Final = {"": "", "ruler": "with a scale", "swatches": "with a colour strip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A specimen's card; `year` is the plate's, `tags` are words true to the drawing, the kind first."""

    kind: str
    seed: int
    title: str
    caption: str
    creator: str
    year: int
    tags: tuple[str, ...]


def describe(kind: str, seed: int) -> Specimen:
    """The card of the specimen `seed` of `kind`; agrees with `draw(kind, seed)`. Raises KeyError for other kinds."""
    settled = look(kind, seed)
    rng = generator(kind, seed, 3)
    noun, colour, ground = PLANS[kind].noun, settled.tincture.name, settled.ground.name
    pose, setting, strip = _pose(settled), _SETTINGS[settled.setting], _STRIPS[settled.strip]
    article = "An" if colour[0] in "aeiou" else "A"
    lying = f"{pose} on {ground}" if pose else f"on {ground}"
    clauses = [f"{article} {colour} {noun}", settled.variety, lying, *filter(None, (setting, strip))]
    return Specimen(
        kind=kind,
        seed=seed,
        title=f"{noun.capitalize()}, {settled.variety}, {colour} on {ground}",
        caption=", ".join(clauses) + ".",
        creator=_CREATORS[int(rng.integers(len(_CREATORS)))],
        year=int(rng.integers(*_YEARS)),
        tags=(kind, settled.variety, colour, ground, *filter(None, (pose, setting, strip))),
    )


def _pose(settled: Look) -> str:
    """A word for how it lies; none for kinds that have no upright."""
    if settled.kind in _FROM_ABOVE:
        return ""
    if settled.kind == "fish":
        return "facing right" if settled.mirror else "facing left"
    return next(word for limit, word in _POSES if abs(settled.angle) <= limit)
