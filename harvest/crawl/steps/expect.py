"""What a source's crawl is expected to bring: shares of images that have a field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields

from harvest.config.source import SourceConfig
from harvest.errors import ConfigError
from harvest.items import ImageItem

__all__ = ["Shares", "expected_fields"]

_FIELDS = frozenset(f.name for f in fields(ImageItem))
_ALSO = {"licence": "license"}


def expected_fields(source: SourceConfig) -> dict[str, float]:
    """`expect.fields` by the names that items have. Raises ConfigError for a field that no item has."""
    expected = {}
    for name, share in source.expect.fields.items():
        path = f"expect.fields.{name}"
        known = _ALSO.get(name, name)
        if known not in _FIELDS:
            raise ConfigError(source.file, path, f"expected a field of an image: {', '.join(sorted(_FIELDS))}")
        if not 0 <= share <= 1:
            raise ConfigError(source.file, path, f"expected a share between 0 and 1, got {share!r}")
        expected[known] = share
    return expected


class Shares:
    """How many of the images that were obtained have the fields that are expected of them."""

    def __init__(self, expected: Mapping[str, float]) -> None:
        self._expected = expected
        self._images = 0
        self._having: Counter[str] = Counter()

    def count(self, item: ImageItem) -> None:
        """Count one image that was obtained."""
        self._images += 1
        self._having.update(name for name in self._expected if getattr(item, name) not in {None, "", ()})

    def shortfall(self) -> str | None:
        """Every field that too few images have, in words; None where there are enough, or no images at all."""
        short = [
            f"expected {name} for {_percent(share)} of images (expect.fields.{name}), "
            f"got {_percent(self._having[name] / self._images)}: {self._having[name]} of {self._images}"
            for name, share in self._expected.items()
            if self._images and self._having[name] < share * self._images
        ]
        return "; ".join(short) or None


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
