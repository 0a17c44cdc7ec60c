"""Which stages together dropped which images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harvest.errors import UsageError
from harvest.ledger import Connection

__all__ = ["Fates", "Overlap", "fates"]

_MOST = 62  # bits of a BIGINT that are free

# Bit i of `dropped` and of `judged` is the verdict of the i-th stage.
_FATES = """
    WITH asked AS (
        SELECT unnest($stages) AS stage, unnest($digests) AS recipe_digest, unnest(range(len($stages))) AS number
    ), said AS (
        SELECT sha256, number, verdict FROM decisions JOIN asked USING (stage, recipe_digest)
    )
    SELECT dropped, judged, count(*) AS images, min(sha256, $samples) AS sha256s
    FROM (
        SELECT sha256, coalesce(bit_or(1::BIGINT << number) FILTER (verdict = 'drop'), 0) AS dropped,
               coalesce(bit_or(1::BIGINT << number), 0) AS judged
        FROM images_here LEFT JOIN said USING (sha256) GROUP BY sha256
    ) GROUP BY ALL ORDER BY images DESC, dropped, judged"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How many images exactly these stages dropped, and some of them."""

    stages: tuple[str, ...]
    images: int
    sha256s: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What came of all images. `chosen` are those that every stage keeps; `open` counts those that none drops and some
    stage has not judged. `overlaps` has the others, the most frequent first. `kept` and `dropped` are by stage.
    """

    images: int
    open: int
    chosen: Overlap
    overlaps: tuple[Overlap, ...]
    kept: Mapping[str, int]
    dropped: Mapping[str, int]

    def only(self, stage: str) -> Overlap:
        """The images that this stage dropped and no other."""
        none = Overlap(stages=(stage,), images=0, sha256s=())
        return next((one for one in self.overlaps if one.stages == (stage,)), none)


def fates(con: Connection, digests: Mapping[str, str], *, samples: int) -> Fates:
    """Count by which of the stages (stage -> recipe digest) images were dropped. Raises UsageError for too many."""
    if len(digests) > _MOST:
        raise UsageError(f"a report tells at most {_MOST} stages apart, and here are {len(digests)}: split the recipe")
    asked = {"stages": list(digests), "digests": list(digests.values()), "samples": samples}
    rows = con.execute(_FATES, asked).fetchall() if digests else []
    every = (1 << len(digests)) - 1
    met: dict[tuple[str, ...], list[tuple[int, list[str]]]] = {}
    still_open = 0
    for dropped, judged, images, sha256s in rows:
        if not dropped and judged != every:
            still_open += images
        else:
            stages = tuple(stage for bit, stage in enumerate(digests) if dropped >> bit & 1)
            met.setdefault(stages, []).append((images, sha256s))
    overlaps = [
        Overlap(
            stages=stages,
            images=sum(images for images, _ in parts),
            sha256s=tuple(sorted(sha256 for _, some in parts for sha256 in some)[:samples]),
        )
        for stages, parts in met.items()
    ]
    return Fates(
        images=sum(images for _, _, images, _ in rows),
        open=still_open,
        chosen=next((one for one in overlaps if not one.stages), Overlap(stages=(), images=0, sha256s=())),
        overlaps=tuple(sorted((one for one in overlaps if one.stages), key=lambda one: (-one.images, one.stages))),
        kept=_count(rows, digests, dropped=False),
        dropped=_count(rows, digests, dropped=True),
    )


def _count(rows: list[tuple[int, int, int, list[str]]], digests: Mapping[str, str], *, dropped: bool) -> dict[str, int]:
    return {
        stage: sum(
            images for gone, judged, images, _ in rows if (gone >> bit & 1 if dropped else (judged & ~gone) >> bit & 1)
        )
        for bit, stage in enumerate(digests)
    }
