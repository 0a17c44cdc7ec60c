"""How many faces a picture shows: the detector that audits use, whose counts serve both."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from harvest.errors import ComponentMissing
from harvest.images.faces import FACES_MISSING, detector_fault, detector_name, find_faces
from harvest.scorers.base import LONGEST, Score, Scorer

__all__ = ["load_faces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Faces:
    name: str
    longest: int = LONGEST

    def __call__(self, picture: Image.Image) -> Score:
        faces = find_faces(picture)
        boxes = [[face.x, face.y, face.width, face.height, face.score] for face in faces]
        return Score(value=float(len(faces)), detail={"boxes": boxes})


def load_faces() -> Scorer:
    """The detector. Raises ComponentMissing where it does not run."""
    fault, name = detector_fault(), detector_name()
    if fault or name is None:
        raise ComponentMissing(fault or FACES_MISSING)
    return _Faces(name=name)
